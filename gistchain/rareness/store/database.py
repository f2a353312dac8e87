"""The SQLite file that is the record of truth of the registered images: its tables, its connections, its errors."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gistchain.errors import RarenessError, StoreBusy, StoreDamaged, StoreFull

FILE = "rareness.sqlite"
SCHEMA = "1"

_TABLES = (
    "create table if not exists meta (name text primary key, value text not null) strict, without rowid",
    """create table if not exists images (
    row integer primary key, sha3_256 blob not null unique, pdq blob not null, phash blob not null,
    ahash blob not null, dhash blob not null, neuralhash blob, pdq_quality integer not null, seed integer not null,
    name blob not null, collection blob not null, caption blob not null) strict""",
    """create table if not exists looks (
    row integer primary key references images, fingerprint blob not null, thumbnail blob not null, crc integer not null
    ) strict""",
    """create table if not exists tokens (
    sha3_256 blob not null, registry text not null, token integer not null, primary key (sha3_256, registry)
    ) strict, without rowid""",
    "create table if not exists evidence (sha3_256 blob primary key, document blob not null) strict, without rowid",
)
# Large blobs lie apart: the hashes of all images are read at every start.

_NOT_OURS = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR)
_HOW_TO_GO_ON = "set it aside with 'gistchain rareness rebuild', then register its images again"


class Database:
    """The file, opened for each use: one process writes at a time, any number read meanwhile."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s

    def create(self, meta: dict[str, str]) -> dict[str, str]:
        """Make what is missing; returns the names and values that describe the file, which are `meta` if it is new."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RarenessError(f"can't make the folder {self.path.parent}: {error.strerror}") from error
        with self._connection("rwc") as database:
            if not database.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
                database.execute("pragma journal_mode=wal")
                database.execute("pragma synchronous=full")
                database.execute("begin immediate")
                for statement in _TABLES:
                    database.execute(statement)
                database.executemany("insert or ignore into meta values (?, ?)", meta.items())
                database.execute("commit")
            return dict(database.execute("select name, value from meta"))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file, whatever is written meanwhile."""
        with self._connection("rw") as database:
            database.execute("begin")
            yield database

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection that holds the one lock for writing; what it wrote is kept, durably, unless an error leaves."""
        with self._connection("rw") as database:
            database.execute("pragma synchronous=full")
            database.execute("begin immediate")
            yield database
            database.execute("commit")

    def evidence(self, digest: bytes) -> bytes | None:
        """The document with this SHA3-256, None where it isn't here. Raises StoreDamaged."""
        if not self.path.exists():
            return None
        with self.reading() as database:
            found = database.execute("select document from evidence where sha3_256 = ?", (digest,)).fetchone()
        if found is None:
            return None
        document: bytes = found[0]
        if hashlib.sha3_256(document).digest() != digest:
            raise self.damaged(f"the evidence {digest.hex()} is not what was written")
        return document

    @contextmanager
    def _connection(self, mode: str) -> Iterator[sqlite3.Connection]:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        try:
            # isolation_level=None: transactions are ours to begin. Closing undoes what was not committed.
            database = sqlite3.connect(uri, uri=True, timeout=self._busy_timeout_s, isolation_level=None)
            with closing(database):
                yield database
        except sqlite3.DatabaseError as error:
            if not hasattr(error, "sqlite_errorcode"):
                raise  # SQLite did not say it: the fault is in our own code.
            raise self._ours(error) from error

    def _ours(self, error: sqlite3.DatabaseError) -> RarenessError:
        # Extended codes keep the plain one in the low byte.
        code = error.sqlite_errorcode & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(f"no space left for {self.path}: free some, nothing was written")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreBusy(f"{self.path} is held by another writer for {self._busy_timeout_s:g} s: try again")
        if code in _NOT_OURS:
            return RarenessError(f"can't use {self.path} ({error}): check the folder, its permissions and its disk")
        return self.damaged(str(error))

    def damaged(self, what: str) -> StoreDamaged:
        return StoreDamaged(f"{self.path} is damaged ({what}): {_HOW_TO_GO_ON}")
