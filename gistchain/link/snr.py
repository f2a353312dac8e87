"""What a signal-to-noise ratio and a channel use mean here: every figure of the link is in these units.

use     one complex symbol. Pilots, checks, headers, padding and what is sent again are uses like any other.
power   the mean of |symbol|^2 is 1: over the points of a constellation, or over each frame of analogue symbols.
SNR     `snr_db` is Es/N0 in dB: power sent in a symbol over the variance N0 of its complex noise. A fading channel
        weakens the symbol and not the noise, so that `snr_db` is the mean ratio at the receiver.
Eb/N0   Es/N0 divided by the information bits that a symbol carries, and only ever under its own name, because the
        same number of dB is another channel: 10 dB for 16-QAM is 6 dB more as Eb/N0, where 1 bit in 570 is wrong
        instead of 1 in 17 (T2.3).
LLR     log P(bit = 0) / P(bit = 1): positive for a 0.
CBR     channel bandwidth ratio, uses / (3 x width x height).
"""

from __future__ import annotations

import math

import numpy as np

from gistchain.errors import LinkError, SettingError
from gistchain.types import Symbols

LIMIT_DB = 100
"""Farther from 0 dB there is no radio, and float32 holds no noise."""
_POWER_TOLERANCE = 1e-3
_STRONGEST_POINT = 2.65
"""A corner of 256-QAM has 45/17."""


def noise_density(snr_db: float) -> float:
    """N0, the variance of the complex noise on symbols of power 1; half of it is on each axis.

    Raises SettingError unless `snr_db` (Es/N0) is a number from -100 to 100.
    """
    if not math.isfinite(snr_db) or abs(snr_db) > LIMIT_DB:
        raise SettingError(f"an SNR of {snr_db} dB can't be used: give a number from {-LIMIT_DB} to {LIMIT_DB}")
    return float(10.0 ** (-snr_db / 10))


def snr(snr_db: float) -> float:
    """Es/N0 as a ratio. Raises SettingError as `noise_density` does."""
    return 1 / noise_density(snr_db)


def eb_n0_db(snr_db: float, bits_per_use: float) -> float:
    """Eb/N0 in dB of this Es/N0. bits_per_use: information bits, as in 4 x 1/2 for 16-QAM at code rate 1/2.

    Raises SettingError for an SNR that can't be used, and unless bits_per_use is a number above 0.
    """
    noise_density(snr_db)
    return snr_db - _in_db(bits_per_use)


def es_n0_db(eb_n0_db: float, bits_per_use: float) -> float:
    """Es/N0 in dB of this Eb/N0; the way back from `eb_n0_db`, with its errors."""
    snr_db = eb_n0_db + _in_db(bits_per_use)
    noise_density(snr_db)
    return snr_db


def _in_db(bits_per_use: float) -> float:
    if not 0 < bits_per_use < math.inf:
        raise SettingError(f"{bits_per_use} information bits a use can't be: give a number above 0")
    return 10 * math.log10(bits_per_use)


def bandwidth_ratio(uses: int, size: tuple[int, int]) -> float:
    """CBR: uses for each number of an RGB image. size: (width, height)."""
    return uses / (3 * size[0] * size[1])


def power(symbols: Symbols) -> float:
    """The mean of |symbol|^2. Raises LinkError for no symbol at all, and for one that is not finite."""
    mean = float(np.mean(np.abs(np.asarray(symbols, np.complex128)) ** 2)) if symbols.size else math.nan
    if not math.isfinite(mean):
        raise LinkError("a frame needs at least one symbol, and finite ones only")
    return mean


def normalised(symbols: Symbols) -> tuple[Symbols, float]:
    """(the frame at mean power 1, what the receiver multiplies by to undo it). Raises LinkError for one of zeros."""
    scale = math.sqrt(power(symbols))
    if not scale:
        raise LinkError("a frame of zeros has no power: nothing of it would arrive")
    return (np.asarray(symbols, np.complex128) / scale).astype(np.complex64), scale


def check_power(symbols: Symbols) -> None:
    """Raises LinkError unless the frame has mean power 1: more would be another SNR than the one that is stated."""
    mean = power(symbols)
    if abs(mean - 1) > _POWER_TOLERANCE:
        raise LinkError(f"the frame has mean power {mean:.4g}, where 1 is allowed: send snr.normalised(symbols)")


def check_points(symbols: Symbols) -> None:
    """Raises LinkError unless these can be points of constellations of mean power 1, none stronger than any of them."""
    power(symbols)
    if (strongest := float(np.abs(symbols).max() ** 2)) > _STRONGEST_POINT:
        raise LinkError(
            f"a symbol has power {strongest:.4g}: no point of a constellation has more than {_STRONGEST_POINT}"
        )
