"""The record of an imported collection -> manifest.parquet: a row for every token, failures included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from gistchain.collection.arrow import arrow
from gistchain.collection.imports.record import Content, ImportedToken, Record
from gistchain.disk.draft import drafted_file

NAME = "manifest.parquet"
_ROWS = 1_000
_CONTENT = ("sha256", "size_bytes", "kind", "source", "cid", "verified")


def write(record: Record) -> Path:
    """Write it whole, some rows at a time. Raises CollectionError where pyarrow is not installed, FileError."""
    pa = arrow()
    texts = ("id", "state", "problem", "owner", "uri", "title", "attributes", "image_uri", "picture")
    fields = [(name, pa.string()) for name in texts]
    fields += [(name, pa.int64()) for name in ("block", "width", "height", "tries")]
    for what in ("metadata", "media"):
        fields += [(f"{what}_{one}", pa.int64() if one == "size_bytes" else pa.string()) for one in _CONTENT]
    about = record.about()
    schema = pa.schema(fields)
    if about is not None:
        told = {"source": about.source, "chain": about.chain, "contract": about.contract, "block": str(about.block)}
        schema = schema.with_metadata({f"gistchain.{key}": value for key, value in told.items()})
    path = record.folder / NAME
    with drafted_file(path) as draft, pa.parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
        for rows in _pages(record.tokens()):
            columns = {field.name: [row[field.name] for row in rows] for field in schema}
            writer.write_table(pa.table(columns, schema=schema))
    return path


def _pages(tokens: Iterator[ImportedToken]) -> Iterator[list[dict[str, Any]]]:
    while some := [_row(token) for token in islice(tokens, _ROWS)]:
        yield some


def _row(token: ImportedToken) -> dict[str, Any]:
    row = {name: getattr(token, name) for name in ImportedToken.__slots__}
    row["attributes"] = json.dumps([{"trait_type": t, "value": v} for t, v in token.attributes], ensure_ascii=False)
    for what in ("metadata", "media"):
        content: Content | None = row.pop(what)
        row |= {f"{what}_{one}": None if content is None else getattr(content, one) for one in _CONTENT}
    return row
