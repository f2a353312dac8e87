"""Caption in a polar code, latent as analogue symbols: noise on the channel is noise on the latent (S2.2).

caption ─ packet ─ code ─> first block ─┐                        ┌─> caption
                                        ├─ one frame over a Link ┤
latent ─ numbers, two a symbol ─────────┘                        └─> numbers and their noise ─ painter ─> picture
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RebuildError
from gistchain.gist.packet import is_whole, pack, unpack
from gistchain.gist.painted import BASE_SEED
from gistchain.link.blockcode import modulation_of
from gistchain.link.channel import open_link
from gistchain.link.frame import LEAST_ROOM, Block, first_bytes, start_uses, uses_of
from gistchain.link.frame import sent as carried
from gistchain.link.numbers import ArrivedAnalogue, Numbers, as_symbols, as_values
from gistchain.link.predict import arrival_rates, error_rate
from gistchain.sending.plan import believed_db
from gistchain.sending.room import WORDS_WORTH, Air, too_small
from gistchain.types import (
    AnaloguePainter,
    ChannelName,
    Conditions,
    Described,
    Gist,
    Link,
    Picture,
    Pixels,
    PlannedBlock,
    Sent,
)

_GAINS = 0.18, 0.69, 1.79
"""Powers of a Rayleigh gain that a sixth, a half and five sixths of all gains stay below."""
_TRIAL = 1 << 20
"""A seed of noise that is the sender's own."""
_LEAST_ARRIVALS = 0.01
_WORSE = 0.01
_LEAST_VARIANCE = 1e-12
_MOST_HALVINGS = 4
"""Latents that are tried: as large as there is room, half, a quarter, an eighth; smaller ones are sent more often."""


@dataclass(frozen=True, slots=True)
class AnalogueLatent:
    """describe: a picture in words. painter: makes numbers of pictures, and pictures of numbers that arrived.

    rebuild: the picture of a gist, where no numbers arrived. fidelity: by which the size of the latent is chosen.
    strength: as in AnaloguePainter.from_numbers; None starts where the channel's noise is.
    """

    describe: Callable[[Picture], Described]
    painter: AnaloguePainter
    rebuild: Callable[[Gist], Pixels | None]
    fidelity: Callable[[Pixels, Pixels], float]
    strength: float | None = None

    def prepare(self, picture: Picture) -> PreparedAnalogue:
        return PreparedAnalogue(self, picture, replace(self.describe(picture).gist, latent=None))


@dataclass(frozen=True, slots=True, eq=False)
class AnaloguePlan:
    """share: of the caption. halvings: the power of two by which the latent is smaller than its room of `left` uses.
    blocks: caption and values. fidelity: in the sender's own trial. expected: the same, lost captions considered."""

    prepared: PreparedAnalogue
    share: int
    halvings: int
    left: int
    room: int
    start_uses: int
    blocks: tuple[PlannedBlock, ...]
    fidelity: float
    expected: float

    @property
    def worth(self) -> float:
        """By which it is compared with plans of blocks: it always has words."""
        return self.expected + WORDS_WORTH


