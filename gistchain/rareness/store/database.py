"""The SQLite file that is the record of truth of the registered images: its tables and its transactions."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder
from gistchain.errors import FileDamaged, FileError

FILE, ROWS = "rareness.sqlite", "rareness.rows"
SCHEMA = "2"
_ASIDE = "old-"
"""Folders that databases are set aside in: old-1, old-2 ..."""

_TABLES = (
    "create table if not exists meta (name text primary key, value text not null) strict, without rowid",
    """create table if not exists images (
    row integer primary key, sha3_256 blob not null unique, pdq blob not null, phash blob not null,
    ahash blob not null, dhash blob not null, neuralhash blob, pdq_quality integer not null, seed integer not null,
    name blob not null, collection blob not null, caption blob not null, pixels blob not null, blank integer not null,
    background blob) strict""",
    "create index if not exists images_by_pixels on images (pixels)",
    """create table if not exists looks (
    row integer primary key references images, fingerprint blob not null, thumbnail blob not null, crc integer not null
    ) strict""",
    """create table if not exists tokens (
    sha3_256 blob not null, registry text not null, token integer not null, primary key (sha3_256, registry)
    ) strict, without rowid""",
    "create table if not exists evidence (sha3_256 blob primary key, document blob not null) strict, without rowid",
)
# Large blobs have a table of their own, because the hashes of all images are read at every start.

_INSTEAD = "set it aside with 'gistchain rareness rebuild', then register its images again"


class Database:
    """The file, opened for each use: one process writes at a time, any number read meanwhile.

    Every call raises FileBusy, FileDamaged, DiskFull or FileError.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._file = SqliteFile(path, _INSTEAD, timeout_s=busy_timeout_s)

    def create(self, meta: dict[str, str]) -> dict[str, str]:
        """Make what is missing; returns the names and values that describe the file, which are `meta` if it is new."""
        make_folder(self.path.parent)
        with self._file.opened("rwc") as database:
            if not database.execute("select 1 from sqlite_master where name = 'meta'").fetchone():
                database.execute("pragma journal_mode = wal")
                database.execute("pragma synchronous = full")
                database.execute("begin immediate")
                for statement in _TABLES:
                    database.execute(statement)
                database.executemany("insert or ignore into meta values (?, ?)", meta.items())
                database.execute("commit")
            return dict(database.execute("select name, value from meta"))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file, whatever is written meanwhile; of a file that is not made yet,
        empty tables.

        It takes no lock and needs no right to write: a home can lie on a medium that is only read.
        """
        with self._file.errors(), closing(self._opened()) as database:
            yield database

    def _opened(self) -> sqlite3.Connection:
        if self.path.exists():
            database = self._file.snapshot()
            if database.execute("select 1 from sqlite_master").fetchone():
                return database
            database.close()  # a kill left it, before its tables were made
        database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        for statement in _TABLES:
            database.execute(statement)
        return database

    def name_tokens(self, registry: str, tokens: Mapping[bytes, int]) -> None:
        """Note which token of a registry each image is, by SHA3-256; all or none."""
        rows = [(sha3_256, registry, token) for sha3_256, token in tokens.items()]
        with self.writing() as database:
            database.executemany("insert or replace into tokens values (?, ?, ?)", rows)

    def name(self, database: sqlite3.Connection, sha3_256: bytes) -> str | None:
        """The name that an image's file had; None for an image that isn't here."""
        with self._file.errors():
            row = database.execute("select name from images where sha3_256 = ?", (sha3_256,)).fetchone()
        return None if row is None else str(row[0], "utf-8", "surrogatepass") or None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection that holds the one lock for writing.

        What the body wrote is on the disk afterwards; where it raises an error, nothing is written.
        """
        with self._file.opened("rw", ("synchronous = full",)) as database:
            database.execute("begin immediate")
            yield database
            database.execute("commit")

    def meta(self) -> dict[str, str]:
        """The names and values that describe the file; none where it is not made yet."""
        with self.reading() as database:
            return dict(database.execute("select name, value from meta"))

    def evidence(self, digest: bytes) -> bytes | None:
        """The document with this SHA3-256, None where it isn't here. Raises FileDamaged."""
        if not self.path.exists():
            return None
        with self.reading() as database:
            row = database.execute("select document from evidence where sha3_256 = ?", (digest,)).fetchone()
        if row is None:
            return None
        document: bytes = row[0]
        if hashlib.sha3_256(document).digest() != digest:
            raise self._file.damaged(f"the evidence {digest.hex()} is not what was written")
        return document

    def contents(self) -> tuple[str, int]:
        """The id of the file, '' where it says none, and how many images are in it."""
        with self.reading() as database:
            if not database.execute("select 1 from sqlite_master where name = 'images'").fetchone():
                return "", 0
            store = database.execute("select value from meta where name = 'store'").fetchone()
            count = database.execute("select coalesce(max(row), -1) + 1 from images").fetchone()
        return ("" if store is None else str(store[0])), int(count[0])

    def is_writable(self) -> bool:
        return os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)

    def damaged(self, what: str) -> FileDamaged:
        return self._file.damaged(what)


