"""A collection of one's own -> one file for others, and back: what captions and paints its tokens.

    "GCL1" ‖ length of the card (4 bytes, little-endian) ‖ card (JSON) ‖ layers (models/layered/model.py) ‖ SHA-256

The hash at the end is of all before it. The file may come from anyone: it holds no path and no pickle, it is bounded
before it is read, and the layers are checked as those of a training are. The report with its pictures stays at home.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gistchain.collection.folder import check_traits
from gistchain.collection.metadata import NAME
from gistchain.disk.lock import FileLock
from gistchain.disk.read import read_regular
from gistchain.disk.write import make_folder, write_whole
from gistchain.errors import CollectionError, ModelError, SettingError
from gistchain.models.known import hidden_by, known_collections
from gistchain.models.layered.model import unpack
from gistchain.models.layered.shelving import remove, shelve
from gistchain.models.zoo.weights import card, weights
from gistchain.safejson import parsed
from gistchain.traits import Traits, is_called

MAGIC = b"GCL1"
LARGEST_BYTES = 64 * 1024 * 1024
_CARD_BYTES = 64 * 1024
_LONGEST_TOLD = 200
_HASH_BYTES = 32
_TOLD = {"data": str, "licence": str, "tokens": int}
"""What else is taken from a stranger's card, and of which type; a text only where it is short and on one line."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A collection that came in a file. new: whether anything was written; not where the same was there.

    replaced: names of own collections that were called the same in captions, and are gone.
    """

    collection: str
    subject: str
    new: bool
    replaced: tuple[str, ...] = ()


def own_name(called: str, shelf: Path) -> str:
    """The name of the collection of the folder `shelf` that is called so, by its name or in captions.

    Raises SettingError where there is none, or more than one.
    """
    own = [known for known in known_collections(shelf) if known.own]
    found = {known.collection for known in own if is_called(called, known.subject, known.collection)}
    if called in found or len(found) == 1:
        return called if called in found else found.pop()
    if found:
        raise SettingError(f"several collections are called {called!r}: give the name, {' or '.join(sorted(found))}")
    shipped = any(is_called(called, known.subject, known.collection) for known in known_collections())
    why = "ships with gistchain, so that everyone has it" if shipped else "is not among your own"
    there = ", ".join(f"{known.collection} ({known.subject})" for known in own)
    raise SettingError(f"the collection {called!r} {why}; there are {there or 'none'}")


def exported(name: str, shelf: Path) -> bytes:
    """The file of the collection of the folder `shelf` that is called so.

    Raises SettingError where there is none, CollectionError where it is damaged.
    """
    name = own_name(name, shelf)
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

    replace: also in the place of another collection that has its name, or is called so in captions; one of one's own
    of another name is removed then, as a caption would not say whose it is. Raises CollectionError for what is no such
    file, and for one that would replace another; FileError, DiskFull. A kill or a full disk leaves the shelf as it
    was, or as it should be.
    """
    what = str(file)
    try:
        raw = read_regular(file, at_most=LARGEST_BYTES)
    except (OSError, ValueError) as error:
        raise CollectionError(f"{what} can't be read: {getattr(error, 'strerror', error)}") from error
    told, layers, traits = _opened(raw, what)
    name = traits.collection
    hidden = hidden_by(traits, shelf)
    beside = [known.collection for known in hidden if known.own and known.collection != name]
    there = _has(name, told["sha256"], shelf)
    if there and not (beside and replace):
        return Imported(name, traits.subject, new=False)
    if hidden and not replace:
        raise CollectionError(
            f"{what} holds {name!r} ({traits.subject}), which would take the place of "
            f"{' and '.join(map(str, hidden))}: give --replace if that is wanted, and `gistchain collection export` "
            "first keeps one of your own"
        )
    make_folder(shelf)
    draft = shelf / f".importing-{name}.part"  # always the same one, so that no kill leaves a second
    with contextlib.ExitStack() as held:
        for one in sorted([name, *beside]):
            held.enter_context(_lock(one, shelf))
        if not there:
            shelve(layers, told, shelf, name, put=lambda content, path: write_whole(path, content, draft=draft))
        for other in beside:  # last, so that a kill leaves both and the same command ends it
            remove(shelf, other)
    return Imported(name, traits.subject, True, tuple(beside))


def is_exported(file: Path) -> bool:
    """Whether it begins as an exported file does. One that can't be read is told by `imported`."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(MAGIC)) == MAGIC
    except OSError:
        return True


def _lock(name: str, shelf: Path) -> FileLock:
    return FileLock(
        shelf / f".training-{name}.lock", what=f"the collection {name!r}", use="being trained", instead="wait for it"
    )


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
    check_traits(traits)
    sha256 = hashlib.sha256(layers).hexdigest()
    wanted = {"collection": traits.collection, "subject": traits.subject, "sha256": sha256}
    if {key: told.get(key) for key in wanted} != wanted:
        raise ValueError("its card is that of another")
    more = {key: told[key] for key, kind in _TOLD.items() if type(told.get(key)) is kind and _is_short(told[key])}
    return {"kind": "collection", **wanted, **more, "recipe": "gistchain collection import"}


def _has(name: str, sha256: object, shelf: Path) -> bool:
    here = any(known.own and known.collection == name for known in known_collections(shelf))
    return here and card(f"collection-{name}", shelf).get("sha256") == sha256


def _is_short(value: str | int) -> bool:
    return isinstance(value, int) or (len(value) <= _LONGEST_TOLD and value.isprintable())
