"""What a run of batches has done so far, in the home: the same command goes on from there, and does nothing twice.

    taken ──> checked ──> planned ──> registered
     │ in the database, in    │ has gist and   │ belongs to a batch,      │ the batch is in a block
     │ the order of the run   │ verdict        │ whose bytes are fixed    │

Only images count that an earlier position has; one that is refused is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder
from gistchain.types import BatchReceipt, Guarantee, Verdict

NAME = "bulk.sqlite"
_VERSION = 1
_TABLES = (
    "CREATE TABLE IF NOT EXISTS images (position INTEGER PRIMARY KEY AUTOINCREMENT, ledger TEXT NOT NULL, owner TEXT "
    "NOT NULL, image BLOB NOT NULL, checked TEXT, gist BLOB, batch INTEGER, payload BLOB, "
    "UNIQUE (ledger, owner, image))",
    "CREATE TABLE IF NOT EXISTS batches (batch INTEGER PRIMARY KEY AUTOINCREMENT, ledger TEXT NOT NULL, owner TEXT "
    "NOT NULL, guarantee TEXT NOT NULL, common BLOB NOT NULL, evidence BLOB NOT NULL, receipt TEXT)",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of an image before it is sent. verdict: None for one that shows nothing and gets no ticket.

    evidence: SHA3-256 of its document, empty for none. as_of, compared_with, checker: as in a RarenessTicket.
    options: those of the run, whose gist and verdict these are.
    """

    name: str
    caption: str
    confidence: float
    verdict: Verdict | None
    score: float
    evidence: bytes
    as_of: int
    compared_with: int
    checker: int
    options: str


@dataclass(frozen=True, slots=True)
class Row:
    """One image. gist: its packet. batch: of the journal, None for none. payload: what of the gist stands there."""

    position: int
    image: bytes
    checked: Checked | None
    gist: bytes
    batch: int | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Planned:
    """A batch whose bytes are fixed. receipt: None for one that is not known to be in a block."""

    batch: int
    guarantee: Guarantee
    common: bytes
    evidence: bytes
    receipt: BatchReceipt | None


