"""Candidate and one registered image -> how one was made from the other, if it was, and where they differ.

The heart of rareness (S1.4, T1.5). Inside a collection every global measure calls siblings copies. So the candidate is
laid over each registered image that may be its source (align), the registered image is given the candidate's blur and
colours (photometry), and the two are compared place by place (difference). What other registered images explain better
counts against a copy (rivals).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gistchain.rareness.overlay.align import Alignment, agreement_of, align, correlation, covered, ecc, warped
from gistchain.rareness.overlay.bend import unbent
from gistchain.rareness.overlay.difference import Difference, boxed, core_of, difference, inner, luma
from gistchain.rareness.overlay.photometry import Fit, Mask, colour_map, fit, mean_error, recoloured, samples
from gistchain.rareness.overlay.views import SIDE, Array, View, blurred, gradient_strength, mirrored, view
from gistchain.types import Pixels

_POOR = 0.3
"""Share of the contrast that is left to explain, above which a contour filter is tried."""
_LEAST_OVERLAP = 0.15
"""Share of the registered image that has to be seen for its colours to be judged."""
_HOPELESS = 9.0
"""The error where less is seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """An image that is checked: its view, and that of its mirror image."""

    plain: View
    flipped: View

    @classmethod
    def of(cls, image: Pixels) -> Candidate:
        plain = view(image)
        return cls(plain, mirrored(plain))

    def view(self, is_mirrored: bool) -> View:
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


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """The registered image made like the candidate. bend: mean shift in pixels by which the candidate was unbent."""

    fit: Fit
    where: Mask
    drawn: bool
    bend: float


def compare(
    candidate: Candidate,
    registered: View,
    also: Sequence[Alignment] = (),
    known: Sequence[Alignment] = (),
    *,
    search: bool = True,
) -> Comparison:
    """The candidate laid over the registered image in the way that fits best.

    also: further alignments that may be right; known: what `align` found for these two before; search: False looks for
    no others.

        alignments   gradients propose them (align)
        alignment    colours decide between them
        pixels       the candidate in the registered image's frame
        fitted       the registered image in its blur and colours, or as contours; bends undone
        difference   what still differs, place by place
    """
    alignments = list(known) or align(candidate.plain, candidate.flipped, registered, tuple(also), search=search)
    if not alignments:
        alignments = [Alignment(np.eye(3, dtype=np.float32), False, 0.0, 1.0, "none")]
    alignment, error = _best_by_colour(candidate, registered, alignments)
    pixels, where = _overlap(candidate, registered, alignment)
    where = inner(where, 1)
    if where.mean() < 0.1:
        where = np.ones_like(where)
    fitted = _fitted(registered, pixels, where)
    different = difference(fitted.fit, fitted.where)
    features = {
        **different.features,
        **_geometry(alignment, registered),
        "overlap": float(fitted.where.mean()),
        **_of_alignment(alignment, alignments, error),
        **_of_fit(fitted),
        **_as_contours(registered, pixels, where),
        **_kept(rendition(registered, fitted.drawn), fitted.fit, fitted.where),
    }
    return Comparison(alignment, fitted.fit, different, fitted.where, fitted.drawn, features)


def _best_by_colour(candidate: Candidate, registered: View, alignments: list[Alignment]) -> tuple[Alignment, float]:
    """Gradients propose, colours decide: of alignments about as good, the one that leaves least to explain; its error.

    The best one that is mirrored and the best one that is not are both refined before they are compared: for an almost
    symmetric subject half a pixel matters more than the side on which it winks.
    """
    errors = [(_colour_error(candidate, registered, alignment), alignment) for alignment in alignments]
    near = [pair for pair in errors if pair[1].agreement >= alignments[0].agreement - 0.25]
    finalists = []
    for is_mirrored in (False, True):
        same_way = [pair for pair in near if pair[1].mirrored == is_mirrored]
        if not same_way:
            continue
        error, alignment = min(same_way, key=lambda pair: pair[0])
        refined = _refined_on_colour(candidate, registered, alignment)
        if refined is not None and (smaller := _colour_error(candidate, registered, refined)) < 0.995 * error:
            error, alignment = smaller, refined
        finalists.append((error, alignment))
    # Where colours were bent beyond the fit, gradients know better which side it winks on.
    error, alignment = min(finalists, key=lambda pair: pair[0] * math.exp(-8 * pair[1].agreement))
    return alignment, error


def _overlap(candidate: Candidate, registered: View, alignment: Alignment) -> tuple[Array, Mask]:
    """(the candidate in the registered image's frame, where it is seen)."""
    view, matrix = candidate.view(alignment.mirrored), alignment.matrix
    return warped(view.pixels, matrix, registered.size), covered(view, matrix, registered.size) > 0.98


def _recoloured_error(registered: View, pixels: Array, where: Mask) -> tuple[Array, Array]:
    """(the registered image in the candidate's colours, what differs at every pixel)."""
    chosen = samples(where, registered.smooth)
    predicted = recoloured(registered.pixels, colour_map(registered.pixels, pixels, chosen, 2))
    return predicted, mean_error(pixels, predicted)


