"""Pictures, systems, a channel and its SNRs -> what each system gave back, over the same noise.

Every picture is sent by every system with every seed, at every SNR in one budget, and at one SNR in several. A system
that refuses, because the budget is too small for it, has no picture there, and what is not there counts as a fidelity
of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gistchain.errors import CaptionError, LinkError, RebuildError, SettingError
from gistchain.types import ChannelName, Conditions, Link, Picture, Pixels, Prepared, Sender, Sent

_RESAMPLED = 1000
Fidelity = Callable[[Pixels, Pixels], float]
OpenLink = Callable[[float], Link]
"""SNR in dB -> the channel."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all systems are given. snrs_db: of the channel, each with `budget` uses. budgets: further ones, at the SNR
    `at_db` alone. seeds: how often each picture is sent, with other noise."""

    channel: ChannelName
    snrs_db: tuple[float, ...]
    budget: int
    at_db: float
    budgets: tuple[int, ...] = ()
    seeds: int = 1
    pilots: int = 0

    @property
    def points(self) -> list[tuple[float, int]]:
        """SNR and budget of all that is sent, each pair once."""
        return list(dict.fromkeys([(snr_db, self.budget) for snr_db in self.snrs_db] + self.curve))

    @property
    def curve(self) -> list[tuple[float, int]]:
        """Those of quality against uses, from the smallest budget on; none without further budgets."""
        budgets = sorted({self.budget, *self.budgets}) if self.budgets else []
        return [(self.at_db, budget) for budget in budgets]

    def conditions(self, snr_db: float, budget: int | None = None) -> Conditions:
        return Conditions(self.channel, snr_db, budget or self.budget, self.pilots)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One picture, sent once. fidelity: of what was seen, 0 where nothing was. sent: None where it was refused, and
    `refused` says why."""

    picture: Picture
    system: str
    snr_db: float
    budget: int
    seed: int
    fidelity: float
    sent: Sent | None
    refused: str = ""

    @property
    def seen(self) -> Pixels | None:
        return None if self.sent is None else self.sent.picture


@dataclass(frozen=True, slots=True)
class Mean:
    """Of all pictures and seeds of a system at one SNR in one budget.

    low, high: 95% interval by bootstrap over pictures, or over the seeds of a single one. uses: of what was sent,
    None where all were refused. arrived: share of pictures that were seen.
    """

    system: str
    snr_db: float
    budget: int
    uses: float | None
    fidelity: float
    low: float
    high: float
    arrived: float
    count: int


def compared(
    pictures: Sequence[Picture],
    senders: Mapping[str, Sender],
    terms: Terms,
    *,
    link: OpenLink,
    fidelity: Fidelity,
    ready: Mapping[str, Prepared] | None = None,
) -> Iterator[Compared]:
    """One after the other: all of a picture, then of the next. ready: systems that have prepared the first picture.

    Raises what preparing a picture raises, but for a system that can't send its caption or so small a picture.
    """
    for number, picture in enumerate(pictures):
        for name, sender in senders.items():
            try:
                prepared = ready[name] if not number and ready and name in ready else sender.prepare(picture)
            except (CaptionError, SettingError) as error:
                yield from (
                    Compared(picture, name, snr_db, budget, seed, 0.0, None, str(error))
                    for snr_db, budget in terms.points
                    for seed in range(terms.seeds)
                )
                continue
            for snr_db, budget in terms.points:
                for seed in range(terms.seeds):
                    found, sent, refused = once(
                        picture, prepared, link(snr_db), terms.conditions(snr_db, budget), (number, seed), fidelity
                    )
                    yield Compared(picture, name, snr_db, budget, seed, found, sent, refused)


def once(
    picture: Picture, prepared: Prepared, link: Link, conditions: Conditions, noise: tuple[int, ...], fidelity: Fidelity
) -> tuple[float, Sent | None, str]:
    """(fidelity, what was sent, why it was refused, by the sender or by the painter of what arrived)."""
    try:
        sent = prepared.send(link, conditions, seed=noise)
    except (LinkError, RebuildError) as error:
        return 0.0, None, str(error)
    return (0.0 if sent.picture is None else fidelity(picture.pixels, sent.picture)), sent, ""


def means(rows: Sequence[Compared]) -> list[Mean]:
    """In the order in which systems, SNRs and budgets first come."""
    groups: dict[tuple[str, float, int], list[Compared]] = {}
    for row in rows:
        groups.setdefault((row.system, row.snr_db, row.budget), []).append(row)
    found = []
    for (system, snr_db, budget), group in groups.items():
        each: dict[int, list[float]] = {}
        for row in group:
            each.setdefault(id(row.picture), []).append(row.fidelity)
        values = np.array([np.mean(own) for own in each.values()] if len(each) > 1 else next(iter(each.values())))
        again = np.random.default_rng(0).choice(values, (_RESAMPLED, len(values))).mean(1)
        low, high = (float(edge) for edge in np.percentile(again, [2.5, 97.5]))
        uses = [row.sent.uses for row in group if row.sent is not None]
        taken = sum(uses) / len(uses) if uses else None
        arrived = sum(row.seen is not None for row in group) / len(group)
        found.append(Mean(system, snr_db, budget, taken, float(values.mean()), low, high, arrived, len(group)))
    return found
