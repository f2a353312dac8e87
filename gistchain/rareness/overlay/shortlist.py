"""Many registered images that may be the source -> the few that are laid under the candidate one by one.

Siblings share their frame: an alignment found with one of them is right for all of its collection. So the candidate is
aligned with a few, and everybody on the list is then judged under those alignments: by how well gradients agree, which
no change of colours touches, and by what colours leave to explain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gistchain.rareness.overlay.align import Alignment, align, correlation, covered, warped
from gistchain.rareness.overlay.difference import boxed
from gistchain.rareness.overlay.photometry import Mask, colour_map, mean_error, recoloured
from gistchain.rareness.overlay.verify import Candidate
from gistchain.rareness.overlay.views import Array, View, blurred

GUIDES = 2
"""How many of the list are aligned in full."""
_WINDOW = 9
_EACH = 4
"""Of so many pixels one is looked at for colours: there are 5,184 at half the size."""


def guides(checked: Candidate, first: Sequence[View]) -> list[list[Alignment]]:
    """The alignments with each of the first of the list, best first."""
    return [align(checked.plain, checked.flipped, registered) for registered in first[:GUIDES]]


def by_structure(checked: Candidate, views: Sequence[View], alignments: Sequence[Alignment]) -> list[float]:
    """For each view, the best correlation of gradients under any of the alignments; -1 where there is none."""
    prepared: dict[tuple[int, tuple[int, ...]], tuple[Array, Mask]] = {}
    found = []
    for registered in views:
        best = -1.0
        for number, one in enumerate(alignments):
            key = (number, registered.half.shape)
            if key not in prepared:
                prepared[key] = _gradients(checked, one, registered)
            seen, where = prepared[key]
            if where.mean() >= _LEAST_SEEN:
                best = max(best, correlation(seen, registered.half, where))
        found.append(best)
    return found


def by_colours(
    checked: Candidate, views: Sequence[View], alignments: Sequence[Alignment]
) -> list[tuple[float, Alignment]]:
    """For each view, the least that is left to explain under any of the alignments, and that alignment.

    What is left is the root mean square of local errors: one missing hat weighs more than noise everywhere.
    """
    prepared: dict[tuple[int, tuple[int, ...]], tuple[Array, Mask]] = {}
    found = []
    for registered in views:
        best = (_NOTHING_LEFT, _WHOLE)
        for number, one in enumerate(alignments):
            key = (number, registered.half_pixels.shape)
            if key not in prepared:
                prepared[key] = _seen(checked, one, registered)
            best = min(best, (_left(*prepared[key], registered), one), key=lambda error: error[0])
        found.append(best)
    return found


_NOTHING_LEFT = 9.0
_LEAST_SEEN = 0.15
_TO_HALF = np.diag([2.0, 2.0, 1.0]).astype(np.float32)
_WHOLE = Alignment(np.eye(3, dtype=np.float32), False, 0.0, 1.0, "none")


def _gradients(checked: Candidate, one: Alignment, registered: View) -> tuple[Array, Mask]:
    """The candidate's gradients in the registered image's frame, at half its size, and where they are seen."""
    size = (registered.half.shape[1], registered.half.shape[0])
    seen, matrix = checked.seen(one.mirrored), one.matrix @ _TO_HALF
    return warped(seen.smooth, matrix, size), covered(seen, matrix, size) > 0.9


def _seen(checked: Candidate, one: Alignment, registered: View) -> tuple[Array, Mask]:
    """The candidate in the registered image's frame, at half its size, and where it is seen."""
    size = (registered.half_pixels.shape[1], registered.half_pixels.shape[0])
    seen, matrix = checked.seen(one.mirrored), one.matrix @ _TO_HALF
    return blurred(warped(seen.pixels, matrix, size), 0.8), covered(seen, matrix, size) > 0.98


def _left(seen: Array, where: Mask, registered: View) -> float:
    if where.mean() < _LEAST_SEEN:
        return _NOTHING_LEFT
    own = blurred(registered.half_pixels, 0.8)
    colours = colour_map(own, seen, np.flatnonzero(where)[::_EACH], 2)
    error = np.minimum(mean_error(seen, recoloured(own, colours)), 60) * where
    share = boxed(where.astype(np.float32), _WINDOW)
    local = (boxed(error, _WINDOW) / np.maximum(share, 0.01))[where]
    return float(np.sqrt(local @ local / local.size) / (seen[where].std() + 8))
