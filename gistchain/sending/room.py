"""A frame of so much room on a channel: which layers fit in it, in which shares, and how surely each arrives."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gistchain.errors import LinkError
from gistchain.gist.forms import Form, FormName
from gistchain.gist.packet import pack
from gistchain.link.blockcode import modulation_of
from gistchain.link.firstblock import FURTHER_SHARES
from gistchain.link.frame import (
    FIRST_SHARES,
    LEAST_ROOM,
    Block,
    first_bytes,
    most_first_bytes,
    start_uses,
    uses_of,
)  # fmt: skip
from gistchain.link.predict import arrival_rates, bytes_for, error_rate, start_error_rate
from gistchain.sending.air import layers_of, over
from gistchain.types import Gist, Link, Pixels, PlannedBlock, Sent

TARGETS = 1e-3, 3e-3, 1e-2
"""Error rates that the first, further and last blocks are planned for: what matters more is lost more seldom."""
FADING_TARGETS = 0.05, 0.1, 0.2
"""The same where one gain hits a whole frame: to lose less takes ten times the power for each factor of ten."""
_LAYER_BYTES = 12
"""What a further layer takes beside its data: tag, length and check, and its place in the first block's list."""
WORDS_WORTH = 0.008
"""Fidelity that is given up for words: a picture without them is found by no search."""
MOST_USES = 1 << 17
_NESTED_SHARE = 3
"""Of a latent that a subject is laid over: 2^(-3/2) of what is left."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """form: what is sent. expected: fidelity, lost blocks considered. arrives: how often the first block does.
    start_uses: of the frame's first word. payload: the packet. shares: of its layers."""

    form: FormName
    gist: Gist
    payload: bytes
    shares: tuple[int, ...]
    room: int
    start_uses: int
    blocks: tuple[PlannedBlock, ...]
    fidelity: float
    expected: float
    arrives: float

    @property
    def worth(self) -> float:
        """By which plans are compared."""
        return self.expected + (WORDS_WORTH if self.gist.captions else 0.0)


def carried(
    plan: Plan, link: Link, show: Callable[[Gist], Pixels | None], *, seed: tuple[int, ...], rounds: int = 0
) -> Sent:
    """What comes of a plan over a link. show: the picture of the gist that arrived, None where it gives none."""
    came = over(link, plan.payload, plan.shares, room=plan.room, seed=seed, rounds=rounds)
    return Sent(
        picture=None if came.gist is None else show(came.gist),
        caption="" if came.gist is None else came.gist.caption,
        certain=came.gist is not None,
        gist=came.gist,
        lost=came.lost if came.gist is not None else tuple(block.layers for block in plan.blocks),
        uses=came.uses,
        rounds=came.rounds,
        start_uses=plan.start_uses,
        blocks=plan.blocks,
        expected=plan.expected,
    )


