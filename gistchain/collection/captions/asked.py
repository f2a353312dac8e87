"""language.sqlite: what a language model has answered, so that nobody pays twice for the same question."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Self

from gistchain.disk.sqlite import SqliteFile

NAME = "language.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS answers (question BLOB PRIMARY KEY, answer TEXT NOT NULL) STRICT, WITHOUT ROWID"


class Asked:
    """The answers that are kept in a collection's folder. Raises FileBusy, FileDamaged, DiskFull or FileError."""

    def __init__(self, folder: Path) -> None:
        self._file = SqliteFile(folder / NAME, "remove it: the language model is then asked again")
        self._database = self._file.connect("rwc", ("journal_mode = wal", "synchronous = normal"))
        with self._file.errors():
            self._database.execute(_TABLE)

    def get(self, model: str, messages: object) -> str | None:
        with self._file.errors():
            rows = self._database.execute(
                "SELECT answer FROM answers WHERE question = ?", (_key(model, messages),)
            ).fetchall()
        return str(rows[0][0]) if rows else None

    def put(self, model: str, messages: object, answer: str) -> None:
        text = answer.encode("utf-8", "replace").decode()  # a lone surrogate can't be kept
        with self._file.errors():
            self._database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (_key(model, messages), text))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


def _key(model: str, messages: object) -> bytes:
    return hashlib.sha256(json.dumps([model, messages]).encode()).digest()
