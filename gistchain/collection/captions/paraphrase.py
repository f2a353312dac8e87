"""A caption's phrases -> the same in other words, by rule: nothing is added, nothing is left out.

Every wording needs neither articles nor the number of its nouns, so that it stays a sentence whatever the traits are
called. Traits are parted by commas, which no value holds; the last has "and" before it. Which wordings a token gets,
and the order of its traits in each, hangs on a seed and the token alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from gistchain.collection.captions.template import Captioned, Phrase

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Wording:
    """{traits} stands for the list of traits, {subject} for the subject. item: one trait. one: the sentence where there
    is a single trait, '' for the same. bare: the sentence without any.
    """

    many: str
    item: str
    bare: str
    one: str = ""


WORDINGS: tuple[Wording, ...] = (
    Wording("This picture shows {subject} with {traits}.", "{value} {type}", "This picture shows {subject}."),
    Wording(
        "An image of {subject} that has {traits}.", "{value} for the {type}", "An image of {subject} is what this is."
    ),
    Wording("{subject} is pictured here, {traits}.", "its {type} being {value}", "{subject} is pictured here."),
    Wording(
        "Among the traits of {subject} in this picture are {traits}.",
        "{value} {type}",
        "{subject} is the one in this picture.",
        one="One trait of {subject} in this picture is {traits}.",
    ),
    Wording("With {traits}, {subject} can be seen in this image.", "{value} as the {type}", "{subject} can be seen."),
    Wording(
        "In this image we see {subject} having {traits}.", "{value} as its {type}", "In this image we see {subject}."
    ),
    Wording(
        "Here is a picture in which {subject} has {traits}.",
        "{type} that can be called {value}",
        "Here is a picture of {subject}.",
    ),
    Wording("What we have here is {subject}, seen with {traits}.", "{value} {type}", "What we have here is {subject}."),
)
"""In none of them does a trait stand beside a word that could be taken for another of its values."""


def paraphrases(caption: Captioned, token: str, count: int = 3, *, seed: int = 0) -> tuple[str, ...]:
    """`count` different wordings of a caption, at most as many as there are WORDINGS; the same for the same token."""
    chosen = _shuffled(WORDINGS, f"{seed}/{token}/wordings")[:count]
    return tuple(
        worded(one, caption.subject, _shuffled(caption.phrases, f"{seed}/{token}/{place}"))
        for place, one in enumerate(chosen)
    )


def worded(wording: Wording, subject: str, phrases: Sequence[Phrase]) -> str:
    """One wording with all the phrases, in this order."""
    said = [_filled(wording.item, {"value": phrase.value, "type": phrase.type}) for phrase in phrases]
    if not said:
        text = _filled(wording.bare, {"subject": subject})
    else:
        frame = wording.one if len(said) == 1 and wording.one else wording.many
        listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])}, and {said[-1]}"
        text = _filled(frame, {"subject": subject, "traits": listed})
    return text[0].upper() + text[1:] if text[0].isascii() else text


def _filled(frame: str, words: dict[str, str]) -> str:
    """The frame with its names replaced, once each; braces in the words stay what they are."""
    name = min((name for name in words if f"{{{name}}}" in frame), key=lambda n: frame.index(f"{{{n}}}"), default="")
    if not name:
        return frame
    before, _, after = frame.partition(f"{{{name}}}")
    return before + words[name] + _filled(after, words)


def _shuffled(items: Sequence[Item], key: str) -> list[Item]:
    def order(place: int) -> bytes:
        return hashlib.sha256(f"{key}/{place}".encode()).digest()

    return [items[place] for place in sorted(range(len(items)), key=order)]
