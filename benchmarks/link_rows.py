"""Rows of an experiment that takes hours: each is kept as soon as it is measured, and none is measured twice.

A file of JSON lines. A row is found again by its key; a last line without an end, as `kill -9` leaves it, is dropped.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from gistchain.safejson import parsed

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
    """Rows that are there already, and a file that takes more, for one process at a time.

    Raises ValueError for a line that is no row, for a file of something else, and where another process writes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise ValueError(f"{path} is being written by another process: give another name") from error
        self._file.seek(0)
        raw = self._file.read()
        try:
            whole = _whole(raw, path)
            self.found = {key_of(row): row for row in _read(whole, path)}
        except ValueError:
            self._file.close()
            raise
        self._file.truncate(len(whole))

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
    every = ((path, _whole(path.read_bytes(), path)) for path in paths)
    found = {key_of(row): row for path, whole in every for row in _read(whole, path)}
    return list(found.values())


def key_of(row: Row) -> Key:
    return Key(*(row[name] for name in Key._fields))


def _whole(raw: bytes, path: Path) -> bytes:
    """Without a last line that has no end, if that is the beginning of a row."""
    whole, torn = raw[: raw.rfind(b"\n") + 1], raw[raw.rfind(b"\n") + 1 :]
    start = b'{"system"'
    if torn and not torn.startswith(start) and not start.startswith(torn):
        raise ValueError(f"{path} ends in what is no row of an experiment: give another file")
    return whole


def _read(raw: bytes, path: Path) -> Iterator[Row]:
    for number, line in enumerate(raw.split(b"\n")[:-1], 1):
        try:
            row = parsed(line)
            hash(key_of(row))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number} is no row of an experiment ({error}): remove the line") from error
        yield row
