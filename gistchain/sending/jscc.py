"""Deep joint source-channel coding as a rival (S4.6): a network makes channel symbols of pixels, and pixels of symbols.

A picture takes a fixed share of uses for each pixel, so that it is made as large as the budget allows, and sent several
times where it is small. The receiver is taken to know the picture's size, and which of eight forms the sender chose
(network, scale and copies), which spares this rival the two bytes and three bits that others would send.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gistchain.errors import LinkError, SettingError
from gistchain.link.channel import open_link
from gistchain.link.numbers import ArrivedAnalogue
from gistchain.sending.analogue import combined, evened
from gistchain.sending.plan import believed_db
from gistchain.types import Conditions, JointCoder, Link, Picture, Pixels, PlannedBlock, Sent

_LEAST_SIDE = 16
"""Pixels of the longer side: of less the networks have never seen a picture."""
_SMALLER = 1.0, 0.7, 0.5, 0.35
"""Shares of the largest side that fits that are tried: a smaller picture, sent more often, has less noise."""
_ENLARGED = 4
"""Times that a small picture may be enlarged: pixel art is sent as squares that the network can draw."""
_COMPARED = 512
_TRIAL = 1 << 20
"""A seed of noise that is the sender's own."""


@dataclass(frozen=True, slots=True)
class _Form:
    """coder, at (width, height), sent so many times."""

    coder: JointCoder
    size: tuple[int, int]
    copies: int

    @property
    def uses(self) -> int:
        return self.copies * _uses(self.coder, self.size)


@dataclass(frozen=True, slots=True)
class DeepJointCoding:
    """coders: of several rates, of which the sender's own trial takes one. fidelity: by which it does."""

    coders: Sequence[JointCoder]
    fidelity: Callable[[Pixels, Pixels], float]

    def prepare(self, picture: Picture) -> PreparedJoint:
        return PreparedJoint(self, picture)


@dataclass(slots=True, eq=False)
class PreparedJoint:
    """Fulfils Prepared. What was tried for one room and SNR is kept."""

    sender: DeepJointCoding
    picture: Picture
    _tried: dict[tuple[float, int], tuple[float, _Form]] = field(default_factory=dict)

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        """Raises LinkError for less room than a picture of 16 pixels a side takes."""
        if rounds:
            raise SettingError("nothing tells what of a picture without a code was lost: leave the rounds out")
        snr_db, room = believed_db(conditions), link.room(conditions.budget)
        expected, form = self._best(snr_db, room)
        pixels = self._over(form, link, snr_db, (*seed, 0))
        back = None if pixels is None else _resized(pixels, self.picture.size)
        return Sent(
            picture=back,
            caption="",
            certain=False,
            gist=None,
            lost=() if back is not None else ("picture",),
            uses=link.uses(form.uses),
            rounds=0,
            start_uses=0,
            blocks=(PlannedBlock("picture", 0, form.uses, None, None),),
            expected=expected,
        )

    def _best(self, snr_db: float, room: int) -> tuple[float, _Form]:
        """(fidelity over AWGN, form): the best of the sender's trials."""
        if (snr_db, room) not in self._tried:
            trial, original = open_link("awgn", snr_db), _resized(self.picture.pixels, _reduced(self.picture.size))
            tried = []
            for form in self._forms(room):
                back = self._over(form, trial, snr_db, (_TRIAL,))
                seen = None if back is None else _resized(back, _reduced(self.picture.size))
                tried.append((0.0 if seen is None else self.sender.fidelity(original, seen), form))
            if not tried:
                least = min(_uses(coder, _least(self.picture.size, coder.factor)) for coder in self.sender.coders)
                raise LinkError(
                    f"{room:,} channel uses are too few for {self.picture.name}: with {_LEAST_SIDE} pixels on its "
                    f"longer side it takes {least}"
                )
            self._tried[snr_db, room] = max(tried, key=lambda found: found[0])
        return self._tried[snr_db, room]

    def _forms(self, room: int) -> Iterator[_Form]:
        seen = set[tuple[int, tuple[int, int]]]()
        for coder in self.sender.coders:
            largest = _fitting(coder, self.picture.size, room)
            for share in _SMALLER:
                size = _rounded(largest, share, coder.factor)
                if max(size) >= _LEAST_SIDE and (coder.filters, size) not in seen:
                    seen.add((coder.filters, size))
                    yield _Form(coder, size, max(1, room // _uses(coder, size)))

    def _over(self, form: _Form, link: Link, snr_db: float, seed: tuple[int, ...]) -> Pixels | None:
        """What comes of it, in the size of the form; None where nothing does."""
        values = form.coder.values_of(self.picture.pixels, form.size, snr_db + 10 * math.log10(form.copies))
        pairs = values.reshape(-1).view(np.complex64) / np.float32(math.sqrt(2))
        came = link.carry(np.tile(pairs, form.copies).astype(np.complex64), seed=seed)
        arrived = ArrivedAnalogue(
            came.symbols.view(np.float32) * np.float32(math.sqrt(2)), np.repeat(came.noise_variance, 2), 0
        )
        received, noise = evened(*combined(arrived, values.size))
        if not np.isfinite(noise):
            return None
        return form.coder.pixels_of(received.reshape(values.shape), -20 * math.log10(max(noise, 1e-6)))


def _uses(coder: JointCoder, size: tuple[int, int]) -> int:
    return -(-coder.filters * (size[0] // coder.factor) * (size[1] // coder.factor) // 2)


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    """In which the sender's trials are compared: no longer side than _COMPARED."""
    share = min(1.0, _COMPARED / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _least(size: tuple[int, int], factor: int) -> tuple[int, int]:
    return _rounded(size, _LEAST_SIDE / max(size), factor)


def _fitting(coder: JointCoder, size: tuple[int, int], room: int) -> tuple[int, int]:
    """The largest (width, height) of the picture's shape that fits in the room; small ones are enlarged so far."""
    cells = 2 * room / coder.filters
    share = min(max(_ENLARGED, _LEAST_SIDE / max(size)), coder.factor * math.sqrt(cells / (size[0] * size[1])))
    found = _rounded(size, share, coder.factor)
    while _uses(coder, found) > room and max(found) > coder.factor:
        share *= 0.97
        found = _rounded(size, share, coder.factor)
    return found


def _rounded(size: tuple[int, int], share: float, factor: int) -> tuple[int, int]:
    width, height = (max(factor, factor * round(side * share / factor)) for side in size)
    return width, height
