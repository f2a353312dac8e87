"""What was typed -> phrases, each with the traits that it may mean, and what had to be read otherwise than it stands.

    "zombie wiht a purple cap, pipe" ──> zombie | purple cap | pipe       (with: a misspelt word that joins phrases)

A phrase is the longest run of words that some trait has all of. A word that no trait has is looked up in the tables of
trait words in other languages, then among words that are spelt like it; what stays unknown is asked of titles only.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gistchain.collection.captions.translate import packaged
from gistchain.errors import SettingError
from gistchain.search.record import Record, Trait
from gistchain.search.words import words_of
from gistchain.traits import parts

MOST_WORDS = 64
"""Of a query; later ones are not read, and that is said."""
_LONGEST_PHRASE = 6
JOINING = frozenset(
    """
    a an the with and or of in on at to for from by as has have having had wears wearing wear worn holds holding that
    which who whose is are was it its his her their there some any all find show list give me us please search want
    looking look like picture pictures photo image images drawing nft nfts token tokens one ones also plus both
    containing contains this these those here see seen shown shows showing pictured can called be being what we i you my
    do does have trait traits among something someone somebody
    """.split()  # noqa: SIM905  # a list of words is read more easily so
)
_BREAKS = str.maketrans(dict.fromkeys(",;:/|+&()[]{}\n\t\r", " , "))
_CLOSE = 0.74
"""difflib's ratio from which a word is taken for another's misspelling: one letter in four."""
_LEAST_LETTERS = 4
_VALUE, _TYPE_ONLY = 0.6, 0.3


@dataclass(frozen=True, slots=True)
class Meant:
    """A trait that a phrase may mean. share: how much of it the phrase names, in 0..1."""

    trait: Trait
    share: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """words: as they are searched for. meant: best first; empty where no trait has them."""

    words: tuple[str, ...]
    meant: tuple[Meant, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Query:
    """read_as: (what was typed, what it was taken for, why). unread: words beyond the first 64."""

    text: str
    phrases: tuple[Phrase, ...]
    read_as: tuple[tuple[str, str, str], ...] = ()
    unread: int = 0

    @property
    def known(self) -> list[Phrase]:
        """Those that some trait has."""
        return [phrase for phrase in self.phrases if phrase.meant]

    @property
    def unknown(self) -> list[str]:
        """Words that no trait has."""
        return [word for phrase in self.phrases if not phrase.meant for word in phrase.words]


def understood(text: str, record: Record) -> Query:
    """Raises SettingError for a text without words."""
    subject, phrases = parts(text)
    clauses = [
        words_of(clause) for clause in ", ".join(filter(None, [subject, *phrases])).translate(_BREAKS).split(",")
    ]
    count = sum(map(len, clauses))
    if not count:
        raise SettingError('there is no word to search for: say what the image shows, such as "purple cap, pipe"')
    reader = _Reader(record)
    found: list[Phrase] = []
    left = MOST_WORDS
    for clause in clauses:
        found += reader.clause(clause[:left])
        left -= len(clause[:left])
    if not found:  # joining words alone: then they are what is looked for
        found = [Phrase(tuple(word for clause in clauses for word in clause)[:MOST_WORDS], ())]
    return Query(text, tuple(found), tuple(reader.read_as), max(0, count - MOST_WORDS))


class _Reader:
    def __init__(self, record: Record) -> None:
        self._record = record
        self._traits: dict[tuple[str, ...], list[Trait]] = {}
        self.read_as: list[tuple[str, str, str]] = []

    def clause(self, words: Sequence[str]) -> list[Phrase]:
        """The clause in phrases, such that as many words as can be stand in one with others."""
        runs: list[list[str]] = [[]]
        for word in words:
            if word in JOINING:
                runs.append([])
            else:
                runs[-1] += self._known(word)
        return [phrase for run in runs for phrase in self._parted(run)]

    def _known(self, word: str) -> list[str]:
        """The word, or those that it is read as; none where it only joins phrases."""
        if self._with((word,)):
            return [word]
        if (english := packaged().of("", word)) is not None:
            self.read_as.append((word, english, "translated"))
            return words_of(english)
        if joined := difflib.get_close_matches(word, ["with", "and", "wearing", "having"], 1, 0.85):
            self.read_as.append((word, joined[0], "spelling"))
            return []
        if (spelt := self._spelt(word)) is not None:
            self.read_as.append((word, spelt, "spelling"))
            return [spelt]
        return [word]

    def _spelt(self, word: str) -> str | None:
        if len(word) < _LEAST_LETTERS or not word.isalpha():
            return None
        near = self._record.spelled_like(word) or self._record.spelled_near(word)
        close = difflib.get_close_matches(word, near, 8, _CLOSE)
        same = [other for other in near if Counter(other) == Counter(word)]  # letters that changed places
        candidates = dict.fromkeys([*same, *close])
        ratio = difflib.SequenceMatcher

        def better(other: str) -> tuple[bool, float, int]:
            items = sum(trait.items for trait in self._with((other,))[:50])
            return other in same, round(ratio(None, word, other).ratio(), 2), items

        return max(candidates, key=better) if candidates else None

    def _with(self, words: tuple[str, ...]) -> list[Trait]:
        if words not in self._traits:
            self._traits[words] = self._record.traits_with(words)
        return self._traits[words]

    def _parted(self, words: list[str]) -> list[Phrase]:
        """The run in spans: those whose lengths to the power of 1.5, of what traits have, add up to the most."""
        best: list[tuple[float, list[Phrase]]] = [(0.0, [])]
        for end in range(1, len(words) + 1):
            options = []
            for start in range(max(0, end - _LONGEST_PHRASE), end):
                span = tuple(words[start:end])
                meant = self._meant(span) if len(span) == 1 or self._with(span) else ()
                if len(span) == 1 or meant:
                    worth = len(span) ** 1.5 * (meant[0].share if meant else 0.0)
                    options.append((best[start][0] + worth, [*best[start][1], Phrase(span, meant)]))
            best.append(max(options, key=lambda option: option[0]))
        return best[-1][1]

    def _meant(self, words: tuple[str, ...]) -> tuple[Meant, ...]:
        return tuple(sorted((Meant(t, _share(words, t)) for t in self._with(words)), key=lambda m: -m.share))


def _share(words: Sequence[str], trait: Trait) -> float:
    """How much of a trait words name: all of its value is 1; a type alone names little."""
    value, type_ = words_of(trait.value), set(words_of(trait.type))
    about = [word for word in words if not (word in type_ and word not in value)]
    if not about:
        return _TYPE_ONLY
    return _VALUE + (1 - _VALUE) * min(1.0, len(about) / max(1, len(value)))
