"""Texts and a slice, each in a burst of its own on a channel of its own: how many uses each takes, and what arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError
from gistchain.gist.fusion import PieceText
from gistchain.gist.packet import pack
from gistchain.link.blockcode import modulation_of
from gistchain.link.frame import LEAST_ROOM, first_bytes, start_uses
from gistchain.link.modem import BITS
from gistchain.link.predict import arrival_rates, error_rate
from gistchain.sending.air import over
from gistchain.sending.plan import LEAST_ARRIVALS, believed_db
from gistchain.sending.room import MOST_USES, Air
from gistchain.sending.text import ascii_bytes
from gistchain.types import Conditions, Gist, Link, ModulationName, PlannedBlock, Segment, Subject

_STEP = 16
"""Uses by which bursts differ in length, so that a length tells little of what is in them."""
_UNCODED: ModulationName = "16qam"


@dataclass(frozen=True, slots=True)
class Came:
    """What arrived of a burst: a text, a slice, or neither where it was lost."""

    text: PieceText | None
    subject: Subject | None
    uses: int
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Burst:
    """name: for people. planned: its block. carry: over a link, with the seed of its noise and so many rounds."""

    name: str
    planned: PlannedBlock
    start_uses: int
    carry: Callable[[Link, tuple[int, ...], int], Came]

    def over(self, link: Link, *, seed: tuple[int, ...], rounds: int) -> Came:
        return self.carry(link, seed, rounds)


class Text(Protocol):
    """A text that is to be sent."""

    def least_uses(self, link: Link, conditions: Conditions) -> int: ...

    def burst(self, uses: int, link: Link, conditions: Conditions) -> Burst: ...


def text_uses(texts: Sequence[Text], link: Link, conditions: Conditions, name: str) -> list[int]:
    """As few uses as each text needs; where the budget has not as many, its shares of that.

    Raises LinkError where they hardly arrive even so, and says how many uses they need. name: of the picture.
    """
    needed = [text.least_uses(link, conditions) for text in texts]
    budget, total = conditions.budget, sum(needed)
    if total <= budget:
        return needed
    shares = [max(1, budget * uses // total) for uses in needed]
    try:
        bursts = [text.burst(uses, link, conditions) for text, uses in zip(texts, shares, strict=True)]
        if any((burst.planned.error_rate or 0.0) <= 1 - LEAST_ARRIVALS for burst in bursts):
            return shares
    except LinkError:
        pass
    told = f"needs {total:,}" if total < MOST_USES else f"needs more than {MOST_USES:,}"
    raise LinkError(
        f"{budget:,} channel uses are too few for {name} at {believed_db(conditions):.1f} dB: to arrive in 99 of 100 "
        f"frames {'its text' if len(texts) == 1 else f'each of its {len(texts)} texts'} {told} in all"
    )


def spread(uses: Sequence[int], budget: int) -> list[int]:
    """The same shares of the whole budget."""
    return [budget * each // sum(uses) for each in uses]


@dataclass(frozen=True, slots=True)
class CodedText:
    """Fulfils Text: a packet with one caption, in a frame of its own."""

    name: str
    text: str
    payload: bytes

    def least_uses(self, link: Link, conditions: Conditions) -> int:
        """The fewest, in steps, that lose it as seldom as a last block; MOST_USES where none do."""
        air = _air(link, conditions, 0)
        low, high = 1, MOST_USES // _STEP
        while low < high:
            middle = (low + high) // 2
            here = _air(link, conditions, middle * _STEP)
            if here.room >= LEAST_ROOM and _lost(here, self.payload) <= air.targets[-1]:
                high = middle
            else:
                low = middle + 1
        return low * _STEP

    def burst(self, uses: int, link: Link, conditions: Conditions) -> Burst:
        return _framed(self.name, self.payload, _air(link, conditions, uses), _text_of)


@dataclass(frozen=True, slots=True)
class UncodedText:
    """Fulfils Text: eight bits a character in 16-QAM, without a code (S2.4). read: what the receiver makes of it.

    The length of the burst tells that of the text.
    """

    name: str
    text: str
    read: Callable[[NDArray[np.float64]], PieceText]

    def least_uses(self, link: Link, conditions: Conditions) -> int:
        return link.uses(8 * len(ascii_bytes(self.text)) // BITS[_UNCODED])

    def burst(self, uses: int, link: Link, conditions: Conditions) -> Burst:
        data = ascii_bytes(self.text)
        if uses < self.least_uses(link, conditions):
            raise LinkError(f"{uses:,} channel uses are too few for {len(data)} characters")
        bits = np.unpackbits(np.frombuffer(data, np.uint8))

        def carry(link: Link, seed: tuple[int, ...], rounds: int) -> Came:
            came = link.carry_bits([Segment(bits, _UNCODED)], seed=(*seed, 0))
            llrs = came.llrs[0].astype(np.float64)
            text = self.read(llrs) if llrs.any() else PieceText(())
            return Came(text if text.text else None, None, came.uses)

        return Burst(self.name, PlannedBlock(self.name, len(data), uses, _UNCODED, None), 0, carry)


@dataclass(frozen=True, slots=True)
class Slice:
    """The main subject, cut out. size: of the picture that it belongs to."""

    subject: Subject
    size: tuple[int, int]

    def burst(self, link: Link, conditions: Conditions, uses: int) -> Burst:
        payload = pack(Gist((), self.size, subject=self.subject))
        return _framed("slice", payload, _air(link, conditions, uses), _subject_of)


def slice_bytes(link: Link, conditions: Conditions, uses: int) -> int:
    """Bytes of a slice that so many uses carry."""
    air = _air(link, conditions, uses)
    return max(0, air.most_alone()) if air.room >= LEAST_ROOM else 0


def _air(link: Link, conditions: Conditions, uses: int) -> Air:
    return Air(conditions.channel, believed_db(conditions), link.room(max(0, uses)))


def _lost(air: Air, payload: bytes) -> float:
    """How often the burst is lost, its start word considered."""
    try:
        block = error_rate(8 * first_bytes(len(payload), []), air.free, air.channel, air.snr_db)
    except LinkError:
        return 1.0
    return 1 - arrival_rates([air.start_error, block], air.channel)[-1]


def _framed(name: str, payload: bytes, air: Air, read: Callable[[Gist, int, int], Came]) -> Burst:
    """Raises LinkError where it does not fit."""
    size = first_bytes(len(payload), [])
    start = start_uses(air.room)
    block = PlannedBlock(name, size, air.free, modulation_of(8 * size, air.free), _lost(air, payload))

    def carry(link: Link, seed: tuple[int, ...], rounds: int) -> Came:
        came = over(link, payload, [0], room=air.room, seed=seed, rounds=rounds)
        if came.gist is None:
            return Came(None, None, came.uses, came.rounds)
        return read(came.gist, came.uses, came.rounds)

    return Burst(name, block, start, carry)


def _text_of(gist: Gist, uses: int, rounds: int) -> Came:
    return Came(PieceText.checked(gist.caption) if gist.caption else None, None, uses, rounds)


def _subject_of(gist: Gist, uses: int, rounds: int) -> Came:
    return Came(None, gist.subject, uses, rounds)
