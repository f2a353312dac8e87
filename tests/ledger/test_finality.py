"""When a registration is final: what the chain says, and what is said where it says nothing or something else."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gistchain.ledger.evm import EvmLedger, open_rpc
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import FaultyNode, changed, faulty, refuses, says

pytestmark = needs_anvil
BLOCK = "eth_getBlockByNumber"
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"final image %d" % next(_images)).digest()


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    node = Anvil("--slots-in-an-epoch", "1")  # the last but two is final
    yield node
    node.kill()


@pytest.fixture
def node(anvil: Anvil) -> Iterator[FaultyNode]:
    with faulty(anvil.url) as opened:
        yield opened


@pytest.fixture
def ledger(node: FaultyNode, tmp_path: Path) -> Iterator[EvmLedger]:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    with open_rpc(node.url, tmp_path / "home", tmp_path / "rich.key", chain_id=CHAIN_ID) as opened:
        yield opened


def of_final_block(fault: Callable[..., object]) -> Callable[..., object]:
    return lambda asked: fault(asked) if asked.params[0] == "finalized" else asked.passed_on()


def test_a_registration_is_final_when_the_chain_says_so(ledger: EvmLedger, anvil: Anvil) -> None:
    receipt = ledger.put(b"final", image_sha3_256=new_image())
    mined = ledger.node.connection.receipt(receipt.tx)
    assert mined is not None
    assert receipt.final is False
    anvil.ask("evm_mine")
    assert ledger.node.final(mined) is False
    anvil.ask("evm_mine")
    assert ledger.node.final(mined) is True


@pytest.mark.parametrize("fault", [says(None), refuses("finalized block not found")])
def test_a_chain_without_finality_says_neither(
    ledger: EvmLedger, node: FaultyNode, fault: Callable[..., object]
) -> None:
    node.faults[BLOCK] = of_final_block(fault)
    assert ledger.put(b"unknown", image_sha3_256=new_image()).final is None


def test_a_final_block_of_another_hash_makes_nothing_final(ledger: EvmLedger, node: FaultyNode) -> None:
    node.faults[BLOCK] = changed(lambda block: {**block, "number": "0xffff", "hash": "0x" + "12" * 32})
    assert ledger.put(b"another", image_sha3_256=new_image()).final is False
