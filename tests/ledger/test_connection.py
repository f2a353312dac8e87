"""What a ledger asks of a chain, asked of the one in this process and of a node: one suite for both."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gistchain.errors import LedgerError
from gistchain.ledger import abi
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded, open_rpc
from gistchain.ledger.transaction import call_of, sender_of
from gistchain.types import RarenessTicket
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil

NOBODY = "0x" + "12" * 20


@pytest.fixture(scope="module", params=["embedded", pytest.param("anvil", marks=needs_anvil)])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvmLedger]:
    home: Path = tmp_path_factory.mktemp("home")
    with contextlib.ExitStack() as undo:
        if request.param == "embedded":
            yield undo.enter_context(open_embedded(home))
            return
        node = Anvil()
        undo.callback(node.kill)
        (home / "rich.key").write_text(RICH_KEY)
        yield undo.enter_context(open_rpc(node.url, home, home / "rich.key", chain_id=CHAIN_ID))


def test_a_registration_moves_what_it_should(ledger: EvmLedger) -> None:
    connection, image = ledger.node.connection, hashlib.sha3_256(b"moved").digest()
    nonce, balance = connection.nonce(ledger.owner, "latest"), connection.balance(ledger.owner)
    receipt = ledger.put(b"a red bus", image_sha3_256=image, rareness=RarenessTicket(0.5, "sibling", image, 1, 2, 3))
    mined = connection.receipt(receipt.tx)
    assert mined is not None
    assert (mined.tx, mined.succeeded, mined.contract) == (receipt.tx, True, None)
    assert (mined.gas, mined.block, mined.block_hash) == (receipt.gas, receipt.block, receipt.block_hash)
    assert connection.block_hash(mined.block) == mined.block_hash
    assert connection.finalized() == (mined.block if ledger.node.name.startswith("the chain") else 0)
    assert receipt.final == ledger.node.name.startswith("the chain")
    assert connection.knows(receipt.tx)
    for block in ("latest", "pending"):
        assert connection.nonce(ledger.owner, block) == nonce + 1
    assert balance > connection.balance(ledger.owner) >= balance - receipt.gas * 10**10
    kind, token, block = abi.topic(compiled("registry"), "Registered"), receipt.token.to_bytes(32, "big"), receipt.block
    for topics in ((kind,), (None, token), ((bytes(32), kind), token), (kind, None, None, image)):
        for blocks in (None, range(block, block + 1)):
            (log,) = connection.logs(ledger.registry, topics, blocks) or []
            assert log.topics == (kind, token, bytes(12) + bytes.fromhex(ledger.owner[2:]), image)
            assert (log.tx, log.block, log.block_hash) == (receipt.tx, receipt.block, receipt.block_hash)
        assert connection.logs(ledger.registry, topics, range(block)) == []
        assert connection.logs(NOBODY, topics) == []
    assert connection.logs(ledger.registry, (kind, bytes(32))) == []
    assert connection.block_number() == block
    assert connection.block_time(block) == ledger.token(receipt.token).block_time
    raw = connection.transaction(receipt.tx)
    assert raw is not None
    assert (sender_of(raw), call_of(raw).to) == (ledger.owner, ledger.registry)


def test_what_is_not_there_is_told_so(ledger: EvmLedger) -> None:
    connection = ledger.node.connection
    assert not connection.knows("0x" + "34" * 32)
    assert connection.receipt("0x" + "34" * 32) is None
    assert connection.block_hash(10**6) is None
    assert connection.block_time(10**6) is None
    assert connection.transaction("0x" + "34" * 32) is None
    assert (connection.nonce(NOBODY, "latest"), connection.balance(NOBODY), connection.code(NOBODY)) == (0, 0, b"")


def test_blocks_fees_and_code_are_told(ledger: EvmLedger) -> None:
    connection = ledger.node.connection
    genesis = connection.block_hash(0)
    assert genesis is not None
    assert (len(genesis), genesis[:2]) == (66, "0x")
    fee = connection.base_fee()
    assert fee is not None
    assert 0 < fee <= 10**9
    assert connection.code(ledger.registry) == compiled("registry").runtime
    assert connection.chain_id() == ledger.chain_id


def test_a_contract_says_why_it_refuses(ledger: EvmLedger) -> None:
    image = hashlib.sha3_256(b"refused").digest()
    ledger.put(b"first", image_sha3_256=image)
    again = ledger.call("register", image, bytes(32), 0, b"second")
    for ask in (ledger.node.connection.call, ledger.node.connection.estimate_gas):
        with pytest.raises(LedgerError, match=r"the registry on .* refused: .*registered"):
            ask(again, ledger.owner)


def test_a_transaction_that_creates_tells_where(ledger: EvmLedger) -> None:
    mined = ledger.run(Call(None, compiled("archive").bytecode))
    assert mined.contract is not None
    assert ledger.node.connection.code(mined.contract) == compiled("archive").runtime
    with pytest.raises(LedgerError, match=r"failed|refused"):
        ledger.run(Call(mined.contract, b"\0\0\0\0"))


def test_what_is_no_transaction_is_refused(ledger: EvmLedger) -> None:
    before = ledger.node.connection.nonce(ledger.owner, "pending")
    for raw in (b"\x02", b"\x02\xc0", b"\xc0", b"\x7f" + bytes(40)):
        assert ledger.node.connection.send(raw) is not None
    assert ledger.node.connection.nonce(ledger.owner, "pending") == before
