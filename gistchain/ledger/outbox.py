"""Signed transactions on disk, from before they are sent until the chain will never take them back.

A retry finds what was sent and sends the same again, never a second one. All that were signed for one thing are its
attempts: the same nonce at a higher fee each time, so that one of them at most can be in a block.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder

_COLUMNS = "image, nonce, raw, tx, since, block, block_hash"


@dataclass(frozen=True, slots=True)
class Sent:
    """One signed transaction: its nonce, raw bytes and hash. image_sha3_256: what it is for.

    since: the number of the chain's last block when it was signed. block, block_hash: where it was when its caller was
    told; None before.
    """

    image_sha3_256: bytes
    nonce: int
    raw: bytes
    tx: str
    since: int = 0
    block: int | None = None
    block_hash: str | None = None


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
                "CREATE TABLE IF NOT EXISTS attempts (id INTEGER PRIMARY KEY, chain_id TEXT, registry TEXT, "
                "owner TEXT, image BLOB, nonce INTEGER NOT NULL, raw BLOB NOT NULL, tx TEXT NOT NULL, "
                "since INTEGER NOT NULL, block INTEGER, block_hash TEXT, UNIQUE (chain_id, registry, owner, tx))"
            )

    def find(self, image_sha3_256: bytes) -> Sent | None:
        """The last attempt to register this image, if one was sent and its outcome not yet told."""
        attempts = self.attempts(image_sha3_256)
        return attempts[-1] if attempts and all(sent.block is None for sent in attempts) else None

    def attempts(self, image_sha3_256: bytes) -> list[Sent]:
        """All that were signed for this image, oldest first, also where the outcome was told."""
        return self._rows("AND image = ? ORDER BY id", image_sha3_256)

    def all(self) -> list[Sent]:
        """All of them, in the order of their nonces; of one nonce, the oldest first."""
        return self._rows("ORDER BY nonce, id")

    def told(self) -> list[Sent]:
        """Those that were in a block when their callers were told, last block first."""
        return self._rows("AND block IS NOT NULL ORDER BY block DESC, nonce DESC")

    def _rows(self, which: str, *values: object) -> list[Sent]:
        with self._file.errors():
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM attempts WHERE chain_id = ? AND registry = ? AND owner = ? {which}",
                (*self._place, *values),
            )
            return [Sent(*row) for row in rows]

    def add(self, sent: Sent) -> None:
        """One more attempt; those for the same with another nonce can't be in a block any more and are forgotten."""
        with self._file.errors(), self._transaction():
            self._db.execute(
                "DELETE FROM attempts WHERE chain_id = ? AND registry = ? AND owner = ? AND image = ? AND nonce != ?",
                (*self._place, sent.image_sha3_256, sent.nonce),
            )
            self._db.execute(
                f"INSERT OR IGNORE INTO attempts (chain_id, registry, owner, {_COLUMNS}) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *self._place,
                    *(sent.image_sha3_256, sent.nonce, sent.raw, sent.tx, sent.since, sent.block, sent.block_hash),
                ),
            )

    def tell(self, sent: Sent, block: int, block_hash: str) -> None:
        """Note that the caller has been told that this attempt is in this block; the others are kept beside it."""
        with self._file.errors():
            self._db.execute(
                "UPDATE attempts SET block = ?, block_hash = ? "
                "WHERE chain_id = ? AND registry = ? AND owner = ? AND image = ? AND tx = ?",
                (block, block_hash, *self._place, sent.image_sha3_256, sent.tx),
            )

    def untell(self, sent: Sent) -> None:
        """Note that what the caller was told is no longer so."""
        with self._file.errors():
            self._db.execute(
                "UPDATE attempts SET block = NULL, block_hash = NULL "
                "WHERE chain_id = ? AND registry = ? AND owner = ? AND image = ?",
                (*self._place, sent.image_sha3_256),
            )

    def drop(self, sent: Sent) -> None:
        """Forget all attempts for what this one is for."""
        with self._file.errors():
            self._db.execute(
                "DELETE FROM attempts WHERE chain_id = ? AND registry = ? AND owner = ? AND image = ?",
                (*self._place, sent.image_sha3_256),
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            yield

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
