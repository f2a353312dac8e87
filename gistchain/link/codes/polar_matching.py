"""How many information and coded bits -> the mother code, its information bits, and which coded bits are sent.

TS 38.212, sections 5.3.1 (mother code, information bits, input interleaver) and 5.4.1 (rate matching). Coded bits that
are too many are left out, at the start of the order of sub-blocks at low rates (punctured, unknown to the receiver) and
at its end at high rates (shortened: always 0); where there are too few the first ones come again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError

Ints = NDArray[np.int64]

_SUB_BLOCKS = np.array([
    0, 1, 2, 4, 3, 5, 6, 7, 8, 16, 9, 17, 10, 18, 11, 19, 12, 20, 13, 21, 14, 22, 15, 23, 24, 25, 26, 28, 27, 29,
    30, 31,
])  # fmt: skip
"""Table 5.4.1.1-1."""
_INPUT_ORDER = np.array([
    0, 2, 4, 7, 9, 14, 19, 20, 24, 25, 26, 28, 31, 34, 42, 45, 49, 50, 51, 53, 54, 56, 58, 59, 61, 62, 65, 66, 67, 69,
    70, 71, 72, 76, 77, 81, 82, 83, 87, 88, 89, 91, 93, 95, 98, 101, 104, 106, 108, 110, 111, 113, 115, 118, 119, 120,
    122, 123, 126, 127, 129, 132, 134, 138, 139, 140, 1, 3, 5, 8, 10, 15, 21, 27, 29, 32, 35, 43, 46, 52, 55, 57, 60,
    63, 68, 73, 78, 84, 90, 92, 94, 96, 99, 102, 105, 107, 109, 112, 114, 116, 121, 124, 128, 130, 133, 135, 141, 6, 11,
    16, 22, 30, 33, 36, 44, 47, 64, 74, 79, 85, 97, 100, 103, 117, 125, 131, 136, 142, 12, 17, 23, 37, 48, 75, 80, 86,
    137, 143, 13, 18, 38, 144, 39, 145, 40, 146, 41, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159,
    160, 161, 162, 163,
])  # fmt: skip
"""Table 5.3.1.1-1."""


@dataclass(frozen=True, slots=True)
class Matching:
    """mother: length of the mother code. carrying: positions of its k information bits, ascending.

    sent: which bit of the mother codeword each coded bit is. zeros: those that are always 0 and not sent.
    """

    mother: int
    carrying: Ints
    sent: Ints
    zeros: Ints


@functools.cache
def standard_order() -> Ints:
    """Positions of a code of 1,024 bits from the least to the most reliable (table 5.3.1.2-1)."""
    text = resources.files("gistchain.link.codes").joinpath("polar_order.txt").read_text("ascii")
    words = [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]
    return np.array(words, np.int64)


def matched(bits: int, coded_bits: int, order: Ints) -> Matching:
    """The rate matching of `bits` information bits in `coded_bits`.

    order: positions from the least to the most reliable; the mother code is at most as long as it.
    Raises SettingError where so many bits can't be coded so.
    """
    mother = mother_length(bits, coded_bits, len(order))
    if not 1 <= bits <= min(mother, coded_bits):
        raise SettingError(
            f"a polar code can't bring {bits} bits into {coded_bits}: give from 1 to {min(mother, coded_bits)} bits"
        )
    sub_blocks = interleaved(mother)
    missing = max(0, mother - coded_bits)
    punctured = 16 * bits <= 7 * coded_bits
    frozen = np.zeros(mother, bool)
    if missing and punctured:
        frozen[sub_blocks[:missing]] = True
        frozen[: max(0, _also_frozen(mother, coded_bits))] = True
    elif missing:
        frozen[sub_blocks[coded_bits:]] = True
    usable = order[order < mother]
    usable = usable[~frozen[usable]]
    if len(usable) < bits:
        raise SettingError(f"a polar code that leaves out {missing} of {mother} coded bits has no place for {bits}")
    first = missing if punctured else 0
    return Matching(
        mother,
        np.sort(usable[len(usable) - bits :]),
        sub_blocks[(first + np.arange(coded_bits)) % mother],
        sub_blocks[coded_bits:] if missing and not punctured else sub_blocks[:0],
    )


def mother_length(bits: int, coded_bits: int, largest: int) -> int:
    """Section 5.3.1: the least power of two with room, less where a few repeated bits do, at most 8 times the bits."""
    above = max(0, coded_bits - 1).bit_length()
    if coded_bits * 8 <= 9 << max(0, above - 1) and 16 * bits < 9 * coded_bits:
        above -= 1
    eighth = max(0, 8 * bits - 1).bit_length()
    return 1 << max(5, min(above, eighth, largest.bit_length() - 1))


def _also_frozen(mother: int, coded_bits: int) -> int:
    """Section 5.4.1.1: positions from 0 on that puncturing makes useless; halves and quarters are rounded up."""
    if 4 * coded_bits >= 3 * mother:
        return -((2 * coded_bits - 3 * mother) // 4)
    return -((4 * coded_bits - 9 * mother) // 16)


def interleaved(length: int) -> Ints:
    """Section 5.4.1.1: the order of sub-blocks; length is a multiple of 32."""
    return (_SUB_BLOCKS[:, None] * (length // 32) + np.arange(length // 32)).ravel()


@functools.lru_cache(64)
def triangle(length: int) -> Ints:
    """Section 5.4.1.3: coded bits written into a triangle by rows and read by columns."""
    side = 0
    while side * (side + 1) // 2 < length:
        side += 1
    row, column = np.nonzero(np.arange(side)[None, :] < side - np.arange(side)[:, None])
    row, column = row[:length], column[:length]
    return np.lexsort((row, column))


def input_order(bits: int) -> Ints:
    """Section 5.3.1.1: where each information bit of a downlink block comes from; at most 164."""
    if bits > len(_INPUT_ORDER):
        raise SettingError(f"the input interleaver takes at most {len(_INPUT_ORDER)} bits, not {bits}")
    shifted = _INPUT_ORDER - (len(_INPUT_ORDER) - bits)
    return shifted[shifted >= 0]
