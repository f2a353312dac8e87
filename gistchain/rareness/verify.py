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

from gistchain.rareness.align import (
    Alignment,
    Array,
    View,
    align,
    blurred,
    correlation,
    covered,
    ecc,
    gradient_strength,
    mirrored,
    strongest,
    view,
    warped,
)
from gistchain.rareness.difference import Difference, boxed, difference, inner, luma
from gistchain.rareness.photometry import Fit, Mask, colour_map, fit, mean_error, recoloured
from gistchain.types import Pixels

_RIVAL_WINDOW = 5
"""Pixels at half the size."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """An image that is checked, and its mirror image."""

    plain: View
    flipped: View

    def seen(self, is_mirrored: bool) -> View:
        return self.flipped if is_mirrored else self.plain


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One candidate laid over one registered image. where: pixels that both show. features: by name, for the scores."""

    alignment: Alignment
    fitted: Fit
    difference: Difference
    where: Mask
    features: dict[str, float]


def candidate(image: Pixels) -> Candidate:
    plain = view(image)
    return Candidate(plain, mirrored(plain))


def compare(
    checked: Candidate, registered: View, also: Sequence[Alignment] = (), known: Sequence[Alignment] = ()
) -> Comparison:
    """The candidate laid over the registered image in the way that fits best.

    also: further alignments that may be right; known: what `align` has found for these two already.
    """
    found = list(known) or align(checked.plain, checked.flipped, registered, tuple(also))
    if not found:
        whole = np.diag([1.0, 1.0, 1.0]).astype(np.float32)
        found = [Alignment(whole, False, 0.0, 1.0, "none")]
    chosen, error = _best_by_colour(checked, registered, found)
    refined = _refined_on_colour(checked, registered, chosen)
    if refined is not None and (better := _colour_error(checked, registered, refined)) < 0.995 * error:
        chosen, error = refined, better
    return _compared(checked, registered, chosen, error, found)


def _best_by_colour(checked: Candidate, registered: View, found: list[Alignment]) -> tuple[Alignment, float]:
    """Gradients propose, colours decide: of alignments about as good, the one that leaves least to explain."""
    best, least = found[0], _colour_error(checked, registered, found[0])
    for one in found[1:]:
        if one.agreement < found[0].agreement - 0.12:
            continue
        error = _colour_error(checked, registered, one)
        # A mirrored one must earn it: many subjects are all but symmetric.
        if error < least * (0.97 if one.mirrored != best.mirrored else 1.0):
            best, least = one, error
    return best, least


def _overlap(checked: Candidate, registered: View, one: Alignment) -> tuple[Array, Mask]:
    seen = checked.seen(one.mirrored)
    return warped(seen.pixels, one.matrix, registered.size), covered(seen, one.matrix, registered.size) > 0.98


def _colour_error(checked: Candidate, registered: View, one: Alignment) -> float:
    pixels, where = _overlap(checked, registered, one)
    if where.mean() < 0.15:
        return 9.0
    predicted = recoloured(registered.pixels, colour_map(registered.pixels, pixels, where, 1))
    left = np.minimum(mean_error(pixels, predicted)[where], 40).mean()
    return float(left / (pixels[where].std() + 8))


def _refined_on_colour(checked: Candidate, registered: View, one: Alignment) -> Alignment | None:
    """ECC between the recoloured registered image and the candidate: finer than on gradients, and only now possible."""
    pixels, where = _overlap(checked, registered, one)
    if where.mean() < 0.15:
        return None
    predicted = recoloured(registered.pixels, colour_map(registered.pixels, pixels, where, 1))
    seen = checked.seen(one.mirrored)
    matrix = ecc(luma(seen.pixels), luma(predicted), one.matrix, cv2.MOTION_HOMOGRAPHY, 15)
    if matrix is None:
        return None
    return Alignment(matrix, one.mirrored, one.agreement, one.overlap, one.how)


def _compared(checked: Candidate, registered: View, one: Alignment, error: float, found: list[Alignment]) -> Comparison:
    pixels, where = _overlap(checked, registered, one)
    where = inner(where, 1)
    if where.mean() < 0.1:
        where = np.ones_like(where)
    fitted = fit(registered.pixels, pixels, where)
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
        "gain": float(np.linalg.norm(fitted.colours[:3])),
        "recoloured": float(np.abs(fitted.colours[:3] - np.eye(3)).mean()),
        **_as_contours(registered, pixels, where),
    }
    return Comparison(one, fitted, different, where, features)


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


def rivals(best: Comparison, registered: View, others: Sequence[View]) -> dict[str, float]:
    """How much better other registered images explain some place of the candidate than the claimed source does.

    A sibling that took its hat from another token agrees better with that token there; a copy agrees with its source
    everywhere, however blurred, and what was pasted over it agrees with nobody. Siblings share the source's frame, so
    its transform, blur and colours are used as they are.
    """
    names = ("rival_levels", "rival_contrast", "rival_share", "rival_structure", "rival_wins", "rival_gap")
    fitted, where = best.fitted, inner(best.where, 2)
    same_shape = [one for one in others if one.size == registered.size]
    if not same_shape or where.sum() < 200:
        return dict.fromkeys(names, np.nan)
    # At half the size: what is asked about is as large as a hat.
    size = (registered.half_pixels.shape[1], registered.half_pixels.shape[0])
    half = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (fitted.seen, fitted.predicted)]
    seen, predicted = half
    where = cv2.resize(where.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    sigma = max(fitted.blur, fitted.smoothing, 0.8 if fitted.noise > 2 else 0.0) / 2
    contrast = best.features["contrast"]
    own_error = np.minimum(strongest(cv2.absdiff(seen, predicted)), 80)
    own, theirs = boxed(own_error, _RIVAL_WINDOW), gradient_strength(seen)
    own_structure = boxed(np.abs(gradient_strength(predicted) - theirs), _RIVAL_WINDOW)
    best_gain, best_structure = np.zeros_like(own), np.zeros_like(own)
    means = []
    for other in same_shape:
        made = recoloured(blurred(other.half_pixels, sigma), fitted.colours)
        error = np.minimum(strongest(cv2.absdiff(seen, made)), 80)
        means.append(float(error[where].mean()))
        np.maximum(best_gain, own - boxed(error, _RIVAL_WINDOW), out=best_gain)
        edges = boxed(np.abs(gradient_strength(made) - theirs), _RIVAL_WINDOW)
        np.maximum(best_structure, own_structure - edges, out=best_structure)
    gain = best_gain[where]
    peak = float(gain.max())
    strength = float(np.quantile(boxed(theirs, _RIVAL_WINDOW)[where], 0.8)) + 1
    return {
        "rival_levels": peak / 60,
        "rival_contrast": peak / contrast,
        "rival_share": peak / (float(own[where].max()) + 4),
        "rival_structure": float(best_structure[where].max()) / strength,
        "rival_wins": float((gain > 0.15 * contrast).mean()),
        "rival_gap": (min(means) - float(own_error[where].mean())) / contrast,
    }