class Journal:
    """Of one account on one ledger. Every call raises FileBusy, FileDamaged, DiskFull and FileError."""

    def __init__(self, home: Path, *, ledger: str, owner: str) -> None:
        make_folder(home)
        self._whose = ledger, owner
        self._file = SqliteFile(home / NAME, "move it away: what was not sent yet is then compared again")
        self._database = self._file.connect("rwc", ("journal_mode = wal", "synchronous = full"))
        with self._file.errors():
            version = int(self._database.execute("PRAGMA user_version").fetchone()[0])
            if version not in (0, _VERSION):
                raise self._file.damaged(f"it is of another gistchain (version {version}, not {_VERSION})")
            for table in _TABLES:
                self._database.execute(table)
            self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def take(self, images: Sequence[bytes]) -> None:
        """Give these images the next positions, in this order; those that have one keep it."""
        with self._writing():
            for image in images:
                self._database.execute(
                    "INSERT OR IGNORE INTO images (ledger, owner, image) VALUES (?, ?, ?)", (*self._whose, image)
                )

    def position(self, image: bytes) -> int | None:
        """None for an image that was not taken, or was refused."""
        row = self.find(image)
        return None if row is None else row.position

    def find(self, image: bytes) -> Row | None:
        found = self._rows("AND image = ?", image)
        return found[0] if found else None

    def check(self, image: bytes, checked: Checked, gist: bytes) -> None:
        fields = {name: getattr(checked, name) for name in Checked.__slots__} | {"evidence": checked.evidence.hex()}
        with self._writing():
            self._database.execute(
                "UPDATE images SET checked = ?, gist = ? WHERE ledger = ? AND owner = ? AND image = ?",
                (json.dumps(fields), gist, *self._whose, image),
            )

    def refuse(self, image: bytes) -> None:
        with self._writing():
            query = "DELETE FROM images WHERE ledger = ? AND owner = ? AND image = ? AND batch IS NULL"
            self._database.execute(query, (*self._whose, image))

    def forget(self, *, but: Collection[bytes], options: str) -> None:
        """Leave out what an earlier run began and this one does not want, or wants otherwise: no later image may be
        compared with what is never registered. What belongs to a batch stays.

        but: images that this run wants. options: its own.
        """
        for row in self._rows("AND batch IS NULL"):
            if row.image not in but or (row.checked is not None and row.checked.options != options):
                self.refuse(row.image)

    def lost(self, batch: int) -> None:
        """A batch that was in a block and is not any more, or on another chain: it is to be sent again."""
        with self._writing():
            self._database.execute("UPDATE batches SET receipt = NULL WHERE batch = ?", (batch,))

    def waiting(self) -> list[Row]:
        """What is checked and belongs to no batch yet, in the order of the run."""
        return [row for row in self._rows("AND batch IS NULL") if row.checked is not None]

    def plan(
        self, guarantee: Guarantee, common: bytes, evidence: bytes, payloads: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """Fix the bytes of a batch: (image, payload) of each of its tokens."""
        with self._writing():
            made = self._database.execute(
                "INSERT INTO batches (ledger, owner, guarantee, common, evidence) VALUES (?, ?, ?, ?, ?)",
                (*self._whose, guarantee, common, evidence),
            )
            for image, payload in payloads:
                self._database.execute(
                    "UPDATE images SET batch = ?, payload = ? WHERE ledger = ? AND owner = ? AND image = ?",
                    (made.lastrowid, payload, *self._whose, image),
                )

    def unplan(self, batch: int) -> None:
        """Undo the plan of this batch and of those after it that are in no block: their images wait again."""
        with self._writing():
            gone = "SELECT batch FROM batches WHERE ledger = ? AND owner = ? AND batch >= ? AND receipt IS NULL"
            place = (*self._whose, batch)
            self._database.execute(f"UPDATE images SET batch = NULL, payload = NULL WHERE batch IN ({gone})", place)
            self._database.execute(f"DELETE FROM batches WHERE batch IN ({gone})", place)

    def planned(self) -> list[Planned]:
        """Every batch, oldest first."""
        with self._file.errors():
            rows = self._database.execute(
                "SELECT batch, guarantee, common, evidence, receipt FROM batches WHERE ledger = ? AND owner = ? "
                "ORDER BY batch",
                self._whose,
            ).fetchall()
        return [
            Planned(batch, way, common, evidence, None if receipt is None else BatchReceipt(**json.loads(receipt)))
            for batch, way, common, evidence, receipt in rows
        ]

    def of(self, batch: int) -> list[Row]:
        return self._rows("AND batch = ?", batch)

    def registered(self, batch: int, receipt: BatchReceipt) -> None:
        fields = {name: getattr(receipt, name) for name in BatchReceipt.__slots__}
        with self._writing():
            self._database.execute("UPDATE batches SET receipt = ? WHERE batch = ?", (json.dumps(fields), batch))

    def _rows(self, more: str, *values: Any) -> list[Row]:
        with self._file.errors():
            rows = self._database.execute(
                "SELECT position, image, checked, gist, batch, payload FROM images WHERE ledger = ? AND owner = ? "
                f"{more} ORDER BY position",
                (*self._whose, *values),
            ).fetchall()
        return [_row(*row) for row in rows]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._file.errors(), self._database:  # at its end it commits, or undoes what an error cut off
            self._database.execute("BEGIN IMMEDIATE")
            yield

    def close(self) -> None:
        self._database.close()


def _row(position: int, image: bytes, checked: str | None, gist: bytes, batch: int | None, payload: bytes) -> Row:
    told = None if checked is None else json.loads(checked)
    found = None if told is None else Checked(**{**told, "evidence": bytes.fromhex(told["evidence"])})
    return Row(position, image, found, gist or b"", batch, payload or b"")
