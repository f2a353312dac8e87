"""What near-duplicates are found among, and what is asked: the values, and the file that keeps a part of them.

training/cache/rareness/{part}.sqlite; pictures as lossless WebP, decoded when they are looked at.
"""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from gistchain.types import Pixels
from training.places import CACHE

FOLDER = CACHE / "rareness"
Part = Literal["train", "tune", "test"]
Kind = Literal["punk", "pfp", "emoji", "drawing", "photo"]
Label = Literal["copy", "derivative", "twin", "sibling", "original"]


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A registered picture. encoded: lossless WebP. traits: trait type -> value, as drawn, hidden ones too."""

    id: str
    collection: str
    type: Kind
    caption: str
    traits: dict[str, str]
    encoded: bytes

    @property
    def image(self) -> Pixels:
        return decoded(self.encoded)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A picture to be judged.

    label: copy, derivative (the same drawing rendered otherwise), twin (a sibling one trait away from `source`),
      sibling (another token of a collection) or original; copies and derivatives are of the registered `source`.
    transform, family: of TRANSFORMS, "" where nothing was done; then `transformed` is False.
    changed: of a twin, "trait type: old -> new". visible: share of pixels in which a twin differs from its base
      by more than 24 of 255 once both went through the same transform; 1 for all else.
    seen_collection, seen_family: whether the training or tuning part holds any of it.
    """

    id: str
    label: Label
    source: str | None
    transform: str
    family: str
    description: str
    collection: str
    type: Kind
    seen_collection: bool
    seen_family: bool
    changed: str
    visible: float
    traits: dict[str, str]
    encoded: bytes

    @property
    def image(self) -> Pixels:
        return decoded(self.encoded)

    @property
    def transformed(self) -> bool:
        return bool(self.transform)


_ITEM = ("id", "collection", "type", "caption", "traits", "encoded")
_QUERY = (
    "id", "label", "source", "transform", "family", "description", "collection", "type", "seen_collection",
    "seen_family", "changed", "visible", "traits", "encoded",
)  # fmt: skip


def encoded(image: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", lossless=True, quality=20, method=1)
    return file.getvalue()


def decoded(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def save(part: Part, items: Iterable[Item], queries: Iterable[Query]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = _path(part)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(new)) as file, file:
        for table, columns, records in (("items", _ITEM, items), ("queries", _QUERY, queries)):
            file.execute(f"CREATE TABLE {table} ({', '.join(columns)}, PRIMARY KEY (id)) WITHOUT ROWID")
            rows = (
                [json.dumps(getattr(r, c), sort_keys=True) if c == "traits" else getattr(r, c) for c in columns]
                for r in records
            )
            file.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
    new.replace(path)


def registered(part: Part) -> list[Item]:
    """In the order of their ids."""
    return [Item(**row) for row in _rows(part, "items", _ITEM)]


def queries(part: Part) -> list[Query]:
    """In the order of their ids."""
    flags = ("seen_collection", "seen_family")
    return [Query(**row | {f: bool(row[f]) for f in flags}) for row in _rows(part, "queries", _QUERY)]


def _rows(part: Part, table: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    path = _path(part)
    if not path.exists():
        sys.exit(f"part '{part}' isn't drawn yet: python -m training.rareness.sets {part}")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        rows = file.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id").fetchall()
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return [row | {"traits": json.loads(row["traits"])} for row in named]


def _path(part: Part) -> Path:
    return FOLDER / f"{part}.sqlite"
