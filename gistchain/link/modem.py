"""Bits -> symbols, and symbols with noise -> log-likelihood ratios or bits.

    bits 0/1, shape [n * bits] ──map──> symbols [n] ~~~ noise of variance N0 ~~~> llrs [n * bits], log P(0) / P(1)

The mappings are those of 3GPP TS 38.211, section 5.1: Gray, first bit of each axis its sign, the axes taking bits in
turn, real part first. BPSK is +1 for 0 and -1 for 1; TS 38.211 turns it by 45 degrees, which changes no distance.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gistchain.errors import LinkError, SettingError
from gistchain.link import softbits
from gistchain.types import Bits, ModulationName, SoftValues, Symbols

BITS: dict[ModulationName, int] = {"bpsk": 1, "qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8}
"""A symbol."""
_MOST_WEIGHT = 1e30
"""Of 1 / N0, so that no product of it leaves float32."""


@dataclass(frozen=True, eq=False)
class Modulation:
    """A constellation of mean power 1, with every label as likely as another.

    bits: a symbol. axes: 1 for BPSK, which only uses the real one; else 2, each with half of the bits.
    levels: float32 amplitudes of an axis, by the number that its bits make.
    """

    name: ModulationName
    bits: int
    axes: int
    levels: NDArray[np.float32]

    @property
    def points(self) -> Symbols:
        """complex64 [2^bits], by the number that the bits make, first bit highest."""
        labels = np.arange(2**self.bits)[:, None] >> np.arange(self.bits)[::-1] & 1
        return self.map(labels.astype(np.uint8).ravel())

    def map(self, bits: Bits) -> Symbols:
        """Symbols, complex64 [n / self.bits], of bits (0 or 1, any type, shape [n]).

        Raises LinkError for anything else than 0 and 1, and where bits are left over.
        """
        bits = np.ascontiguousarray(bits)
        if bits.ndim != 1 or bits.size % self.bits:
            raise LinkError(f"{self.name} carries {self.bits} bits a symbol, and {bits.shape} doesn't fit: pad them")
        if bits.dtype != np.uint8:
            bits = np.where((bits == 0) | (bits == 1), bits, 2).astype(np.uint8)
        if bits.size and bits.max() > 1:
            raise LinkError("bits are 0 or 1, and something else was to be sent")
        if self.levels.size == 2:
            amplitudes = bits.astype(np.float32)
            amplitudes *= self.levels[1] - self.levels[0]
            amplitudes += self.levels[0]
            return amplitudes.view(np.complex64) if self.axes == 2 else amplitudes.astype(np.complex64)
        symbols = np.empty(bits.size // self.bits, np.complex64)
        by_axis = bits.reshape(-1, self.bits // 2, 2)
        softbits.mapped(by_axis, self.levels, symbols.view(np.float32).reshape(-1, 2))
        return symbols

    def llrs(self, symbols: Symbols, noise_variance: ArrayLike, *, exact: bool = True) -> SoftValues:
        """Log-likelihood ratios, float32 [n * self.bits], of received symbols [n].

        noise_variance: N0, one number or one for each symbol; infinity gives zeros. exact: else max-log, the nearest
        point alone for each value of a bit. Raises LinkError for a symbol that is not finite, and for a variance that
        is NaN or not above 0.
        """
        symbols = np.ascontiguousarray(symbols, np.complex64)
        variance = np.asarray(noise_variance, np.float64)
        received = symbols.view(np.float32).reshape(-1)
        if not np.isfinite(received).all() or not (variance > 0).all():
            raise LinkError("received symbols are finite, and the variance of their noise is above 0")
        amplitudes = received.reshape(-1, 2)[:, : self.axes]
        weights = np.minimum(1 / variance, _MOST_WEIGHT).astype(np.float32)[..., None]
        if self.levels.size == 2:  # |y + d|^2 - |y - d|^2 is 4 d y, and there are no sums
            soft: SoftValues = amplitudes * (4 * self.levels[0] * weights)
            return soft.reshape(-1)
        everywhere = np.ascontiguousarray(np.broadcast_to(weights, amplitudes.shape))
        llrs = np.empty((symbols.size, self.bits // self.axes, self.axes), np.float32)
        softbits.soft(
            amplitudes.reshape(-1), everywhere.reshape(-1), *_classes(self), int(exact), softbits.CONSTANTS,
            np.empty((5, softbits.BLOCK), np.float32), llrs,
        )  # fmt: skip
        return llrs.reshape(-1)

    def hard(self, symbols: Symbols) -> Bits:
        """The bits of the nearest point, uint8 [n * self.bits]."""
        return (self.llrs(symbols, 1.0, exact=False) < 0).view(np.uint8)


@functools.cache
def modulation(name: str) -> Modulation:
    """The modulation of this name. Raises SettingError for one that is not in `BITS`."""
    for known, bits in BITS.items():
        if known == name:
            axes = 1 if bits == 1 else 2
            levels = np.array(_amplitudes(bits // axes), np.float64)
            return Modulation(known, bits, axes, (levels / np.sqrt(axes * np.mean(levels**2))).astype(np.float32))
    raise SettingError(f"{name!r} is no modulation: take one of {', '.join(BITS)}")


def _amplitudes(bits: int) -> list[int]:
    """Odd numbers by their label: the first bit is the sign, the rest how far from the middle of that half."""
    if not bits:
        return [0]
    half = [2 ** (bits - 1) - inner for inner in _amplitudes(bits - 1)]
    return half + [-amplitude for amplitude in half]


@functools.cache
def _classes(modem: Modulation) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each bit of an axis, the levels where it is 0 and those where it is 1; [bits, levels / 2] each."""
    count = modem.levels.size
    by_bit = [np.arange(count) >> bit & 1 for bit in reversed(range(count.bit_length() - 1))]
    zeros, ones = (np.array([modem.levels[bits == value] for bits in by_bit]) for value in (0, 1))
    return zeros, ones
