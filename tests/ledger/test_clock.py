"""The time of blocks on the embedded chain, whatever the clock says; and transactions that fail."""

from __future__ import annotations

import hashlib
import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from gistchain.errors import LedgerError
from gistchain.ledger.evm import EvmLedger, open_embedded
from gistchain.ledger.fees import Price

YEAR_S = 365 * 24 * 3600
LAST_S = 2**33 - 2
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"timed image %d" % next(_images)).digest()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def set_clock(monkeypatch: pytest.MonkeyPatch, to_s: float) -> None:
    monkeypatch.setattr(time, "time", lambda: to_s)


def head(ledger: EvmLedger) -> int:
    connection: Any = ledger.node.connection
    return int(connection.chain.get_canonical_head().block_number)


def test_a_clock_beyond_the_year_2242_is_refused_and_bricks_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as wrong:
        set_clock(wrong, LAST_S + YEAR_S)
        with pytest.raises(LedgerError, match=r"clock of this machine says 2243-.*set the clock right"):
            open_embedded(home)
        assert not (home / "chain.sqlite").exists()
    with open_embedded(home) as ledger:
        first = ledger.put(b"now", image_sha3_256=new_image())
        image, blocks = new_image(), head(ledger)
        with monkeypatch.context() as wrong:
            set_clock(wrong, LAST_S + 1)
            with pytest.raises(LedgerError, match="set the clock right"):
                ledger.put(b"too late", image_sha3_256=image)
            assert ledger.gist_of(first.token) == b"now"
        assert head(ledger) == blocks, "nothing was written"
        assert not ledger.unanswered(image)
        assert ledger.put(b"right again", image_sha3_256=image).token == first.token + 1


def test_the_last_second_that_can_be_told_is_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_embedded(home) as ledger:
        set_clock(monkeypatch, LAST_S)
        assert ledger.token(ledger.put(b"at last", image_sha3_256=new_image()).token).block_time == LAST_S
        assert ledger.token(ledger.put(b"and again", image_sha3_256=new_image()).token).block_time == LAST_S


@pytest.mark.parametrize("to_s", [0.0, -YEAR_S, 12 * YEAR_S])
def test_a_clock_that_goes_back_stops_the_time_and_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, to_s: float
) -> None:
    with open_embedded(home) as ledger:
        before = ledger.token(ledger.put(b"before", image_sha3_256=new_image()).token)
        set_clock(monkeypatch, to_s)
        after = ledger.token(ledger.put(b"after", image_sha3_256=new_image()).token)
    assert after.block == before.block + 1
    assert after.block_time == before.block_time


def test_a_home_is_made_before_1970_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, -YEAR_S)
    with open_embedded(home) as ledger:
        assert ledger.token(ledger.put(b"early", image_sha3_256=new_image()).token).block_time == 0


def test_a_transaction_that_fails_makes_no_block(home: Path) -> None:
    with open_embedded(home) as ledger:
        image = new_image()
        ledger.put(b"first", image_sha3_256=image)
        blocks, node = head(ledger), ledger.node
        again, nonce = ledger.call("register", image, bytes(32), 0, b"second"), node.nonce("pending")
        raw, _ = node.account.sign_transaction(
            again, Price(10**10, 0), gas=300_000, nonce=nonce, chain_id=node.chain_id
        )
        assert node.broadcast(raw) is not None
        assert head(ledger) == blocks
        assert ledger.put(b"another", image_sha3_256=new_image()).token == 2
