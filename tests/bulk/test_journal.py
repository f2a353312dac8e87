"""The journal of batches: what was done stays done, whoever opens it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gistchain.bulk.journal import NAME, Checked, Journal
from gistchain.errors import FileDamaged
from gistchain.types import BatchReceipt

CHECKED = Checked("a.png", "a man", 0.75, "sibling", 0.5, b"\7" * 32, 9, 1_700, 1, "options")
RECEIPT = BatchReceipt("evm:1:0x", 1, 7, 2, 50_000, "0xab", 12)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, ledger="evm:1:0x", owner="0xme")
    yield opened
    opened.close()


def test_images_keep_the_order_in_which_they_came(journal: Journal, tmp_path: Path) -> None:
    images = [os.urandom(32) for _ in range(5)]
    journal.take(images[:3])
    journal.take([images[1], images[4], images[3]])
    order = sorted(images, key=lambda image: journal.position(image) or 0)
    assert order == [*images[:3], images[4], images[3]]
    journal.refuse(images[0])
    assert journal.position(images[0]) is None
    journal.take([images[0]])
    assert max(images, key=lambda image: journal.position(image) or 0) == images[0], "it comes anew"
    other = Journal(tmp_path, ledger="evm:1:0x", owner="0xyou")
    assert other.position(images[1]) is None, "another account's"
    other.close()


def test_a_batch_goes_from_checked_to_registered(journal: Journal, tmp_path: Path) -> None:
    first, second, third = (os.urandom(32) for _ in range(3))
    journal.take([first, second, third])
    assert journal.waiting() == []
    journal.check(first, CHECKED, b"gist 1")
    journal.check(second, replace(CHECKED, verdict=None, evidence=b""), b"gist 2")
    assert [(row.image, row.gist) for row in journal.waiting()] == [(first, b"gist 1"), (second, b"gist 2")]
    journal.plan("proof", b"common", bytes(32), [(first, b"1"), (second, b"2")])
    assert journal.waiting() == []
    journal.refuse(first)
    again = Journal(tmp_path, ledger="evm:1:0x", owner="0xme")
    (planned,) = again.planned()
    assert (planned.guarantee, planned.common, planned.receipt) == ("proof", b"common", None)
    assert [(row.image, row.payload, row.checked) for row in again.of(planned.batch)] == [
        (first, b"1", CHECKED),
        (second, b"2", replace(CHECKED, verdict=None, evidence=b"")),
    ], "what is planned can't be refused any more"
    again.registered(planned.batch, RECEIPT)
    again.close()
    assert [each.receipt for each in journal.planned()] == [RECEIPT]


def test_what_a_run_does_not_want_or_wants_otherwise_is_forgotten(journal: Journal) -> None:
    mine, other, planned, otherwise = (os.urandom(32) for _ in range(4))
    journal.take([mine, other, planned, otherwise])
    for image, options in ((mine, "options"), (other, "options"), (planned, "old"), (otherwise, "old")):
        journal.check(image, replace(CHECKED, options=options), b"gist")
    journal.plan("state", b"", bytes(32), [(planned, b"gist")])
    journal.forget(but={mine, otherwise}, options="options")
    assert [row.image for row in journal.waiting()] == [mine]
    assert journal.position(other) is None, "nothing may be compared with what is never registered"
    assert journal.position(otherwise) is None, "its gist and verdict are of other options"
    assert [row.image for row in journal.of(journal.planned()[0].batch)] == [planned]
    journal.registered(journal.planned()[0].batch, RECEIPT)
    journal.lost(journal.planned()[0].batch)
    assert journal.planned()[0].receipt is None


def test_a_journal_of_another_build_is_said_to_be_one(tmp_path: Path) -> None:
    Journal(tmp_path, ledger="evm:1:0x", owner="0xme").close()
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("PRAGMA user_version = 77")
    with pytest.raises(FileDamaged, match=r"of another gistchain.*move it away"):
        Journal(tmp_path, ledger="evm:1:0x", owner="0xme")


def test_a_plan_that_is_cut_off_leaves_nothing(journal: Journal) -> None:
    image = os.urandom(32)
    journal.take([image])
    journal.check(image, CHECKED, b"gist")
    with pytest.raises(sqlite3.ProgrammingError):  # the second payload is none that SQLite takes
        journal.plan("state", b"", bytes(32), [(image, b"1"), (image, object())])  # type: ignore[list-item]
    assert journal.planned() == []
    assert [row.batch for row in journal.waiting()] == [None]
    journal.plan("state", b"", bytes(32), [(image, b"1")])
    assert len(journal.planned()) == 1
