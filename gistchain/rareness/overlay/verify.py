"""Candidate and one registered image -> how the one was made from the other, if it was, and where they differ.

The heart of rareness (S1.4, T1.5): inside a collection every global measure calls siblings copies. So the candidate is
laid over each registered image that may be its source (align), given its blur and colours (photometry), and compared
place by place (difference); what other registered images explain better is counted against it (rivals).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gistchain.rareness.overlay.align import Alignment, agreement_of, align, correlation, covered, ecc, warped
from gistchain.rareness.overlay.difference import Difference, boxed, difference, inner, luma
from gistchain.rareness.overlay.photometry import Fit, Mask, colour_map, fit, mean_error, recoloured, samples
from gistchain.rareness.overlay.views import SIDE, Array, View, blurred, gradient_strength, mirrored, view
from gistchain.types import Pixels

_POOR = 0.3
"""Of the contrast left to explain: then a contour filter is thought of."""
_STIFF = 6.0
"""Sigma in pixels of a flow that may undo a bend."""
_STRAIGHTER = 0.65
"""Share of the error that may be left by it."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """An image that is checked, and its mirror image."""

    plain: View
    flipped: View

    def seen(self, is_mirrored: bool) -> View:
        return self.flipped if is_mirrored else self.plain


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One candidate laid over one registered image. where: pixels that both show. features: by name, for the scores.

    drawn: the registered image was taken as contours.
    """

    alignment: Alignment
    fitted: Fit
    difference: Difference
    where: Mask
    drawn: bool
    features: dict[str, float]


def candidate(image: Pixels) -> Candidate:
    plain = view(image)
    return Candidate(plain, mirrored(plain))


def compare(
    checked: Candidate,
    registered: View,
    also: Sequence[Alignment] = (),
    known: Sequence[Alignment] = (),
    *,
    search: bool = True,
) -> Comparison:
    """The candidate laid over the registered image in the way that fits best.

    also: further alignments that may be right; known: what `align` has found for these two already; search: False
    looks for no others.
    """
    found = list(known) or align(checked.plain, checked.flipped, registered, tuple(also), search=search)
    if not found:
        whole = np.diag([1.0, 1.0, 1.0]).astype(np.float32)
        found = [Alignment(whole, False, 0.0, 1.0, "none")]
    chosen, error = _best_by_colour(checked, registered, found)
    return _compared(checked, registered, chosen, error, found)


def _best_by_colour(checked: Candidate, registered: View, found: list[Alignment]) -> tuple[Alignment, float]:
    """Gradients propose, colours decide: of alignments about as good, the one that leaves least to explain.

    The best as it is and the best mirrored one are both refined before they are compared: of an all but symmetric
    subject half a pixel counts for more than on which side it winks.
    """
    judged = [(_colour_error(checked, registered, one), one) for one in found]
    near = [(error, one) for error, one in judged if one.agreement >= found[0].agreement - 0.25]
    finalists = []
    for turned in (False, True):
        own = [pair for pair in near if pair[1].mirrored == turned]
        if not own:
            continue
        error, one = min(own, key=lambda pair: pair[0])
        refined = _refined_on_colour(checked, registered, one)
        if refined is not None and (better := _colour_error(checked, registered, refined)) < 0.995 * error:
            error, one = better, refined
        finalists.append((error, one))
    # Where colours were bent beyond the fit, gradients know better which side it winks on.
    error, one = min(finalists, key=lambda pair: pair[0] * math.exp(-8 * pair[1].agreement))
    return one, error


def _overlap(checked: Candidate, registered: View, one: Alignment) -> tuple[Array, Mask]:
    seen = checked.seen(one.mirrored)
    return warped(seen.pixels, one.matrix, registered.size), covered(seen, one.matrix, registered.size) > 0.98


def _recoloured_error(registered: View, pixels: Array, where: Mask) -> tuple[Array, Array]:
    """(the registered image in the candidate's colours, what differs at every pixel)."""
    chosen = samples(where, registered.smooth)
    predicted = recoloured(registered.pixels, colour_map(registered.pixels, pixels, chosen, 2))
    return predicted, mean_error(pixels, predicted)


