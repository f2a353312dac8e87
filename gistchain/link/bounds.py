"""SNR -> what any code could do there: capacity, the most bits in few uses, and how often fading leaves too little.

Nothing that arrives may be above these; every figure of the link stands beside one.
"""

from __future__ import annotations

import bisect
import functools
import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from gistchain.errors import SettingError
from gistchain.link.modem import modulation as named
from gistchain.link.snr import noise_density, snr
from gistchain.types import ModulationName

_NODES = 200
_MOST_USES = 1 << 30


class Information(NamedTuple):
    """What a use tells: capacity, its mean in bits, and dispersion, its variance in bits^2."""

    capacity: float
    dispersion: float


@functools.lru_cache(1 << 12)
def information(snr_db: float, modulation: ModulationName | None = None) -> Information:
    """Of a complex use over AWGN. modulation: its points, each as often as another; None allows any signal.

    None: log2(1 + snr), and P (P + 2) / (2 (P + 1)^2) log2(e)^2 for each of the two real uses (Polyanskiy, Poor &
    Verdú, Channel coding rate in the finite blocklength regime, IEEE Trans. Inf. Theory 56 (2010), eq. 293).
    Points: mean and variance of the information density, by Gauss-Hermite quadrature over the noise.
    """
    if modulation is None:
        ratio = snr(snr_db)
        return Information(math.log2(1 + ratio), ratio * (ratio + 2) / (ratio + 1) ** 2 * math.log2(math.e) ** 2)
    modem, n0 = named(modulation), noise_density(snr_db)
    nodes, weights = np.polynomial.hermite.hermgauss(_NODES)
    levels = modem.levels.astype(np.float64)
    # Exponents of the likelihood ratios, [sent, other, noise]: (n^2 - (sent - other + n)^2) / N0, n = sqrt(N0) node.
    apart = (levels[:, None, None] - levels[:, None]) / math.sqrt(n0)
    density = math.log2(levels.size) - np.logaddexp.reduce(-apart * (apart + 2 * nodes), 1) / math.log(2)
    chances = np.broadcast_to(weights / math.sqrt(math.pi) / levels.size, density.shape)
    mean = float((chances * density).sum())
    return Information(modem.axes * mean, modem.axes * float((chances * (density - mean) ** 2).sum()))


def capacity(snr_db: float, modulation: ModulationName | None = None) -> float:
    """Bits a complex use that can arrive without error, given enough of them. Arguments as for `information`."""
    return information(snr_db, modulation).capacity


def bits_for(
    uses: int, snr_db: float, error_rate: float, *, modulation: ModulationName | None = None, real: bool = False
) -> float:
    """Normal approximation: bits that fit in so few uses of AWGN, n C - sqrt(n V) Q^-1(error_rate) + log2(n) / 2.

    Polyanskiy, Poor & Verdú (2010), eq. 296, good to a bit or two from about a hundred uses. error_rate: of frames.
    real: a use is a real one of the same SNR, half of a complex one.
    Raises SettingError unless error_rate lies between 0 and 1 and there are uses.
    """
    mean, spread = _told(uses, snr_db, modulation, real)
    return mean - spread * _q_inverse(error_rate)


def uses_for(
    bits: float, snr_db: float, error_rate: float, *, modulation: ModulationName | None = None, real: bool = False
) -> int:
    """The fewest uses of AWGN in which the normal approximation has room for so many bits, checks included.

    At 0 dB and error rate 1e-2, 128 bits need 162 uses. Raises SettingError as `bits_for` does, and where a thousand
    million uses are too few.
    """
    if not 0 < bits < math.inf:
        raise SettingError(f"{bits} bits can't be sent: give a number above 0")
    found = bisect.bisect_left(
        range(1, _MOST_USES), bits, key=lambda n: bits_for(n, snr_db, error_rate, modulation=modulation, real=real)
    )
    if found == _MOST_USES - 1:
        raise SettingError(f"{bits:g} bits don't get through at {snr_db} dB in any number of uses")
    return found + 1


def error_rate_for(
    bits: float, uses: int, snr_db: float, *, modulation: ModulationName | None = None, real: bool = False
) -> float:
    """Frame error rate that the normal approximation gives for so many bits in so many uses; see `bits_for`."""
    mean, spread = _told(uses, snr_db, modulation, real)
    return q((mean - bits) / spread) if spread else float(mean < bits)


def _told(uses: int, snr_db: float, modulation: ModulationName | None, real: bool) -> tuple[float, float]:
    """Mean and standard deviation of the bits that so many uses tell."""
    if uses < 1:
        raise SettingError(f"{uses} uses hold nothing: give at least 1")
    of_one = information(snr_db, modulation)
    halves = 2 if real else 1
    return uses * of_one.capacity / halves + math.log2(uses) / 2, math.sqrt(uses * of_one.dispersion / halves)


def outage(snr_db: float, bits_per_use: float) -> float:
    """How often a Rayleigh block fading channel of this mean SNR has less capacity than the rate: no code helps then.

    P(log2(1 + |h|^2 snr) < R) = 1 - exp(-(2^R - 1) / snr): Tse & Viswanath, Fundamentals of Wireless Communication,
    section 5.4.1.
    """
    return -math.expm1(-math.expm1(bits_per_use * math.log(2)) * noise_density(snr_db))


def q(x: float) -> float:
    """How often a standard Gaussian is above x."""
    return math.erfc(x / math.sqrt(2)) / 2


def _q_inverse(chance: float) -> float:
    if not 0 < chance < 1:
        raise SettingError(f"an error rate of {chance} can't be: give a number between 0 and 1")
    return -NormalDist().inv_cdf(chance)


def outage_below(snr_db: float, needed_db: float) -> float:
    """How often Rayleigh block fading of this mean SNR leaves less than what is needed: 1 - exp(-needed / mean)."""
    return -math.expm1(-snr(needed_db) * noise_density(snr_db))