def _colour_error(candidate: Candidate, registered: View, alignment: Alignment) -> float:
    """What colours leave to explain under this alignment, in units of the candidate's contrast."""
    pixels, where = _overlap(candidate, registered, alignment)
    if where.mean() < _LEAST_OVERLAP:
        return _HOPELESS
    _, error = _recoloured_error(registered, pixels, where)
    # Errors count up to 25 levels: what was pasted over a part must not push the rest out of place. Nor may an
    # alignment win by leaving out most of the picture, or by a perspective for which there is no reason.
    left = np.minimum(error[where], 25).mean() / (pixels[where].std() + 8)
    bent = float(np.abs(alignment.matrix[2, :2] / alignment.matrix[2, 2]).sum()) * SIDE
    return float(left * (1 + 0.1 * (1 - where.mean()) + min(bent, 1.0) * 0.2))


def _refined_on_colour(candidate: Candidate, registered: View, alignment: Alignment) -> Alignment | None:
    """ECC between the recoloured registered image and the candidate, which is finer than on gradients.

    On the part that agrees: what was pasted over is left out. None where too little agrees.
    """
    pixels, where = _overlap(candidate, registered, alignment)
    if where.mean() < _LEAST_OVERLAP:
        return None
    predicted, error = _recoloured_error(registered, pixels, where)
    agrees = (boxed(error, 5) < max(25.0, 2 * float(np.median(error[where])))) & where
    view = candidate.view(alignment.mirrored)
    counted = cv2.warpPerspective(agrees.astype(np.uint8), alignment.matrix, view.size, flags=cv2.INTER_NEAREST)
    if agrees.mean() < _LEAST_OVERLAP:
        return None
    matrix = ecc(luma(view.pixels), luma(predicted), alignment.matrix, cv2.MOTION_HOMOGRAPHY, 15, where=counted)
    if matrix is None:
        return None
    agreement, overlap = agreement_of(view, registered, matrix)
    return Alignment(matrix, alignment.mirrored, agreement, overlap, alignment.how)


def _fitted(registered: View, pixels: Array, where: Mask) -> _Fitted:
    """The registered image in the candidate's blur and colours: as it is or as contours, and after a bend is undone."""
    fitted, drawn = fit(registered.pixels, pixels, where, registered.smooth), False
    if _left(fitted, where) > _POOR:
        lines = fit(rendition(registered, True), pixels, where, registered.smooth)
        if drawn := _left(lines, where) < 0.8 * _left(fitted, where):
            fitted = lines
    straight = unbent(fitted, pixels, where)
    if straight is None:
        return _Fitted(fitted, where, drawn, 0.0)
    where = where & inner(straight.visible, 1)
    again = fit(rendition(registered, drawn), straight.pixels, where, registered.smooth)
    return _Fitted(again, where, drawn, straight.shift)


def _of_alignment(alignment: Alignment, alignments: list[Alignment], error: float) -> dict[str, float]:
    other_way = [other.agreement for other in alignments if other.mirrored != alignment.mirrored]
    return {
        "first_agreement": alignments[0].agreement,
        "mirror_margin": alignment.agreement - max(other_way, default=0.0),
        "colour_error": error,
    }


def _of_fit(fitted: _Fitted) -> dict[str, float]:
    fit = fitted.fit
    return {
        "blur": fit.blur,
        "smoothing": fit.smoothing,
        "noise": min(fit.noise, 30.0),
        "bend": fitted.bend,
        "curved": float(len(fit.colours) > 4),
        "shaded": 0.0 if fit.shade is None else float(np.ptp(fit.shade)),
        "gain": float(np.linalg.norm(fit.colours[:3])),
        "recoloured": float(np.abs(fit.colours[:3] - np.eye(3)).mean()),
    }


def _left(fitted: Fit, where: Mask) -> float:
    """What is left to explain, in units of the candidate's contrast."""
    return float(mean_error(fitted.predicted, fitted.observed)[where].mean() / (fitted.observed[where].std() + 4))


def rendition(registered: View, drawn: bool) -> Array:
    """Its pixels, or, `drawn`, dark lines on white where its edges are, as a contour filter leaves them."""
    if not drawn:
        return registered.pixels
    lines: Array = np.repeat(np.maximum(255 - 6 * registered.gradients, 0)[:, :, None], 3, axis=2)
    return lines


def _kept(registered: Array, fitted: Fit, where: Mask) -> dict[str, float]:
    """How much has kept its colours and how much has not: a tint is everywhere, a trait in one place."""
    plain = blurred(registered, float(np.hypot(fitted.blur, fitted.smoothing)))
    error = boxed(mean_error(plain, fitted.observed), 3)
    calm = inner(where, 3) & (boxed(gradient_strength(fitted.predicted), 5) < 6)
    calm = calm if calm.sum() > 200 else where
    values = error[calm]
    kept, moved = float((values < 9).mean()), float((values > 24).mean())
    return {"kept": kept, "moved": moved, "kept_and_moved": min(kept, moved), "moved_most": float(values.max()) / 60}


def _as_contours(registered: View, pixels: Array, where: Mask) -> dict[str, float]:
    """A contour filter leaves lines where there were edges (S1.6): gradients of the registered image's gradients."""
    theirs = gradient_strength(pixels)
    lines = gradient_strength(np.repeat(registered.gradients[:, :, None], 3, axis=2))
    core = core_of(where)
    plain = correlation(registered.smooth, cv2.GaussianBlur(theirs, (0, 0), 1.5), core)
    drawn = correlation(cv2.GaussianBlur(lines, (0, 0), 1.0), cv2.GaussianBlur(theirs, (0, 0), 1.0), core)
    return {"contours": drawn - plain, "smooth_agreement": plain}


def _geometry(alignment: Alignment, registered: View) -> dict[str, float]:
    width, height = registered.size
    corners = alignment.matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], np.float32)
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
        "mirrored": float(alignment.mirrored),
    }
