"""Registered images -> what is kept of them (S1.10): hashes, fingerprint, thumbnail, names, and the evidence.

    rareness.sqlite   the record of truth: every number exact, durable when `add` returns
    rareness.rows     the fingerprints in 8 bits, mapped and scanned; made again from the record where it is damaged

Any number of processes read while one writes. Each call sees what was written before it, by any process.
"""

from __future__ import annotations

import copy
import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from gistchain.errors import FileDamaged, FileError, OtherFingerprint, RarenessError
from gistchain.rareness.fingerprint import SIZE, check
from gistchain.rareness.hashes import BITS
from gistchain.rareness.store.database import FILE, ROWS, SCHEMA, Database
from gistchain.rareness.store.hashindex import HashIndex, Near
from gistchain.rareness.store.layout import LAYOUT
from gistchain.rareness.store.record import Entry as Entry
from gistchain.rareness.store.record import colour, crc, fields_of, text
from gistchain.types import Hash, Hashes
from gistchain.vectors import matrix, scan

_BATCH = 256
_INDEXED = ", ".join(["row", "background", "sha3_256", *BITS, "pdq_quality"])


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshot:
    """What is in memory of the rows, as of the last call. keys: first 8 bytes of each SHA3-256, shape (N,).

    backgrounds: of the rows that are transparent, by row.
    """

    keys: NDArray[np.uint64]
    hashes: HashIndex
    backgrounds: dict[int, tuple[int, int, int]]


_EMPTY = _Snapshot(np.zeros(0, np.uint64), HashIndex.of([]), {})