@dataclass(frozen=True)
class Air:
    """A channel with a frame of so much room: what fits, and how surely."""

    channel: str
    snr_db: float
    room: int

    @property
    def free(self) -> int:
        return self.room - start_uses(self.room)

    @property
    def targets(self) -> tuple[float, float, float]:
        return FADING_TARGETS if self.channel == "rayleigh-block" else TARGETS

    @cached_property
    def start_error(self) -> float:
        return start_error_rate(self.room, self.channel, self.snr_db)

    def carries(self, bits: int) -> bool:
        """Whether one block of so many arrives in 99 of 100 frames."""
        first = error_rate(bits, self.free, self.channel, self.snr_db)
        return arrival_rates([self.start_error, first], self.channel)[-1] >= 1 - TARGETS[-1]

    def most_alone(self) -> int:
        """Bytes of an image file without anything else."""
        return most_first_bytes(bytes_for(self.free, self.targets[-1], self.channel, self.snr_db)) - _LAYER_BYTES

    def most_beside(self, caption: Form) -> int:
        """Bytes of a layer that the caption leaves room for."""
        share = self.first_share(caption.size_bytes + 4)
        return 0 if share is None else self._carried(self.free - uses_of(share, self.free, first=True))

    def most_nested(self, caption: Form) -> int:
        share = self.first_share(caption.size_bytes + 8)
        if share is None:
            return 0
        left = self.free - uses_of(share, self.free, first=True)
        return (
            bytes_for(uses_of(_NESTED_SHARE, left, first=False), self.targets[1], self.channel, self.snr_db)
            - _LAYER_BYTES
        )

    def most_last(self, caption: Form, below: Form) -> int:
        share = self.first_share(caption.size_bytes + 8)
        if share is None:
            return 0
        left = self.free - uses_of(share, self.free, first=True)
        nested = self._further_share(len(last_data(below.gist)) + _LAYER_BYTES, left)
        return 0 if nested is None else self._carried(left - uses_of(nested, left, first=False))

    def plan(self, name: FormName, forms: Sequence[Form]) -> Plan | None:
        """forms: what is given back where one more block arrives, the last being sent. None where it does not fit."""
        gist = forms[-1].gist
        payload = pack(gist)
        layers = layers_of(payload)
        shares = self._shares([len(layer) for layer in layers])
        if shares is None:
            return None
        blocks = [Block(data, 0, share) for data, share in zip(layers, shares, strict=True)]
        planned, errors, at = [], [], start_uses(self.room)
        try:
            sizes = [first_bytes(len(layers[0]), blocks[1:]), *(len(layer) for layer in layers[1:])]
        except LinkError:
            return None
        for index, (size, share) in enumerate(zip(sizes, shares, strict=True)):
            uses = uses_of(share, self.room - at, first=index == 0)
            at += uses
            try:
                error = error_rate(8 * size, uses, self.channel, self.snr_db)
                errors.append(error)
                planned.append(PlannedBlock(_names(gist)[index], size, uses, modulation_of(8 * size, uses), error))
            except LinkError:
                return None
        expected = 0.0
        arrives = [*arrival_rates([self.start_error, *errors], self.channel)[1:], 0.0]
        for form, so_far, with_next in zip(forms, arrives[:-1], arrives[1:], strict=True):
            expected += (so_far - with_next) * (form.fidelity or 0.0)
        fidelity = forms[-1].fidelity or 0.0
        return Plan(
            name,
            gist,
            payload,
            tuple(shares),
            self.room,
            start_uses(self.room),
            tuple(planned),
            fidelity,
            expected,
            arrives[0],
        )

    def _shares(self, sizes: Sequence[int]) -> list[int] | None:
        """The fewest uses that send each block but the last as safely as it should be; the last takes the others."""
        if len(sizes) == 1:
            return [0]
        first = self.first_share(sizes[0] + 4 * (len(sizes) - 1))
        if first is None:
            return None
        left = self.free - uses_of(first, self.free, first=True)
        shares = [first]
        for size in sizes[1:-1]:
            share = self._further_share(size, left)
            if share is None:
                return None
            shares.append(share)
            left -= uses_of(share, left, first=False)
        return [*shares, 0] if left > 0 else None

    def first_share(self, size: int) -> int | None:
        return self._share(size, self.free, self.targets[0], first=True)

    def _further_share(self, size: int, left: int) -> int | None:
        return self._share(size, left, self.targets[1], first=False)

    def _share(self, size: int, left: int, target: float, *, first: bool) -> int | None:
        """The smallest share that loses a block no oftener than that; none of them leaves nothing for what follows."""
        for share in range((FIRST_SHARES if first else FURTHER_SHARES) - 1, 0, -1):
            uses = uses_of(share, left, first=first)
            try:
                if uses < left and error_rate(8 * size, uses, self.channel, self.snr_db) <= target:
                    return share
            except LinkError:
                continue
        return None

    def _carried(self, uses: int) -> int:
        return max(0, bytes_for(uses, self.targets[-1], self.channel, self.snr_db) - _LAYER_BYTES) if uses > 0 else 0


def _names(gist: Gist) -> list[str]:
    """Of the packet's layers."""
    captions = [f"caption {number}" if number > 1 else "caption" for number in range(1, len(gist.captions) + 1)]
    return [*captions, *gist.layers] or ["nothing"]


def last_data(gist: Gist) -> bytes:
    """Of the last layer."""
    last = gist.file or gist.residual or gist.subject or gist.latent
    return b"" if last is None else last.data


def too_small(
    name: str, air: Air, what: str, enough: Callable[[Air], bool], often: str = "in 99 of 100 frames"
) -> LinkError:
    """Names the uses that would do. what: of the picture does not fit; enough: whether it fits there, and arrives so
    often."""

    def fits(room: int) -> bool:
        try:
            return enough(replace(air, room=room))
        except LinkError:
            return False

    rooms = bisect.bisect_left(range(MOST_USES), True, lo=LEAST_ROOM, key=fits)
    needed = f"needs {rooms:,}" if rooms < MOST_USES else f"needs more than {MOST_USES:,}"
    return LinkError(
        f"{air.room:,} channel uses without pilots are too few for {name} at {air.snr_db:.1f} dB: to arrive {often} "
        f"{what} {needed}"
    )
