"""Signed registrations that were sent and not yet acknowledged, on disk: a retry sends the same one, never a second."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder


@dataclass(frozen=True, slots=True)
class Sent:
    """One signed transaction: its nonce, raw bytes and hash."""

    image_sha3_256: bytes
    nonce: int
    raw: bytes
    tx: str


class Outbox:
    """The transactions of one owner to one registry on one chain."""

    def __init__(self, path: Path, *, chain_id: int, registry: str, owner: str) -> None:
        """Raises FileBusy, FileDamaged, DiskFull, FileError, as every other call."""
        self._place = (str(chain_id), registry, owner)
        self._file = SqliteFile(path, instead="move it away; a registration that is on its way may then be sent twice")
        make_folder(path.parent)
        self._db = self._file.connect("rwc", ("journal_mode = wal", "synchronous = full"))
        with self._file.errors():
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS sent (chain_id TEXT, registry TEXT, owner TEXT, image BLOB, "
                "nonce INTEGER NOT NULL, raw BLOB NOT NULL, tx TEXT NOT NULL, "
                "PRIMARY KEY (chain_id, registry, owner, image)) WITHOUT ROWID"
            )

    def find(self, image_sha3_256: bytes) -> Sent | None:
        """The transaction that registers this image, if one was sent and not yet acknowledged."""
        return next((sent for sent in self.all() if sent.image_sha3_256 == image_sha3_256), None)

    def all(self) -> list[Sent]:
        """All of them, in the order of their nonces."""
        with self._file.errors():
            rows = self._db.execute(
                "SELECT image, nonce, raw, tx FROM sent WHERE chain_id = ? AND registry = ? AND owner = ? "
                "ORDER BY nonce",
                self._place,
            )
            return [Sent(*row) for row in rows]

    def add(self, sent: Sent) -> None:
        with self._file.errors():
            self._db.execute(
                "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*self._place, sent.image_sha3_256, sent.nonce, sent.raw, sent.tx),
            )

    def drop(self, sent: Sent) -> None:
        with self._file.errors():
            self._db.execute(
                "DELETE FROM sent WHERE chain_id = ? AND registry = ? AND owner = ? AND image = ?",
                (*self._place, sent.image_sha3_256),
            )

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
