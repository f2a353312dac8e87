"""Pairs -> Parquet files as Hugging Face's `datasets` writes them, so that it shows the pictures.

A group of rows is small: whoever reads or writes one at a time needs little memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from gistchain.collection.arrow import arrow
from gistchain.collection.splits.export.pairs import Pair

MOST_BYTES = 512 * 2**20
"""Of the pictures of one file."""
GROUP_ROWS, GROUP_BYTES = 100, 16 * 2**20
COLUMNS = (
    "image", "caption", "paraphrases", "visible_caption", "collection", "family", "token", "subject", "attributes",
    "original", "abstract", "captions_alike", "chain", "contract", "licence",
)  # fmt: skip
_TEXT = {"dtype": "string", "_type": "Value"}
_TRAITS = [{"trait_type": _TEXT, "value": _TEXT}]
_SPECIAL: dict[str, Any] = {
    "image": {"_type": "Image"},
    "paraphrases": [_TEXT],
    "attributes": _TRAITS,
    "original": _TRAITS,
    "abstract": [_TEXT],
    "captions_alike": {"dtype": "int64", "_type": "Value"},
}


class Parquet:
    """Writes to `PART-00000.parquet` and on in a folder. Raises CollectionError without pyarrow, OSError."""

    def __init__(self, folder: Path, part: str, *, most_bytes: int = MOST_BYTES) -> None:
        self._pa = arrow()
        self._folder, self._part, self._most_bytes = folder, part, most_bytes
        self._schema = schema(self._pa)
        self._writer: Any = None
        self._rows: list[dict[str, Any]] = []
        self._group = self._bytes = 0
        self.files: list[Path] = []

    def add(self, pair: Pair) -> None:
        said = pair.said()
        image = {"bytes": pair.png, "path": f"{pair.key}.png"}
        self._rows.append({name: image if name == "image" else said[name] for name in COLUMNS})
        self._group += len(pair.png)
        if len(self._rows) >= GROUP_ROWS or self._group >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left, and an empty file where there was nothing: a part without rows can be loaded too."""
        if self._rows or not self.files:
            self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if self._writer is None or self._bytes + self._group > self._most_bytes:
            self._next()
        self._writer.write_table(self._pa.Table.from_pylist(self._rows, self._schema))
        self._bytes += self._group
        self._rows, self._group = [], 0

    def _next(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._part}-{len(self.files):05d}.parquet"
        self._writer = self._pa.parquet.ParquetWriter(path, self._schema, compression="zstd")
        self.files.append(path)
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        if self._writer is not None:  # the body has failed: the file is thrown away with its folder
            self._writer.close()


def schema(pa: Any) -> Any:
    """The columns, with what `datasets` reads of them."""
    text = pa.string()
    traits = pa.list_(pa.struct([("trait_type", text), ("value", text)]))
    kinds = {
        "image": pa.struct([("bytes", pa.binary()), ("path", text)]),
        "paraphrases": pa.list_(text),
        "attributes": traits,
        "original": traits,
        "abstract": pa.list_(text),
        "captions_alike": pa.int64(),
    }
    features = {name: _SPECIAL.get(name, _TEXT) for name in COLUMNS}
    about = json.dumps({"info": {"features": features}}).encode()
    return pa.schema([(name, kinds.get(name, text)) for name in COLUMNS]).with_metadata({b"huggingface": about})
