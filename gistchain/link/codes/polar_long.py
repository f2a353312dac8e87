"""How many information and coded bits -> a polar code of our own, designed for them. No standard has it.

The mother codes of 5G end at 1,024 bits, and longer blocks repeat bits. `LongPolarCode` takes the next power of two up
to 8,192 and chooses its information bits for the coded bits that are really sent: each bit's mean LLR is followed
through the tree under the Gaussian approximation (Chung, Richardson & Urbanke 2001, Trifonov 2012), at an SNR where the
rate is a little below capacity.

Sender and receiver must choose the same bits, so that the design only adds, multiplies, divides and shifts (T1.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.link.codes.polar import PolarCode
from gistchain.link.codes.polar_matching import Matching, interleaved

Floats = NDArray[np.float64]
_LONGEST = 8_192
_BACKOFF = 1.55
"""The design's SNR over that at which capacity is the rate. 1.4 to 1.7 do equally well at 496 and at 1,000 bits."""
_CERTAIN = 1e4
"""Mean LLR of a bit that is known."""
_LN2 = 0.6931471805599453


@dataclass(frozen=True)
class LongPolarCode(PolarCode):
    """A polar code that is not 5G's: up to 8,192 coded bits without repetition, designed for `bits` in `coded_bits`.

    Arguments, methods and errors are those of PolarCode. At rates up to 7/16 coded bits are punctured, above it
    shortened, in the sub-block order of 5G.
    """

    largest: int = _LONGEST

    @cached_property
    def matching(self) -> Matching:
        return designed(self.bits, self.coded_bits, self.largest)


def designed(bits: int, coded_bits: int, largest: int = _LONGEST) -> Matching:
    """The mother code, its information bits and what is sent of it. Raises SettingError where the bits don't fit."""
    mother = min(largest, 1 << max(5, max(0, coded_bits - 1).bit_length()))
    if not 1 <= bits <= min(mother, coded_bits):
        raise SettingError(f"a polar code of {mother} bits can't bring {bits} bits into {coded_bits}")
    leaving = interleaved(mother)
    missing = max(0, mother - coded_bits)
    punctured = 16 * bits <= 7 * coded_bits
    first = missing if punctured else 0
    sent = leaving[(first + np.arange(coded_bits)) % mother]
    zeros = leaving[coded_bits:] if missing and not punctured else leaving[:0]
    received: Floats = _mean_llr(bits / coded_bits) * np.bincount(sent, minlength=mother).astype(np.float64)
    received[zeros] = _CERTAIN
    reliability = _reliability(received)
    reliability[zeros] = -1.0  # a bit that is always 0 forces the one at its place to be 0
    order = np.argsort(reliability, kind="stable")
    return Matching(mother, np.sort(order[mother - bits :]), sent, zeros)


def _mean_llr(rate: float) -> float:
    """Mean LLR of a coded bit at the design's SNR: the inverse of J, as Brännström, Rasmussen & Grant (2005) fit it."""
    free = _log(np.array([1 - min(rate, 0.99) ** (1 / 1.1064)]))[0] / -_LN2
    return float(_BACKOFF * _power(np.array([free / 0.3073]), 1 / 0.8935)[0] / 2)


def _reliability(means: Floats) -> Floats:
    """Mean LLR of each input bit, given that of each coded bit."""
    if len(means) == 1:
        return means
    first, second = np.split(means, 2)
    return np.concatenate([_reliability(_checked(first, second)), _reliability(first + second)])


def _checked(a: Floats, b: Floats) -> Floats:
    """Mean LLR of the sum of two bits: phi(x) = 1 - (1 - phi(a)) (1 - phi(b)), where phi is kept as -log."""
    less, more = np.minimum(a, b), np.maximum(a, b)
    at_less, at_more = _decay(less), _decay(more)
    sum_of = at_less - _log(1 + _exp(at_less - at_more) - _exp(-at_more))
    return np.where(less > 0, np.minimum(_undecayed(np.maximum(sum_of, 0.0)), less), 0.0)


_LINEAR, _SQUARE = 0.867861, 10.0


def _decay(x: Floats) -> Floats:
    """-log phi(x) in three pieces (Trifonov 2012)."""
    middle = 0.4527 * _power(np.clip(x, _LINEAR, _SQUARE), 0.86) - 0.0218
    return np.where(x < _LINEAR, x * (0.4856 - 0.0564 * x), np.where(x < _SQUARE, middle, 0.2832 * x + 0.4254))


def _undecayed(y: Floats) -> Floats:
    low, high = _decay(np.array([_LINEAR])), _decay(np.array([_SQUARE]))
    middle = _power((np.clip(y, low, high) + 0.0218) / 0.4527, 1 / 0.86)
    root = np.sqrt(np.maximum(0.4856**2 - 4 * 0.0564 * np.minimum(y, low), 0.0))
    start = (0.4856 - root) / (2 * 0.0564)
    return np.where(y < low, start, np.where(y < high, middle, (y - 0.4254) / 0.2832))


def _power(x: Floats, exponent: float) -> Floats:
    return _exp(exponent * _log(x))


def _log(x: Floats) -> Floats:
    """Natural logarithm by the series of atanh; every operation is exact to the last bit on every machine."""
    part, shift = np.frexp(np.maximum(x, 1e-300))
    ratio = (part - 0.75) / (part + 0.75)
    square, total = ratio * ratio, np.zeros_like(ratio)
    for n in range(21, 0, -2):
        total = total * square + 1 / n
    return 2 * ratio * total + shift * _LN2 + _LOG_OF_THREE_QUARTERS


_LOG_OF_THREE_QUARTERS = -0.2876820724517809


def _exp(x: Floats) -> Floats:
    """Exponential by its series, likewise."""
    bounded = np.clip(x, -700.0, 700.0)
    shift = np.floor(bounded / _LN2 + 0.5)
    rest, total = bounded - shift * _LN2, np.ones_like(bounded)
    for n in range(14, 0, -1):
        total = 1 + rest / n * total
    return np.ldexp(total, shift.astype(np.int32))
