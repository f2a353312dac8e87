"""Attributes of a token -> its caption by the template of NFT1000 (S3.6), to the letter.

`A picture of {subject}, containing {value} {trait_type}, {value} {trait_type}, ...`

Attributes are strangers' words. In a caption they stand on one line and without commas, which part its phrases; the
attributes themselves are kept beside it as they were.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from gistchain.collection.metadata import NOTHING, clean
from gistchain.traits import caption

MOST_CHARACTERS = 2_000
"""Of a caption: whole phrases are left out beyond it."""
_LONGEST_SUBJECT = 200
_READ = 20_000  # characters of one value or type that are looked at

_ABSTRACT_WORDS = """
    abilities ability age agility alignment artist attack birth birthday birthdate blockchain charisma chapter
    class clan collection constitution cooldown created creator damage date day defence defense dexterity edition
    element endurance energy experience faction generation guild health hp id index influence intelligence
    intellect job level luck magic mana mint month name number occupation origin party personality phase points
    power price profession rank rarity rarity-rank region release role score season serial series set skill skills
    speed stamina status strength supply team tier title tribe version vitality week wisdom wave xp year zodiac
"""
ABSTRACT = frozenset(_ABSTRACT_WORDS.split())
"""Trait types, or their last words, that say what no pixel needs to show (T3.2). A first guess: people name others."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One trait as captions say it: `{value} {type}`."""

    value: str
    type: str

    def __str__(self) -> str:
        return f"{self.value} {self.type}"


@dataclass(frozen=True, slots=True)
class Captioned:
    """What the template makes of a token's attributes.

    phrases: those that `text` holds, in order. left_out: how many did not fit into MOST_CHARACTERS. changed: how many
    values or types had to be put on one line or lost a comma.
    """

    subject: str
    text: str
    phrases: tuple[Phrase, ...]
    left_out: int = 0
    changed: int = 0


def captioned(subject: str, attributes: Iterable[tuple[str, str]]) -> Captioned:
    """The caption of a token. attributes: (trait_type, value); what says nothing, such as "None", is not named."""
    called = clean(subject[:_READ])[:_LONGEST_SUBJECT].strip() or "a token"
    phrases: list[Phrase] = []
    size, left_out, changed = len(caption(called, ["", ""])), 0, 0
    for type_, value in attributes:
        phrase = Phrase(clean(value[:_READ]), clean(type_[:_READ]))
        if not phrase.type or phrase.value.casefold() in NOTHING:
            continue
        if size + len(str(phrase)) + 2 > MOST_CHARACTERS:
            left_out += 1
            continue
        size += len(str(phrase)) + 2
        changed += phrase.value != value or phrase.type != type_
        phrases.append(phrase)
    return Captioned(called, caption(called, list(map(str, phrases))), tuple(phrases), left_out, changed)


def is_abstract(type_: str, named: Collection[str] = ()) -> bool:
    """Whether a trait type is one that pixels can't show: named by a person, or its last word is one of ABSTRACT."""
    folded = clean(type_[:_READ]).casefold()
    return folded in {name.casefold() for name in named} or (folded.split() or [""])[-1] in ABSTRACT


def visible(phrases: Sequence[Phrase], named: Collection[str] = ()) -> tuple[Phrase, ...]:
    """The phrases whose trait types are not abstract."""
    return tuple(phrase for phrase in phrases if not is_abstract(phrase.type, named))