def _colour_error(checked: Candidate, registered: View, one: Alignment) -> float:
    pixels, where = _overlap(checked, registered, one)
    if where.mean() < 0.15:
        return 9.0
    _, error = _recoloured_error(registered, pixels, where)
    # What was pasted over a part must not push the rest out of place: errors count up to 25 levels. Neither may an
    # alignment win by leaving out most of the picture, or by a perspective that nothing asks for.
    left = np.minimum(error[where], 25).mean() / (pixels[where].std() + 8)
    bent = float(np.abs(one.matrix[2, :2] / one.matrix[2, 2]).sum()) * SIDE
    return float(left * (1 + 0.1 * (1 - where.mean()) + min(bent, 1.0) * 0.2))


def _refined_on_colour(checked: Candidate, registered: View, one: Alignment) -> Alignment | None:
    """ECC between the recoloured registered image and the candidate: finer than on gradients, and only now possible.

    On the part that agrees: what was pasted over is left out.
    """
    pixels, where = _overlap(checked, registered, one)
    if where.mean() < 0.15:
        return None
    predicted, error = _recoloured_error(registered, pixels, where)
    agrees = (boxed(error, 5) < max(25.0, 2 * float(np.median(error[where])))) & where
    seen = checked.seen(one.mirrored)
    there = cv2.warpPerspective(agrees.astype(np.uint8), one.matrix, seen.size, flags=cv2.INTER_NEAREST)
    if agrees.mean() < 0.15:
        return None
    matrix = ecc(luma(seen.pixels), luma(predicted), one.matrix, cv2.MOTION_HOMOGRAPHY, 15, where=there)
    if matrix is None:
        return None
    agreement, overlap = agreement_of(seen, registered, matrix)
    return Alignment(matrix, one.mirrored, agreement, overlap, one.how)


def _compared(checked: Candidate, registered: View, one: Alignment, error: float, found: list[Alignment]) -> Comparison:
    pixels, where = _overlap(checked, registered, one)
    where = inner(where, 1)
    if where.mean() < 0.1:
        where = np.ones_like(where)
    contours = _as_contours(registered, pixels, where)
    fitted = fit(registered.pixels, pixels, where, registered.smooth)
    drawn = False
    if _left(fitted, where) > _POOR:
        lines = fit(rendition(registered, True), pixels, where, registered.smooth)
        if drawn := _left(lines, where) < 0.8 * _left(fitted, where):
            fitted = lines
    bend = 0.0
    if (straight := unbent(fitted, pixels, where)) is not None:
        pixels, seen_there, bend = straight
        where = where & inner(seen_there, 1)
        fitted = fit(rendition(registered, drawn), pixels, where, registered.smooth)
    different = difference(fitted, where)
    others = [o.agreement for o in found if o.mirrored != one.mirrored]
    features = {
        **different.features,
        **_geometry(one, registered),
        "overlap": float(where.mean()),
        "first_agreement": found[0].agreement,
        "mirror_margin": one.agreement - max(others, default=0.0),
        "colour_error": error,
        "blur": fitted.blur,
        "smoothing": fitted.smoothing,
        "noise": min(fitted.noise, 30.0),
        "bend": bend,
        "curved": float(len(fitted.colours) > 4),
        "shaded": 0.0 if fitted.shade is None else float(np.ptp(fitted.shade)),
        "gain": float(np.linalg.norm(fitted.colours[:3])),
        "recoloured": float(np.abs(fitted.colours[:3] - np.eye(3)).mean()),
        **contours,
        **_kept(rendition(registered, drawn), fitted, where),
    }
    return Comparison(one, fitted, different, where, drawn, features)


def _left(fitted: Fit, where: Mask) -> float:
    """What is left to explain, in units of the candidate's contrast."""
    return float(mean_error(fitted.predicted, fitted.seen)[where].mean() / (fitted.seen[where].std() + 4))


def rendition(seen: View, drawn: bool) -> Array:
    """The pixels, or, `drawn`, dark lines on white where the edges are, as a contour filter leaves them."""
    if not drawn:
        return seen.pixels
    lines: Array = np.repeat(np.maximum(255 - 6 * seen.gradients, 0)[:, :, None], 3, axis=2)
    return lines


