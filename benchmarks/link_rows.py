"""Rows of an experiment that takes hours: each is kept as soon as it is measured, and none is measured twice.

A file of JSON lines. A row is found again by its key; a last line without an end, as `kill -9` leaves it, is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

Row = dict[str, Any]


class Key(NamedTuple):
    """What makes a row: all else in it is measured."""

    system: str
    version: str
    image: str
    channel: str
    snr_db: float
    budget: int
    seed: int


class Rows:
    """Rows that are there already, and a file that takes more. Raises ValueError for a line that is no row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = path.read_bytes() if path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        self.found = {key_of(row): row for row in _read(whole.decode(), path)}
        self._file = path.open("r+b" if path.exists() else "x+b")
        self._file.truncate(len(whole))
        self._file.seek(len(whole))

    def __contains__(self, key: Key) -> bool:
        return key in self.found

    def add(self, key: Key, measured: Row) -> None:
        row = key._asdict() | measured
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()
        self.found[key] = row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def rows_of(paths: list[Path]) -> list[Row]:
    """All of them, each key once, the later one."""
    found = {key_of(row): row for path in paths for row in _read(path.read_text("utf-8"), path)}
    return list(found.values())


def key_of(row: Row) -> Key:
    return Key(*(row[name] for name in Key._fields))


def _read(text: str, path: Path) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
            key_of(row)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number} is no row of an experiment ({error}): remove the line") from error
        yield row
