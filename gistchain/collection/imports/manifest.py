"""The record of an imported collection -> manifest.parquet: a row for every token, failures included."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from gistchain.collection.imports.record import Content, ImportedToken, Record
from gistchain.disk.write import file_errors, sync_folder
from gistchain.errors import CollectionError

NAME = "manifest.parquet"
_ROWS = 1_000
_CONTENT = ("sha256", "size_bytes", "kind", "source", "cid", "verified")
INSTALL = "pip install 'gistchain[collections]'"


def write(record: Record) -> Path:
    """Write it whole, some rows at a time. Raises CollectionError where pyarrow is not installed, FileError."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise CollectionError(f"the manifest is written with the extra collections: {INSTALL}") from error
    texts = ("id", "state", "problem", "owner", "uri", "title", "attributes", "image_uri", "picture")
    fields = [(name, arrow.string()) for name in texts]
    fields += [(name, arrow.int64()) for name in ("block", "width", "height", "tries")]
    for what in ("metadata", "media"):
        fields += [(f"{what}_{one}", arrow.int64() if one == "size_bytes" else arrow.string()) for one in _CONTENT]
    about = record.about()
    schema = arrow.schema(fields)
    if about is not None:
        told = {"source": about.source, "chain": about.chain, "contract": about.contract, "block": str(about.block)}
        schema = schema.with_metadata({f"gistchain.{key}": value for key, value in told.items()})
    path = record.folder / NAME
    draft = path.with_name(f".{NAME}.part")
    with file_errors(path):
        try:
            with parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
                for rows in _pages(record.tokens()):
                    columns = {field.name: [row[field.name] for row in rows] for field in schema}
                    writer.write_table(arrow.table(columns, schema=schema))
            os.replace(draft, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
        sync_folder(path.parent)
    return path


def _pages(tokens: Iterator[ImportedToken]) -> Iterator[list[dict[str, Any]]]:
    while some := [_row(token) for token in islice(tokens, _ROWS)]:
        yield some


def _row(token: ImportedToken) -> dict[str, Any]:
    import json

    row = {name: getattr(token, name) for name in ImportedToken.__slots__}
    row["attributes"] = json.dumps([{"trait_type": t, "value": v} for t, v in token.attributes], ensure_ascii=False)
    for what in ("metadata", "media"):
        content: Content | None = row.pop(what)
        row |= {f"{what}_{one}": None if content is None else getattr(content, one) for one in _CONTENT}
    return row