def unbent(fitted: Fit, pixels: Array, where: Mask) -> tuple[Array, Mask, float] | None:
    """The candidate's pixels with a wave or swirl undone, where they are then seen, and the mean shift in pixels.

    A dense flow (Farneback, 2003), smoothed until it can't turn one hat into another; None unless it
    explains a third of what differs.
    """
    ours = np.clip(luma(fitted.predicted), 0, 255).astype(np.uint8)
    # Errors count up to 25 levels: pushing a sticker out of the picture is no straightening.
    before = float(np.minimum(mean_error(fitted.predicted, fitted.seen), 25)[where].mean())
    if before < 1:
        return None
    height, width = where.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    trusted = (where & (gradient_strength(fitted.predicted) > 6)).astype(np.float32)
    weight = cv2.GaussianBlur(trusted, (0, 0), _STIFF) + 1e-3
    flow, moved = np.zeros((height, width, 2), np.float32), fitted.seen
    for _ in range(2):
        theirs = np.clip(luma(moved), 0, 255).astype(np.uint8)
        step = cv2.calcOpticalFlowFarneback(ours, theirs, None, 0.5, 4, 15, 3, 5, 1.1, 0) * trusted[:, :, None]
        flow += cv2.GaussianBlur(step, (0, 0), _STIFF) / weight[:, :, None]
        place = (x + flow[:, :, 0], y + flow[:, :, 1])
        moved = cv2.remap(fitted.seen, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if np.minimum(mean_error(fitted.predicted, moved), 25)[where].mean() > _STRAIGHTER * before:
        return None
    straight = cv2.remap(pixels, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.remap(where.astype(np.float32), *place, cv2.INTER_LINEAR) > 0.98
    return straight, there, float(np.hypot(flow[:, :, 0], flow[:, :, 1])[where].mean())


def _kept(registered: Array, fitted: Fit, where: Mask) -> dict[str, float]:
    """How much has kept its colours, and how much has others: a tint is all over, a trait in its place."""
    plain = blurred(registered, float(np.hypot(fitted.blur, fitted.smoothing)))
    error = boxed(mean_error(plain, fitted.seen), 3)
    calm = inner(where, 3) & (boxed(gradient_strength(fitted.predicted), 5) < 6)
    calm = calm if calm.sum() > 200 else where
    values = error[calm]
    kept, moved = float((values < 9).mean()), float((values > 24).mean())
    return {"kept": kept, "moved": moved, "kept_and_moved": min(kept, moved), "moved_most": float(values.max()) / 60}


def _as_contours(registered: View, pixels: Array, where: Mask) -> dict[str, float]:
    """A contour filter leaves lines where there were edges (S1.6): gradients of the registered image's gradients."""
    theirs = gradient_strength(pixels)
    lines = gradient_strength(np.repeat(registered.gradients[:, :, None], 3, axis=2))
    core = inner(where, 3)
    core = core if core.sum() > 200 else where
    plain = correlation(registered.smooth, cv2.GaussianBlur(theirs, (0, 0), 1.5), core)
    drawn = correlation(cv2.GaussianBlur(lines, (0, 0), 1.0), cv2.GaussianBlur(theirs, (0, 0), 1.0), core)
    return {"contours": drawn - plain, "smooth_agreement": plain}


def _geometry(one: Alignment, registered: View) -> dict[str, float]:
    width, height = registered.size
    corners = one.matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], np.float32)
    corners = corners[:2] / corners[2]
    sides = [
        float(np.linalg.norm(corners[:, (k + 1) % 4] - corners[:, k])) / (width, height)[k % 2] + 1e-6 for k in range(4)
    ]
    across, down = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    cosine = float(across @ down / (np.linalg.norm(across) * np.linalg.norm(down) + 1e-6))
    return {
        "perspective": max(abs(sides[0] - sides[2]), abs(sides[1] - sides[3])) / max(sides),
        "stretch": abs(math.log((sides[0] + sides[2]) / (sides[1] + sides[3]))),
        "scale": math.log(sum(sides) / 4),
        "shear": abs(cosine),
        "rotation": abs(math.degrees(math.atan2(across[1], across[0]))),
        "mirrored": float(one.mirrored),
    }
