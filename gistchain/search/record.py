"""search.sqlite: what is searched of a home. It is made from the home's chain and imports, and can be made anew.

    items      a row for each token and reference, with the numbers that filters ask for
    kinds      each different trait once; postings: the items that have it, in segments of 65,536 ids
    kind_words, item_words (FTS5)   words of traits; titles, free captions, file names
    spellings (FTS5, trigrams)      every word of a trait, for what is misspelt
    vectors    of pictures, in 8 bits, by position in the file of rows (pictures.py)

Text goes into FTS5 as `words.plain` leaves it, and is asked for quoted: nobody's text is syntax.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder
from gistchain.search.items import Item, Kind, item_of
from gistchain.search.postings import EVERY, Postings, folded_trait, joined, kind_of, places, set_places
from gistchain.search.words import plain, words_of

NAME = "search.sqlite"
_VERSION = 1
COLLECTION = "collection"
"""The trait type of what captions call a token of a collection."""
_TABLES = (
    "create table if not exists meta (name text primary key, value text not null) strict, without rowid",
    """create table if not exists items (item integer primary key autoincrement, kind text not null,
    source text not null, token text not null, made blob not null, seen integer not null, subject text not null,
    owner text not null, verdict text not null, score real not null, row text not null,
    unique (kind, source, token)) strict""",
    "create index if not exists items_by_subject on items (subject)",
    "create index if not exists items_by_owner on items (owner)",
    "create index if not exists items_by_media on items (json_extract(row, '$.media'))",
    "create index if not exists items_by_seen on items (kind, source, seen)",
    """create table if not exists kinds (kind integer primary key, type text not null, value text not null,
    folded text not null unique, items integer not null) strict""",
    """create table if not exists postings (kind integer not null, segment integer not null, items blob not null,
    primary key (kind, segment)) strict""",
    "create virtual table if not exists kind_words using fts5(words, tokenize = 'porter unicode61')",
    "create virtual table if not exists item_words using fts5(words, tokenize = 'porter unicode61')",
    "create table if not exists places (segment integer primary key, items blob not null) strict",
    "create table if not exists spelled (word text primary key, number integer not null) strict, without rowid",
    "create virtual table if not exists spellings using fts5(word, tokenize = 'trigram')",
    """create table if not exists vectors (position integer primary key, item integer unique, row blob not null)
    strict""",
)


@dataclass(frozen=True, slots=True)
class Trait:
    """A trait that some items have: its number, and how many have it."""

    kind: int
    type: str
    value: str
    items: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What the record knows of an item of a source. made: digest of what it was made of."""

    item: int
    made: bytes