class Store:
    """The registered images of one folder; threads may share it."""

    def __init__(self, folder: Path, *, version: str, busy_timeout_s: float = 10.0) -> None:
        """Open the store; check the rows against the record and repair them. One that isn't there is empty, and made
        by the first call that writes: who only looks leaves a folder as it was, and needs no right to write there.

        version: of the fingerprints. busy_timeout_s: how long another writer is waited for.
        Raises OtherFingerprint where the folder holds others; FileBusy, FileDamaged, DiskFull and FileError, as every
        call does.
        """
        self._database = Database(folder / FILE, busy_timeout_s=busy_timeout_s)
        self._rows_path, self._version = folder / ROWS, version
        self._lock = threading.RLock()
        self._most: int | None = None
        self._open()
        self._current()

    def _open(self) -> None:
        meta = self._database.meta()
        if not meta and self._database.contents() == ("", 0):  # not made yet
            self._use("")
            return
        if not {"schema", "fingerprint", "store"} <= meta.keys():
            raise self._database.damaged("it does not say what it is")
        if meta["schema"] != SCHEMA:
            raise RarenessError(f"{self._database.path} was made by another gistchain: use that one")
        if meta["fingerprint"] != self._version:
            raise OtherFingerprint(
                f"{self._database.path} holds fingerprints of version {meta['fingerprint']}, and version "
                f"{self._version} can't be compared with them: 'gistchain rareness rebuild' sets the file aside, then "
                "register its images again, or 'gistchain rareness seed'"
            )
        self._use(meta["store"])

    def _make(self) -> None:
        """Make the file where it is missing."""
        with self._lock:
            if not self._id:
                fresh = {"schema": SCHEMA, "fingerprint": self._version, "store": secrets.token_hex(16)}
                self._database.create(fresh)
                self._open()

    def _use(self, store: str) -> None:
        self._id = store
        self._matrix = matrix.Matrix(LAYOUT, self._rows_path, bytes.fromhex(self._id))
        self._snapshot = _EMPTY

    def until(self, rows: int) -> Store:
        """The store as it was when it had so many rows, for reading; views of it may be used at the same time."""
        self._current()  # what is new is read once here, and not by each view
        earlier = copy.copy(self)
        earlier._most = rows
        return earlier

    def __len__(self) -> int:
        count = len(self._current().keys)
        return count if self._most is None else min(count, self._most)

    def _has(self, row: int) -> bool:
        return self._most is None or row < self._most

    def add(self, entries: Iterable[Entry]) -> int:
        """Keep images, all of them or, after an error, none; returns how many are new.

        An image that is there already stays as it is. The lock for writing is taken once all entries are at hand: pass
        a few hundred at a time. Raises RarenessError for an entry that can't be kept, FileBusy, DiskFull.
        """
        records: dict[bytes, tuple[Entry, tuple[Any, ...], tuple[Any, ...]]] = {}
        for entry in entries:
            if entry.sha3_256 not in records:
                records[entry.sha3_256] = (entry, *fields_of(entry))
        self._current()
        self._make()
        with self._database.writing() as database:
            first = row = _count(database)
            new: list[Entry] = []
            for entry, image, look in records.values():
                if database.execute(_INSERT_IMAGE, (row, *image)).rowcount:
                    database.execute(_INSERT_LOOK, (row, *look))
                    new.append(entry)
                    row += 1
            for start in range(0, len(new), _BATCH):
                part = new[start : start + _BATCH]
                fingerprints = np.stack([entry.fingerprint for entry in part])
                numbers = np.arange(first + start, first + start + len(part))
                self._matrix.write(matrix.rows_of(LAYOUT, fingerprints, _keys([e.sha3_256 for e in part]), numbers))
        return len(new)

    def find(self, sha3_256: bytes) -> int | None:
        """The row of the image file with this SHA3-256, 0 for the one that was added first; None where it has none."""
        with self._database.reading() as database:
            record = database.execute("select row from images where sha3_256 = ?", (sha3_256,)).fetchone()
        return int(record[0]) if record is not None and self._has(record[0]) else None

    def with_pixels(self, pixels: bytes) -> list[int]:
        """The rows whose decoded pixels have this hash, the earliest first."""
        with self._database.reading() as database:
            query = "select row from images where pixels = ? order by row"
            return [int(row) for (row,) in database.execute(query, (pixels,)) if self._has(row)]

    def backgrounds(self) -> Mapping[int, tuple[int, int, int]]:
        """Row of every transparent image -> the background that it was laid over."""
        found = self._current().backgrounds
        return found if self._most is None else {row: colour for row, colour in found.items() if self._has(row)}

    def entries(self, rows: Sequence[int]) -> list[Entry]:
        """What is kept of these rows, in this order. Raises FileDamaged for one that is not what was written."""
        query = "select * from images natural join looks where row = ?"
        return [self._entry(row, record) for row, record in self._records(query, rows)]

    def fingerprints(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """The fingerprints of these rows, in this order, shape (len(rows), 10048), to the bit what was added.

        Raises FileDamaged for one that is not what was written.
        """
        fingerprints = np.empty((len(rows), SIZE), np.float32)
        for place, (row, record) in enumerate(self._records("select fingerprint from looks where row = ?", rows)):
            fingerprints[place] = self._unpacked(row, record["fingerprint"])
        return fingerprints

    def approximate(self, fingerprint: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """Pearson's correlation with all rows, shape (N,), and the largest error that any of them can have.

        A row without contrast correlates with nothing: 0. Raises RarenessError for a fingerprint that is not finite.
        """
        check(fingerprint)
        candidate = matrix.rows_of(LAYOUT, fingerprint[None], np.zeros(1, np.uint64), np.zeros(1, np.int64))
        with self._lock:
            rows = self._matrix.rows(len(self._current().keys))[: self._most]
        correlations, errors = scan.correlations(LAYOUT, rows, candidate)
        return correlations[0], float(errors.max(initial=0.0))

    def near(self, turns: Sequence[Hashes], thresholds: Mapping[Hash, int]) -> list[Near]:
        """(row, hash, bits, turn) of every row within a threshold of one turn, nearest first (HashIndex.near).

        turns: the hashes of the candidate as it is, then turned and mirrored. thresholds: in bits, by hash.
        """
        return [hit for hit in self._current().hashes.near(turns, thresholds) if self._has(hit[0])]

    def name_token(self, sha3_256: bytes, registry: str, token: int) -> None:
        """Note which token an image became, for programs that have no chain open; the chain holds the truth."""
        self.name_tokens(registry, {sha3_256: token})

    def name_tokens(self, registry: str, tokens: Mapping[bytes, int]) -> None:
        """`name_token` for many images, all or none."""
        self._make()
        self._database.name_tokens(registry, tokens)

    def token(self, entry: Entry) -> int | None:
        """The token that an image became, as far as this folder knows; in one registry, where it has several."""
        with self._database.reading() as database:
            query = "select token from tokens where sha3_256 = ? order by registry desc limit 1"
            return next((int(token) for (token,) in database.execute(query, (entry.sha3_256,))), None)

    def noted(self, sha3_256: bytes, registry: str) -> int | None:
        """The token of this registry that an image became, as far as this folder knows."""
        with self._database.reading() as database:
            query = "select token from tokens where sha3_256 = ? and registry = ?"
            return next((int(token) for (token,) in database.execute(query, (sha3_256, registry))), None)

    def keep_evidence(self, sha3_256: bytes, document: bytes) -> None:
        """Keep a document under its SHA3-256, durably. Raises RarenessError where that is not its hash."""
        if hashlib.sha3_256(document).digest() != sha3_256:
            raise RarenessError(f"{sha3_256.hex()} is not the SHA3-256 of this document of {len(document)} bytes")
        self._make()
        with self._database.writing() as database:
            database.execute("insert or ignore into evidence values (?, ?)", (sha3_256, document))

    def evidence(self, digest: bytes) -> bytes | None:
        """The document with this SHA3-256, None where it isn't here. Raises FileDamaged."""
        return self._database.evidence(digest)

    def _current(self) -> _Snapshot:
        """The snapshot, brought up to date: rows that were added since are read, and checked in the matrix."""
        with self._lock:
            if not self._caught_up():
                # A backup was put back, or the folder was set aside and made again.
                if not self._database.path.exists():
                    raise FileError(f"can't use {self._database.path}: it is gone; put it back, or begin again")
                self._open()
                return self._current()
            if len(self._matrix.wrong(self._snapshot.keys)):
                self._repair()
            return self._snapshot

    def _caught_up(self) -> bool:
        """Read the rows that are new. False where the file is another one than before."""
        with self._database.reading() as database:
            store = database.execute("select value from meta where name = 'store'").fetchone()
            count, known = _count(database), len(self._snapshot.keys)
            if ("" if store is None else store[0]) != self._id or count < known:
                return False
            if count > known:
                self._snapshot = self._extended(database, known, count)
        return True

    def _extended(self, database: sqlite3.Connection, known: int, count: int) -> _Snapshot:
        rows = database.execute(f"select {_INDEXED} from images where row >= ? order by row", (known,)).fetchall()
        if len(rows) != count - known:
            raise self._database.damaged(f"{len(rows)} of {count - known} rows after row {known} are there")
        before = self._snapshot
        keys = np.concatenate([before.keys, _keys([row[2] for row in rows])])
        backgrounds = {row[0]: colour(row[1]) for row in rows if row[1] is not None}
        hashes = before.hashes.extended(HashIndex.of([row[3:] for row in rows]))
        return _Snapshot(keys, hashes, before.backgrounds | backgrounds)

    def _repair(self) -> None:
        """Write the rows of the matrix that are not what they should be, from the record."""
        keys = self._snapshot.keys
        try:
            with self._database.writing():
                # Asked again: another process may have repaired them before this one got the lock.
                for rows in self._made_again(self._matrix.wrong(keys)):
                    self._matrix.write(rows)
        except FileError:
            if self._database.is_writable():
                raise
            held = np.zeros(len(keys), LAYOUT.row)
            for rows in self._made_again(np.arange(len(keys))):
                held[rows["number"]] = rows
            self._matrix.hold(held)
        if len(self._matrix.wrong(keys)):
            raise FileError(f"{self._rows_path} does not keep what is written to it: check the disk")

    def _made_again(self, numbers: NDArray[np.int64]) -> Iterator[NDArray[np.void]]:
        """Rows of the matrix, from the record, some at a time."""
        for start in range(0, len(numbers), _BATCH):
            part = numbers[start : start + _BATCH]
            yield matrix.rows_of(LAYOUT, self.fingerprints(part.tolist()), self._snapshot.keys[part], part)

    def _records(self, query: str, rows: Sequence[int]) -> list[tuple[int, sqlite3.Row]]:
        records = []
        with self._database.reading() as database:
            database.row_factory = sqlite3.Row
            for row in rows:
                record = database.execute(query, (int(row),)).fetchone()
                if record is None and 0 <= row < _count(database):
                    raise self._damaged_row(row)
                if record is None:
                    raise RarenessError(f"{self._database.path} has no row {row}")
                records.append((int(row), record))
        return records

    def _unpacked(self, row: int, data: bytes) -> NDArray[np.float32]:
        try:
            planes = zstandard.ZstdDecompressor().decompress(data, max_output_size=4 * SIZE)
            return np.ascontiguousarray(np.frombuffer(planes, np.uint8).reshape(4, SIZE).T).view("<f4")[:, 0]
        except (zstandard.ZstdError, ValueError) as error:
            raise self._damaged_row(row) from error

    def _damaged_row(self, row: int) -> FileDamaged:
        return self._database.damaged(f"row {row} is not what was written")

    def _entry(self, row: int, record: sqlite3.Row) -> Entry:
        if crc(tuple(record)[1:-1]) != record["crc"]:
            raise self._damaged_row(row)
        neuralhash = record["neuralhash"]
        return Entry(
            sha3_256=record["sha3_256"],
            name=text(record["name"]),
            collection=text(record["collection"]),
            caption=text(record["caption"]),
            seed=bool(record["seed"]),
            hashes=Hashes(
                **{name: record[name].hex() for name in BITS},
                pdq_quality=record["pdq_quality"],
                neuralhash=None if neuralhash is None else neuralhash.hex(),
            ),
            fingerprint=self._unpacked(row, record["fingerprint"]),
            thumbnail=record["thumbnail"],
            pixels=record["pixels"],
            blank=bool(record["blank"]),
            background=None if record["background"] is None else colour(record["background"]),
        )


_INSERT_IMAGE = "insert or ignore into images values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_LOOK = "insert into looks values (?, ?, ?, ?)"


def _keys(digests: Sequence[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(digest[:8] for digest in digests), "<u8").astype(np.uint64)


def _count(database: sqlite3.Connection) -> int:
    """How many rows there are: they are numbered from 0 without a gap."""
    return int(database.execute("select coalesce(max(row), -1) + 1 from images").fetchone()[0])
