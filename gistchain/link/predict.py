"""Bits, uses, channel -> how often such a block is lost; uses and an error rate -> how many bytes they carry.

The bound of bounds.py, moved by what the codes here were measured to need more than it (gaps.py). Block fading: the
block is lost where the fading leaves less SNR than it needs. Fast fading: mean and variance of what a use tells, over
all gains.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from gistchain.errors import LinkError, SettingError
from gistchain.link.blockcode import MOST_BITS_PER_USE, BlockCode
from gistchain.link.bounds import Information, information, outage_below, q
from gistchain.link.channel import CHANNELS
from gistchain.link.frame import START_BITS, start_uses
from gistchain.link.gaps import gap_db
from gistchain.link.snr import noise_density
from gistchain.types import ModulationName

_START_GAP_DB = -0.6
"""Of the start word, of which the four likeliest are tried (`python -m benchmarks.link_predict --only start`)."""
_FAST_GAP_DB = 0.3
"""What a code needs more where each use has a gain of its own: from 0 (64 bits) to .4 (16-QAM), on ten blocks."""
_GRID_DB, _GRID_STEPS = 60, 2
"""What a use tells is worked out every half dB."""
_LEAST = 1e-12
_GAINS = 12
"""Points of Gauss-Laguerre's sum over the power of a Rayleigh gain."""


def error_rate(bits: int, uses: int, channel: str, snr_db: float) -> float:
    """How often a block of so many bits in so many uses is lost. channel: one of CHANNELS; snr_db: mean Es/N0.

    Raises LinkError for bits that don't fit, SettingError for another channel.
    """
    if channel not in CHANNELS:
        raise SettingError(f"{channel!r} is no channel: take one of {', '.join(CHANNELS)}")
    return _beyond(bits, uses, channel, snr_db, gap_db(bits, uses))


def start_error_rate(room: int, channel: str, snr_db: float) -> float:
    """How often the start word of a frame is lost, and with it all of the frame."""
    return _beyond(START_BITS, start_uses(room), channel, snr_db, _START_GAP_DB)


def _beyond(bits: int, uses: int, channel: str, snr_db: float, gap: float) -> float:
    """The error rate of a code that needs so many dB more than the normal approximation."""
    noise_density(snr_db)  # what can't be used is refused
    if channel == "rayleigh-block":
        return outage_below(snr_db, _needed_db(bits, uses, gap))
    code = BlockCode(bits, uses)
    segments = code.segments
    if channel == "awgn":
        told = _told(snr_db - gap, code.modulation)
    else:
        told = _told_fading(snr_db - gap - _FAST_GAP_DB, code.modulation)
    left = uses / segments * told.capacity + math.log2(max(2, uses / segments)) / 2 - bits / segments
    return 1 - (1 - q(left / math.sqrt(max(uses / segments * told.dispersion, _LEAST)))) ** segments


def arrival_rates(error_rates: Sequence[float], channel: str) -> list[float]:
    """How often the first block arrives, the first two, and so on. error_rates: of each, in the order of importance.

    A block of fading hits all of a frame: where the surest block is lost, so are the others.
    """
    if channel == "rayleigh-block":
        return [1 - most for most in accumulate(error_rates, max)]
    return list(accumulate((1 - rate for rate in error_rates), operator.mul))


def clear_db(snr_db: float, pilots: int) -> float:
    """The SNR that a receiver has who estimates the gain from so many pilots: what it is off by is noise, too."""
    if not pilots:
        return snr_db
    n0 = noise_density(snr_db)
    return snr_db - 10 * math.log10(1 + 1 / (pilots + n0))


def bytes_for(uses: int, rate: float, channel: str, snr_db: float) -> int:
    """The most bytes that a block of so many uses loses no oftener than `rate`; 0 for none."""
    least, most = 0, int(uses * MOST_BITS_PER_USE) // 8
    while least < most:
        middle = (least + most + 1) // 2
        if error_rate(8 * middle, uses, channel, snr_db) <= rate:
            least = middle
        else:
            most = middle - 1
    return least


def uses_for(bits: int, rate: float, channel: str, snr_db: float, most: int) -> int | None:
    """The fewest uses in which a block of so many bits is lost no oftener than `rate`; None for more than `most`."""
    least, found = math.ceil(bits / MOST_BITS_PER_USE), None
    while least <= most:
        middle = (least + most) // 2
        try:
            enough = error_rate(bits, middle, channel, snr_db) <= rate
        except LinkError:
            enough = False
        if enough:
            found, most = middle, middle - 1
        else:
            least = middle + 1
    return found


@functools.lru_cache(4096)
def _needed_db(bits: int, uses: int, gap: float) -> float:
    """The SNR at which half of such blocks are lost on AWGN."""
    low, high = -30.0, 60.0
    for _ in range(24):
        middle = (low + high) / 2
        if _beyond(bits, uses, "awgn", middle, gap) > 0.5:
            low = middle
        else:
            high = middle
    return high


def _told(snr_db: float, modulation: ModulationName) -> Information:
    """What a use tells over AWGN, between two points of a grid."""
    place = min(max(snr_db, -_GRID_DB), _GRID_DB) * _GRID_STEPS
    below = math.floor(place)
    share = place - below
    near = zip(_on_grid(below, modulation), _on_grid(below + 1, modulation), strict=True)
    return Information(*(low + share * (high - low) for low, high in near))


@functools.cache
def _on_grid(step: int, modulation: ModulationName) -> Information:
    return information(step / _GRID_STEPS, modulation)


@functools.lru_cache(4096)
def _told_fading(snr_db: float, modulation: ModulationName) -> Information:
    """The same where each use has a gain of its own: mean, and variance of all."""
    nodes, weights = np.polynomial.laguerre.laggauss(_GAINS)
    told = [_told(snr_db + 10 * math.log10(node), modulation) for node in nodes]
    mean = float(sum(weight * one.capacity for weight, one in zip(weights, told, strict=True)))
    apart = (one.dispersion + (one.capacity - mean) ** 2 for one in told)
    return Information(mean, float(sum(weight * one for weight, one in zip(weights, apart, strict=True))))
