"""Bits with their probabilities <-> bytes, of which any prefix can be decoded as far as it goes.

A carry-less binary range coder (as in Mahoney's lpaq) with 48-bit bounds. Where a prefix ends, a bit still counts as
long as all possible continuations agree on it; then `Exhausted` is raised. constriction's range coder is faster, but
it writes 32-bit words and can't tell the last certain bit of a truncated stream from the first arbitrary one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ONE = 1 << 16  # probabilities are integers out of this
_TOP = 40
_MASK = (1 << 48) - 1


class Exhausted(Exception):
    """The data ends here; `bits` are those of the last request that were still certain."""

    def __init__(self, bits: NDArray[np.uint8]) -> None:
        super().__init__("end of data")
        self.bits = bits


class RangeEncoder:
    """Bits -> bytes. Raises Exhausted as soon as `size_bytes` are written: what follows wouldn't fit."""

    def __init__(self, size_bytes: int) -> None:
        self._low, self._high = 0, _MASK
        self._out = bytearray()
        self._size = size_bytes

    def code(self, ones: NDArray[np.int64], bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """ones: the chance of a 1, out of ONE, for each bit. Returns `bits`."""
        low, high, out = self._low, self._high, self._out
        for chance, bit in zip(ones.tolist(), bits.tolist(), strict=True):
            middle = low + ((high - low) * chance >> 16)
            if bit:
                high = middle
            else:
                low = middle + 1
            while not (low ^ high) >> _TOP:
                out.append(low >> _TOP)
                low = low << 8 & _MASK
                high = high << 8 & _MASK | 255
        self._low, self._high = low, high
        if len(out) >= self._size:
            raise Exhausted(bits)
        return bits

    def finish(self) -> bytes:
        """At most `size_bytes`; where all bits fitted, the bytes that make the last bit certain are added."""
        out = self._out
        if len(out) < self._size and (self._low, self._high) != (0, _MASK):
            for kept in range(1, 7):
                shift = 48 - 8 * kept
                value = (self._low + (1 << shift) - 1) >> shift
                if (value + 1 << shift) - 1 <= self._high:
                    out += value.to_bytes(kept, "big")
                    break
        return bytes(out[: self._size])


class RangeDecoder:
    """Bytes -> bits. Raises Exhausted where the bytes leave the next bit open."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 6
        self._low, self._high = 0, _MASK
        self._least = int.from_bytes(data[:6].ljust(6, b"\x00"), "big")
        self._most = int.from_bytes(data[:6].ljust(6, b"\xff"), "big")

    def code(self, ones: NDArray[np.int64], bits: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """The bits that the encoder was given with these chances. `bits` is ignored."""
        low, high, least, most, at, data = self._low, self._high, self._least, self._most, self._at, self._data
        decoded = bytearray()
        for chance in ones.tolist():
            middle = low + ((high - low) * chance >> 16)
            if most <= middle:
                high = middle
                decoded.append(1)
            elif least > middle:
                low = middle + 1
                decoded.append(0)
            else:
                raise Exhausted(np.frombuffer(bytes(decoded), np.uint8))
            while not (low ^ high) >> _TOP:
                low = low << 8 & _MASK
                high = high << 8 & _MASK | 255
                known = at < len(data)
                least = least << 8 & _MASK | (data[at] if known else 0)
                most = most << 8 & _MASK | (data[at] if known else 255)
                at += 1
        self._low, self._high, self._least, self._most, self._at = low, high, least, most, at
        return np.frombuffer(bytes(decoded), np.uint8)
