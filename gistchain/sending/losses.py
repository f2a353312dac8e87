"""A plan and a link -> how many of its blocks are lost, beside what was predicted and what any code must lose.

The frame of the plan is carried again and again, as `send` carries it, with other noise each time; no picture is made
of it. A block can't be read where the start word or the first block is lost, and then it counts as lost, too, in what
was predicted and in the bound as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from gistchain.errors import LinkError
from gistchain.link import bounds
from gistchain.link.frame import START_BITS
from gistchain.link.predict import arrival_rates, start_error_rate
from gistchain.sending.adaptive import PreparedGist
from gistchain.sending.air import over
from gistchain.sending.compare import OpenLink, Terms
from gistchain.sending.plan import believed_db
from gistchain.sending.room import Plan
from gistchain.types import Conditions, Link, PlannedBlock

_OTHER_NOISE = 1 << 16
"""From here on seeds are of noise that no picture of a comparison meets."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Of one block: lost so many times of `sent`, with a 95% interval (Wilson). predicted: how often it should be.
    bound: how often the normal approximation says that it must be; None for a channel that it does not know."""

    block: PlannedBlock
    lost: int
    sent: int
    predicted: float
    bound: float | None

    @property
    def rate(self) -> float:
        return self.lost / self.sent

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.lost, self.sent)


@dataclass(frozen=True, slots=True)
class Losses:
    """Of the plan at one SNR; without blocks where nothing could be planned, and `refused` says why."""

    snr_db: float
    blocks: tuple[Loss, ...]
    refused: str = ""


def losses(prepared: PreparedGist, terms: Terms, *, link: OpenLink, runs: int) -> Iterator[Losses]:
    """Of the plan at each SNR. runs: how often it is carried, at least once."""
    for snr_db in terms.snrs_db:
        radio, conditions = link(snr_db), terms.conditions(snr_db)
        try:
            plan = prepared.plan(radio, conditions)
        except LinkError as error:
            yield Losses(snr_db, (), str(error))
            continue
        came = arrivals(plan, radio, [(_OTHER_NOISE + run,) for run in range(runs)])
        predicted, least = _predicted(plan, conditions), _least(plan, conditions)
        yield Losses(
            snr_db,
            tuple(
                Loss(block, runs - arrived, runs, chance, bound)
                for block, arrived, chance, bound in zip(plan.blocks, came, predicted, least, strict=True)
            ),
        )


def arrivals(plan: Plan, link: Link, seeds: Sequence[tuple[int, ...]]) -> list[int]:
    """How often each block of the plan arrives, if its frame is carried once with each seed."""
    counts = [0] * len(plan.blocks)
    for seed in seeds:
        came = over(link, plan.payload, plan.shares, room=plan.room, seed=seed)
        for index, arrived in enumerate(came.arrived[: len(counts)]):
            counts[index] += arrived
    return counts


def wilson(count: int, of: int) -> tuple[float, float]:
    """95% interval of a share (Wilson 1927): of none in 200 it is 0 to 0.019."""
    z, share = NormalDist().inv_cdf(0.975), count / of
    middle, half = share + z * z / (2 * of), z * (share * (1 - share) / of + (z / (2 * of)) ** 2) ** 0.5
    low, high = ((middle + sign * half) / (1 + z * z / of) for sign in (-1, 1))
    return (low if count else 0.0), (high if count < of else 1.0)


def _predicted(plan: Plan, conditions: Conditions) -> list[float]:
    start = start_error_rate(plan.room, conditions.channel, believed_db(conditions))
    return _together(start, [block.error_rate or 0.0 for block in plan.blocks], conditions)


def _least(plan: Plan, conditions: Conditions) -> list[float] | list[None]:
    """What any code loses of such blocks: of AWGN by the normal approximation, of block fading where the gain leaves
    less capacity than the rate."""
    if conditions.channel == "rayleigh-fast":
        return [None] * len(plan.blocks)

    def least(bits: int, uses: int) -> float:
        if conditions.channel == "rayleigh-block":
            return bounds.outage(conditions.snr_db, bits / uses)
        return bounds.error_rate_for(bits, uses, conditions.snr_db)

    alone = [least(8 * block.size_bytes, block.uses) for block in plan.blocks]
    return _together(least(START_BITS, plan.start_uses), alone, conditions)


def _together(start: float, blocks: Sequence[float], conditions: Conditions) -> list[float]:
    """Each block with those that it can't be read without: the start word and the first block."""
    needed = [[start, blocks[0]], *([start, blocks[0], rate] for rate in blocks[1:])]
    return [1 - arrival_rates(rates, conditions.channel)[-1] for rates in needed]
