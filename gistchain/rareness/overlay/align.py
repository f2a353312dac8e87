"""Candidate, registered image -> the transforms that lay one over the other, best first.

Each hypothesis is judged by how well gradients agree in the overlap; the best are refined by ECC (Evangelidis &
Psarakis, 2008).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.overlay.hypotheses import hypotheses, is_sane
from gistchain.rareness.overlay.views import Array, View

MIN_OVERLAP = 0.2
"""Of the registered image: less says little, and any picture fits onto a blank corner."""
_REFINED = 2
"""Alignments that are refined, mirrored and not."""
_KEPT = 3
"""Alignments that are returned, mirrored and not."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """matrix: 3x3, from the registered view's pixels to those of the candidate's view (mirrored first if `mirrored`).

    agreement: correlation of gradients in the overlap, in -1..1. overlap: share of the registered image. how: which
    search proposed it.
    """

    matrix: Array
    mirrored: bool
    agreement: float
    overlap: float
    how: str


def warped(image: Array, matrix: Array, size: tuple[int, int]) -> Array:
    """The candidate's image in the registered image's frame, of (width, height); 0 outside."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    framed: Array = cv2.warpPerspective(image, np.asarray(matrix, np.float32), size, flags=flags)
    return framed


def covered(candidate: View, matrix: Array, size: tuple[int, int]) -> Array:
    """1 where the registered frame shows the candidate, 0 outside, (h, w)."""
    return warped(np.ones(candidate.gradients.shape, np.float32), matrix, size)


def align(
    candidate: View, flipped: View, registered: View, also: tuple[Alignment, ...] = (), *, search: bool = True
) -> list[Alignment]:
    """The most likely alignments, best first, at most six; `flipped` is `mirrored(candidate)`.

    also: alignments that were found with other images of the same collection, which share their frame. search: False
    refines these alone.
    """
    proposed: list[Alignment] = []
    for is_mirrored, view in enumerate((candidate, flipped) if search else ()):
        for how, matrix in hypotheses(view, registered):
            proposed.append(_judged(view, registered, matrix, bool(is_mirrored), how))
    for other in also:
        view = flipped if other.mirrored else candidate
        proposed.append(_judged(view, registered, other.matrix, other.mirrored, other.how))
    chosen = _distinct(_ranked(proposed), registered.size, _REFINED)
    refined = [_refined(flipped if start.mirrored else candidate, registered, start) for start in chosen]
    return _distinct(_ranked([*refined, *chosen]), registered.size, _KEPT)


def both_ways(alignments: list[Alignment]) -> list[Alignment]:
    """The first that is not mirrored and the first that is, as far as there are any."""
    firsts = (next((a for a in alignments if a.mirrored == is_mirrored), None) for is_mirrored in (False, True))
    return [alignment for alignment in firsts if alignment is not None]


def agreement_of(candidate: View, registered: View, matrix: Array) -> tuple[float, float]:
    """(correlation of gradients where both are seen, at half the size; overlap). A small overlap lowers the first."""
    size = (registered.half.shape[1], registered.half.shape[0])
    to_half = np.diag([2.0, 2.0, 1.0]).astype(np.float32)
    framed = warped(candidate.smooth, matrix @ to_half, size)
    inside = warped(np.ones(candidate.smooth.shape, np.float32), matrix @ to_half, size)
    overlap = float(inside.mean())
    if overlap < MIN_OVERLAP:
        return -1.0, overlap
    return correlation(framed, registered.half, inside > 0.9) * min(1.0, 0.75 + 0.25 * overlap), overlap


def correlation(a: Array, b: Array, where: NDArray[np.bool_]) -> float:
    """Pearson's correlation of two images at the chosen pixels; 0 where one of them is blank there."""
    x, y = a[where], b[where]
    if x.size < 16:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    # A picture fits onto a blank area at any place: contrast below two grey levels is no evidence.
    blank = 2.0 * x.size**0.5
    return float(x @ y / ((np.linalg.norm(x) + blank * 0.05) * (np.linalg.norm(y) + blank * 0.05)))


def ecc(
    candidate: Array,
    registered: Array,
    matrix: Array,
    motion: int,
    iterations: int,
    scale: float = 1.0,
    where: NDArray[np.uint8] | None = None,
) -> Array | None:
    """`matrix` refined so that the two (h, w) images correlate best; None where they have nothing in common.

    scale: size of these images in views of SIDE; the matrix is between full views. where: non-zero at the candidate's
    pixels that count.
    """
    down, up = np.diag([scale, scale, 1.0]), np.diag([1 / scale, 1 / scale, 1.0])
    start = (down @ matrix @ up).astype(np.float32)
    start /= start[2, 2]
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, iterations, 1e-4)
    affine = motion == cv2.MOTION_AFFINE
    try:
        _, fitted = cv2.findTransformECC(
            registered, candidate, start[:2].copy() if affine else start, motion, criteria, where, 3
        )
    except cv2.error:  # nothing in common at this start
        return None
    whole = np.vstack([fitted, [0, 0, 1]]) if affine else fitted
    refined: Array = (up @ whole @ down).astype(np.float32)
    return refined if np.isfinite(refined).all() and is_sane(refined) else None


def _judged(candidate: View, registered: View, matrix: Array, is_mirrored: bool, how: str) -> Alignment:
    agreement, overlap = agreement_of(candidate, registered, matrix)
    return Alignment(matrix, is_mirrored, agreement, overlap, how)


def _ranked(alignments: Iterable[Alignment]) -> list[Alignment]:
    return sorted(alignments, key=lambda alignment: -alignment.agreement)


def _distinct(ranked: list[Alignment], size: tuple[int, int], most: int) -> list[Alignment]:
    """The first that lie apart, at most `most` mirrored and as many not: a symmetric subject fits both ways."""
    width, height = size
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], np.float32)
    kept: list[tuple[Alignment, Array]] = []
    for alignment in ranked:
        place = alignment.matrix @ corners
        if alignment.agreement <= -1 or (np.abs(place[2]) < 1e-3).any():
            continue
        place = place[:2] / place[2]
        same_way = [at for other, at in kept if other.mirrored == alignment.mirrored]
        if len(same_way) < most and not any(np.abs(at - place).max() < 2 for at in same_way):
            kept.append((alignment, place))
    return [alignment for alignment, _ in kept]


def _refined(candidate: View, registered: View, start: Alignment) -> Alignment:
    """ECC on smoothed gradients: affine, then with perspective; kept only where the gradients agree better."""
    best = start
    for motion, iterations in ((cv2.MOTION_AFFINE, 25), (cv2.MOTION_HOMOGRAPHY, 15)):
        matrix = ecc(candidate.half, registered.half, best.matrix, motion, iterations, scale=0.5)
        if matrix is None:
            continue
        agreement, overlap = agreement_of(candidate, registered, matrix)
        if agreement > best.agreement:
            best = Alignment(matrix, start.mirrored, agreement, overlap, start.how)
    return best
