"""A picture, a channel's SNR and a budget of uses -> the form that gives back most, and the uses of each of its layers.

    caption alone                     in all uses: it arrives where nothing else does
    caption, then one layer or two    the latent, the subject over it, exact pixels, a small image file: each as large
                                      as the uses that the caption leaves can carry
    an image file or a latent alone   where words would take too much

Every form is made, rebuilt and measured (gist/forms.py); a form counts by what is expected to be given back, each block
by the chance that it arrives (link/predict.py). What matters more is sent more safely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError, SettingError, TooFewBytes
from gistchain.gist import subject
from gistchain.gist.forms import Form, FormName, Forms
from gistchain.gist.packet import pack
from gistchain.image.smallfile import FileSearch
from gistchain.link.frame import LEAST_ROOM
from gistchain.link.predict import clear_db
from gistchain.sending.room import Air, Plan, last_data, too_small
from gistchain.types import Conditions, Gist, Picture

_STEP, _FILE_STEP = 1.1, 1.02
"""Layers are made in sizes that grow by so much, so that one is made once for many budgets; files, of which other sizes
help to find the next, in finer ones."""
_LEAST_BYTES, _LEAST_EXACT = 16, 150
"""Of a layer that is worth a try; no residual is shorter."""
ENOUGH = 0.997
"""Expected fidelity from which on no further form is made: nobody sees a difference, and making one takes seconds."""
LEAST_ARRIVALS = 0.1
"""Share of frames in which at least the caption arrives, below which nothing is sent."""


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
        size = 0 if name in ("caption", "exact") else step_below(most_bytes)
        if (name, size) not in self._made:
            self._made[name, size] = self._make(name, size)
        made = self._made[name, size]
        return None if made is None or (name == "exact" and len(last_data(made.gist)) > most_bytes) else made

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
        size = step_below(most_bytes)
        key = f"subject over {len(last_data(below.gist))}", size
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
        size = step_below(most_bytes, _FILE_STEP)
        found = self.files.exact(most_bytes) or (self.files.within(size) if size >= _LEAST_BYTES else None)
        return None if found is None else self._measured("file", replace(self.words, file=found.file), found.fidelity)

    def _measured(self, name: FormName, gist: Gist, fidelity: float | None) -> Form:
        return Form(name, gist, len(pack(gist)), fidelity, exact=fidelity == 1)


def believed_db(conditions: Conditions) -> float:
    """The SNR to plan by."""
    return clear_db(conditions.snr_db, conditions.pilots)


def step_below(size: int, step: float = _STEP) -> int:
    """The next smaller size that layers are made in."""
    if size < _LEAST_BYTES:
        return 0
    return math.floor(_LEAST_BYTES * step ** math.floor(math.log(size / _LEAST_BYTES, step) + 1e-9))
