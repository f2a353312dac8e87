"""Trait -> the items that have it: ids in segments of 65,536, two bytes each, as sets of small numbers compress."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from gistchain.search.words import plain, words_of

_SEGMENT = 1 << 16
_PLACES = 1 << 13
EVERY = 0
"""Stands for a trait that each item has."""


def folded_trait(type_: str, value: str) -> str:
    """Two traits with the same are one."""
    return f"{plain(_escaped(type_))}\x1f{plain(_escaped(value))}"


def kind_of(database: sqlite3.Connection, type_: str, value: str) -> int:
    """The number of a trait, which is made where it is new."""
    folded = folded_trait(type_, value)
    row = database.execute("select kind from kinds where folded = ?", (folded,)).fetchone()
    if row is not None:
        return int(row[0])
    insert = "insert into kinds (type, value, folded, items) values (?, ?, ?, 0)"
    number = int(database.execute(insert, (_escaped(type_), _escaped(value), folded)).lastrowid or 0)
    words = plain(_escaped(f"{value} {type_}"))
    database.execute("insert into kind_words (rowid, words) values (?, ?)", (number, words))
    for word in words_of(words):
        if database.execute("insert or ignore into spelled values (?, ?)", (word, number)).rowcount:
            database.execute("insert into spellings (word) values (?)", (word,))
    return number


def joined(rows: Iterable[tuple[int, bytes]]) -> NDArray[np.int64]:
    """Segments in ascending order -> the ids."""
    parts = [segment * _SEGMENT + np.frombuffer(blob, "<u2").astype(np.int64) for segment, blob in rows]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


class Postings:
    """Changes of one transaction, written together: a segment is read and written once."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._changes: dict[tuple[int, int], dict[int, bool]] = defaultdict(dict)

    def add(self, kind: int, item: int) -> None:
        self._changes[kind, item // _SEGMENT][item % _SEGMENT] = True

    def remove(self, kind: int, item: int) -> None:
        self._changes[kind, item // _SEGMENT][item % _SEGMENT] = False

    def write(self) -> None:
        for (kind, segment), changes in self._changes.items():
            where = kind, segment
            row = self._database.execute("select items from postings where kind = ? and segment = ?", where).fetchone()
            before = set() if row is None else set(np.frombuffer(row[0], "<u2").tolist())
            after = (before | {i for i, there in changes.items() if there}) - {
                i for i, there in changes.items() if not there
            }
            blob = np.array(sorted(after), "<u2").tobytes()
            self._database.execute("insert or replace into postings values (?, ?, ?)", (*where, blob))
            self._database.execute(
                "update kinds set items = items + ? where kind = ?", (len(after) - len(before), kind)
            )
        self._changes.clear()


def set_places(database: sqlite3.Connection, changes: Mapping[int, int]) -> None:
    """Position in the file of rows -> the item whose vector is there, -1 for none."""
    by_segment: dict[int, dict[int, int]] = defaultdict(dict)
    for position, item in changes.items():
        by_segment[position // _PLACES][position % _PLACES] = item
    for segment, some in by_segment.items():
        row = database.execute("select items from places where segment = ?", (segment,)).fetchone()
        before = np.zeros(0, "<i4") if row is None else np.frombuffer(row[0], "<i4")
        after = np.full(max(len(before), max(some) + 1), -1, "<i4")
        after[: len(before)] = before
        after[list(some)] = list(some.values())
        database.execute("insert or replace into places values (?, ?)", (segment, after.tobytes()))


def places(rows: Iterable[tuple[bytes]]) -> NDArray[np.int64]:
    """All of them, of segments in ascending order."""
    parts = [np.frombuffer(blob, "<i4").astype(np.int64) for (blob,) in rows]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _escaped(text: str) -> str:
    """Without halves of letters, which SQLite does not take."""
    return text.encode("utf-8", "backslashreplace").decode()