class Record:
    """The file of a home. Every call raises FileBusy, FileDamaged, DiskFull or FileError."""

    def __init__(self, home: Path, *, write: bool = False) -> None:
        """write: make it where it is missing. Read where there is none, it is empty."""
        path = home / NAME
        self._file = SqliteFile(path, "`gistchain index --rebuild` makes it anew")
        self._db: sqlite3.Connection | None = None
        if write:
            make_folder(home)
            self._db = self._file.connect("rwc", ("journal_mode = wal", "synchronous = normal"))
        elif path.exists():
            self._db = self._file.snapshot()
        if self._db is None:
            return
        with self._file.errors():
            version = int(self._db.execute("pragma user_version").fetchone()[0])
            if version not in (0, _VERSION):
                raise self._file.damaged(f"it is of another gistchain (version {version}, not {_VERSION})")
            if write:
                for statement in _TABLES:
                    self._db.execute(statement)
                self._db.execute(f"pragma user_version = {_VERSION}")

    # What is written

    def put(self, rows: Sequence[tuple[Item, int]]) -> list[int]:
        """Add these items, each in place of an earlier one of its id; their numbers. seen: a number of the source's
        own, by which `after` finds them again, such as that of a block."""
        with self._writing() as database:
            changes = Postings(database)
            numbers = [self._put(database, changes, item, seen) for item, seen in rows]
            changes.write()
        return numbers

    def forget(self, items: Iterable[int]) -> int:
        """Remove items; how many there were."""
        with self._writing() as database:
            changes = Postings(database)
            gone = sum(self._forget(database, changes, item) for item in items)
            changes.write()
        return gone

    def _put(self, database: sqlite3.Connection, changes: Postings, item: Item, seen: int) -> int:
        before = database.execute(
            "select item, row from items where kind = ? and source = ? and token = ?",
            (item.kind, item.source, item.token),
        ).fetchone()
        kept = None
        if before is not None:
            if (old := self._item(before[1])).picture == item.picture and old.media == item.media:
                kept = database.execute("select position from vectors where item = ?", (before[0],)).fetchone()
            self._forget(database, changes, before[0])
        row = (item.kind, item.source, item.token, item.digest(), seen, folded(item.subject), item.owner.casefold(),
               item.verdict, item.score, item.row())  # fmt: skip
        number = int(
            database.execute(
                "insert into items (kind, source, token, made, seen, subject, owner, verdict, score, row) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            ).lastrowid
            or 0
        )
        if kept is not None:  # it looks the same: its vector is kept
            database.execute("update vectors set item = ? where position = ?", (number, kept[0]))
            set_places(database, {kept[0]: number})
        changes.add(EVERY, number)
        for type_, value in _traits(item):
            changes.add(kind_of(database, type_, value), number)
        words = " ".join([item.title, item.token, *([] if item.traits else [item.caption])])
        database.execute("insert into item_words (rowid, words) values (?, ?)", (number, plain(words)))
        return number

    def _forget(self, database: sqlite3.Connection, changes: Postings, number: int) -> bool:
        row = database.execute("select row from items where item = ?", (number,)).fetchone()
        if row is None:
            return False
        changes.remove(EVERY, number)
        for type_, value in _traits(self._item(row[0])):
            changes.remove(kind_of(database, type_, value), number)
        database.execute("delete from item_words where rowid = ?", (number,))
        gone = database.execute("select position from vectors where item = ?", (number,)).fetchall()
        database.execute("update vectors set item = null where item = ?", (number,))
        set_places(database, {position: -1 for (position,) in gone})
        database.execute("delete from items where item = ?", (number,))
        return True

    def add_vectors(self, rows: Sequence[tuple[int, bytes]]) -> dict[int, int]:
        """(item, row of the file of rows) -> the positions that the items got; one that has a vector keeps it, as
        another process may have been at the same items."""
        with self._writing() as database:
            query = "select item from vectors where item in (select value from json_each(?))"
            there = {item for (item,) in database.execute(query, (json.dumps([int(item) for item, _ in rows]),))}
            rows = [row for row in rows if row[0] not in there]
            first = int(database.execute("select coalesce(max(position) + 1, 0) from vectors").fetchone()[0])
            numbered = [(first + place, *row) for place, row in enumerate(rows)]
            database.executemany("insert into vectors (position, item, row) values (?, ?, ?)", numbered)
            set_places(database, {position: item for position, item, _ in numbered})
            return {item: position for position, item, _ in numbered}

    def set_note(self, name: str, value: str) -> None:
        with self._writing() as database:
            database.execute("insert or replace into meta values (?, ?)", (name, value))

    def set_note_numbers(self, name: str, numbers: Sequence[int]) -> None:
        self.set_note(name, json.dumps(list(numbers)))

    # What is read

    def note_numbers(self, name: str) -> list[int]:
        return [int(number) for number in json.loads(self.note(name) or "[]")]

    def note(self, name: str) -> str:
        """What was noted under this name; '' for nothing."""
        return next((str(value) for (value,) in self._rows("select value from meta where name = ?", name)), "")

    def count(self, kind: Kind | None = None) -> int:
        where = "" if kind is None else "where kind = ?"
        return int((self._rows(f"select count(*) from items {where}", *filter(None, [kind])) or [(0,)])[0][0])

    def sources(self) -> list[tuple[Kind, str]]:
        return [(kind, source) for kind, source in self._rows("select distinct kind, source from items")]

    def seen(self, kind: Kind, source: str) -> dict[str, Seen]:
        """What is here of a source, by token."""
        query = "select token, item, made from items where kind = ? and source = ?"
        return {token: Seen(item, made) for token, item, made in self._rows(query, kind, source)}

    def after(self, kind: Kind, source: str, seen: int) -> list[int]:
        """The items of a source that were seen later than this."""
        query = "select item from items where kind = ? and source = ? and seen > ?"
        return [item for (item,) in self._rows(query, kind, source, seen)]

    def last_seen(self, kind: Kind, source: str) -> int:
        """-1 for none."""
        query = "select coalesce(max(seen), -1) from items where kind = ? and source = ?"
        return int((self._rows(query, kind, source) or [(-1,)])[0][0])

    def items(self, numbers: Sequence[int]) -> list[Item]:
        """In this order; one that is not there is left out."""
        query = "select item, row from items where item in (select value from json_each(?))"
        found = {item: self._item(row) for item, row in self._rows(query, json.dumps([int(n) for n in numbers]))}
        return [found[number] for number in numbers if number in found]

    def number(self, kind: Kind, source: str, token: str) -> int | None:
        query = "select item from items where kind = ? and source = ? and token = ?"
        return next((int(item) for (item,) in self._rows(query, kind, source, token)), None)

    def with_media(self, digest: str) -> list[int]:
        """The items whose file has this hash, as `Item.media` has it."""
        query = "select item from items where json_extract(row, '$.media') = ?"
        return [int(item) for (item,) in self._rows(query, digest)]

    def called(self, source: str, token: str) -> list[int]:
        """The items with this id; of any source for ''."""
        query = "select item from items where token = ? and (? = '' or source = ? or kind = ?)"
        return [int(item) for (item,) in self._rows(query, token, source, source, source)]

    def matching(self, where: str, values: Sequence[object]) -> NDArray[np.int64]:
        """The items that meet a condition on the columns of `items`: of our own words, with the user's as values."""
        return np.array([item for (item,) in self._rows(f"select item from items where {where}", *values)], np.int64)

    def every(self) -> NDArray[np.int64]:
        """All items."""
        return self.having(EVERY)

    def highest(self) -> int:
        """No item has a higher number."""
        return int((self._rows("select coalesce(max(item), 0) from items") or [(0,)])[0][0])

    def traits_with(self, words: Sequence[str]) -> list[Trait]:
        """Traits that have all of these words, in any form of theirs, the commonest first; at most 1,000."""
        query = (
            "select kind, type, value, items from kinds where items > 0 and kind in "
            "(select rowid from kind_words where kind_words match ?) order by items desc limit 1000"
        )
        return [Trait(*row) for row in self._rows(query, " ".join(map(quoted, words)))] if words else []

    def traits(self, most: int = 100_000) -> list[Trait]:
        """All of them, the commonest first."""
        query = "select kind, type, value, items from kinds where items > 0 order by items desc limit ?"
        return [Trait(*row) for row in self._rows(query, most)]

    def collections(self) -> list[Trait]:
        """What captions call a token of each."""
        query = "select kind, type, value, items from kinds where items > 0 and type = ? order by items desc"
        return [Trait(*row) for row in self._rows(query, COLLECTION)]

    def trait(self, type_: str, value: str) -> Trait | None:
        query = "select kind, type, value, items from kinds where folded = ?"
        return next((Trait(*row) for row in self._rows(query, folded_trait(type_, value))), None)

    def traits_called(self, type_: str, value: str) -> list[Trait]:
        """Those with this very value, in any writing, of this type; of any type for ''."""
        if type_:
            return [found] if (found := self.trait(type_, value)) is not None else []
        same = plain(value)
        return [trait for trait in self.traits_with(words_of(value)) if plain(trait.value) == same]

    def having(self, kind: int) -> NDArray[np.int64]:
        """The items that have a trait, in ascending order."""
        return joined(self._rows("select segment, items from postings where kind = ? order by segment", kind))

    def titled(self, words: Sequence[str], most: int = 10_000) -> list[tuple[int, float]]:
        """(item, BM25; more is better) of those whose title, id or free caption has one of the words, best first."""
        query = "select rowid, -bm25(item_words) from item_words where item_words match ? order by rank limit ?"
        asked = " OR ".join(map(quoted, words))
        return [(int(item), float(score)) for item, score in self._rows(query, asked, most)] if words else []

    def knows(self, word: str) -> bool:
        """Whether a trait has this very word."""
        return bool(self._rows("select 1 from spelled where word = ?", word))

    def knows_value(self, word: str) -> bool:
        """Whether this very word is the value of a trait, other than the name of a collection."""
        return any(trait.type != COLLECTION for trait in self.traits_called("", word))

    def spelled_like(self, word: str, most: int = 200) -> list[str]:
        """Words of traits that share three letters in a row with this one, those that share most first."""
        grams = sorted({word[k : k + 3] for k in range(len(word) - 2)})
        query = "select word from spellings where spellings match ? order by rank limit ?"
        return [found for (found,) in self._rows(query, " OR ".join(map(quoted, grams)), most)] if grams else []

    def spelled_near(self, word: str, most: int = 5_000) -> list[str]:
        """Words of traits with the same first letter, and a letter more or less at most."""
        query = "select word from spelled where word >= ? and word < ? and length(word) between ? and ? limit ?"
        first, size = word[:1], len(word)
        return [found for (found,) in self._rows(query, first, first + "\U0010ffff", size - 1, size + 1, most)]

    def without_vector(self, most: int, but: Sequence[int] = ()) -> list[tuple[int, Item]]:
        """Items without a vector, but for some, the oldest first."""
        query = (
            "select item, row from items where item not in (select item from vectors where item not null) "
            "and item not in (select value from json_each(?)) order by item limit ?"
        )
        return [(int(number), self._item(row)) for number, row in self._rows(query, json.dumps(list(but)), most)]

    def count_without_vector(self) -> int:
        query = "select count(*) from items where item not in (select item from vectors where item not null)"
        return int((self._rows(query) or [(0,)])[0][0])

    def vector_items(self) -> NDArray[np.int64]:
        """By position in the file of rows: the item, -1 for one that is gone."""
        return places(self._rows("select items from places order by segment"))

    def vector_rows(self, positions: Sequence[int]) -> list[bytes]:
        return [self._rows("select row from vectors where position = ?", int(at))[0][0] for at in positions]

    def vector_of(self, item: int) -> bytes | None:
        """The row of an item's vector; None where it has none."""
        return next((row for (row,) in self._rows("select row from vectors where item = ?", item)), None)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, query: str, *values: object) -> list[Any]:
        if self._db is None:
            return []
        with self._file.errors():
            return self._db.execute(query, values).fetchall()

    def _item(self, row: str) -> Item:
        try:
            return item_of(row)
        except (ValueError, TypeError, KeyError) as error:
            raise self._file.damaged("an item in it can't be read") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        assert self._db is not None
        with self._file.errors():
            self._db.execute("begin immediate")
            with self._db:  # commits, or undoes what an error has cut
                yield self._db


def folded(text: str) -> str:
    """As subjects are compared: 'openpeeps' of 'Open Peeps' and of 'open-peeps'."""
    return "".join(filter(str.isalnum, text.casefold()))


def _traits(item: Item) -> list[tuple[str, str]]:
    """Those that are asked for: the collection is one, too."""
    return list(dict.fromkeys([*item.traits, *([(COLLECTION, item.subject)] if item.subject else [])]))


def quoted(word: str) -> str:
    """A string of FTS5: nothing in it is syntax."""
    return '"' + word.replace('"', '""').replace("\0", "") + '"'
