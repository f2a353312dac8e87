"""Symbols -> what a receiver gets of them: AWGN, Rayleigh fading, and channels side by side. Each is a Link.

    y = h x + n      n: complex Gaussian of variance N0, which follows from the SNR at power 1 *sent*
                     h: 1, or complex Gaussian of variance 1, one for each symbol or one for a whole block

A receiver that knows h gets y / h with noise of variance N0 / |h|^2. One that doesn't sends pilots, which are uses: of
P symbols 1 it takes the mean, and from it the estimate g = mean * P / (P + N0) that is nearest on average. It is off by
a Gaussian of variance v = N0 / (P + N0), so that a symbol of power 1 has noise of variance (N0 + v) / |g|^2. For BPSK
and QPSK that is exact; for QAM it is the mean over the points.
"""

from __future__ import annotations

import bisect
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError, SettingError
from gistchain.link.modem import modulation
from gistchain.link.noise import Seed, gaussian, path
from gistchain.link.snr import check_points, check_power, noise_density
from gistchain.types import ArrivedBits, ArrivedSymbols, ChannelName, Segment, Symbols

CHANNELS: tuple[ChannelName, ...] = get_args(ChannelName)
_NOTHING = 1e30
"""Noise of so large a variance leaves nothing of a symbol, and float32 could not hold what it says."""
Complex = NDArray[np.complex128]


def open_link(channel: str, snr_db: float, *, pilots: int = 0) -> Radio:
    """The Link of this name, one of `CHANNELS`. pilots: of a block's gain, 0 for a receiver that knows it.

    Raises SettingError for another name, an SNR that can't be used, and pilots on a channel that has no blocks.
    """
    if channel not in CHANNELS:
        raise SettingError(f"{channel!r} is no channel: take one of {', '.join(CHANNELS)}")
    if channel == "rayleigh-block":
        return RayleighBlock(snr_db, pilots=pilots)
    if pilots:
        raise SettingError(f"pilots have no use on {channel}: they estimate the gain of a block")
    return Awgn(snr_db) if channel == "awgn" else RayleighFast(snr_db)


def received(values: Complex, gains: Complex | complex, noise_variance: float) -> tuple[Symbols, NDArray[np.float32]]:
    """(values / gains, complex64; variance of each one's noise, float32). A gain of 0 gives 0 and infinity."""
    power = np.broadcast_to(np.abs(gains) ** 2, values.shape)
    with np.errstate(divide="ignore", over="ignore"):
        variance = noise_variance / power
    variance[~(variance < _NOTHING)] = np.inf
    symbols = np.divide(values, gains, out=np.zeros_like(values), where=np.isfinite(variance))
    return symbols.astype(np.complex64), variance.astype(np.float32)