def set_aside(folder: Path) -> Path | None:
    """Move a store's files out of the way, so that a new one can be made; returns the folder that they are in now.

    Nothing is deleted. None where there is no store. Raises FileBusy where one is being written to, FileError where a
    file can't be moved.
    """
    path = folder / FILE
    if path.exists():
        # A damaged one can't be locked, and need not be.
        with contextlib.suppress(FileDamaged), Database(path, busy_timeout_s=10.0).writing():
            pass
    names = [f"{FILE}-wal", f"{FILE}-shm", FILE, ROWS]
    if not any((folder / name).exists() for name in names):
        return None
    aside = free_aside(folder)
    try:
        aside.mkdir()
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.rename(folder / name, aside / name)
    except OSError as error:
        raise FileError(
            f"can't move the files of {folder} to {aside} ({error.strerror}): check the permissions of the folder"
        ) from error
    return aside


@contextmanager
def kept_names(folder: Path, *, failed: Callable[[FileError], None]) -> Iterator[Callable[[bytes], str | None]]:
    """SHA3-256 of an image's file -> the name that the database of `folder` has for it, None where it has none.

    `failed` is called with the error of a database that can't be read: then no name is known.
    """
    file, opened = Database(folder / FILE), None
    with ExitStack() as stack:

        def name(sha3_256: bytes) -> str | None:
            nonlocal opened
            try:
                return None if opened is None else file.name(opened, sha3_256)
            except FileError as error:
                failed(error)
                opened = None
                return None

        try:
            if file.path.exists():
                opened = stack.enter_context(file.reading())
        except FileError as error:
            failed(error)
        yield name


def note_tokens(folder: Path, registry: str, tokens: dict[bytes, int]) -> None:
    """Note in the database of `folder`, where there is one, which token of a registry each image is; by SHA3-256."""
    file = Database(folder / FILE)
    if not (tokens and file.path.exists()):
        return
    file.name_tokens(registry, tokens)


def asides(folder: Path) -> list[Path]:
    """The folders that databases of `folder` were set aside in."""
    return sorted(folder.glob(f"{_ASIDE}*"))


def free_aside(folder: Path) -> Path:
    """The next folder that a database of `folder` can be set aside in; it does not exist yet."""
    number = 1
    while (aside := folder / f"{_ASIDE}{number}").exists():
        number += 1
    return aside


def kept_evidence(folder: Path, digest: bytes, *, failed: Callable[[FileError], None]) -> bytes | None:
    """The document with this SHA3-256 from the database of `folder` or from one that was set aside there.

    None where none of them has it. A database that can't be read is passed over; `failed` is called with its error.
    """
    for place in (folder, *asides(folder)):
        try:
            document = Database(place / FILE).evidence(digest)
        except FileError as error:
            failed(error)
            continue
        if document is not None:
            return document
    return None


def kept_thumbnail(folder: Path, sha3_256: bytes) -> bytes | None:
    """The thumbnail of a registered image, by the hash of its file; None where the database of `folder` has none.

    Raises FileError.
    """
    file = Database(folder / FILE)
    if not file.path.exists():
        return None
    with file.reading() as database:
        query = "select thumbnail from images natural join looks where sha3_256 = ?"
        return next((bytes(row[0]) for row in database.execute(query, (sha3_256,))), None)
