"""The texts of several pieces, as they arrived -> one text that keeps every phrase and where it was said (S4.3).

    words that are doubtful ── a word of another text, as long and a few bits away? ──> that word: the texts vote
    phrases ── the same in several pieces? ──> said once, for all of these places

A channel flips bits and never adds or drops a character, so a damaged word is as long as the right one. What a check
confirms is never changed, a word that nothing else speaks against stays, and no phrase is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gistchain.gist.pieces import place
from gistchain.gist.softtext import Word

SURE = 0.5
"""A word that is less likely right than this is doubtful."""
_MOST_FLIPPED = 0.15
"""Share of a word's bits that the channel may have flipped, for another word to be what was meant."""
_ENDS: tuple[str, ...] = ("", ",", ".", ";", "!", "?")
_BREAKS = re.compile(r"[,.;!?]\s+|[,.;!?]$")


@dataclass(frozen=True, slots=True)
class PieceText:
    """The text of one piece. words: in order, each with the chance that it is right; 1 where a check says so."""

    words: tuple[Word, ...]

    @classmethod
    def checked(cls, text: str) -> PieceText:
        """A text that arrived as it was sent."""
        return cls(tuple(Word(word, 1.0) for word in text.split(" ")))

    @classmethod
    def judged(cls, text: str, known: Callable[[str], bool]) -> PieceText:
        """A text that nothing confirms: words are as good as certain or worthless, by whether anybody knows them."""
        return cls(tuple(Word(word, float(known(word))) for word in text.split(" ")))

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Fused:
    """caption: all that the texts say, each phrase with its place. texts: of each piece, as mended; "" for none."""

    caption: str
    texts: tuple[str, ...]


def fused(texts: Sequence[PieceText | None], columns: int, rows: int) -> Fused:
    """texts: of each piece, row by row, None where none arrived."""
    mended = tuple("" if text is None else _mended(text, number, texts) for number, text in enumerate(texts))
    return Fused(_told(mended, columns, rows), mended)


def phrases(text: str) -> list[str]:
    """Those between commas and ends of sentences, without these."""
    return [phrase for part in _BREAKS.split(text) if (phrase := part.strip())]


def _mended(text: PieceText, number: int, texts: Sequence[PieceText | None]) -> str:
    if all(word.confidence >= SURE for word in text.words):
        return text.text
    others = Counter(
        _core(word.text)
        for other, said in enumerate(texts)
        if other != number and said is not None
        for word in said.words
        if word.confidence >= SURE and _core(word.text)
    )
    return " ".join(word.text if word.confidence >= SURE else _by_vote(word.text, others) for word in text.words)


def _by_vote(word: str, others: Counter[str]) -> str:
    """What most other texts say of those words that may have been meant; the word itself where none may."""
    found = [(votes, whole) for other, votes in others.items() if (whole := _as_meant(word, other)) is not None]
    best: str = max(found)[1] if found else word
    return best


def _as_meant(word: str, other: str) -> str | None:
    """The other word with the marks of this one, where the channel can have turned it into this one."""
    for mark in _ENDS:
        meant = other + mark
        if len(meant) == len(word) and _flipped(word, meant) <= _MOST_FLIPPED * 8 * len(word):
            return meant
    return None


def _flipped(a: str, b: str) -> int:
    return sum((ord(x) ^ ord(y)).bit_count() for x, y in zip(a, b, strict=True))


def _core(word: str) -> str:
    return word.rstrip(",.;!?")


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
