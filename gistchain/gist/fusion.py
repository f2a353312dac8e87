"""The texts of several pieces, as they arrived -> one text that keeps every phrase and where it was said (S4.3).

    a doubtful word and its neighbours ── in another text as long, and a few bits away? ──> its word: the texts vote
    phrases ── the same in several pieces? ──> said once, for all of these places

A channel flips bits and never adds or drops a character, so a damaged word is as long as the right one; and a symbol of
16-QAM that is read as its neighbour has one wrong bit among its four. What a check confirms is never changed, nor is a
word that the dictionary has or that is made of letters: it may be a rare one, and a corrector comes later. No phrase is
left out. A piece whose own text names places, as "top left: x", reads like several.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.gist.pieces import place
from gistchain.gist.softtext import MOST_BYTES, Word

SURE = 0.5
"""A word that is less likely right than this is doubtful."""
_MAY_VOTE = 0.9
"""A word has to be as likely right as this, to stand in for another."""
_MOST_FLIPPED = 0.15
"""Share of the bits that the channel may have flipped, for other words to be what was meant."""
_MARKS = ".,;:!?\"'()-"
_BREAKS = re.compile(r"[,;!?]\s+|(?<=\w{3})\.\s+|[,.;!?]$")
"""A full stop behind one or two letters is that of an abbreviation."""


@dataclass(frozen=True, slots=True)
class PieceText:
    """The text of one piece. words: in order, each with the chance that it is right; 1 where a check says so."""

    words: tuple[Word, ...]

    @classmethod
    def checked(cls, text: str) -> PieceText:
        """A text that arrived as it was sent."""
        return cls(tuple(Word(word, 1.0) for word in text.split(" ")))

    @classmethod
    def judged(cls, text: str, known: Callable[[str], bool], chances: NDArray[np.float64] | None = None) -> PieceText:
        """A text that nothing confirms. known: whether the dictionary has a word; it is then taken for right.

        chances: how likely each character is as it was read, f8[n] with n not below len(text); None where nothing is
        known of that. A word that the dictionary does not have is as likely right as all of its characters are.
        """
        words, at = [], 0
        for word in text.split(" "):
            chance = 0.0 if chances is None else float(chances[at : at + len(word)].prod())
            words.append(Word(word, 1.0 if known(word) else chance))
            at += len(word) + 1
        return cls(tuple(words))

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Fused:
    """caption: all that the texts say, each phrase with its place. texts: of each piece, as mended; "" for none."""

    caption: str
    texts: tuple[str, ...]


def fused(texts: Sequence[PieceText | None], columns: int, rows: int) -> Fused:
    """texts: of each piece, row by row, None where none arrived. Raises SettingError unless there are as many."""
    if len(texts) != columns * rows:
        raise SettingError(f"{len(texts)} texts are not those of {columns} x {rows} pieces")
    laid = [None if text is None else _Laid.of(text) for text in texts]
    mended = tuple("" if text is None else _mended(text, number, laid) for number, text in enumerate(laid))
    return Fused(_told(mended, columns, rows), mended)


def phrases(text: str) -> list[str]:
    """Those between commas and ends of sentences, without these."""
    return [phrase for part in _BREAKS.split(text) if (phrase := part.strip())]


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A text with the places where its words start and end."""

    text: str
    words: tuple[Word, ...]
    starts: list[int]
    ends: frozenset[int]

    @classmethod
    def of(cls, text: PieceText) -> _Laid:
        starts = [0, *accumulate(len(word.text) + 1 for word in text.words)]
        return cls(text.text, text.words, starts[:-1], frozenset(start - 1 for start in starts[1:]))


def _mended(laid: _Laid, number: int, texts: Sequence[_Laid | None]) -> str:
    others = [other for k, other in enumerate(texts) if k != number and other is not None]
    words = [word.text for word in laid.words]
    mended = list(words)
    if len(laid.text) > MOST_BYTES:
        return laid.text
    for k, word in enumerate(laid.words):
        if word.confidence < SURE and not _may_be_a_word(word.text):
            around = slice(max(0, k - 1), k + 2)
            at = laid.starts[k] - laid.starts[around.start]
            mended[k] = _by_vote(" ".join(words[around]), slice(at, at + len(word.text)), others)
    return " ".join(mended)


def _by_vote(window: str, part: slice, others: Sequence[_Laid]) -> str:
    """What most other texts have in place of this part of a window of words; the part itself where none has any."""
    votes: Counter[str] = Counter()
    for other in others:
        votes.update({found[part] for found in _alike(window, part, other)})
    best: str = max(votes, key=lambda found: (votes[found], -_flipped(found, window[part]))) if votes else window[part]
    return best


def _may_be_a_word(text: str) -> bool:
    inner = text.strip(_MARKS)
    return inner.isalpha() and (inner[1:].islower() or inner.isupper() or len(inner) == 1)


def _alike(window: str, part: slice, other: _Laid) -> Iterator[str]:
    """Runs of whole words that the channel can have turned into the window, sure in this part of it."""
    for start in other.starts:
        run = other.text[start : start + len(window)]
        if start + len(window) not in other.ends or not _neighbours(run[part], window[part]):
            continue
        if _flipped(run, window) > _MOST_FLIPPED * 8 * len(window):
            continue
        inside = [
            word.confidence
            for word, at in zip(other.words, other.starts, strict=True)
            if at < start + part.stop and at + len(word.text) > start + part.start
        ]
        if inside and min(inside) >= _MAY_VOTE:
            yield run


def _neighbours(a: str, b: str) -> bool:
    """Whether no symbol of four bits has more than one wrong, and the ends of phrases stay.

    A question mark stands for what was no ASCII.
    """
    if any(x != y for x, y in zip(a, b, strict=True) if y in ",.;"):
        return False
    apart = (ord(x) ^ ord(y) for x, y in zip(a, b, strict=True) if y != "?")
    return all((bits >> 4).bit_count() <= 1 and (bits & 15).bit_count() <= 1 for bits in apart)


def _flipped(a: str, b: str) -> int:
    return sum((ord(x) ^ ord(y)).bit_count() for x, y in zip(a, b, strict=True))


def _told(texts: Sequence[str], columns: int, rows: int) -> str:
    if len(texts) == 1:
        return texts[0]
    said: dict[str, list[int]] = {}
    spelt: dict[str, str] = {}
    for number, text in enumerate(texts):
        for phrase in phrases(text):
            places = said.setdefault(phrase.casefold(), [])
            spelt.setdefault(phrase.casefold(), phrase)
            if number not in places:
                places.append(number)
    by_place: dict[frozenset[int], list[str]] = {}
    for key, numbers in said.items():
        by_place.setdefault(frozenset(numbers), []).append(spelt[key])
    ordered = sorted(by_place.items(), key=lambda item: (-len(item[0]), sorted(item[0])))
    parts = [(place(columns, rows, numbers), ", ".join(found)) for numbers, found in ordered]
    return "; ".join(f"{where}: {what}" if where else what for where, what in parts)
