"""Several texts and a slice of the main subject, each over a channel of its own (Multi-SC, S4.1, S4.3, S4.4).

picture ─ pieces ─> a text of each ──> a burst for each ─┐
        └ mask ───> the slice ───────> another one ──────┴─> texts fused ─> mended ─> picture

The channels don't disturb one another and their uses add up (T4.2). A receiver sees how long each burst is, to 16
uses. Each text is a packet of its own with a check, in a polar code; or, as published, eight bits a character in 16-QAM
without either. The slice has code and check in any case: a file with wrong bits can't be opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError, SettingError, TooFewBytes
from gistchain.gist import subject
from gistchain.gist.correct import known
from gistchain.gist.fusion import Fused, PieceText, fused, phrases
from gistchain.gist.outline import filled, outline
from gistchain.gist.packet import pack
from gistchain.gist.pieces import boxes, grid, piece, place
from gistchain.image import shows_nothing
from gistchain.link.channel import Parallel
from gistchain.sending.bursts import Burst, CodedText, Slice, UncodedText, slice_bytes, spread, text_uses
from gistchain.sending.text import ascii_bytes, hard_text
from gistchain.types import Conditions, Gist, Link, Picture, Pixels, Sent, Subject, TextCorrector

_LEAST_SLICE_BYTES = 40


@dataclass(frozen=True, slots=True)
class TextForm:
    """count: of texts, 1, 2, 4 or 9. coded: each in a code with a check; else as eight bits a character, `soft` or
    hard decisions. most_phrases: of each text, None for all. voted: whether doubtful words are put to a vote."""

    count: int = 4
    coded: bool = True
    soft: bool = False
    most_phrases: int | None = None
    voted: bool = True


@dataclass(frozen=True, slots=True)
class MultiText:
    """words: of a picture, or of a piece where the flag is False. mask: of the main subject, None for a system without
    a slice. paint: what the receiver makes of texts and slice, None for nothing. corrector: of texts that nothing
    checks. behind: the text of a piece, changed to tell of what is behind the slice, where one is sent; None for texts
    that tell of all there is, as published."""

    words: Callable[[Picture, bool], str]
    paint: Callable[[Fused, Subject | None, tuple[int, int]], Pixels | None]
    mask: Callable[[Pixels], NDArray[np.float32]] | None = None
    form: TextForm = TextForm()
    corrector: TextCorrector | None = None
    behind: Callable[[str, Pixels], str] | None = None

    def prepare(self, picture: Picture) -> PreparedMulti:
        count = self.form.count
        if count > 1 and shows_nothing(picture.pixels):
            self.words(picture, True)  # refuses it
        columns, rows = grid(picture.size, count)
        mask = None if self.mask is None else outline(picture.pixels, self.mask(picture.pixels))
        ground = None if mask is None else filled(picture.pixels, mask)
        texts, behind = [], []
        for number, box in enumerate(boxes(picture.size, count)):
            where = place(columns, rows, frozenset([number]))
            part = picture if count == 1 else _part(picture, piece(picture.pixels, box), where)
            text = self.words(part, count == 1)
            texts.append(self._short(text))
            if ground is not None and self.behind is not None:
                behind.append(self._short(self.behind(text, _same_piece(ground, count, number))))
        if not self.form.coded:
            for text in (*texts, *behind):
                ascii_bytes(text)  # what can't be sent so is refused before anything is
        return PreparedMulti(self, picture, tuple(texts), tuple(behind) or tuple(texts), (columns, rows), mask)

    def _short(self, text: str) -> str:
        most = self.form.most_phrases
        return text if most is None else ", ".join(phrases(text)[:most])


def _part(picture: Picture, pixels: Pixels, where: str) -> Picture:
    size = pixels.shape[1], pixels.shape[0]
    return Picture(np.ascontiguousarray(pixels), picture.sha3_256, size, f"{picture.name} ({where})")


def _same_piece(ground: Pixels, count: int, number: int) -> Pixels:
    return piece(ground, boxes((ground.shape[1], ground.shape[0]), count)[number])


@dataclass(slots=True, eq=False)
class PreparedMulti:
    """Fulfils Prepared. texts: of each piece; behind: those that are sent with a slice. Slices that were cut for one
    size are kept."""

    sender: MultiText
    picture: Picture
    texts: tuple[str, ...]
    behind: tuple[str, ...]
    grid: tuple[int, int]
    mask: NDArray[np.float32] | None
    _cuts: dict[int, Subject | None] = field(default_factory=dict)

    def meant(self, *, with_slice: bool) -> Fused:
        """What a receiver makes of the texts where all of them arrive."""
        return fused([PieceText.checked(text) for text in (self.behind if with_slice else self.texts)], *self.grid)

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        """Raises LinkError where the texts do not fit, SettingError for rounds of texts that nothing checks."""
        if rounds and not self.sender.form.coded:
            raise SettingError("nothing tells what of an uncoded text was lost: leave the rounds out")
        bursts, notes = self._plan(link, conditions)
        links = _links(link, len(bursts))
        came = [
            burst.over(own, seed=(*seed, number), rounds=rounds)
            for number, (burst, own) in enumerate(zip(bursts, links, strict=True))
        ]
        texts, slice_ = came[: len(self.texts)], came[len(self.texts) :]
        cut = slice_[0].subject if slice_ else None
        found = self._fused([one.text for one in texts])
        lost = tuple(burst.name for burst, one in zip(bursts, came, strict=True) if one.text is None is one.subject)
        any_came = len(lost) < len(bursts)
        told = tuple(text for text in found.texts if text)
        gist = Gist(told, self.picture.size, subject=cut, damaged=frozenset(lost)) if any_came else None
        return Sent(
            picture=self.sender.paint(found, cut, self.picture.size) if any_came else None,
            caption=found.caption,
            certain=any_came and self.sender.form.coded,
            gist=gist,
            lost=lost,
            uses=sum(one.uses for one in came),
            rounds=max(one.rounds for one in came),
            start_uses=sum(burst.start_uses for burst in bursts),
            blocks=tuple(burst.planned for burst in bursts),
            expected=None,
            notes=notes if told or cut is None else (*notes, "no text arrived: the slice stands alone"),
        )

    def _plan(self, link: Link, conditions: Conditions) -> tuple[list[Burst], tuple[str, ...]]:
        """The bursts of the texts, and of the slice where there is one and it fits; what a person should know."""
        if self.mask is not None:
            bursts, note = self._with_slice(self._bursts(self.behind), link, conditions)
            if bursts:
                return bursts, ()
        elif self.sender.mask is not None:
            note = "no main subject was seen: the whole picture is told in words"
        texts = self._bursts(self.texts)
        uses = text_uses(texts, link, conditions, self.picture.name)
        if self.sender.form.coded:  # nothing else needs the others
            uses = spread(uses, conditions.budget)
        notes = () if self.sender.mask is None else (note,)
        return [text.burst(own, link, conditions) for text, own in zip(texts, uses, strict=True)], notes

    def _bursts(self, texts: Sequence[str]) -> list[CodedText | UncodedText]:
        return [
            CodedText(f"text {number}", text, pack(Gist((text,), self.picture.size)))
            if self.sender.form.coded
            else UncodedText(f"text {number}", text, self._judge)
            for number, text in enumerate(texts, 1)
        ]

    def _with_slice(
        self, texts: Sequence[CodedText | UncodedText], link: Link, conditions: Conditions
    ) -> tuple[list[Burst], str]:
        """Texts in as few uses as they need, and the slice in all others; none where it does not fit, and why."""
        try:
            uses = text_uses(texts, link, conditions, self.picture.name)
        except LinkError:
            return [], "no slice of the subject fits beside the texts"
        left = conditions.budget - sum(uses)
        most = slice_bytes(link, conditions, left)
        cut = self._cut(most)
        if cut is None:
            return [], f"no slice of the subject fits: the texts leave {left:,} uses, which carry {most:,} bytes"
        bursts = [text.burst(own, link, conditions) for text, own in zip(texts, uses, strict=True)]
        return [*bursts, Slice(cut, self.picture.size).burst(link, conditions, left)], ""

    def _cut(self, most: int) -> Subject | None:
        """The slice in so many bytes, made in steps of a tenth; None where not even the smallest fits."""
        size = int(_LEAST_SLICE_BYTES * 1.1 ** int(np.log(max(most, 1) / _LEAST_SLICE_BYTES) / np.log(1.1)))
        if most < _LEAST_SLICE_BYTES or self.mask is None:
            return None
        if size not in self._cuts:
            try:
                self._cuts[size] = subject.cut(self.picture.pixels, self.mask, size)
            except TooFewBytes:
                self._cuts[size] = None
        return self._cuts[size]

    def _judge(self, llrs: NDArray[np.float64]) -> PieceText:
        """An uncoded text as it is read."""
        from gistchain.gist.softtext import read

        if self.sender.form.soft:
            return PieceText(read(llrs).words)
        return PieceText.judged(hard_text(llrs, padded=False), known)

    def _fused(self, texts: Sequence[PieceText | None]) -> Fused:
        """Voted on, then corrected where nothing checks them (S4.3)."""
        if not self.sender.form.voted:
            texts = [None if text is None else PieceText.checked(text.text) for text in texts]
        found = fused(texts, *self.grid)
        corrector = self.sender.corrector
        if corrector is None or self.sender.form.coded:
            return found
        mended = [PieceText.checked(corrector.correct(text)) if text else None for text in found.texts]
        return fused(mended, *self.grid)


def _links(link: Link, count: int) -> list[Link]:
    """One for each burst: those that lie side by side, where there are as many, else the same kind for all."""
    if isinstance(link, Parallel):
        if len(link.links) != count:
            raise LinkError(f"{len(link.links)} parallel channels for {count} bursts: each needs one")
        return list(link.links)
    return [link] * count
