"""Bits -> the same with a cyclic redundancy check behind them, and whether a check holds (TS 38.212, section 5.1).

Bits are uint8 arrays of 0 and 1 whose last axis runs along the block; the axes before it are blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gistchain.errors import SettingError
from gistchain.kernels.compiled import compiled

Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Crc:
    """A generator polynomial. Every register starts at zero, so that the check of zeros is zeros.

    length: check bits. polynomial: its coefficients below D^length, the highest first.
    """

    name: str
    length: int
    polynomial: int

    def of(self, bits: ArrayLike) -> Bits:
        """The check bits [..., length] of bits [..., k]. Raises SettingError unless all of them are 0 or 1."""
        blocks = as_bits(bits)
        rows = np.ascontiguousarray(blocks.reshape(math.prod(blocks.shape[:-1]), blocks.shape[-1]))
        checks = np.empty((len(rows), self.length), np.uint8)
        _remainders(rows, self.polynomial, checks)
        return checks.reshape(*blocks.shape[:-1], self.length)

    def attached(self, bits: ArrayLike) -> Bits:
        """bits [..., k] with their check behind them, [..., k + length]. Raises SettingError as `of` does."""
        blocks = as_bits(bits)
        return np.concatenate([blocks, self.of(blocks)], axis=-1)

    def holds(self, bits: ArrayLike) -> NDArray[np.bool_]:
        """Whether the last `length` bits of each block [..., k + length] are the check of those before; shape [...].

        Zeros cut off or added at an end can't be found: the receiver has to know the length of a block.
        Raises SettingError unless all bits are 0 or 1 and there are at least `length` of them.
        """
        blocks = as_bits(bits)
        if blocks.shape[-1] < self.length:
            raise SettingError(f"{blocks.shape[-1]} bits can't end with {self.name}, which has {self.length}")
        # A block divided together with its own check leaves nothing.
        return np.logical_not(self.of(blocks).any(axis=-1))


def as_bits(values: ArrayLike) -> Bits:
    """The values as uint8, at least one axis. Raises SettingError where one is neither 0 nor 1."""
    found = np.atleast_1d(np.asarray(values))
    if found.dtype.kind not in "biuf" or not ((found == 0) | (found == 1)).all():
        raise SettingError("bits must be numbers that are 0 or 1")
    return found.astype(np.uint8, copy=False)


@compiled("u1[blocks, k], i8, out u1[blocks, length]")
def _remainders(blocks: Bits, polynomial: int, checks: Bits) -> None:
    length = checks.shape[1]
    top = 1 << (length - 1)
    low = (1 << length) - 1
    for i in range(blocks.shape[0]):
        register = 0
        for j in range(blocks.shape[1]):
            feedback = ((register >> (length - 1)) & 1) ^ blocks[i, j]
            register = ((register << 1) & low) ^ (polynomial if feedback else 0)
        for j in range(length):
            checks[i, j] = 1 if register & (top >> j) else 0


CRC24A = Crc("CRC24A", 24, 0x864CFB)
CRC24B = Crc("CRC24B", 24, 0x800063)
CRC24C = Crc("CRC24C", 24, 0xB2B117)
CRC16 = Crc("CRC16", 16, 0x1021)
CRC11 = Crc("CRC11", 11, 0x621)
CRC6 = Crc("CRC6", 6, 0x21)
CRCS = {crc.name: crc for crc in (CRC24A, CRC24B, CRC24C, CRC16, CRC11, CRC6)}
"""By name."""
