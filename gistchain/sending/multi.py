"""Several texts and a slice of the main subject, each over a channel of its own (Multi-SC, S4.1, S4.3, S4.4).

picture ─ pieces ─> a text of each ──> a burst for each ─┐
        └ mask ───> the slice ───────> another one ──────┴─> texts fused ─> mended ─> picture

The channels don't disturb one another and their uses add up (T4.2). A receiver sees how long each burst is, to 16
uses, and whether there is one for a slice. Each text is a packet of its own with a check, in a polar code; or, as
published, eight bits a character in 16-QAM without either, and without the picture's size, which is then agreed. The
slice has code and check in any case: a file with wrong bits can't be opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError, SettingError, TooFewBytes
from gistchain.gist import subject
from gistchain.gist.correct import known
from gistchain.gist.fusion import Fused, PieceText, fused, phrases
from gistchain.gist.outline import SURE, filled, outline
from gistchain.gist.pieces import boxes, grid, has, piece, place
from gistchain.gist.softtext import read
from gistchain.image import shows_nothing
from gistchain.link.channel import Parallel
from gistchain.sending.bursts import STEP, Burst, Came, CodedText, SliceBurst, UncodedText, spread, text_uses
from gistchain.sending.plan import step_below
from gistchain.sending.text import ascii_bytes, character_chances, padded_text
from gistchain.types import Conditions, Gist, Link, Picture, Pixels, Sent, Subject, TextCorrector

_SMALL_SHARE = 0.05
"""Of the picture: what is found of a subject and is smaller is told of."""


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
class Read:
    """What the receiver has: texts and slice, and the size of the picture that they tell of."""

    fused: Fused
    subject: Subject | None
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class MultiText:
    """words: of a picture, or of a piece where the flag is False. mask: of the main subject, None for a system without
    a slice. paint: what the receiver makes of texts and slice, None for nothing. corrector: of texts that nothing
    checks. behind: the text of a piece, changed to tell of what is behind the slice, where one is sent; None for texts
    that tell of all there is, as published. note: what a person should know in any case."""

    words: Callable[[Picture, bool], str]
    paint: Callable[[Fused, Subject | None, tuple[int, int]], Pixels | None]
    mask: Callable[[Pixels], NDArray[np.float32]] | None = None
    form: TextForm = TextForm()
    corrector: TextCorrector | None = None
    behind: Callable[[str, Pixels], str] | None = None
    note: str = ""

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
        return PreparedMulti(self, picture, tuple(texts), tuple(behind) or tuple(texts), mask)

    def received(self, texts: Sequence[Came], slices: Sequence[Came], agreed: tuple[int, int]) -> Read:
        """What came of the bursts. agreed: the size of the picture, for texts that don't tell it.

        A packet that tells of another size than most do, or of one that has no such pieces, is not of this picture.
        """
        told = Counter(one.size for one in (*texts, *slices) if one.size is not None and has(one.size, len(texts)))
        size = told.most_common(1)[0][0] if told else agreed
        own = [one if one.size in (None, size) else None for one in texts]
        found = self._fused([None if one is None else one.text for one in own], size)
        cut = next((one.subject for one in slices if one.size == size), None)
        return Read(found, cut, size)

    def judge(self, llrs: NDArray[np.float64]) -> PieceText:
        """An uncoded text as it is read."""
        if self.form.soft:
            return PieceText(read(llrs).words)
        return PieceText.judged(padded_text(llrs), known, character_chances(llrs))

    def _fused(self, texts: Sequence[PieceText | None], size: tuple[int, int]) -> Fused:
        """Voted on, then corrected where nothing checks them (S4.3)."""
        places = grid(size, len(texts))
        if not self.form.voted:
            texts = [None if text is None else PieceText.checked(text.text) for text in texts]
        found = fused(texts, *places)
        if self.corrector is None or self.form.coded:
            return found
        mended = [PieceText.checked(self.corrector.correct(text)) if text else None for text in found.texts]
        return fused(mended, *places)

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
    mask: NDArray[np.float32] | None
    _cuts: dict[int, Subject | None] = field(default_factory=dict)

    def meant(self, *, with_slice: bool) -> Fused:
        """What a receiver makes of the texts where all of them arrive."""
        texts = self.behind if with_slice else self.texts
        return fused([PieceText.checked(text) for text in texts], *grid(self.picture.size, len(texts)))

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        """Raises LinkError where the texts do not fit, SettingError for rounds of texts that nothing checks."""
        form = self.sender.form
        if rounds and not form.coded:
            raise SettingError("nothing tells what of an uncoded text was lost: leave the rounds out")
        bursts, notes = self._plan(_links(link, len(self.texts)), conditions)
        came = [burst.over((*seed, number), rounds) for number, burst in enumerate(bursts)]
        read = self.sender.received(came[: len(self.texts)], came[len(self.texts) :], self.picture.size)
        lost = tuple(
            burst.name for burst, one in zip(bursts, came, strict=True) if one.lost or one.size not in (None, read.size)
        )
        if len(lost) == len(bursts):
            read = Read(Fused("", ()), None, read.size)
        told = tuple(text for text in read.fused.texts if text)
        gist = Gist(told, read.size, subject=read.subject, damaged=frozenset(lost))
        arrived = bool(told) or read.subject is not None
        alone = ("no text arrived: the slice stands alone",) if arrived and not told else ()
        return Sent(
            picture=self.sender.paint(read.fused, read.subject, read.size) if arrived else None,
            caption=read.fused.caption,
            certain=arrived and form.coded,
            gist=gist if arrived else None,
            lost=lost,
            uses=sum(one.uses for one in came),
            rounds=max(one.rounds for one in came),
            start_uses=sum(burst.start_uses for burst in bursts),
            blocks=tuple(burst.planned for burst in bursts),
            expected=None,
            notes=(*filter(None, [self.sender.note]), *notes, *alone),
        )

    def _plan(self, links: Sequence[Link], conditions: Conditions) -> tuple[list[Burst], tuple[str, ...]]:
        """The bursts of the texts, and of the slice where there is one and it fits; what a person should know."""
        notes: tuple[str, ...] = ()
        if self.mask is not None:
            bursts, why = self._with_slice(links, conditions)
            if bursts:
                return bursts, self._of_slice()
            notes = (why,)
        elif self.sender.mask is not None:
            notes = ("no main subject was seen: the whole picture is told in words",)
        texts = self._bursts(self.texts, links)
        uses = text_uses(texts, conditions, self.picture.name)
        if self.sender.form.coded:  # nothing else needs the others
            uses = spread(uses, conditions.budget)
        return [text.burst(own, conditions) for text, own in zip(texts, uses, strict=True)], notes

    def _bursts(self, texts: Sequence[str], links: Sequence[Link]) -> list[CodedText | UncodedText]:
        return [
            CodedText(layer_name(number), text, self.picture.size, link)
            if self.sender.form.coded
            else UncodedText(layer_name(number), text, link, self.sender.judge)
            for number, (text, link) in enumerate(zip(texts, links, strict=False), 1)
        ]

    def _with_slice(self, links: Sequence[Link], conditions: Conditions) -> tuple[list[Burst], str]:
        """Texts in as few uses as they need, and the slice in all others; none where it does not fit, and why."""
        if len(links) == len(self.behind):
            return [], "no channel is left for the slice of the subject"
        texts = self._bursts(self.behind, links)
        try:
            uses = text_uses(texts, conditions, self.picture.name)
        except LinkError:
            return [], "no slice of the subject fits beside the texts"
        left = (conditions.budget - sum(uses)) // STEP * STEP
        place = SliceBurst(self.picture.size, links[len(texts)], left, conditions)
        most = place.most_bytes()
        cut = self._cut(most)
        if cut is None:
            why = f"{left:,} uses carry {most:,} bytes" if left > 0 else "they leave no uses"
            return [], f"no slice of the subject fits beside the texts: {why}"
        bursts = [text.burst(own, conditions) for text, own in zip(texts, uses, strict=True)]
        return [*bursts, place.burst(cut)], ""

    def _of_slice(self) -> tuple[str, ...]:
        """What a person should know of a slice that is sent."""
        share = 0.0 if self.mask is None else float((self.mask >= SURE).mean())
        if share >= _SMALL_SHARE:
            return ()
        return (f"the subject that was found covers {100 * share:.1f}% of the picture: it may be a part of it",)

    def _cut(self, most: int) -> Subject | None:
        """The slice in so many bytes, made in steps; None where not even the smallest fits."""
        size = step_below(most)
        if not size or self.mask is None:
            return None
        if size not in self._cuts:
            try:
                self._cuts[size] = subject.cut(self.picture.pixels, self.mask, size)
            except TooFewBytes:
                self._cuts[size] = None
        return self._cuts[size]


def layer_name(number: int) -> str:
    """Of the caption with this number in a packet that has all of them."""
    return "caption" if number == 1 else f"caption {number}"


def _links(link: Link, texts: int) -> list[Link]:
    """One for each text and one for the slice: those that lie side by side, or the same kind for all.

    Raises LinkError where some lie side by side, and fewer than there are texts.
    """
    if not isinstance(link, Parallel):
        return [link] * (texts + 1)
    if len(link.links) < texts:
        raise LinkError(f"{len(link.links)} parallel channels for {texts} texts: each needs one")
    return list(link.links[: texts + 1])
