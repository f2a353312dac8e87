"""captions.parquet of an imported collection: a row for each complete token, in the order of the record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gistchain.collection.arrow import arrow
from gistchain.collection.imports.record import About, ImportedToken
from gistchain.disk.draft import drafted_file
from gistchain.errors import CollectionError, FileDamaged

NAME = "captions.parquet"
RULES = "rules"
"""Made a paraphrase, where no language model did."""
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """The captions of one token.

    caption: by the template. visible: the same without abstract traits. paraphrases: (text, what made it).
    original: (trait_type, value) as in the metadata. traits: those that the caption is made of, in English where a
    translation is known, and what translated them, '' for nothing. abstract: trait types that pixels can't show.
    left_out: traits that did not fit. made_of: `made_of` of the token when it was captioned.
    """

    token: str
    caption: str
    visible: str
    paraphrases: tuple[tuple[str, str], ...] = ()
    original: tuple[tuple[str, str], ...] = ()
    traits: tuple[tuple[str, str, str], ...] = ()
    abstract: tuple[str, ...] = ()
    left_out: int = 0
    made_of: str = ""


def made_of(about: About, token: ImportedToken) -> str:
    """SHA-256 (hex) of all that a token's captions are about: while it stays, captions and picture belong together."""
    files = [None if one is None else one.sha256 for one in (token.metadata, token.media)]
    said = [about.subject or about.name, token.attributes, files]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def write(folder: Path, rows: Iterable[CaptionRow]) -> int:
    """Write the rows to the folder's file, whole or not at all, some at a time; how many there were.

    Raises CollectionError without pyarrow, FileError, DiskFull.
    """
    pa = arrow()
    count, left = 0, iter(rows)
    with drafted_file(folder / NAME) as draft, pa.parquet.ParquetWriter(draft, _schema(pa), compression="zstd") as file:
        while some := [_said(row) for row in islice(left, _AT_ONCE)]:
            file.write_table(pa.Table.from_pylist(some, _schema(pa)))
            count += len(some)
    return count


def rows(folder: Path) -> Iterator[CaptionRow]:
    """The rows of the folder's file, read some at a time.

    Raises CollectionError where there is none, FileDamaged where it is not what `write` wrote.
    """
    pa = arrow()
    path = _file(folder)
    try:
        with closing(pa.parquet.ParquetFile(path)) as file:
            for batch in file.iter_batches(batch_size=_AT_ONCE):
                yield from map(_row, batch.to_pylist())
    except (pa.ArrowException, KeyError, TypeError, OSError) as error:
        raise _damaged(folder, error) from error


def _schema(pa: Any) -> Any:
    text = pa.string()
    pair = pa.struct([("trait_type", text), ("value", text)])
    return pa.schema(
        [
            ("token", text),
            ("caption", text),
            ("visible", text),
            ("paraphrases", pa.list_(pa.struct([("text", text), ("by", text)]))),
            ("original", pa.list_(pair)),
            ("traits", pa.list_(pa.struct([("trait_type", text), ("value", text), ("by", text)]))),
            ("abstract", pa.list_(text)),
            ("left_out", pa.int32()),
            ("made_of", text),
        ]
    )


def _said(row: CaptionRow) -> dict[str, Any]:
    said = {
        "token": row.token,
        "caption": row.caption,
        "visible": row.visible,
        "paraphrases": [{"text": text, "by": by} for text, by in row.paraphrases],
        "original": [{"trait_type": type_, "value": value} for type_, value in row.original],
        "traits": [{"trait_type": type_, "value": value, "by": by} for type_, value, by in row.traits],
        "abstract": list(row.abstract),
        "left_out": row.left_out,
        "made_of": row.made_of,
    }
    return {name: _utf8(value) for name, value in said.items()}


def _utf8(value: Any) -> Any:
    """Arrow keeps UTF-8 only; JSON may hold half of a letter (a lone surrogate), which becomes a question mark."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_utf8(item) for item in value]
    return {name: _utf8(item) for name, item in value.items()} if isinstance(value, dict) else value


def _row(said: dict[str, Any]) -> CaptionRow:
    return CaptionRow(
        said["token"],
        said["caption"],
        said["visible"],
        tuple((one["text"], one["by"]) for one in said["paraphrases"]),
        tuple((one["trait_type"], one["value"]) for one in said["original"]),
        tuple((one["trait_type"], one["value"], one["by"]) for one in said["traits"]),
        tuple(said["abstract"]),
        said["left_out"],
        said["made_of"],
    )


def count(folder: Path) -> int:
    """How many rows the folder's file has, without reading them. Raises as `rows`."""
    pa = arrow()
    path = _file(folder)
    try:
        about = pa.parquet.read_metadata(path)
        if missing := set(_schema(pa).names) - set(about.schema.to_arrow_schema().names):
            raise TypeError(f"it has no column {min(missing)!r}")  # of another program, or an earlier gistchain
        return int(about.num_rows)
    except (pa.ArrowException, TypeError, OSError) as error:
        raise _damaged(folder, error) from error


def _file(folder: Path) -> Path:
    path = folder / NAME
    if not path.is_file():
        raise CollectionError(f"{folder.name} has no captions: `gistchain collection caption {folder.name}` makes them")
    return path


def _damaged(folder: Path, error: Exception) -> FileDamaged:
    again = f"`gistchain collection caption {folder.name}` makes it again"
    return FileDamaged(f"{folder / NAME} is damaged ({error}): {again}")