class Radio(ABC):
    """What the channels share: frames of symbols and of bits, both by `_arrived`. Fulfils `Link`."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    def _arrived(self, symbols: Symbols, seed: Seed) -> tuple[Symbols, NDArray[np.float32]]:
        """Equalised symbols and the variance of their noise."""

    def uses(self, symbols: int) -> int:
        return symbols

    def room(self, uses: int) -> int:
        return uses

    def carry(self, symbols: Symbols, *, seed: Seed, points: int = 0) -> ArrivedSymbols:
        if points:
            check_points(symbols[:points])
        if points < symbols.size or not points:
            check_power(symbols[points:])
        return ArrivedSymbols(*self._arrived(symbols, seed), self.uses(symbols.size))

    def carry_bits(self, segments: Sequence[Segment], *, seed: Seed, exact: bool = True) -> ArrivedBits:
        modems = [modulation(segment.modulation) for segment in segments]
        frames = [modem.map(segment.bits) for modem, segment in zip(modems, segments, strict=True)]
        count = sum(frame.size for frame in frames)
        if not count:
            raise LinkError("there is nothing to send: a frame needs at least one symbol")
        symbols, variance = self._arrived(np.concatenate(frames), seed)
        ends = np.cumsum([frame.size for frame in frames])[:-1]
        parts = zip(modems, np.split(symbols, ends), np.split(variance, ends), strict=True)
        return ArrivedBits(tuple(modem.llrs(y, n0, exact=exact) for modem, y, n0 in parts), self.uses(count))


@dataclass(frozen=True)
class Awgn(Radio):
    """White Gaussian noise. gain: of the path, complex and known to the receiver; 0 is a channel that is dead.

    Raises SettingError for an SNR that can't be used, and a gain that is not finite.
    """

    snr_db: float
    gain: complex = 1

    def __post_init__(self) -> None:
        noise_density(self.snr_db)
        if not np.isfinite(self.gain):
            raise SettingError(f"a gain of {self.gain} can't be used: give a finite number")

    @property
    def name(self) -> str:
        return f"AWGN at {self.snr_db:g} dB" + (f" with gain {self.gain:g}" if self.gain != 1 else "")

    def _arrived(self, symbols: Symbols, seed: Seed) -> tuple[Symbols, NDArray[np.float32]]:
        n0 = noise_density(self.snr_db)
        values = self.gain * symbols.astype(np.complex128) + np.sqrt(n0) * gaussian(seed, "noise", symbols.size)
        return received(values, self.gain, n0)


@dataclass(frozen=True)
class RayleighFast(Radio):
    """A gain of its own for each symbol, known to the receiver: nothing could estimate it."""

    snr_db: float

    def __post_init__(self) -> None:
        noise_density(self.snr_db)

    @property
    def name(self) -> str:
        return f"fast Rayleigh fading at {self.snr_db:g} dB"

    def _arrived(self, symbols: Symbols, seed: Seed) -> tuple[Symbols, NDArray[np.float32]]:
        n0, gains = noise_density(self.snr_db), gaussian(seed, "gains", symbols.size)
        values = gains * symbols + np.sqrt(n0) * gaussian(seed, "noise", symbols.size)
        return received(values, gains, n0)


@dataclass(frozen=True)
class RayleighBlock(Radio):
    """A gain that stays for a block of uses, or for a whole frame (`block_uses` None).

    pilots: of these uses, those that carry no data but tell the gain; 0 for a receiver that knows it.
    Raises SettingError for an SNR that can't be used, and for a block without room for data.
    """

    snr_db: float
    block_uses: int | None = None
    pilots: int = 0

    def __post_init__(self) -> None:
        noise_density(self.snr_db)
        if self.pilots < 0 or (self.block_uses is not None and self.block_uses <= self.pilots):
            raise SettingError(f"{self.pilots} pilots in a block of {self.block_uses} uses leave nothing for data")

    @property
    def name(self) -> str:
        known = f", {self.pilots} pilots" if self.pilots else ""
        block = "" if self.block_uses is None else f", {self.block_uses} uses a block"
        return f"Rayleigh block fading at {self.snr_db:g} dB{block}{known}"

    def uses(self, symbols: int) -> int:
        return symbols + self.pilots * self._blocks(symbols)

    def room(self, uses: int) -> int:
        if self.block_uses is None:
            return max(0, uses - self.pilots)
        whole, rest = divmod(uses, self.block_uses)
        return whole * (self.block_uses - self.pilots) + max(0, rest - self.pilots)

    def _blocks(self, symbols: int) -> int:
        return math.ceil(symbols / self._data(symbols))

    def _data(self, symbols: int) -> int:
        """Symbols that a block has room for."""
        return max(1, symbols) if self.block_uses is None else self.block_uses - self.pilots

    def _arrived(self, symbols: Symbols, seed: Seed) -> tuple[Symbols, NDArray[np.float32]]:
        n0, blocks = noise_density(self.snr_db), self._blocks(symbols.size)
        gains = gaussian(seed, "gains", blocks)
        known, error = self._estimated(gains, n0, seed) if self.pilots else (gains, 0.0)
        block = np.arange(symbols.size) // self._data(symbols.size)
        values = gains[block] * symbols + np.sqrt(n0) * gaussian(seed, "noise", symbols.size)
        return received(values, known[block], n0 + error)

    def _estimated(self, gains: Complex, n0: float, seed: Seed) -> tuple[Complex, float]:
        """(what the pilots say the gains are, variance of the error): the least mean square of it."""
        noise = gaussian(seed, "pilots", gains.size * self.pilots).reshape(-1, self.pilots).mean(1)
        return (gains + np.sqrt(n0) * noise) * self.pilots / (self.pilots + n0), n0 / (self.pilots + n0)


@dataclass(frozen=True)
class Parallel(Radio):
    """Channels that don't disturb one another, such as one for each text (S4.1). A frame goes over them in turn.

    Uses of all of them count. Raises SettingError where there is none.
    """

    links: tuple[Radio, ...]

    def __post_init__(self) -> None:
        if not self.links:
            raise SettingError("parallel channels need at least one channel")

    @property
    def name(self) -> str:
        return " | ".join(link.name for link in self.links)

    def uses(self, symbols: int) -> int:
        return sum(link.uses(share) for link, share in zip(self.links, self._shares(symbols), strict=True))

    def room(self, uses: int) -> int:
        # A symbol more is never a use less.
        return bisect.bisect_right(range(1, max(0, uses) + 1), uses, key=self.uses)

    def carry_each(self, frames: Sequence[Sequence[Segment]], *, seed: Seed) -> list[ArrivedBits]:
        """A frame of bits over each channel. Raises LinkError unless there are as many, and as `carry_bits` does."""
        if len(frames) != len(self.links):
            raise LinkError(f"{len(frames)} frames for {len(self.links)} parallel channels: each needs one")
        apart = enumerate(zip(self.links, frames, strict=True))
        return [link.carry_bits(frame, seed=(*path(seed), number)) for number, (link, frame) in apart]

    def _shares(self, symbols: int) -> list[int]:
        count = len(self.links)
        return [len(range(first, symbols, count)) for first in range(count)]

    def _arrived(self, symbols: Symbols, seed: Seed) -> tuple[Symbols, NDArray[np.float32]]:
        count = len(self.links)
        arrived, variance = np.empty(symbols.size, np.complex64), np.empty(symbols.size, np.float32)
        for number, link in enumerate(self.links):
            share = slice(number, None, count)
            arrived[share], variance[share] = link._arrived(symbols[share], (*path(seed), number))
        return arrived, variance
