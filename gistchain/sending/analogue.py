"""Caption in a polar code, latent as analogue symbols: noise on the channel is noise on the latent (S2.2).

caption ─ packet ─ code ─> first block ─┐                        ┌─> caption
                                        ├─ one frame over a Link ┤
latent ─ numbers, two a symbol ─────────┘                        └─> numbers and their noise ─ painter ─> picture
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gistchain.gist.packet import is_whole, pack, unpack
from gistchain.gist.painted import BASE_SEED
from gistchain.link.blockcode import modulation_of
from gistchain.link.frame import LEAST_ROOM, Block, first_bytes, start_uses, uses_of
from gistchain.link.frame import sent as carried
from gistchain.link.numbers import ArrivedNumbers, Numbers
from gistchain.link.predict import arrival_rates, error_rate
from gistchain.link.snr import noise_density
from gistchain.sending.plan import Air, believed_db, too_small
from gistchain.types import Conditions, Described, Gist, Link, NumberPainter, Picture, Pixels, PlannedBlock, Sent

_SEEN_DB = {"awgn": (0.0,), "rayleigh-fast": (-2.5,), "rayleigh-block": (-7.4, -1.6, 2.5)}
"""dB from the mean at which a latent is tried: the mean of ln |h|^2 where each symbol has a gain of its own; a sixth, a
half and five sixths of the gains where a frame has one."""
_WORSE = 0.01
_MARKS = 4
"""Latents that are tried: as large as there is room, half, a quarter, an eighth; smaller ones are sent more often."""


@dataclass(frozen=True, slots=True)
class AnalogueLatent:
    """describe: a picture in words. painter: makes numbers of pictures, and pictures of numbers that arrived.

    rebuild: the picture of a gist, where no numbers arrived. fidelity: by which the size of the latent is chosen.
    strength: as in NumberPainter.from_numbers; None starts where the channel's noise is.
    """

    describe: Callable[[Picture], Described]
    painter: NumberPainter
    rebuild: Callable[[Gist], Pixels | None]
    fidelity: Callable[[Pixels, Pixels], float]
    strength: float | None = None

    def prepare(self, picture: Picture) -> PreparedNumbers:
        return PreparedNumbers(self, picture, replace(self.describe(picture).gist, latent=None))


@dataclass(frozen=True, slots=True, eq=False)
class NumbersPlan:
    """share: of the caption. mark: by which power of two the latent is smaller than its room of `left` uses. blocks:
    caption and numbers. fidelity: in the sender's own trial. expected: the same, lost captions considered."""

    prepared: PreparedNumbers
    share: int
    mark: int
    left: int
    room: int
    start_uses: int
    blocks: tuple[PlannedBlock, ...]
    fidelity: float
    expected: float


@dataclass(slots=True, eq=False)
class PreparedNumbers:
    """Fulfils Prepared. What was tried for one room and SNR is kept."""

    sender: AnalogueLatent
    picture: Picture
    words: Gist
    _tried: dict[tuple[str, float, int], tuple[int, float]] = field(default_factory=dict)

    def plan(self, link: Link, conditions: Conditions) -> NumbersPlan:
        """Raises LinkError where caption and latent do not fit."""
        air = Air(conditions.channel, believed_db(conditions), link.room(conditions.budget))
        size = first_bytes(len(pack(self.words)), [], numbers=True)
        share = self._share(air, size)
        first = uses_of(share, air.free, first=True)
        left = air.free - first
        mark, fidelity = self._mark(air.channel, air.snr_db, left)
        lost = error_rate(8 * size, first, air.channel, air.snr_db)
        arrives = arrival_rates([air.start_error, lost], air.channel)[-1]
        blocks = (
            PlannedBlock("caption", size, first, modulation_of(8 * size, first), lost),
            PlannedBlock("latent", 0, left, None, None),
        )
        return NumbersPlan(
            self, share, mark, left, air.room, start_uses(air.room), blocks, fidelity, fidelity * arrives
        )

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        return self.sent(self.plan(link, conditions), link, seed=seed, rounds=rounds)

    def sent(self, plan: NumbersPlan, link: Link, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        """What comes of a plan."""
        came = carried(
            link, [Block(pack(self.words), 0, plan.share)], room=plan.room, first_whole=is_whole,
            whole=lambda first, layer: False, seed=seed, rounds=rounds,
            numbers=Numbers(self._numbers(plan.left, plan.mark), plan.mark),
        )  # fmt: skip
        gist = unpack(came.blocks[0][1] or b"") if came.blocks else None
        return Sent(
            picture=None if gist is None else self._seen(gist, came.numbers),
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
            raise too_small(self.picture.name, air, "a caption and a latent", lambda air: found(air) is not None)
        return share

    def _numbers(self, left: int, mark: int) -> NDArray[np.float32]:
        painter = self.sender.painter
        return painter.numbers(self.picture.pixels, self.words, painter.count(self.words, 2 * left >> mark))

    def _mark(self, channel: str, snr_db: float, left: int) -> tuple[int, float]:
        """(by which power of two the latent is smaller than its room, fidelity): the best of the sender's trials."""
        key = channel, snr_db, left
        if key not in self._tried:
            best, counts = (0, -1.0), set[int]()
            for mark in range(_MARKS):
                count = self.sender.painter.count(self.words, 2 * left >> mark)
                if not count or count in counts:
                    continue
                counts.add(count)
                reached = self._trial(left, mark, [snr_db + more for more in _SEEN_DB[channel]])
                if reached < best[1] - _WORSE:
                    break
                best = max(best, (mark, reached), key=lambda tried: tried[1])
            self._tried[key] = best
        return self._tried[key]

    def _trial(self, left: int, mark: int, snrs_db: Sequence[float]) -> float:
        """Mean fidelity of the latent with noise of these SNRs on it."""
        values, random, reached = self._numbers(left, mark), np.random.RandomState(0), []
        for snr_db in snrs_db:
            sigma = float(np.sqrt(np.mean(values**2) * noise_density(snr_db) * values.size / (2 * left)))
            noisy = values + np.float32(sigma) * random.standard_normal(values.size).astype(np.float32)
            reached.append(self.sender.fidelity(self.picture.pixels, self._painted(noisy, sigma, self.words)))
        return float(np.mean(reached))

    def _seen(self, gist: Gist, numbers: ArrivedNumbers | None) -> Pixels | None:
        if numbers is None or not np.isfinite(numbers.variance).any():
            return self.sender.rebuild(gist)
        count = self.sender.painter.count(gist, numbers.values.size >> numbers.mark)
        if not count:  # a mark that was read wrong
            return self.sender.rebuild(gist)
        values, noise = combined(numbers, count)
        return self._painted(values, noise, gist)

    def _painted(self, values: NDArray[np.float32], noise: float, gist: Gist) -> Pixels:
        return self.sender.painter.from_numbers(values, noise, gist, BASE_SEED, self.sender.strength)


def combined(numbers: ArrivedNumbers, count: int) -> tuple[NDArray[np.float32], float]:
    """(f4[count]: each number from all of its copies, by how little noise each has; the deviation that is left).

    The deviation is that of all numbers together; a number that nothing arrived of is 0.
    """
    place = np.arange(numbers.values.size) % count
    weight = 1 / numbers.variance.astype(np.float64)
    total = np.bincount(place, weight, count)
    sums = np.bincount(place, weight * numbers.values, count)
    seen = total > 0
    values = np.divide(sums, total, out=np.zeros(count), where=seen)
    noise = float(np.sqrt(np.mean(1 / total[seen]))) if seen.any() else np.inf
    return values.astype(np.float32), noise
