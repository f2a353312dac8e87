"""Which collections the default models know: those that ship, and those of the user's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gistchain.models.layered.shelf import Shelf
from gistchain.models.traitnet.painter import painted
from gistchain.models.zoo.weights import card


@dataclass(frozen=True, slots=True)
class KnownCollection:
    """A collection that the default models know. data: what it was learnt from; own: by the user."""

    collection: str
    subject: str
    data: str
    own: bool


def known_collections(folder: Path | None = None) -> list[KnownCollection]:
    """Those that ship and those in the user's folder."""
    known = [
        KnownCollection(t.collection, t.subject, str(card(f"painter-{t.collection}")["data"]), False) for t in painted()
    ]
    for entry in Shelf(folder).collections:
        data = str(card(entry.name, entry.folder).get("data", ""))
        known.append(KnownCollection(entry.collection, entry.subject, data, entry.folder is not None))
    return known


def damaged_collections(folder: Path) -> tuple[str, ...]:
    """What is wrong with collections of the user's folder that are therefore left out."""
    return Shelf(folder).damaged
