"""What the batches of proofs consist of, in the home: the chain keeps a root, and nodes may forget the calldata."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder

NAME = "batches.sqlite"


class Leaves:
    """The data of batches of one registry, by number. The file is made by the first that is kept."""

    def __init__(self, home: Path, *, chain_id: int, registry: str) -> None:
        self._path, self._place = home / NAME, (str(chain_id), registry)
        instead = "restore it from a backup: it holds what tokens of proofs are read and proven with"
        self._file = SqliteFile(self._path, instead=instead)

    def find(self, number: int) -> bytes | None:
        """The data of a batch, as it was sent. Raises FileBusy, FileDamaged, FileError."""
        if not self._path.exists():
            return None
        with self._file.errors(), contextlib.closing(self._file.snapshot()) as database:
            query = "SELECT data FROM batches WHERE chain_id = ? AND registry = ? AND number = ?"
            row = database.execute(query, (*self._place, number)).fetchone()
        return None if row is None else bytes(row[0])

    def numbers(self) -> set[int]:
        """Of the batches that are here. Raises FileBusy, FileDamaged, FileError."""
        if not self._path.exists():
            return set()
        with self._file.errors(), contextlib.closing(self._file.snapshot()) as database:
            query = "SELECT number FROM batches WHERE chain_id = ? AND registry = ?"
            return {number for (number,) in database.execute(query, self._place)}

    def keep(self, number: int, data: bytes) -> None:
        """Raises FileBusy, FileDamaged, DiskFull, FileError."""
        make_folder(self._path.parent)
        with self._file.opened("rwc", ("journal_mode = wal", "synchronous = full")) as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS batches (chain_id TEXT, registry TEXT, number INTEGER, data BLOB NOT NULL, "
                "PRIMARY KEY (chain_id, registry, number)) WITHOUT ROWID"
            )
            database.execute("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?)", (*self._place, number, data))
