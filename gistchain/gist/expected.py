"""What is known of a packet's first bytes before anything arrives -> ratios for its decoder.

    version ‖ size ‖ tag [length] ‖ code ‖ check
       │             │               └ an arithmetic code: 0 as often as 1, but few bytes are the shortest of any text
       └─────────────┴ the same in nearly every packet that begins with a caption

A list decoder that is told the first, and believes only what can be read (`packet.is_whole`), needs about half a dB
less (docs/link.md). Whoever asks tries each layout in turn and then none of them: other packets lose nothing.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from gistchain.gist.packet import SHORT_CHECK, pack
from gistchain.types import Gist

_SURE, _LIKELY = 7.0, 3.0
"""Logarithms of how much likelier a bit is as it mostly is: 1,100 and 20 times. _LIKELY: of who can read a caption."""
_ONE_LENGTH_BYTE = 128
_PICTURES = (512, 512), (1000, 700)
"""One of a usual size, and one whose sides are written out in two bytes each."""
Ratios = NDArray[np.float64]


@functools.lru_cache(512)
def first_ratios(count: int, alone: bool) -> tuple[Ratios, ...]:
    """log P(0)/P(1) of each of the first `count` bits of a packet, for each layout that it may have, the likeliest
    first: f8[count], 0 where nothing is known.

    alone: the packet is one caption; else the bits are its size and its first caption, and others follow.
    """
    return tuple(_layout(size, count, alone) for size in _PICTURES)


def _layout(size: tuple[int, int], count: int, alone: bool) -> Ratios:
    """Where the version, the two bytes of each side (LEB128) and the tag stand, and the length of the caption."""
    captions = ("a red bicycle",) if alone else ("a red bicycle", "a red bicycle")
    start = len(pack(Gist((), size))) - 1 - SHORT_CHECK
    usual = np.frombuffer(pack(Gist(captions, size)), np.uint8)[: start + 2].copy()
    length = count // 8 - start - 2 - SHORT_CHECK
    known = np.zeros((start + 2, 8))
    known[0, : 2 if start == 1 else 8] = _SURE
    known[1:start, 0] = _SURE
    known[start] = [_SURE] * 6 + [_LIKELY] * 2
    if not alone and 0 < length < _ONE_LENGTH_BYTE:
        usual[start + 1] = length
        known[start + 1] = _SURE
    sure = np.zeros(max(count, known.size))
    sure[: known.size] = (known * (1.0 - 2.0 * np.unpackbits(usual[:, None], axis=1))).ravel()
    return sure[:count]
