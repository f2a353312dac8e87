"""A picture -> the forms that its gist can have, each with its bytes and what it gives back; and the choice among them.

    caption ─ caption + latent, from small to large ─ caption + subject ─ exact pixels ─ the image file as it is

Every form is made and rebuilt, not guessed (S0.17). A budget may be in bytes, gas or channel uses: `cost` says what so
many bytes cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RebuildError, SettingError, TooFewBytes
from gistchain.gist import residual, subject
from gistchain.gist.packet import pack
from gistchain.gist.painted import BASE_SEED
from gistchain.image.reading import SMALL_FILE_BYTES
from gistchain.types import Gist, LatentCoder, Painter, Picture, Pixels

FormName = Literal["caption", "latent", "subject", "exact", "file"]
LATENT_SIZES = (250, 500, 1000, 2000, 4000, 8000)
SUBJECT_SIZES = (500, 1000, 2000, 4000)
SUBJECT_BYTES = 1000
"""Of the subject, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Form:
    """One gist of a picture. fidelity: of what it gives back, 1 for the picture itself; None where it gives nothing.

    exact: whether it gives back every pixel.
    """

    name: FormName
    gist: Gist
    size_bytes: int
    fidelity: float | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Forms:
    """Makes the forms of pictures. painter: of all layers (painted.py). fidelity: 1 for equal pictures, else less."""

    painter: Painter
    fidelity: Callable[[Pixels, Pixels], float]
    coder: LatentCoder | None = None
    mask: Callable[[Pixels], NDArray[np.float32]] | None = None

    def of(self, picture: Picture, caption: str) -> Iterator[Form]:
        """Every form that can be made, the most meaning first; each is made when it is asked for."""
        words = Gist((caption,), picture.size)
        yield self.form("caption", words, picture)
        latents = list(self._latents(words, picture))
        yield from latents
        yield from self._subjects(latents, picture)
        yield self.form("exact", self.exact(words, picture), picture)
        if picture.file is not None:
            yield self.form("file", replace(words, file=picture.file), picture)

    def in_form(self, name: FormName, gist: Gist, picture: Picture, budget: int | None = None) -> Gist:
        """A described gist with one layer more: "subject", "exact" or "file"; as it is for another form.

        budget: bytes that the packed gist may take. Raises SettingError where it does not fit, where the picture's file
        can't be kept as it is, and where no subject is seen.
        """
        if name == "exact":
            gist = self.exact(gist, picture)
        elif name == "file":
            if picture.file is None:
                raise SettingError(
                    f"{picture.name} can't be kept as it is: files of up to {SMALL_FILE_BYTES:,} bytes can, as PNG, "
                    "JPEG, WebP, AVIF or GIF"
                )
            gist = replace(gist, file=picture.file)
        elif name == "subject":
            gist = self._with_subject(gist, picture)
        if budget is not None and (needed := len(pack(gist))) > budget:
            raise SettingError(f"a budget of {budget} bytes is too small for {picture.name}: this form takes {needed}")
        return gist

    def form(self, name: FormName, gist: Gist, picture: Picture) -> Form:
        """The gist, packed, rebuilt and compared with the picture."""
        size_bytes = len(pack(gist))
        back = self.painted(gist)
        if back is None:
            return Form(name, gist, size_bytes, None, exact=False)
        exact = np.array_equal(back, picture.pixels)
        return Form(name, gist, size_bytes, 1.0 if exact else self.fidelity(picture.pixels, back), exact)

    def painted(self, gist: Gist) -> Pixels | None:
        """What the gist gives back; None for nothing."""
        try:
            return self.painter.paint(gist, [BASE_SEED])[0]
        except RebuildError:
            return None

    def _latents(self, words: Gist, picture: Picture) -> Iterator[Form]:
        made = set[bytes]()
        if self.coder is None:
            return
        for size in LATENT_SIZES:
            try:
                latent = self.coder.encode(picture.pixels, size)
            except (TooFewBytes, SettingError):
                continue
            if latent.data not in made:
                made.add(latent.data)
                yield self.form("latent", replace(words, latent=latent), picture)

    def _subjects(self, latents: Sequence[Form], picture: Picture) -> Iterator[Form]:
        """The subject, finer than its surroundings, over the smallest latents."""
        if self.mask is None or not latents:
            return
        mask = self.mask(picture.pixels)
        for below in latents[:2]:
            for size in SUBJECT_SIZES:
                try:
                    cut = subject.cut(picture.pixels, mask, size)
                except TooFewBytes:
                    continue
                if cut is None:
                    return
                yield self.form("subject", replace(below.gist, subject=cut), picture)

    def _with_subject(self, gist: Gist, picture: Picture) -> Gist:
        cut = None if self.mask is None else subject.cut(picture.pixels, self.mask(picture.pixels), SUBJECT_BYTES)
        if cut is None:
            raise SettingError(f"no main subject is seen in {picture.name}: register it without its subject")
        return replace(gist, subject=cut)

    def exact(self, words: Gist, picture: Picture) -> Gist:
        """The gist with every pixel of the picture: over what it gives already, where that pays, or over nothing."""
        return replace(words, residual=residual.encode(picture.pixels, self.painted(words)))


def best(forms: Iterable[Form], most: float, cost: Callable[[int], float] = float) -> Form:
    """The form that gives back most, of those that cost no more than `most`; of equals the shortest.

    cost: of so many bytes. Raises SettingError where none is so cheap.
    """
    offered = list(forms)
    within = [form for form in offered if cost(form.size_bytes) <= most]
    if not within:
        least = min((cost(form.size_bytes) for form in offered), default=math.inf)
        raise SettingError(f"no form of this picture costs {most:g} or less: the cheapest costs {least:g}")
    return max(within, key=lambda form: (-1.0 if form.fidelity is None else form.fidelity, -form.size_bytes))


def cheapest(forms: Iterable[Form], fidelity: float) -> Form:
    """The shortest form that gives back at least so much. Raises SettingError where none does."""
    enough = [form for form in forms if form.fidelity is not None and form.fidelity >= fidelity]
    if not enough:
        raise SettingError(f"no form of this picture has a fidelity of {fidelity:g} or more")
    return min(enough, key=lambda form: form.size_bytes)
