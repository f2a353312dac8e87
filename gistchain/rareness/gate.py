"""Hashes -> registered images that are near: the first look before an image is registered.

The gate keeps hashes, the chain keeps the truth. A row is written before the chain is asked to register its image and
counts only where the chain knows the image, so that a kill between the two leaves nothing wrong.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import DiskFull, LedgerBusy, LedgerDamaged, LedgerError
from gistchain.rareness.hashes import BITS, THRESHOLDS
from gistchain.types import Hash, Hashes, NearMatch

_TABLE = """create table if not exists hashes (
    sha3_256 blob primary key check (length(sha3_256) = 32), pdq blob not null, phash blob not null,
    ahash blob not null, dhash blob not null, pdq_quality integer not null
) without rowid"""
_COLUMNS = ", ".join(["sha3_256", *BITS, "pdq_quality"])
MIN_PDQ_QUALITY = 50
"""Below it a PDQ hash says little (flat drawings, pixel art); the advice of its authors."""

MOST_NEAR = 10
"""Siblings of one collection can be near by the thousand (T1.5); each costs a question to the chain."""
_QUESTIONS_A_MATCH = 10


class Gate:
    """The hashes in one SQLite file: one process writes at a time, any number read."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(f"can't make the folder {path.parent}: {error.strerror}") from error
        with self._database() as database:
            database.execute("pragma journal_mode=wal")
            database.execute(_TABLE)

    def remember(self, sha3_256: bytes, hashes: Hashes) -> None:
        """Keep the hashes of the image file with this SHA3-256, durably; the same image again changes nothing.

        Raises DiskFull, LedgerBusy where another writer holds the file for too long, LedgerDamaged.
        """
        row = (sha3_256, *(bytes.fromhex(getattr(hashes, name)) for name in BITS), hashes.pdq_quality)
        with self._database() as database, database:
            database.execute(f"insert or replace into hashes ({_COLUMNS}) values (?, ?, ?, ?, ?, ?)", row)

    def near(
        self, hashes: Hashes, registered: Callable[[bytes], int | None], *, most: int = MOST_NEAR
    ) -> list[NearMatch]:
        """The `most` nearest registered images below a hash's threshold, nearest first, each with its nearest hash.

        registered: SHA3-256 of an image file -> its token, None where the chain doesn't know it. Nearness is the
        share of bits that differ; at the same share, more bits count for more. The chain is asked about the 10 * most
        nearest images at the most, even if it knows none of them.
        """
        with self._database() as database:
            rows = database.execute(f"select {_COLUMNS} from hashes").fetchall()
        nearest = sorted(
            _nearest(hashes, rows).items(), key=lambda row: (row[1][1] / BITS[row[1][0]], -BITS[row[1][0]])
        )
        matches: list[NearMatch] = []
        for index, (name, bits) in nearest[: _QUESTIONS_A_MATCH * most]:
            if len(matches) == most:
                break
            token = registered(rows[index][0])
            if token is not None:
                matches.append(NearMatch(token, name, bits, BITS[name]))
        return sorted(matches, key=lambda match: (match.bits / match.of, -match.of, match.token))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=self._busy_timeout_s)) as database:
                yield database
        except sqlite3.DatabaseError as error:
            raise self._ours(error) from error

    def _ours(self, error: sqlite3.DatabaseError) -> LedgerError:
        # Extended codes keep the plain one in the low byte.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return DiskFull(f"no space left for {self._path}: free some, nothing was written")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LedgerBusy(f"{self._path} is held by another writer for {self._busy_timeout_s:g} s: try again")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
            return LedgerError(f"can't use {self._path} ({error}): check the folder and its permissions")
        return LedgerDamaged(
            f"{self._path} is damaged ({error}): move it away, a new one is made; "
            "images registered before are then no longer compared"
        )


def _nearest(hashes: Hashes, rows: list[tuple[Any, ...]]) -> dict[int, tuple[Hash, int]]:
    """Row -> its nearest hash and the bits that differ there, for the rows that are near."""
    best: dict[int, tuple[Hash, int]] = {}
    for column, (name, of) in enumerate(BITS.items(), 1):
        # PDQ counts only where its quality is enough on both sides.
        counts = [index for index, row in enumerate(rows) if name != "pdq" or _trusted(row[-1], hashes.pdq_quality)]
        distances = _distances(getattr(hashes, name), [rows[index][column] for index in counts])
        for index, bits in zip(counts, distances.tolist(), strict=True):
            if bits > THRESHOLDS[name]:
                continue
            if index not in best or bits / of < best[index][1] / BITS[best[index][0]]:
                best[index] = (name, bits)
    return best


def _trusted(*pdq_qualities: int) -> bool:
    return min(pdq_qualities) >= MIN_PDQ_QUALITY


def _distances(wanted: str, kept: list[bytes]) -> NDArray[np.int64]:
    """Differing bits between one hash in hex and N hashes in bytes, shape (N,)."""
    one = np.frombuffer(bytes.fromhex(wanted), dtype=np.uint8)
    differing = np.frombuffer(b"".join(kept), dtype=np.uint8).reshape(len(kept), len(one)) ^ one
    distances: NDArray[np.int64] = np.bitwise_count(differing).sum(axis=1, dtype=np.int64)
    return distances
