"""A picture, a channel's SNR and a budget of uses -> the form that gives back most, and the uses of each of its layers.

    caption alone                     in all uses: it arrives where nothing else does
    caption, then one layer or two    the latent, the subject over it, exact pixels, a small image file: each as large
                                      as the uses that the caption leaves can carry
    an image file alone

Every form is made, rebuilt and measured (gist/forms.py); a form counts by what is expected to be given back, each block
by the chance that it arrives (link/predict.py). What matters more is sent more safely.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError, SettingError, TooFewBytes
from gistchain.gist import subject
from gistchain.gist.forms import Form, FormName, Forms
from gistchain.gist.packet import pack
from gistchain.image.smallfile import FileSearch
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
)
from gistchain.link.predict import arrival_rates, bytes_for, clear_db, error_rate, start_error_rate
from gistchain.sending.air import layers_of
from gistchain.types import Conditions, Gist, Picture, PlannedBlock

TARGETS = 1e-3, 3e-3, 1e-2
"""Error rates that the first, further and last blocks are planned for: what matters more is lost more seldom."""
FADING_TARGETS = 0.05, 0.1, 0.2
"""The same where one gain hits a whole frame: to lose less takes ten times the power for each factor of ten."""
_LAYER_BYTES = 12
"""What a further layer takes beside its data: tag, length and check, and its place in the first block's list."""
_STEP, _FILE_STEP = 1.1, 1.02
"""Layers are made in sizes that grow by so much, so that one is made once for many budgets; files, of which other sizes
help to find the next, in finer ones."""
_LEAST_BYTES, _LEAST_EXACT = 16, 150
"""Of a layer that is worth a try; no residual is shorter."""
ENOUGH = 0.997
"""Expected fidelity from which on no further form is made: nobody sees a difference, and making one takes seconds."""
WORDS_WORTH = 0.008
"""Fidelity that is given up for words: a picture without them is found by no search."""
LEAST_ARRIVALS = 0.1
"""Share of frames in which at least the caption arrives, below which nothing is sent."""
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


