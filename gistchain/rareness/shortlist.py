"""Many registered images that may be the source -> the few that are laid under the candidate one by one.

Siblings share their frame: an alignment found with one of them is right for all of its collection. So the candidate is
aligned with a few, and everybody on the list is then judged by what colours leave to explain under those alignments,
at a quarter of the price of a comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gistchain.rareness.align import Alignment, align, covered, warped
from gistchain.rareness.difference import boxed
from gistchain.rareness.photometry import Mask, colour_map, mean_error, recoloured
from gistchain.rareness.verify import Candidate
from gistchain.rareness.views import Array, View, blurred

GUIDES = 2
"""How many of the list are aligned in full."""
_WINDOW = 9
_EACH = 4
"""Of so many pixels one is looked at for colours: there are 5,184 at half the size."""


def guides(checked: Candidate, first: Sequence[View]) -> list[list[Alignment]]:
    """The alignments with each of the first of the list, best first."""
    return [align(checked.plain, checked.flipped, registered) for registered in first[:GUIDES]]


def ranked(checked: Candidate, views: Sequence[View], alignments: Sequence[Alignment]) -> list[tuple[float, Alignment]]:
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
_WHOLE = Alignment(np.eye(3, dtype=np.float32), False, 0.0, 1.0, "none")


def _seen(checked: Candidate, one: Alignment, registered: View) -> tuple[Array, Mask]:
    """The candidate in the registered image's frame, at half its size, and where it is seen."""
    size = (registered.half_pixels.shape[1], registered.half_pixels.shape[0])
    seen, matrix = checked.seen(one.mirrored), one.matrix @ np.diag([2.0, 2.0, 1.0]).astype(np.float32)
    return blurred(warped(seen.pixels, matrix, size), 0.8), covered(seen, matrix, size) > 0.98


def _left(seen: Array, where: Mask, registered: View) -> float:
    if where.mean() < 0.15:
        return _NOTHING_LEFT
    own = blurred(registered.half_pixels, 0.8)
    colours = colour_map(own, seen, np.flatnonzero(where)[::_EACH], 2)
    error = np.minimum(mean_error(seen, recoloured(own, colours)), 60) * where
    share = boxed(where.astype(np.float32), _WINDOW)
    local = (boxed(error, _WINDOW) / np.maximum(share, 0.01))[where]
    return float(np.sqrt(local @ local / local.size) / (seen[where].std() + 8))
