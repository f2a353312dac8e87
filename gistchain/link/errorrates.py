"""Modulation and SNR -> the share of uncoded bits that a receiver gets wrong, in closed form."""

from __future__ import annotations

import math

from gistchain.errors import SettingError
from gistchain.link.modem import modulation
from gistchain.link.snr import snr
from gistchain.types import ModulationName


def bit_error_rate(name: ModulationName, snr_db: float, *, fading: bool = False) -> float:
    """Mean bit error rate of hard decisions over AWGN; fading: over Rayleigh fading of known gain.

    Cho & Yoon, On the general BER expression of one- and two-dimensional amplitude modulations, IEEE Trans. Commun. 50
    (2002), eq. 9 and 10: bit k of an axis of L levels is wrong by a sum of erfc((2 i + 1) d / sqrt(N0)), d half the
    distance of two levels. With fading each erfc(sqrt(a)) becomes its mean over gains, 1 - sqrt(a / (1 + a)).
    """
    modem = modulation(name)
    levels, bits = modem.levels.size, modem.bits // modem.axes
    ratio = snr(snr_db) * float(min(abs(modem.levels))) ** 2
    total = 0.0
    for k in range(bits):
        for i in range(levels - (levels >> k + 1)):
            sign = -1 if (i << k) // levels % 2 else 1
            weight = (1 << k) - ((i << k + 1) + levels) // (2 * levels)
            total += sign * weight * _wrong((2 * i + 1) ** 2 * ratio, fading)
    return total / (levels * bits)


def _wrong(squared: float, fading: bool) -> float:
    return 1 - math.sqrt(squared / (1 + squared)) if fading else math.erfc(math.sqrt(squared))


def published_bit_flip_rate(eb_n0_db: float, *, points: int = 16) -> float:
    """The rate at which Img2Img-SC flips bits in place of a channel, as its code has it (scripts/qam.py).

    It takes the symbol error rate of K bits a symbol and divides it by K, with K = sqrt(points), which is the number of
    bits for 4 and 16 points only: 64 points make it the rate of 256 (S2.3). The dB are Eb/N0, which its paper calls SNR
    (T2.3). `bit_error_rate("16qam", eb_n0_db + 6.02)` is the exact one.
    """
    if points not in (4, 16, 64, 256):
        raise SettingError(f"{points} points are no square constellation of ours: take 4, 16, 64 or 256")
    bits = math.sqrt(points)
    most = 2**bits
    an_axis = (1 - 1 / math.sqrt(most)) * math.erfc(math.sqrt(3 / 2 / (most - 1) * bits * snr(eb_n0_db)))
    return (1 - (1 - an_axis) ** 2) / bits
