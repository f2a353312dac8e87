"""A chain that takes blocks back: noticed by their hashes, and repaired with the very same transaction."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gistchain.errors import AlreadyRegistered
from gistchain.ledger.connection import Call
from gistchain.ledger.evm import EvmLedger, open_rpc
from gistchain.ledger.outbox import Outbox
from gistchain.types import BatchItem
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import FaultyNode, faulty

pytestmark = needs_anvil
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"reorganised image %d" % next(_images)).digest()


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    node = Anvil("--slots-in-an-epoch", "8")  # the last but sixteen is final
    yield node
    node.kill()


@pytest.fixture
def node(anvil: Anvil) -> Iterator[FaultyNode]:
    with faulty(anvil.url) as opened:
        yield opened


@pytest.fixture
def opened(node: FaultyNode, tmp_path: Path) -> Callable[[], EvmLedger]:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    return lambda: open_rpc(node.url, tmp_path / "home", tmp_path / "rich.key", chain_id=CHAIN_ID, timeout_s=60)


def outbox_of(ledger: EvmLedger, home: Path) -> Outbox:
    return Outbox(home / "outbox.sqlite", chain_id=CHAIN_ID, registry=ledger.registry, owner=ledger.owner)


def test_a_registration_whose_block_was_replaced_is_sent_again_as_it_was(
    opened: Callable[[], EvmLedger], anvil: Anvil, node: FaultyNode
) -> None:
    images = [new_image() for _ in range(3)]
    with opened() as ledger:
        before = [ledger.put(image, image_sha3_256=image) for image in images]
    anvil.ask("anvil_reorg", 2, [])
    node.asked.clear()
    with opened() as ledger:
        assert ledger.count() == 1
        after = ledger.receipts()
        assert [receipt.tx for receipt in after] == [receipt.tx for receipt in before]
        assert after[0].block_hash == before[0].block_hash
        assert all(now.block_hash != then.block_hash for now, then in zip(after[1:], before[1:], strict=True))
        assert [ledger.gist_of(ledger.token_of(image)) for image in images] == images
        assert node.sent <= 3  # at most once each, and the second brings the third along
        assert ledger.count() == 3
        assert [receipt.block_hash for receipt in ledger.receipts()] == [receipt.block_hash for receipt in after]


def test_the_next_registration_brings_back_those_that_were_lost(opened: Callable[[], EvmLedger], anvil: Anvil) -> None:
    lost, image = new_image(), new_image()
    with opened() as ledger:
        receipt = ledger.put(b"lost", image_sha3_256=lost)
    anvil.ask("anvil_reorg", 1, [])
    with opened() as ledger:
        ledger.put(b"next", image_sha3_256=image)
        assert ledger.node.connection.receipt(receipt.tx) is not None
        assert ledger.gist_of(ledger.token_of(lost)) == b"lost"
        assert ledger.count() == 2


def test_the_same_command_after_a_reorganisation_sends_the_same_transaction(
    opened: Callable[[], EvmLedger], anvil: Anvil
) -> None:
    image, snapshot = new_image(), anvil.ask("evm_snapshot")
    with opened() as ledger:
        first = ledger.put(b"again", image_sha3_256=image)
    assert anvil.ask("evm_revert", snapshot)
    anvil.ask("evm_mine")
    with opened() as ledger:
        second = ledger.put(b"again", image_sha3_256=image)
        assert second.tx == first.tx
        assert (second.block, second.block_hash != first.block_hash) == (first.block + 1, True)
        with pytest.raises(AlreadyRegistered):
            ledger.put(b"again", image_sha3_256=image)


def test_where_another_transaction_has_taken_the_nonce_it_is_signed_anew(
    opened: Callable[[], EvmLedger], anvil: Anvil
) -> None:
    image, snapshot = new_image(), anvil.ask("evm_snapshot")
    with opened() as ledger:
        first = ledger.put(b"anew", image_sha3_256=image)
        assert anvil.ask("evm_revert", snapshot)
        ledger.run(Call("0x" + "77" * 20))
        (second,) = ledger.receipts()
        assert second.tx != first.tx
        assert (second.token, ledger.count()) == (1, 1)
        assert ledger.gist_of(1) == b"anew"


@pytest.mark.parametrize("by", ["the same batch", "another registration", "receipts"])
def test_a_batch_whose_block_was_replaced_is_there_again_once(
    opened: Callable[[], EvmLedger], anvil: Anvil, by: str
) -> None:
    items = [BatchItem(new_image(), b"of a batch %d" % k) for k in range(4)]
    with opened() as ledger:
        first = ledger.put_batch(items, guarantee="state")
    anvil.ask("anvil_reorg", 1, [])
    with opened() as ledger:
        assert ledger.count() == 0
        if by == "another registration":
            ledger.put(b"another", image_sha3_256=new_image())
        elif by == "receipts":
            assert ledger.receipts() == []  # it has a receipt of another kind
        again = ledger.put_batch(items, guarantee="state")
        assert (again.first, again.count) == (first.first, 4)
        assert ledger.node.connection.receipt(first.tx) is not None
        assert ledger.count() == (5 if by == "another registration" else 4)


def test_what_is_final_is_told_so_once_and_then_forgotten(
    opened: Callable[[], EvmLedger], anvil: Anvil, tmp_path: Path
) -> None:
    with opened() as ledger:
        ledger.put(b"final", image_sha3_256=new_image())
        (waiting,) = ledger.receipts()
        assert waiting.final is False
        anvil.ask("anvil_mine", "0x10")
        (final,) = ledger.receipts()
        assert final.final is True
        assert (final.tx, final.block_hash) == (waiting.tx, waiting.block_hash)
        assert ledger.receipts() == []
        assert outbox_of(ledger, tmp_path / "home").all() == []


def test_a_registration_looks_at_one_block_however_many_are_not_final(
    opened: Callable[[], EvmLedger], node: FaultyNode
) -> None:
    with opened() as ledger:
        for _ in range(5):
            ledger.put(b"many", image_sha3_256=new_image())
        node.asked.clear()
        ledger.put(b"one more", image_sha3_256=new_image())
    assert node.asked.count("eth_getTransactionReceipt") == 1
    assert node.asked.count("eth_getBlockByNumber") <= 5
