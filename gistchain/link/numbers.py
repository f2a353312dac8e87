"""Real numbers <-> analogue symbols of mean power 1, two numbers a symbol."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError
from gistchain.link.snr import normalised
from gistchain.types import Symbols

MOST_SCALE = 127
_MIDDLE, _STEPS = 64, 8


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Real numbers f4[n] that fill the rest of a frame: in order, and from the first again while there is room.

    halvings: 0 to 15, for whoever reads them.
    """

    values: NDArray[np.float32]
    halvings: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ArrivedAnalogue:
    """Two for each symbol of the rest of the frame, f4[2 n], and the variance of the noise on each; where nothing was
    received a number is 0 and its variance infinite. halvings: as it was sent."""

    values: NDArray[np.float32]
    variance: NDArray[np.float32]
    halvings: int


def as_symbols(values: NDArray[np.float32], count: int) -> tuple[Symbols, int]:
    """(so many symbols of mean power 1, the scale: a number from 1 to 127 that says what they were divided by).

    Raises LinkError for numbers that are none, all 0 or not finite, or whose size is beyond 1/256 to 256.
    """
    pairs = np.resize(values.astype(np.float32), 2 * count).view(np.complex64)
    symbols, factor = normalised(pairs)
    scale = _MIDDLE + round(_STEPS * math.log2(factor))
    if not 1 <= scale <= MOST_SCALE:
        raise LinkError(f"numbers of the size {factor:.3g} can't be told to a receiver: scale them to about 1")
    return symbols, scale


def as_values(symbols: Symbols, variance: NDArray[np.float64], scale: int, halvings: int) -> ArrivedAnalogue:
    """What arrived, times what it was divided by, to half a step of 9%. variance: of the noise on each symbol."""
    factor = 2.0 ** ((scale - _MIDDLE) / _STEPS)
    values = np.ascontiguousarray(symbols, np.complex64).view(np.float32) * np.float32(factor)
    return ArrivedAnalogue(values, np.repeat(variance / 2 * factor**2, 2).astype(np.float32), halvings)
