"""Which collections the default models know: those that ship, and those of the user's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gistchain.models.layered.shelf import Shelf
from gistchain.models.traitnet.painter import painted
from gistchain.models.zoo.weights import card
from gistchain.traits import Traits, is_called, parts


@dataclass(frozen=True, slots=True)
class KnownCollection:
    """A collection that the default models know. data: what it was learnt from; own: by the user."""

    collection: str
    subject: str
    data: str
    own: bool

    def __str__(self) -> str:
        """For messages."""
        return f"{self.collection!r} ({self.subject}), {'your own' if self.own else 'which ships with gistchain'}"


def known_collections(folder: Path | None = None) -> list[KnownCollection]:
    """Those that ship and those in the user's folder."""
    known = [
        KnownCollection(t.collection, t.subject, str(card(f"painter-{t.collection}")["data"]), False) for t in painted()
    ]
    for entry in Shelf(folder).collections:
        data = str(card(entry.name, entry.folder).get("data", ""))
        known.append(KnownCollection(entry.collection, entry.subject, data, entry.folder is not None))
    return known


def known_traits(folder: Path | None = None) -> list[Traits]:
    """What the tokens of all these collections can have, in the order of `known_collections`."""
    return [*painted(), *(entry.layers().traits for entry in Shelf(folder).collections)]


def traits_of(caption: str, folder: Path | None = None) -> Traits | None:
    """The collection whose token a caption describes; None for none that is known."""
    subject, _ = parts(caption)
    if not subject:
        return None
    entry = Shelf(folder).of_subject(subject)
    if entry is not None:
        return entry.layers().traits
    return next((traits for traits in painted() if is_called(subject, traits.subject, traits.collection)), None)


def damaged_collections(folder: Path) -> tuple[str, ...]:
    """What is wrong with collections of the user's folder that are therefore left out."""
    return Shelf(folder).damaged


def hidden_by(traits: Traits, folder: Path | None = None) -> list[KnownCollection]:
    """Known collections that one of one's own hides: by its name, or by what captions call its tokens."""
    return [
        known
        for known in known_collections(folder)
        if known.collection == traits.collection
        or is_called(traits.subject, known.subject, known.collection)
        or is_called(known.subject, traits.subject, traits.collection)
    ]
