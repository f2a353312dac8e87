"""Texts and a slice, each in a burst of its own on a channel of its own: how many uses each takes, and what arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError, RebuildError
from gistchain.gist.fusion import PieceText
from gistchain.gist.packet import pack
from gistchain.gist.subject import MEDIA_TYPE
from gistchain.image import subject_picture
from gistchain.link.blockcode import modulation_of
from gistchain.link.frame import LEAST_ROOM, first_bytes, most_first_bytes, start_uses
from gistchain.link.modem import BITS
from gistchain.link.predict import arrival_rates, bytes_for, error_rate
from gistchain.sending.air import over
from gistchain.sending.plan import LEAST_ARRIVALS, believed_db
from gistchain.sending.room import MOST_USES, Air
from gistchain.sending.text import ascii_bytes
from gistchain.types import Conditions, Gist, Link, ModulationName, PlannedBlock, Segment, Subject

STEP = 16
"""Uses by which bursts differ in length: a receiver sees how long each one is, and should learn little from it."""
_UNCODED: ModulationName = "16qam"
_FIELD_STEP = STEP * BITS[_UNCODED] // 8
"""Characters by which the field of an uncoded text grows; zeros fill it."""


@dataclass(frozen=True, slots=True)
class Came:
    """What arrived of a burst: a text, a slice, or neither where it was lost. size: that a packet told of, None for an
    uncoded text."""

    uses: int
    rounds: int = 0
    text: PieceText | None = None
    subject: Subject | None = None
    size: tuple[int, int] | None = None

    @property
    def lost(self) -> bool:
        return self.text is None and self.subject is None


@dataclass(frozen=True, slots=True)
class Burst:
    """name: of its layer. planned: its block. over: carries it, with the seed of its noise and so many rounds."""

    name: str
    planned: PlannedBlock
    start_uses: int
    over: Callable[[tuple[int, ...], int], Came]


class Text(Protocol):
    """A text that is to be sent over a link of its own."""

    def least_uses(self, conditions: Conditions) -> int: ...

    def burst(self, uses: int, conditions: Conditions) -> Burst:
        """Raises LinkError where it does not fit."""
        ...


def text_uses(texts: Sequence[Text], conditions: Conditions, name: str) -> list[int]:
    """As few uses as each text needs; where the budget has not as many, its shares of that, in steps.

    Raises LinkError where they hardly arrive even so, and says how many uses they need. name: of the picture.
    """
    needed = [text.least_uses(conditions) for text in texts]
    total = sum(needed)
    if total <= conditions.budget:
        return needed
    shares = spread(needed, conditions.budget)
    try:
        bursts = [text.burst(uses, conditions) for text, uses in zip(texts, shares, strict=True)]
        if any((burst.planned.error_rate or 0.0) <= 1 - LEAST_ARRIVALS for burst in bursts):
            return shares
    except LinkError:
        pass
    told = f"{total:,}" if total < MOST_USES else f"more than {MOST_USES:,}"
    raise LinkError(
        f"{conditions.budget:,} channel uses are too few for {name} at {believed_db(conditions):.1f} dB: "
        + (f"its text needs {told}" if len(texts) == 1 else f"its {len(texts)} texts need {told}, fewer texts less")
    )


def spread(uses: Sequence[int], budget: int) -> list[int]:
    """The same shares of the whole budget, in steps."""
    return [budget * each // sum(uses) // STEP * STEP for each in uses]


@dataclass(frozen=True, slots=True)
class CodedText:
    """Fulfils Text: a packet with one caption, in a frame of its own. size: of the whole picture."""

    name: str
    text: str
    size: tuple[int, int]
    link: Link

    def least_uses(self, conditions: Conditions) -> int:
        """The fewest, in steps, that lose it as seldom as a last block; MOST_USES where none do."""
        payload = self._payload()
        target = _air(self.link, conditions, 0).targets[-1]
        low, high = 1, MOST_USES // STEP
        while low < high:
            middle = (low + high) // 2
            air = _air(self.link, conditions, middle * STEP)
            if air.room >= LEAST_ROOM and _lost(air, payload) <= target:
                high = middle
            else:
                low = middle + 1
        return low * STEP

    def burst(self, uses: int, conditions: Conditions) -> Burst:
        return _framed(self.name, self._payload(), self.link, _air(self.link, conditions, uses))

    def _payload(self) -> bytes:
        return pack(Gist((self.text,), self.size))


@dataclass(frozen=True, slots=True)
class UncodedText:
    """Fulfils Text: eight bits a character in 16-QAM, without a code (S2.4). read: what the receiver makes of it."""

    name: str
    text: str
    link: Link
    read: Callable[[NDArray[np.float64]], PieceText]

    def least_uses(self, conditions: Conditions) -> int:
        return self.link.uses(8 * len(self._field()) // BITS[_UNCODED])

    def burst(self, uses: int, conditions: Conditions) -> Burst:
        data = self._field()
        bits = np.unpackbits(np.frombuffer(data, np.uint8))
        symbols = bits.size // BITS[_UNCODED]
        if uses < self.link.uses(symbols):
            raise LinkError(f"{uses:,} channel uses are too few for {len(data)} characters")

        def over(seed: tuple[int, ...], rounds: int) -> Came:
            came = self.link.carry_bits([Segment(bits, _UNCODED)], seed=(*seed, 0))
            llrs = came.llrs[0].astype(np.float64)
            text = self.read(llrs) if llrs.any() else PieceText(())
            return Came(came.uses, text=text if text.text else None)

        return Burst(self.name, PlannedBlock(self.name, len(data), symbols, _UNCODED, None), 0, over)

    def _field(self) -> bytes:
        data = ascii_bytes(self.text)
        return data.ljust(-(-len(data) // _FIELD_STEP) * _FIELD_STEP, b"\0")


@dataclass(frozen=True, slots=True)
class SliceBurst:
    """Where the main subject, cut out, goes. size: of the whole picture."""

    size: tuple[int, int]
    link: Link
    uses: int
    conditions: Conditions

    def most_bytes(self) -> int:
        """Of the image file, lost as seldom as a last block is."""
        air = _air(self.link, self.conditions, self.uses)
        if air.room < LEAST_ROOM:
            return 0
        width, height = self.size
        half = width // 2, height // 2, width - width // 2, height - height // 2
        around = pack(Gist((), self.size, subject=Subject(MEDIA_TYPE, b"", half)))
        whole = most_first_bytes(bytes_for(air.free, air.targets[-1], air.channel, air.snr_db))
        return max(0, whole - len(around) - 2)  # other places take up to two bytes more

    def burst(self, subject: Subject) -> Burst:
        payload = pack(Gist((), self.size, subject=subject))
        return _framed("subject", payload, self.link, _air(self.link, self.conditions, self.uses))


def _air(link: Link, conditions: Conditions, uses: int) -> Air:
    return Air(conditions.channel, believed_db(conditions), link.room(max(0, uses)))


def _lost(air: Air, payload: bytes) -> float:
    """How often the burst is lost, its start word considered."""
    try:
        block = error_rate(8 * first_bytes(len(payload), []), air.free, air.channel, air.snr_db)
    except LinkError:
        return 1.0
    return 1 - arrival_rates([air.start_error, block], air.channel)[-1]


def _framed(name: str, payload: bytes, link: Link, air: Air) -> Burst:
    """Raises LinkError where it does not fit."""
    size = first_bytes(len(payload), [])
    block = PlannedBlock(name, size, air.free, modulation_of(8 * size, air.free), _lost(air, payload))

    def carry(seed: tuple[int, ...], rounds: int) -> Came:
        came = over(link, payload, [0], room=air.room, seed=seed, rounds=rounds)
        gist = came.gist
        if gist is None:
            return Came(came.uses, came.rounds)
        text = PieceText.checked(gist.caption) if gist.caption else None
        return Came(came.uses, came.rounds, text, _shown(gist.subject), gist.size)

    return Burst(name, block, start_uses(air.room), carry)


def _shown(subject: Subject | None) -> Subject | None:
    """The slice, if it is an image: a check says that it is as it was sent, not that it was good."""
    if subject is None:
        return None
    try:
        subject_picture(subject)
    except RebuildError:
        return None
    return subject