@dataclass(slots=True, eq=False)
class Planner:
    """Plans for one picture; what was made for one budget is kept for the next.

    words: the caption, as the system describes the picture. forms: makes and measures them. files: of the picture.
    own_words: a person gave the caption, which is then sent in any case.
    """

    picture: Picture
    words: Gist
    forms: Forms
    files: FileSearch
    own_words: bool = False
    _made: dict[tuple[str, int], Form | None] = field(default_factory=dict)
    _mask: NDArray[np.float32] | None = None

    def best(self, channel: str, snr_db: float, room: int, *, only: FormName | None = None) -> Plan:
        """The plan that is expected to give back most. only: of this form, with the caption.

        Raises LinkError where even the smallest gist would hardly ever arrive, and says how many uses it needs.
        """
        best: Plan | None = None
        for plan in self.plans(channel, snr_db, room):
            wanted = only is None or (only == plan.form and plan.gist.captions)
            if wanted and (best is None or plan.worth > best.worth):
                best = plan
            if best is not None and (only is not None or best.expected >= ENOUGH):
                break
        if best is None or best.arrives < LEAST_ARRIVALS:
            raise self._too_small(Air(channel, snr_db, room), only)
        return best

    def plans(self, channel: str, snr_db: float, room: int) -> Iterator[Plan]:
        """One for each form that fits."""
        if room < LEAST_ROOM:
            return
        air = Air(channel, snr_db, room)
        caption = self._form("caption", 0)
        if caption is not None and (whole := self._whole(air, caption)) is not None:
            yield whole
        if caption is not None and (alone := air.plan("caption", [caption])) is not None:
            yield alone
        if not self.own_words:
            yield from self._without_words(air)
        if caption is None:
            return
        left = air.most_beside(caption)
        names: tuple[FormName, ...] = ("latent", "exact", "file")
        for name in names:
            further = self._form(name, left)
            if further is not None and (plan := air.plan(name, [caption, further])) is not None:
                yield plan
        yield from self._with_subject(air, caption)

    def _whole(self, air: Air, caption: Form) -> Plan | None:
        """The caption and a file of every pixel, where there is room for it: then nothing else is wanted."""
        found = self.files.exact(air.most_beside(caption))
        if found is None:
            return None
        return air.plan("file", [caption, self._measured("file", replace(self.words, file=found.file), 1.0)])

    def _without_words(self, air: Air) -> Iterator[Plan]:
        """An image file, or a latent where there is hardly room: words give no picture of what no painter knows."""
        alone: tuple[FormName, ...] = ("file", "latent")
        for name in alone:
            made = self._form(name, air.most_alone())
            if made is None or made.fidelity is None:
                continue
            bare = self._measured(name, replace(made.gist, captions=()), made.fidelity)
            if (plan := air.plan(name, [bare])) is not None:
                yield plan

    def _with_subject(self, air: Air, caption: Form) -> Iterator[Plan]:
        """The subject, finer than its surroundings: a small latent in some of the uses, the subject in the others."""
        below = self._form("latent", air.most_nested(caption))
        if below is None:
            return
        over = self._subject(below, air.most_last(caption, below))
        if over is not None and (plan := air.plan("subject", [caption, below, over])) is not None:
            yield plan

    def _too_small(self, air: Air, only: FormName | None) -> LinkError:
        caption = self._form("caption", 0)
        if only in (None, "caption") or caption is None:
            bits = 8 * len(pack(self.words))
            return too_small(self.picture.name, air, "its caption alone", lambda air: air.carries(bits))
        return too_small(
            self.picture.name, air, f"a caption and a {only}", lambda air: air.most_beside(caption) >= _LEAST_BYTES,
            "as planned",
        )  # fmt: skip

    def _form(self, name: FormName, most_bytes: int) -> Form | None:
        """The form whose further layer has about so many bytes, and no more."""
        if name == "file":
            return self._file(most_bytes)
        if name == "exact" and most_bytes < _LEAST_EXACT:
            return None
        size = 0 if name in ("caption", "exact") else _step_below(most_bytes)
        if (name, size) not in self._made:
            self._made[name, size] = self._make(name, size)
        made = self._made[name, size]
        return None if made is None or (name == "exact" and len(_data(made.gist)) > most_bytes) else made

    def _make(self, name: FormName, size: int) -> Form | None:
        if name == "caption":
            return self.forms.form("caption", self.words, self.picture) if self.words.captions else None
        if name == "exact":
            return self.forms.form("exact", self.forms.exact(self.words, self.picture), self.picture)
        if self.forms.coder is None or size < _LEAST_BYTES:
            return None
        try:
            latent = self.forms.coder.encode(self.picture.pixels, size)
        except (TooFewBytes, SettingError):
            return None
        return self.forms.form("latent", replace(self.words, latent=latent), self.picture)

    def _subject(self, below: Form, most_bytes: int) -> Form | None:
        size = _step_below(most_bytes)
        key = f"subject over {len(_data(below.gist))}", size
        if key not in self._made:
            self._made[key] = self._cut(below, size) if size >= _LEAST_BYTES else None
        return self._made[key]

    def _cut(self, below: Form, size: int) -> Form | None:
        if self.forms.mask is None:
            return None
        if self._mask is None:
            self._mask = self.forms.mask(self.picture.pixels)
        try:
            cut = subject.cut(self.picture.pixels, self._mask, size)
        except TooFewBytes:
            return None
        return None if cut is None else self.forms.form("subject", replace(below.gist, subject=cut), self.picture)

    def _file(self, most_bytes: int) -> Form | None:
        size = _step_below(most_bytes, _FILE_STEP)
        found = self.files.exact(most_bytes) or (self.files.within(size) if size >= _LEAST_BYTES else None)
        return None if found is None else self._measured("file", replace(self.words, file=found.file), found.fidelity)

    def _measured(self, name: FormName, gist: Gist, fidelity: float | None) -> Form:
        return Form(name, gist, len(pack(gist)), fidelity, exact=fidelity == 1)


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


def believed_db(conditions: Conditions) -> float:
    """The SNR to plan by."""
    return clear_db(conditions.snr_db, conditions.pilots)


def _step_below(size: int, step: float = _STEP) -> int:
    """The next smaller size that layers are made in."""
    if size < _LEAST_BYTES:
        return 0
    return math.floor(_LEAST_BYTES * step ** math.floor(math.log(size / _LEAST_BYTES, step) + 1e-9))


def _data(gist: Gist) -> bytes:
    """Of the last layer."""
    last = gist.file or gist.residual or gist.subject or gist.latent
    return b"" if last is None else last.data


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
        nested = self._further_share(len(_data(below.gist)) + _LAYER_BYTES, left)
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
