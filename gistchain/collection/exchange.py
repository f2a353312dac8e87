"""A collection of one's own -> one file for others, and back: what captions and paints its tokens.

    "GCL1" ‖ length of the card (4 bytes, little-endian) ‖ card (JSON) ‖ layers (models/layered/model.py) ‖ SHA-256

The hash at the end is of all before it. The file may come from anyone: it holds no path and no pickle, it is bounded
before it is read, and the layers are checked as those of a training are. The report with its pictures stays at home.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gistchain.disk.lock import FileLock
from gistchain.disk.read import read_regular
from gistchain.disk.write import write_whole
from gistchain.errors import CollectionError, ModelError
from gistchain.models.known import known_collections
from gistchain.models.layered.model import unpack
from gistchain.models.zoo.weights import card, weights
from gistchain.safejson import parsed
from gistchain.traits import Traits, is_called

MAGIC = b"GCL1"
LARGEST_BYTES = 64 * 1024 * 1024
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""What can name a collection's files."""
_CARD_BYTES = 64 * 1024
_LONGEST_SUBJECT = 100
_HASH_BYTES = 32
_TOLD = {"data": str, "licence": str, "tokens": int}
"""What else is taken from a stranger's card, and of which type."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A collection that came in a file. new: whether anything was written; not where the same was there."""

    collection: str
    subject: str
    new: bool


def exported(name: str, shelf: Path) -> bytes:
    """The file of the collection `name` of the folder `shelf`. Raises CollectionError: not there, or damaged."""
    own = [known.collection for known in known_collections(shelf) if known.own]
    if name not in own:
        shipped = any(known.collection == name for known in known_collections())
        why = "ships with gistchain, so that everyone has it" if shipped else "is not among your own"
        raise CollectionError(f"the collection {name!r} {why}; there are {', '.join(own) or 'none'}")
    stem = f"collection-{name}"
    try:
        told, layers = card(stem, shelf), weights(stem, shelf, suffix=".layers")
        unpack(layers, stem)
    except ModelError as error:
        raise CollectionError(f"the collection {name!r} can't be exported: {error}") from error
    head = json.dumps(told).encode()
    content = b"".join([MAGIC, len(head).to_bytes(4, "little"), head, layers])
    return content + hashlib.sha256(content).digest()


def imported(file: Path, shelf: Path, *, replace: bool = False) -> Imported:
    """Puts the collection of an exported file into the folder `shelf`.

    replace: also in the place of another collection that has its name, or is called so in captions. Raises
    CollectionError for what is no such file, and for one that would replace another; FileError.
    """
    what = str(file)
    try:
        raw = read_regular(file, at_most=LARGEST_BYTES)
    except (OSError, ValueError) as error:
        raise CollectionError(f"{what} can't be read: {getattr(error, 'strerror', error)}") from error
    told, layers, traits = _opened(raw, what)
    name = traits.collection
    if _has(name, told["sha256"], shelf):
        return Imported(name, traits.subject, new=False)
    if hidden := [] if replace else _hidden(traits, shelf):
        raise CollectionError(
            f"{what} holds {name!r} ({traits.subject}), which would take the place of {' and '.join(hidden)}: "
            "give --replace if that is wanted"
        )
    shelf.mkdir(parents=True, exist_ok=True)
    lock = FileLock(
        shelf / f".training-{name}.lock", what=f"the collection {name!r}", use="being trained", instead="wait for it"
    )
    with lock:
        # Without a card there is no model, so that no card ever lies beside another model's file.
        path = shelf / f"collection-{name}.json"
        path.unlink(missing_ok=True)
        write_whole(path.with_suffix(".layers"), layers)
        write_whole(path, (json.dumps(told, indent=1) + "\n").encode())
    return Imported(name, traits.subject, new=True)


def _opened(raw: bytes, what: str) -> tuple[dict[str, Any], bytes, Traits]:
    """The card as it is kept here, the layers, and whose they are."""
    content, digest = raw[:-_HASH_BYTES], raw[-_HASH_BYTES:]
    if not raw.startswith(MAGIC):
        raise CollectionError(f"{what} is not a collection that `gistchain collection export` wrote")
    if len(raw) < 8 + _HASH_BYTES or hashlib.sha256(content).digest() != digest:
        raise CollectionError(f"{what} is damaged or cut off: fetch it again")
    stop = 8 + int.from_bytes(content[4:8], "little")
    try:
        if not 8 < stop <= 8 + _CARD_BYTES:
            raise ValueError("its card is too large")
        told, layers = parsed(content[8:stop]), content[stop:]
        traits = unpack(layers, what).traits
        return _kept(told, layers, traits), layers, traits
    except (ValueError, ModelError) as error:
        raise CollectionError(
            f"{what} is not a collection that can be used ({error}): ask its maker for another"
        ) from error


def _kept(told: object, layers: bytes, traits: Traits) -> dict[str, Any]:
    """The card that is written here. Raises ValueError where it doesn't fit the layers."""
    if not isinstance(told, dict) or not NAME.fullmatch(traits.collection):
        raise ValueError("its card or its name is none")
    if not 0 < len(traits.subject.strip()) <= _LONGEST_SUBJECT or not traits.subject.isprintable():
        raise ValueError("its tokens have no proper name")
    sha256 = hashlib.sha256(layers).hexdigest()
    wanted = {"collection": traits.collection, "subject": traits.subject, "sha256": sha256}
    if {key: told.get(key) for key in wanted} != wanted:
        raise ValueError("its card is that of another")
    more = {key: told[key] for key, kind in _TOLD.items() if type(told.get(key)) is kind}
    return {"kind": "collection", **wanted, **more, "recipe": "gistchain collection import"}


def _has(name: str, sha256: object, shelf: Path) -> bool:
    here = any(known.own and known.collection == name for known in known_collections(shelf))
    return here and card(f"collection-{name}", shelf).get("sha256") == sha256


def _hidden(traits: Traits, shelf: Path) -> list[str]:
    """Other collections that would no longer be found by their names, or by what captions call their tokens."""
    return [
        f"{known.collection!r} ({known.subject}), {'your own' if known.own else 'which ships with gistchain'}"
        for known in known_collections(shelf)
        if known.collection == traits.collection
        or is_called(traits.subject, known.subject, known.collection)
        or is_called(known.subject, traits.subject, traits.collection)
    ]
