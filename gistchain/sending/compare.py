"""Pictures, systems, a channel and its SNRs -> what each system gave back, over the same noise.

Every picture is sent by every system at every SNR with every seed. A system that refuses, because the budget is too
small for it, has no picture there, and what is not there counts as a fidelity of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gistchain.errors import CaptionError, LinkError
from gistchain.types import ChannelName, Conditions, Link, Picture, Pixels, Prepared, Sender, Sent

_RESAMPLED = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One picture, sent once. fidelity: of what was seen, 0 where nothing was. sent: None where it was refused, and
    `refused` says why."""

    picture: Picture
    system: str
    snr_db: float
    seed: int
    fidelity: float
    sent: Sent | None
    refused: str = ""

    @property
    def seen(self) -> Pixels | None:
        return None if self.sent is None else self.sent.picture


@dataclass(frozen=True, slots=True)
class Mean:
    """Of all pictures and seeds of a system at one SNR, with a 95% interval by bootstrap. arrived: share of pictures
    that were seen."""

    system: str
    snr_db: float
    fidelity: float
    low: float
    high: float
    arrived: float
    count: int


def compared(
    pictures: Sequence[Picture],
    senders: Mapping[str, Sender],
    snrs_db: Sequence[float],
    *,
    channel: ChannelName,
    link: Callable[[float], Link],
    budget: int,
    pilots: int = 0,
    seeds: Sequence[int],
    fidelity: Callable[[Pixels, Pixels], float],
) -> Iterator[Compared]:
    """One after the other: all of a picture, then of the next. link: the channel at an SNR. budget: uses of each.

    Raises what preparing a picture raises, but for a system that can't send its caption.
    """
    for number, picture in enumerate(pictures):
        for name, sender in senders.items():
            try:
                prepared = sender.prepare(picture)
            except CaptionError as error:
                for snr_db in snrs_db:
                    yield from (Compared(picture, name, snr_db, seed, 0.0, None, str(error)) for seed in seeds)
                continue
            for snr_db in snrs_db:
                conditions = Conditions(channel, snr_db, budget, pilots)
                for seed in seeds:
                    noise = number, seed
                    yield _one(picture, name, prepared, link(snr_db), conditions, seed, noise, fidelity)


def _one(
    picture: Picture, name: str, prepared: Prepared, link: Link, conditions: Conditions, seed: int,
    noise: tuple[int, ...], fidelity: Callable[[Pixels, Pixels], float],
) -> Compared:  # fmt: skip
    try:
        sent = prepared.send(link, conditions, seed=noise)
    except LinkError as error:
        return Compared(picture, name, conditions.snr_db, seed, 0.0, None, str(error))
    found = 0.0 if sent.picture is None else fidelity(picture.pixels, sent.picture)
    return Compared(picture, name, conditions.snr_db, seed, found, sent)


def means(rows: Sequence[Compared]) -> list[Mean]:
    """In the order in which systems and SNRs first come."""
    groups: dict[tuple[str, float], list[Compared]] = {}
    for row in rows:
        groups.setdefault((row.system, row.snr_db), []).append(row)
    found = []
    for (system, snr_db), group in groups.items():
        values = np.array([row.fidelity for row in group])
        again = np.random.default_rng(0).choice(values, (_RESAMPLED, len(values))).mean(1)
        low, high = np.percentile(again, [2.5, 97.5])
        arrived = sum(row.seen is not None for row in group) / len(group)
        found.append(Mean(system, snr_db, float(values.mean()), float(low), float(high), arrived, len(group)))
    return found