@dataclass(slots=True, eq=False)
class PreparedAnalogue:
    """Fulfils Prepared. What was tried for one room and SNR is kept."""

    sender: AnalogueLatent
    picture: Picture
    words: Gist
    _tried: dict[tuple[str, float, int], tuple[int, float]] = field(default_factory=dict)

    def plan(self, link: Link, conditions: Conditions) -> AnaloguePlan:
        """Raises LinkError where caption and latent do not fit."""
        channel = conditions.channel
        air = Air(channel, believed_db(conditions), link.room(conditions.budget))
        size = first_bytes(len(pack(self.words)), [], numbers=True)
        share = self._share(air, size)
        first = uses_of(share, air.free, first=True)
        left = air.free - first
        lost = error_rate(8 * size, first, air.channel, air.snr_db)
        arrives = arrival_rates([air.start_error, lost], air.channel)[-1]
        halvings, fidelity = self._halvings(channel, air.snr_db, left, arrives)
        blocks = (
            PlannedBlock("caption", size, first, modulation_of(8 * size, first), lost),
            PlannedBlock("latent", 0, left, None, None),
        )
        return AnaloguePlan(
            self, share, halvings, left, air.room, start_uses(air.room), blocks, fidelity, fidelity * arrives
        )

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        return self.sent(self.plan(link, conditions), link, seed=seed, rounds=rounds)

    def sent(self, plan: AnaloguePlan, link: Link, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        """What comes of a plan."""
        came = carried(
            link, [Block(pack(self.words), 0, plan.share)], room=plan.room, first_whole=is_whole,
            whole=lambda first, layer: False, seed=seed, rounds=rounds,
            numbers=Numbers(self._values(plan.left, plan.halvings), plan.halvings),
        )  # fmt: skip
        gist = unpack(came.blocks[0][1] or b"") if came.blocks else None
        return Sent(
            picture=None if gist is None else self._shown(gist, came.numbers),
            caption="" if gist is None else gist.caption,
            certain=False,
            gist=gist,
            lost=() if gist is not None else ("caption", "latent"),
            uses=came.uses,
            rounds=came.rounds,
            start_uses=plan.start_uses,
            blocks=plan.blocks,
            expected=plan.expected,
        )

    def _share(self, air: Air, size: int) -> int:
        """Of the caption: the fewest uses that lose it no oftener than a caption should be. Raises LinkError."""

        def found(air: Air) -> int | None:
            share = air.first_share(size) if air.room >= LEAST_ROOM else None
            left = 0 if share is None else air.free - uses_of(share, air.free, first=True)
            return share if left and self.sender.painter.count(self.words, 2 * left) else None

        share = found(air)
        if share is None:
            raise too_small(
                self.picture.name, air, "a caption and a latent", lambda air: found(air) is not None, "as planned"
            )
        return share

    def _values(self, left: int, halvings: int) -> NDArray[np.float32]:
        painter = self.sender.painter
        return painter.numbers(self.picture.pixels, self.words, painter.count(self.words, 2 * left >> halvings))

    def _halvings(self, channel: ChannelName, snr_db: float, left: int, arrives: float) -> tuple[int, float]:
        """(by which power of two the latent is smaller than its room, fidelity): the best of the sender's trials."""
        key = channel, snr_db, left
        if key not in self._tried:
            best, counts = (0, -1.0), set[int]()
            for halvings in range(_MOST_HALVINGS):
                count = self.sender.painter.count(self.words, 2 * left >> halvings)
                if not count or count in counts:
                    continue
                counts.add(count)
                reached = self._trial(left, halvings, _trials(channel, snr_db, arrives))
                if reached < best[1] - _WORSE:
                    break
                best = max(best, (halvings, reached), key=lambda tried: tried[1])
            self._tried[key] = best
        return self._tried[key]

    def _trial(self, left: int, halvings: int, links: Sequence[Link]) -> float:
        """Mean fidelity of the latent that comes over these links."""
        sent, reached = self._values(left, halvings), []
        symbols, scale = as_symbols(sent, left)
        for number, link in enumerate(links):
            came = link.carry(symbols, seed=(_TRIAL, number))
            arrived = as_values(came.symbols, came.noise_variance.astype(np.float64), scale, halvings)
            back = self._painted(*evened(*combined(arrived, sent.size)), self.words)
            reached.append(self.sender.fidelity(self.picture.pixels, back))
        return float(np.mean(reached))

    def _shown(self, gist: Gist, numbers: ArrivedAnalogue | None) -> Pixels | None:
        """None where another caption arrived than was sent, and no painter can paint that."""
        try:
            return self._seen(gist, numbers)
        except RebuildError:
            if gist == self.words:
                raise
            return None

    def _seen(self, gist: Gist, numbers: ArrivedAnalogue | None) -> Pixels | None:
        if numbers is None or not np.isfinite(numbers.variance).any():
            return self.sender.rebuild(gist)
        count = self.sender.painter.count(gist, numbers.values.size >> numbers.halvings)
        if not count:  # a halvings that was read wrong
            return self.sender.rebuild(gist)
        values, noise = evened(*combined(numbers, count))
        return self._painted(values, noise, gist)

    def _painted(self, values: NDArray[np.float32], noise: float, gist: Gist) -> Pixels:
        return self.sender.painter.from_numbers(values, noise, gist, BASE_SEED, self.sender.strength)


def _trials(channel: ChannelName, snr_db: float, arrives: float) -> list[Link]:
    """Channels that the latent may meet. arrives: how often the caption does; where one gain hits a whole frame, only
    gains with which it arrives matter."""
    if channel != "rayleigh-block":
        return [open_link(channel, snr_db)]
    least = -math.log(max(arrives, _LEAST_ARRIVALS))
    return [open_link("awgn", snr_db + 10 * math.log10(least + gain)) for gain in _GAINS]


def combined(arrived: ArrivedAnalogue, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(f8[count]: each value from all of its copies, by how little noise each has; the variance of what is left on it).

    A value that nothing arrived of is 0, and its variance infinite.
    """
    place = np.arange(arrived.values.size) % count
    weight = 1 / np.maximum(arrived.variance.astype(np.float64), _LEAST_VARIANCE)
    total = np.bincount(place, weight, count)
    seen = total > 0
    values = np.divide(np.bincount(place, weight * arrived.values, count), total, out=np.zeros(count), where=seen)
    return values, np.divide(1, total, out=np.full(count, np.inf), where=seen)


def evened(values: NDArray[np.float64], variance: NDArray[np.float64]) -> tuple[NDArray[np.float32], float]:
    """(the values for a painter that takes one deviation for all of them, that deviation).

    A value with more noise than half of them is drawn towards 0 by as much as makes its error least. Infinite where
    nothing arrived at all.
    """
    seen = np.isfinite(variance)
    if not seen.any():
        return values.astype(np.float32), np.inf
    usual = float(np.median(variance[seen]))
    power = max(float(np.mean(values[variance <= usual] ** 2)) - usual, usual / 10)
    kept = np.minimum(1, (power + usual) / (power + variance))
    left = np.where(seen, (1 - kept) ** 2 * power + kept**2 * np.where(seen, variance, 0), power)
    return (kept * values).astype(np.float32), float(np.sqrt(left.mean()))
