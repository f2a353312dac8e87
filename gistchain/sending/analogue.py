"""Caption in a polar code, latent as analogue symbols: noise on the channel is noise on the latent (S2.2).

caption ─ packet ─ code ─> first block ─┐                        ┌─> caption
                                        ├─ one frame over a Link ┤
latent ─ numbers, two a symbol ─────────┘                        └─> numbers and their noise ─ painter ─> picture
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gistchain.gist.packet import is_whole, pack, unpack
from gistchain.gist.painted import BASE_SEED
from gistchain.link.blockcode import modulation_of
from gistchain.link.frame import LEAST_ROOM, Block, first_bytes, sent, start_uses, uses_of
from gistchain.link.numbers import ArrivedNumbers, Numbers
from gistchain.link.snr import noise_density
from gistchain.sending.plan import Air, believed_db, too_small
from gistchain.types import Conditions, Described, Gist, Link, NumberPainter, Picture, Pixels, PlannedBlock, Sent

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
class PreparedNumbers:
    """Fulfils Prepared."""

    sender: AnalogueLatent
    picture: Picture
    words: Gist

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        room, snr_db = link.room(conditions.budget), believed_db(conditions)
        packet = pack(self.words)
        size = first_bytes(len(packet), [], numbers=True)
        share = self._share(Air(conditions.channel, snr_db, room), size)
        first = uses_of(share, room - start_uses(room), first=True)
        left = room - start_uses(room) - first
        mark = self._mark(left, snr_db)
        numbers = Numbers(self._numbers(left, mark), mark)
        came = sent(
            link, [Block(packet, 0, share)], room=room, first_whole=is_whole, whole=lambda first, layer: False,
            seed=seed, rounds=rounds, numbers=numbers,
        )  # fmt: skip
        gist = unpack(came.blocks[0][1] or b"") if came.blocks else None
        blocks = (
            PlannedBlock("caption", size, first, modulation_of(8 * size, first), None),
            PlannedBlock("latent", 0, left, None, None),
        )
        return Sent(
            picture=None if gist is None else self._seen(gist, came.numbers),
            caption="" if gist is None else gist.caption,
            certain=False,
            gist=gist,
            lost=() if gist is not None else ("caption", "latent"),
            uses=came.uses,
            rounds=came.rounds,
            start_uses=start_uses(room),
            blocks=blocks,
            expected=None,
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

    def _mark(self, left: int, snr_db: float) -> int:
        """By which power of two the latent is smaller than its room: what gives back most in the sender's own trial."""
        best, found = -1.0, 0
        random = np.random.RandomState(0)
        counts = set[int]()
        for mark in range(_MARKS):
            count = self.sender.painter.count(self.words, 2 * left >> mark)
            if not count or count in counts:
                continue
            counts.add(count)
            values = self._numbers(left, mark)
            sigma = float(np.sqrt(np.mean(values**2) * noise_density(snr_db) * count / (2 * left)))
            noisy = values + np.float32(sigma) * random.standard_normal(count).astype(np.float32)
            back = self._painted(noisy, sigma, self.words)
            reached = self.sender.fidelity(self.picture.pixels, back)
            if reached > best:
                best, found = reached, mark
        return found

    def _seen(self, gist: Gist, numbers: ArrivedNumbers | None) -> Pixels | None:
        if numbers is None or not np.isfinite(numbers.variance).any():
            return self.sender.rebuild(gist)
        count = self.sender.painter.count(gist, numbers.values.size >> numbers.mark)
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
