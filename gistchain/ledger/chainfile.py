"""The SQLite file of the embedded chain: py-evm's records by their keys, each with a checksum.

    chain.sqlite   one table: key -> value, CRC-32 of both
    chain.lock     held by the one process that has the chain open

Written by pyevm.BlockStore; read also by state.py, without the lock: a block is one transaction of SQLite, so that
whoever reads sees all of it or nothing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gistchain.disk.lock import FileLock
from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import file_errors, sync_folder
from gistchain.errors import FileDamaged, LedgerError

APPLICATION_ID = 0x47495354
FORMAT = 2
NAME = "chain.sqlite"
CHAIN_ID = 0x47495354  # "GIST"

_DURABLE = ("journal_mode = wal", "synchronous = full")


def lock(home: Path, wait_s: float, waiting: Callable[[str], None] | None = None) -> FileLock:
    """The right to use the chain of a home folder. Raises FileBusy where another process has it for over wait_s.

    waiting: as of `FileLock`.
    """
    return FileLock(
        home / "chain.lock",
        wait_s=wait_s,
        instead="let it finish or end it, then try again; programs that must share a chain connect to a node with "
        "--rpc",
        waiting=waiting,
    )


class Records:
    """The records of an open file. Whoever writes holds the lock."""

    def __init__(self, file: SqliteFile, db: sqlite3.Connection) -> None:
        self.file, self._db = file, db
        # Damage can turn a blob into text that is not UTF-8; its checksum is what finds it.
        db.text_factory = bytes

    def __getitem__(self, key: bytes) -> bytes:
        """The value of a key. Raises KeyError where there is none, FileDamaged where it is not what was written."""
        with self.file.errors():
            row = self._db.execute("SELECT value, crc32 FROM chain WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        value: bytes = row[0]
        if not isinstance(value, bytes) or _crc(key, value) != row[1]:
            raise self.file.damaged("a record fails its checksum")
        return value

    def __contains__(self, key: bytes) -> bool:
        with contextlib.suppress(KeyError):
            return bool(self[key])
        return False

    def write(self, kept: Iterable[tuple[bytes, bytes]], gone: Iterable[bytes]) -> None:
        """Keep and delete records in one transaction: on the disk when this returns, or not at all."""
        rows = [(key, value, _crc(key, value)) for key, value in kept]
        with self.file.errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("DELETE FROM chain WHERE key = ?", [(key,) for key in gone])
                self._db.executemany("INSERT OR REPLACE INTO chain VALUES (?, ?, ?)", rows)
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled it back already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def write_durably(self) -> None:
        """Make `write` survive a loss of power, by the journal mode of the file."""
        with self.file.errors():
            for pragma in _DURABLE:
                self._db.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        self._db.close()


def _crc(key: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(key))


def file_of(path: Path) -> SqliteFile:
    return SqliteFile(path, instead="restore it from a backup, or move it away", timeout_s=5.0)


def gone(path: Path) -> FileDamaged:
    """The error for a file that was there before; the chain can only begin anew."""
    file = SqliteFile(
        path,
        instead=f"restore it from a backup, or remove 'embedded' from {path.with_name('ledgers.json')} and all "
        f"{path.name}* to begin anew",
    )
    return file.damaged("it is gone")


def opened(path: Path, *, write: bool = True) -> Records:
    """The records of an existing file. Raises FileDamaged where it is not a chain, LedgerError for another format.

    write: False for the records as they are now, whoever writes meanwhile and whatever rights there are.
    """
    file = file_of(path)
    db = file.connect("rw") if write else file.snapshot()
    try:
        with file.errors():
            application = db.execute("PRAGMA application_id").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise file.damaged("it is not a gistchain chain")
        if version != FORMAT:
            raise LedgerError(
                f"{path} has format {version}, this gistchain reads {FORMAT}: use the version that made it"
            )
        return Records(file, db)
    except BaseException:
        db.close()
        raise


@contextlib.contextmanager
def made(path: Path) -> Iterator[Records]:
    """An empty file, built beside `path` and renamed when the body is done: it is there complete or not at all."""
    draft = path.with_name(path.name + ".new")
    with file_errors(path):
        for leftover in (draft, draft.with_name(draft.name + "-journal")):
            leftover.unlink(missing_ok=True)
    file = file_of(draft)
    with file.opened("rwc", (f"application_id = {APPLICATION_ID}", f"user_version = {FORMAT}")) as db:
        db.execute("CREATE TABLE chain (key BLOB PRIMARY KEY, value BLOB NOT NULL, crc32 INTEGER NOT NULL)")
        yield Records(file, db)
    with file_errors(path):
        os.replace(draft, path)
        sync_folder(path.parent)
