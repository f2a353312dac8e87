"""followed.sqlite: what a home has read of the registries of nodes, and of which blocks, so that it is read once.

A row counts as long as the block in which it was seen, or a later one, still has the hash that was written down.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gistchain.digest import keccak
from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder
from gistchain.ledger import ticket as tickets
from gistchain.types import RarenessTicket, Token

NAME = "followed.sqlite"
KEPT_BLOCKS = 64
"""How many hashes are kept of a registry's blocks, the last ones: where all differ, it is read anew."""
_TABLES = (
    "create table if not exists places (registry text primary key, next integer not null) strict, without rowid",
    "create table if not exists urls (url text primary key, registry text not null) strict, without rowid",
    """create table if not exists blocks (registry text not null, number integer not null, hash text not null,
    primary key (registry, number)) strict, without rowid""",
    """create table if not exists tokens (registry text not null, id integer not null, seen integer not null,
    owner text not null, image blob not null, block integer not null, block_time integer not null,
    batch blob not null, gist blob not null, gist_keccak blob not null, unreadable text not null,
    rating blob not null, evidence blob not null, primary key (registry, id)) strict, without rowid""",
    "create index if not exists tokens_by_image on tokens (registry, image)",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One token. seen: the number of the block in which it was seen. gist: empty where there is none; unreadable: why.

    ticket: as the chain holds it, None for none.
    """

    token: Token
    seen: int
    gist: bytes
    unreadable: str
    ticket: RarenessTicket | None


class Followed:
    """The file of a home. registry: `Ledger.name`. Every call raises FileBusy, FileDamaged, DiskFull or FileError."""

    def __init__(self, home: Path, *, write: bool = False) -> None:
        """write: False to read, also where the home can't be written; nothing is there where there is no file."""
        path = home / NAME
        self._file = SqliteFile(path, instead="delete it, and follow the chain again")
        self._db: sqlite3.Connection | None = None
        if write:
            make_folder(home)
            self._db = self._file.connect("rwc", ("journal_mode = wal", "synchronous = normal"))
            with self._file.errors():
                for statement in _TABLES:
                    self._db.execute(statement)
        elif path.exists():
            self._db = self._file.snapshot()

    def next(self, registry: str) -> int | None:
        """The first block that was not read; None where none was."""
        return next((at for (at,) in self._rows("select next from places where registry = ?", registry)), None)

    def registry_of(self, url: str) -> str | None:
        """What was followed at a URL. url: its key in ledgers.json."""
        return next((name for (name,) in self._rows("select registry from urls where url = ?", url)), None)

    def blocks(self, registry: str) -> list[tuple[int, str]]:
        """(number, hash), the last first."""
        query = "select number, hash from blocks where registry = ? order by number desc"
        return [(number, digest) for number, digest in self._rows(query, registry)]

    def count(self, registry: str) -> int:
        return int(self._rows("select count(*) from tokens where registry = ?", registry)[0][0]) if self._db else 0

    def get(self, registry: str, token: int) -> Kept | None:
        """Raises FileDamaged where the gist is not what was written."""
        rows = self._rows("select * from tokens where registry = ? and id = ?", registry, token)
        return self._kept(rows[0]) if rows else None

    def since(self, registry: str, seen: int) -> Iterator[Kept]:
        """What was seen after this block, by id. Raises FileDamaged where a gist is not what was written."""
        query = "select * from tokens where registry = ? and seen > ? and id > ? order by id limit 500"
        at = 0
        while rows := self._rows(query, registry, seen, at):
            yield from map(self._kept, rows)
            at = rows[-1][1]

    def all_for(self, registry: str, image_sha3_256: bytes) -> tuple[int, ...]:
        """The tokens for an image, oldest first."""
        query = "select id from tokens where registry = ? and image = ? order by id"
        return tuple(token for (token,) in self._rows(query, registry, image_sha3_256))

    def missing(self, registry: str, count: int) -> Iterator[range]:
        """The ids from 1 to `count` that are not here, in runs."""
        start = 1
        query = "select id from tokens where registry = ? and id <= ? order by id"
        for (token,) in self._rows(query, registry, count):
            if token > start:
                yield range(start, token)
            start = token + 1
        if start <= count:
            yield range(start, count + 1)

    def add(self, registry: str, tokens: Iterable[Kept]) -> None:
        with self._writing() as database:
            rows = [(registry, *_row(kept)) for kept in tokens]
            database.executemany("insert or replace into tokens values (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)

    def go_on(self, registry: str, at: int, blocks: Sequence[tuple[int, str]], urls: Sequence[str] = ()) -> None:
        """All before block `at` is here. blocks: (number, hash) of some that it was read from. urls: their keys."""
        with self._writing() as database:
            database.execute("insert or replace into places values (?, ?)", (registry, at))
            rows = [(registry, *block) for block in blocks]
            database.executemany("insert or replace into blocks values (?, ?, ?)", rows)
            database.execute(
                "delete from blocks where registry = ? and number not in "
                "(select number from blocks where registry = ? order by number desc limit ?)",
                (registry, registry, KEPT_BLOCKS),
            )
            database.executemany("insert or replace into urls values (?, ?)", [(url, registry) for url in urls])

    def undo(self, registry: str, after: int) -> int:
        """Forget all that was seen after this block; how many tokens that were."""
        with self._writing() as database:
            gone = database.execute("delete from tokens where registry = ? and seen > ?", (registry, after)).rowcount
            database.execute("delete from blocks where registry = ? and number > ?", (registry, after))
            database.execute("update places set next = min(next, ?) where registry = ?", (after + 1, registry))
        return gone

    def _rows(self, query: str, *values: object) -> list[Any]:
        if self._db is None:
            return []
        with self._file.errors():
            return self._db.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        assert self._db is not None
        with self._file.errors():
            self._db.execute("begin immediate")
            with self._db:
                yield self._db

    def _kept(self, row: Sequence[Any]) -> Kept:
        _, token, seen, owner, image, block, block_time, batch, gist, digest, unreadable, rating, evidence = row
        if keccak(gist) != digest:
            raise self._file.damaged(f"the gist of token {token} is not what was written")
        record = Token(token, owner, image, block, block_time, int.from_bytes(batch, "big"))
        return Kept(record, seen, gist, unreadable, tickets.from_rating(int.from_bytes(rating, "big"), evidence))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()


def _row(kept: Kept) -> tuple[object, ...]:
    token, (evidence, rating) = kept.token, tickets.kept(kept.ticket)
    who = token.id, kept.seen, token.owner, token.image_sha3_256, token.block, token.block_time
    what = token.batch.to_bytes(10, "big"), kept.gist, keccak(kept.gist), kept.unreadable
    return *who, *what, rating.to_bytes(14, "big"), evidence
