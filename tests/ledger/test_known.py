"""What a home remembers of its chains, when several processes learn of some at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gistchain.ledger.known import Known, agreed_to, own_account, recall, remember
from gistchain.ledger.networks import called, is_public
from tests.support.forks import Child

EACH = 50
ADDRESS = "0x" + "1" * 40


def remember_many(home: Path, who: str) -> None:
    for number in range(EACH):
        remember(home, f"http://{who}.example/{number}", Known(number, "0x0", ADDRESS))


def test_what_two_processes_remember_at_once_is_all_there(tmp_path: Path) -> None:
    children = [Child(remember_many, tmp_path, who) for who in ("one", "two", "three")]
    assert [child.finish() for child in children] == [0, 0, 0]
    assert len(recall(tmp_path)) == 3 * EACH


def test_a_chain_is_remembered_with_the_account_and_the_yes_of_its_person(tmp_path: Path) -> None:
    remember(tmp_path, "http://a.example", Known(1, "0xab", ADDRESS, confirmed=True))
    remember(tmp_path, "http://b.example", Known(5, "0xcd", ADDRESS, account="0x" + "2" * 40))
    assert own_account(tmp_path) == "0x" + "2" * 40
    assert agreed_to(tmp_path, Known(1, "0xab", "")), "the same chain by another name"
    assert not agreed_to(tmp_path, Known(1, "0xcd", ""))
    assert not agreed_to(tmp_path, Known(5, "0xcd", ""))


@pytest.mark.parametrize(
    ("chain_id", "host", "public"),
    [
        (31337, "node.example.org", False),
        (31337, "127.0.0.1", False),
        (777, "localhost", False),
        (777, "127.9.9.9", False),
        (777, "::1", False),
        (777, "10.0.0.1", True),
        (777, "localhost.example.org", True),
        (1, "127.0.0.1", True),
        (11155111, "localhost", True),
    ],
)
def test_a_chain_is_public_unless_it_is_surely_not(chain_id: int, host: str, public: bool) -> None:
    assert is_public(chain_id, host) is public
    assert str(chain_id) in called(chain_id)
