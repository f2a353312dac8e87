"""Batches through a node that lags, lies or takes blocks back: each is in the registry once, and read as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gistchain.errors import LedgerError, PacketError
from gistchain.ledger import abi
from gistchain.ledger.batch import Batch, Item
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_rpc
from gistchain.ledger.leaves import Leaves
from gistchain.types import BatchItem
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import Asked, Fault, FaultyNode, changed, faulty, first, refuses, says

pytestmark = needs_anvil
RECEIPT, CALL = "eth_getTransactionReceipt", "eth_call"


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    yield node
    node.kill()


@pytest.fixture
def node(anvil: Anvil) -> Iterator[FaultyNode]:
    with faulty(anvil.url) as opened:
        yield opened


@pytest.fixture
def ledger(node: FaultyNode, tmp_path: Path) -> Iterator[EvmLedger]:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    with open_rpc(node.url, tmp_path / "home", tmp_path / "rich.key", chain_id=CHAIN_ID, timeout_s=60) as opened:
        yield opened


def items(count: int) -> list[BatchItem]:
    return [BatchItem(os.urandom(32), b"gist %d" % k) for k in range(count)]


def asks(function: str, fault: Fault) -> Fault:
    """The fault where this function of the registry is called."""
    selector = "0x" + abi.calldata(compiled("registry"), function, 1)[:4].hex()

    def where(asked: Asked) -> Any:
        call = asked.params[0]
        return (fault if (call.get("data") or call["input"]).startswith(selector) else Asked.passed_on)(asked)

    return where


def test_a_failure_that_is_none_is_not_paid_for_twice(ledger: EvmLedger, node: FaultyNode) -> None:
    node.faults[RECEIPT] = changed(lambda told: {**told, "status": "0x0"})
    receipt = ledger.put_batch(items(3), guarantee="state")
    assert (receipt.first, receipt.count, ledger.count(), node.sent) == (1, 3, 3, 1)


def test_a_nonce_that_another_node_calls_taken_is_no_reason_to_sign_anew(ledger: EvmLedger, node: FaultyNode) -> None:
    """Behind one URL: the nonce from a node that has the block, the rest from one that has not, for a while."""
    node.faults.update({RECEIPT: first(4, says(None)), "eth_getTransactionByHash": first(4, says(None))})
    receipt = ledger.put_batch(items(3), guarantee="state")
    assert (receipt.first, ledger.count(), node.sent) == (1, 3, 1)
    assert receipt.gas > 21_000


def test_before_another_is_signed_the_registry_is_asked(ledger: EvmLedger, node: FaultyNode, tmp_path: Path) -> None:
    node.faults.update({RECEIPT: says(None), "eth_getTransactionByHash": says(None)})
    receipt = ledger.put_batch(items(3), guarantee="proof")
    assert (receipt.first, receipt.count, ledger.count(), node.sent) == (1, 3, 3, 1)
    assert (receipt.gas, receipt.tx, receipt.block) == (0, "", ledger.token(1).block)
    leaves = Leaves(tmp_path / "home", chain_id=CHAIN_ID, registry=ledger.registry)
    assert leaves.numbers() == {1}


def test_a_batch_with_the_number_of_one_that_was_replaced_is_read_as_it_is(ledger: EvmLedger, anvil: Anvil) -> None:
    snapshot, gone = anvil.ask("evm_snapshot"), items(3)
    ledger.put_batch(gone, guarantee="proof")
    assert ledger.token_of(gone[0].image_sha3_256)
    assert anvil.ask("evm_revert", snapshot)
    image = os.urandom(32)
    ledger.run(ledger.call("registerBatch", Batch.of([Item(image, b"another")]).data))
    assert ledger.token_of(image) == 1
    assert ledger.token_of(gone[0].image_sha3_256) == 0


def test_a_batch_that_a_node_does_not_know_yet_is_asked_for_again(ledger: EvmLedger, node: FaultyNode) -> None:
    (item,) = wanted = items(1)
    ledger.run(ledger.call("registerBatch", Batch.of([Item(item.image_sha3_256, item.payload)]).data))
    node.faults[CALL] = asks("batchOf", says("0x" + "00" * 128))
    assert ledger.token_of(item.image_sha3_256) == 0
    node.faults.clear()
    assert ledger.token_of(item.image_sha3_256) == 1
    assert ledger.put_batch(wanted, guarantee="state").number == 1


@pytest.mark.parametrize("function", ["gistOf", "ratingOf"])
def test_what_a_node_fails_to_tell_is_no_nonsense(ledger: EvmLedger, node: FaultyNode, function: str) -> None:
    ledger.put_batch(items(2), guarantee="state")
    node.faults[CALL] = asks(function, refuses("internal error"))
    with pytest.raises(LedgerError, match="internal error") as told:
        ledger.gist_of(1) if function == "gistOf" else ledger.ticket_of(1)
    assert not isinstance(told.value, PacketError)
