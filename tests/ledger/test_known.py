"""What a home remembers of its chains, when several processes learn of some at once."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gistchain.errors import LedgerError
from gistchain.ledger.chainfile import CHAIN_ID
from gistchain.ledger.known import NAME, Known, agreed_to, own_account, recall, remember
from gistchain.ledger.networks import called, is_public
from tests.support.forks import Child

EACH = 50
ADDRESS = "0x" + "1" * 40


def remember_many(home: Path, who: str) -> None:
    for number in range(EACH):
        remember(home, f"http://{who}.example/{number}", lambda _, number=number: Known(number, "0x0", ADDRESS))


def test_what_two_processes_remember_at_once_is_all_there(tmp_path: Path) -> None:
    children = [Child(remember_many, tmp_path, who) for who in ("one", "two", "three")]
    assert [child.finish() for child in children] == [0, 0, 0]
    assert len(recall(tmp_path)) == 3 * EACH


def test_a_chain_is_remembered_with_the_account_and_the_yes_of_its_person(tmp_path: Path) -> None:
    remember(tmp_path, "http://a.example", lambda _: Known(1, "0xab", ADDRESS, confirmed=True))
    remember(tmp_path, "http://b.example", lambda _: Known(5, "0xcd", ADDRESS, account="0x" + "2" * 40))
    assert own_account(tmp_path) == "0x" + "2" * 40
    assert agreed_to(tmp_path, Known(1, "0xab", "")), "the same chain by another name"
    assert not agreed_to(tmp_path, Known(1, "0xcd", ""))
    assert not agreed_to(tmp_path, Known(5, "0xcd", ""))


def count_up(home: Path) -> None:
    for _ in range(EACH):
        remember(home, "http://a.example", lambda known: known and replace(known, chain_id=known.chain_id + 1))


def test_two_processes_that_change_the_same_chain_lose_nothing(tmp_path: Path) -> None:
    remember(tmp_path, "http://a.example", lambda _: Known(0, "0x0", ADDRESS))
    children = [Child(count_up, tmp_path) for _ in range(3)]
    assert [child.finish() for child in children] == [0, 0, 0]
    assert recall(tmp_path)["http://a.example"].chain_id == 3 * EACH


@pytest.mark.parametrize("field", ["chain_id", "genesis", "registry", "confirmed"])
def test_a_field_that_was_emptied_is_no_new_chain(tmp_path: Path, field: str) -> None:
    remember(tmp_path, "http://a.example", lambda _: Known(1, "0xab", ADDRESS))
    chains = json.loads((tmp_path / NAME).read_text())
    chains["http://a.example"][field] = None
    (tmp_path / NAME).write_text(json.dumps(chains))
    with pytest.raises(LedgerError, match=r"restore it from a backup.*would forget its account"):
        recall(tmp_path)


def test_neither_a_pipe_nor_a_huge_file_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    with pytest.raises(LedgerError, match="not a regular file"):
        recall(tmp_path)
    (tmp_path / NAME).unlink()
    with (tmp_path / NAME).open("wb") as huge:
        huge.truncate(1 << 40)
    with pytest.raises(LedgerError, match="has more than"):
        recall(tmp_path)


@pytest.mark.parametrize(
    ("chain_id", "public"),
    [(31337, False), (1337, False), (CHAIN_ID, False), (777, True), (4242, True), (1, True), (11155111, True)],
)
def test_a_chain_is_public_unless_it_is_surely_not(chain_id: int, public: bool) -> None:
    assert is_public(chain_id) is public
    assert str(chain_id) in called(chain_id)
