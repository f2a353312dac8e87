"""The values that a radio link carries and gives back. Imports nothing of ours.

A use is one complex symbol. A soft value is a log-likelihood ratio, log P(bit = 0) / P(bit = 1): its sign says which
bit it was, its size how sure that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bits = NDArray[np.uint8]
    Symbols = NDArray[np.complex64]
    SoftValues = NDArray[np.float32]
else:
    Bits = Symbols = SoftValues = Any

ModulationName = Literal["bpsk", "qpsk", "16qam", "64qam", "256qam"]
"""1, 2, 4, 6 or 8 bits a symbol."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Bits (0 or 1, shape [n]) that are sent in one modulation; n is a multiple of its bits a symbol."""

    bits: Bits
    modulation: ModulationName


@dataclass(frozen=True, slots=True, eq=False)
class ArrivedBits:
    """Log-likelihood ratios of each segment that was sent, float32, and the uses that all of them took."""

    llrs: tuple[SoftValues, ...]
    uses: int


@dataclass(frozen=True, slots=True, eq=False)
class ArrivedSymbols:
    """A frame as it arrived: symbols [n] with the channel's gain taken out, and the variance of each one's noise [n].

    Where nothing was received, as with a gain of zero, the symbol is 0 and its variance infinite.
    uses: what the frame took, pilots included.
    """

    symbols: Symbols
    noise_variance: SoftValues
    uses: int
