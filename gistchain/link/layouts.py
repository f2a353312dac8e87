"""What mostly stands at the start of a frame's first block -> ratios for its decoder.

list of the further blocks ‖ own bytes
│                            └ whoever sends them says what is expected of them
└ kind, length, share of each: whether more follow, how long a length is, and that the last takes what is left
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Ratios = NDArray[np.float64]
Expected = Callable[[int, bool], Sequence[Ratios]]
"""(bits of the own bytes, whether they stand alone) -> log P(0)/P(1) of each bit, for each layout that they may have,
the likeliest first."""
_SURE = 7.0
"""Of a bit that is the same in all blocks of a layout: the logarithm of how much likelier it is so."""
_LENGTHS = (2,), (1,), (2, 2), (1, 2)
"""How many bytes the length of each further block has, in the lists that are expected, the likeliest first."""


def nothing_expected(count: int, alone: bool) -> Sequence[Ratios]:
    """Of bytes that nothing is known of."""
    return ()


def layouts(bits: int, listed: bool, expected: Expected) -> Sequence[Ratios]:
    """log P(0)/P(1) of each bit of a first block, f8[bits], for each layout that it may have, the likeliest first.

    listed: whether it begins with a list of further blocks. expected: of its own bytes.
    """
    if not listed:
        return expected(bits, True)
    found: list[Ratios] = []
    for lengths in _LENGTHS:
        listing = _of_list(lengths)
        if listing.size < bits:
            own = expected(bits - listing.size, False)
            found += [np.concatenate([listing, ratios]) for ratios in own]
    return found


@functools.cache
def _of_list(lengths: tuple[int, ...]) -> Ratios:
    """Of the list of as many further blocks, and its check."""
    rows: list[list[float]] = []
    for index, size in enumerate(lengths):
        is_last = index == len(lengths) - 1
        # Whether more follow; a kind; a share, which is 0 for the last alone.
        rows.append([_SURE if is_last else -_SURE, 0, 0, 0, *[_SURE * is_last] * 4])
        rows += [[_SURE if byte == size - 1 else -_SURE, *[0] * 7] for byte in range(size)]
    return np.array([*rows, [0.0] * 8]).ravel()
