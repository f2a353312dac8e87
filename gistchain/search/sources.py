"""The home's chain, a followed registry, the imports -> the record: what is new or has changed is put there, what is
gone is forgotten. An interrupted run costs what it had begun of a few hundred items.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from gistchain.collection.captions.template import captioned
from gistchain.collection.imports.record import About, ImportedToken, imported
from gistchain.collection.imports.record import Record as ImportRecord
from gistchain.collection.metadata import NOTHING
from gistchain.errors import GistchainError, UnknownToken
from gistchain.ledger.followed import Followed
from gistchain.listing import Listed, Names, listed
from gistchain.pipeline import Registry
from gistchain.search.items import Item
from gistchain.search.record import Record
from gistchain.traits import Traits, parts

_AT_ONCE = 500
Row = TypeVar("Row")
Note = Callable[[str], None]
TraitsOf = Callable[[str], Traits | None]
"""A caption -> the collection that it is of."""


@dataclass(slots=True)
class Brought:
    """What a run has changed in the record."""

    added: int = 0
    forgotten: int = 0
    failed: list[str] = field(default_factory=list)


def bring_registry(record: Record, registry: Registry, names: Names, traits_of: TraitsOf, brought: Brought) -> None:
    """The tokens of the home's own chain, which is only ever added to, unless an older one was put in its place."""
    ledger = registry.ledger
    place = f"registry {ledger.name}"
    noted = json.loads(record.note(place) or '{"last": 0, "image": ""}')
    last = int(noted["last"])
    if last and not _is(registry, last, noted["image"]):
        brought.forgotten += record.forget(record.after("token", ledger.name, -1))
        last = 0
    rows = (listed(registry, token, names) for token in registry.tokens(last + 1))
    for part in _parts(rows):
        record.put([(_token(row, ledger.name, traits_of), row.token.id) for row in part])
        end = part[-1].token
        record.set_note(place, json.dumps({"last": end.id, "image": end.image_sha3_256.hex()}))
        brought.added += len(part)


def bring_followed(
    record: Record, followed: Followed, registry: Registry, names: Names, traits_of: TraitsOf, brought: Brought
) -> None:
    """What `follow` keeps of a registry on a node: what was seen in blocks that were replaced is read again."""
    name = registry.ledger.name
    blocks = followed.blocks(name)
    noted = {tuple(block) for block in json.loads(record.note(f"followed {name}") or "[]")}
    common = max((number for number, digest in blocks if (number, digest) in noted), default=-1)
    brought.forgotten += record.forget(record.after("token", name, common))
    rows = ((listed(registry, kept.token, names, kept), kept.seen) for kept in followed.since(name, common))
    for part in _parts(rows):
        record.put([(_token(row, name, traits_of), seen) for row, seen in part])
        brought.added += len(part)
    record.set_note(f"followed {name}", json.dumps(blocks))


def bring_imports(record: Record, home: Path, brought: Brought, note: Note) -> None:
    """All tokens of imported collections that have a picture, also those that failed since."""
    folders = {folder.name: folder for folder in imported(home)}
    for kind, source in record.sources():
        if kind == "reference" and source not in folders:
            brought.forgotten += record.forget(seen.item for seen in record.seen(kind, source).values())
            record.set_note(f"import {source}", "")
    for name, folder in folders.items():
        if (state := _state(folder)) == record.note(f"import {name}"):
            continue
        try:
            _bring_import(record, folder, home, brought)
        except GistchainError as error:
            brought.failed.append(name)
            note(f"{name} was left as it was: {error}")
            continue
        record.set_note(f"import {name}", state)


def _bring_import(record: Record, folder: Path, home: Path, brought: Brought) -> None:
    before = record.seen("reference", folder.name)
    with ImportRecord(folder) as tokens:
        if (about := tokens.about()) is None:
            return
        items = (_reference(one, about, folder, home) for one in tokens.tokens() if one.picture)
        for part in _parts(items):
            changed = [item for item in part if item.token not in before or before[item.token].made != item.digest()]
            for item in part:
                before.pop(item.token, None)
            record.put([(item, 0) for item in changed])
            brought.added += len(changed)
    brought.forgotten += record.forget(seen.item for seen in before.values())


def _reference(token: ImportedToken, about: About, folder: Path, home: Path) -> Item:
    said = captioned(about.subject or about.name, token.attributes)
    traits = tuple((t, v) for t, v in token.attributes if t and v.strip().casefold() not in NOTHING)
    return Item(
        "reference",
        folder.name,
        token.id,
        subject=said.subject,
        title=token.title,
        caption=said.text,
        traits=traits,
        chain=about.chain,
        contract=about.contract,
        owner=token.owner,
        block=token.block,
        media="" if token.media is None else token.media.sha256,
        picture=str((folder / token.picture).relative_to(home)),
    )


def _token(row: Listed, source: str, traits_of: TraitsOf) -> Item:
    token, ticket = row.token, row.ticket
    subject, phrases = parts(row.caption) if row.readable else ("", [])
    chain, _, contract = source.removeprefix("evm:").partition(":")
    return Item(
        "token",
        source,
        str(token.id),
        subject=subject,
        title=row.name or "",
        caption=row.caption if row.readable else "",
        traits=tuple(_traits(subject, phrases, traits_of(row.caption) if subject else None)),
        chain=f"eip155:{chain}",
        contract=contract,
        owner=token.owner,
        block=token.block,
        verdict="" if ticket is None else ticket.verdict,
        score=-1.0 if ticket is None else ticket.score,
        media=token.image_sha3_256.hex(),
    )


def _traits(subject: str, phrases: list[str], traits: Traits | None) -> Iterator[tuple[str, str]]:
    """(type, value) of the phrases of a caption: by its collection where that is known, else without a type."""
    if not subject:
        return
    known = {} if traits is None else {f"{v} {t}": (t, v) for t, values in traits.values.items() for v in values}
    for phrase in phrases:
        yield known.get(phrase, ("", phrase))


def _is(registry: Registry, token: int, image: str) -> bool:
    try:
        return registry.ledger.token(token).image_sha3_256.hex() == image
    except UnknownToken:
        return False


def _state(folder: Path) -> str:
    """What changes with each write to the record of an import."""
    files = (folder / name for name in ("record.sqlite", "record.sqlite-wal"))
    written = [(one.stat().st_size, one.stat().st_mtime_ns) for one in files if one.exists()]
    return json.dumps(written)


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while part := list(islice(left, _AT_ONCE)):
        yield part
