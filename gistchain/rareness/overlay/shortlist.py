"""Many registered images that may be the source -> the few that are laid under the candidate one by one.

Siblings share their frame: an alignment found with one of them is right for all of its collection. So the candidate is
aligned with a few, and everything on the list is judged under those alignments: by how well gradients agree, which no
change of colours touches, and by what colours leave to explain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gistchain.rareness.overlay.align import Alignment, align, correlation, covered, warped
from gistchain.rareness.overlay.difference import boxed
from gistchain.rareness.overlay.photometry import Mask, colour_map, mean_error, recoloured
from gistchain.rareness.overlay.verify import Candidate
from gistchain.rareness.overlay.views import Array, View, blurred

GUIDES = 2
"""How many of the list are aligned in full."""
COMPARED = 6
"""How many at most are laid over the candidate one by one."""
_FIRSTS = {"colours": 3, "second": 2, "structure": 2, "first": 1}
"""How many of each order these are."""
_SEARCHED = {"colours": 2, "structure": 1, "second": 1}
"""For how many of each order alignments of their own are searched."""
_BY_COLOURS = 28
"""How many are judged by colours too, which takes ten times as long as by structure."""
_WINDOW = 9
_EACH = 4
"""One in so many pixels is looked at for colours: there are 5,184 at half the size."""
_LEFT_AT_MOST = 9.0
"""What is left where too little is seen to tell."""
_LEAST_SEEN = 0.15
_TO_HALF = np.diag([2.0, 2.0, 1.0]).astype(np.float32)
_WHOLE = Alignment(np.eye(3, dtype=np.float32), False, 0.0, 1.0, "none")


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A registered image that is worth a full comparison.

    structure: best correlation of gradients. left, alignment: what colours leave to explain, under which alignment.
    search: whether it is worth a search for alignments of its own.
    """

    row: int
    structure: float
    left: float
    alignment: Alignment
    search: bool


def guides(candidate: Candidate, first: Sequence[View]) -> list[list[Alignment]]:
    """The alignments with each of the first GUIDES of the list, best first."""
    return [align(candidate.plain, candidate.flipped, registered) for registered in first[:GUIDES]]


def shortlist(
    candidate: Candidate,
    views: Mapping[int, View],
    alignments: Sequence[Alignment],
    first: Sequence[int],
    second: Sequence[int],
) -> list[Chosen]:
    """The likeliest sources, at most COMPARED: the best by colours, by the second look, by structure, by the first.

    views: of all rows on the list. first, second: the rows as the fingerprints rank them, of the image and of the image
    with its transform undone.
    """
    structure = dict(zip(views, by_structure(candidate, list(views.values()), alignments), strict=True))
    orders = {"first": first, "second": second, "structure": sorted(views, key=lambda row: -structure[row])}
    judged = _unique(
        [*(row for order in orders.values() for row in order[: _FIRSTS["colours"]]), *orders["structure"][:_BY_COLOURS]]
    )
    left = dict(zip(judged, by_colours(candidate, [views[row] for row in judged], alignments), strict=True))
    orders["colours"] = sorted(judged, key=lambda row: left[row][0])
    searched = {row for name, most in _SEARCHED.items() for row in orders[name][:most]}
    chosen = _unique(row for name, most in _FIRSTS.items() for row in orders[name][:most])[:COMPARED]
    return [Chosen(row, structure[row], *left[row], row in searched) for row in chosen]


def by_structure(candidate: Candidate, views: Sequence[View], alignments: Sequence[Alignment]) -> list[float]:
    """For each view, the best correlation of gradients under any of the alignments; -1 where there is none."""
    framed: dict[tuple[int, tuple[int, ...]], tuple[Array, Mask]] = {}
    correlations = []
    for registered in views:
        best = -1.0
        for number, alignment in enumerate(alignments):
            key = (number, registered.half.shape)
            if key not in framed:
                framed[key] = _gradients(candidate, alignment, registered)
            gradients, where = framed[key]
            if where.mean() >= _LEAST_SEEN:
                best = max(best, correlation(gradients, registered.half, where))
        correlations.append(best)
    return correlations


def by_colours(
    candidate: Candidate, views: Sequence[View], alignments: Sequence[Alignment]
) -> list[tuple[float, Alignment]]:
    """For each view, the least that is left to explain under any of the alignments, and that alignment.

    What is left is the root mean square of local errors: one missing hat weighs more than noise everywhere.
    """
    framed: dict[tuple[int, tuple[int, ...]], tuple[Array, Mask]] = {}
    least = []
    for registered in views:
        best = (_LEFT_AT_MOST, _WHOLE)
        for number, alignment in enumerate(alignments):
            key = (number, registered.half_pixels.shape)
            if key not in framed:
                framed[key] = _pixels(candidate, alignment, registered)
            best = min(best, (_left(*framed[key], registered), alignment), key=lambda pair: pair[0])
        least.append(best)
    return least


def _gradients(candidate: Candidate, alignment: Alignment, registered: View) -> tuple[Array, Mask]:
    """The candidate's gradients in the registered image's frame, at half its size, and where they are seen."""
    size = (registered.half.shape[1], registered.half.shape[0])
    view, matrix = candidate.view(alignment.mirrored), alignment.matrix @ _TO_HALF
    return warped(view.smooth, matrix, size), covered(view, matrix, size) > 0.9


def _pixels(candidate: Candidate, alignment: Alignment, registered: View) -> tuple[Array, Mask]:
    """The candidate in the registered image's frame, at half its size, and where it is seen."""
    size = (registered.half_pixels.shape[1], registered.half_pixels.shape[0])
    view, matrix = candidate.view(alignment.mirrored), alignment.matrix @ _TO_HALF
    return blurred(warped(view.pixels, matrix, size), 0.8), covered(view, matrix, size) > 0.98


def _left(pixels: Array, where: Mask, registered: View) -> float:
    """What colours leave to explain, in units of the candidate's contrast."""
    if where.mean() < _LEAST_SEEN:
        return _LEFT_AT_MOST
    own = blurred(registered.half_pixels, 0.8)
    colours = colour_map(own, pixels, np.flatnonzero(where)[::_EACH], 2)
    error = np.minimum(mean_error(pixels, recoloured(own, colours)), 60) * where
    share = boxed(where.astype(np.float32), _WINDOW)
    local = (boxed(error, _WINDOW) / np.maximum(share, 0.01))[where]
    return float(np.sqrt(local @ local / local.size) / (pixels[where].std() + 8))


def _unique(rows: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(rows))
