"""Nodes that fail at random, a chain that takes blocks back, a client that is started again and again.

Whatever happens in between: each image has one token in the end, no transaction failed, none was paid in vain.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gistchain.errors import AlreadyRegistered, LedgerError
from gistchain.ledger.evm import EvmLedger, open_rpc
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import Asked, Fault, FaultyNode, faulty, hangs_up, refuses, says, takes_and
from tests.support.localweb import Reply

pytestmark = needs_anvil
ROUNDS = 40
METHODS = (
    *("eth_call", "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_getTransactionCount"),
    *("eth_getTransactionByHash", "eth_blockNumber", "eth_estimateGas", "eth_getBalance", "eth_getLogs"),
)
FAULTS = (
    *(hangs_up(although_taken=taken) for taken in (True, False)),
    *(refuses(text, although_taken=True) for text in ("internal error", "nonce too low")),
    *(refuses(text) for text in ("already known", "transaction underpriced", "txpool is full")),
    *(says(answer) for answer in (None, "0x0", "0x" + "00" * 32)),
    takes_and(Reply(b"bad gateway", status=502)),
)


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    node = Anvil("--slots-in-an-epoch", "4")
    yield node
    node.kill()


class Storm:
    """Registers through nodes that fail, at random; images: those that were tried."""

    def __init__(self, anvil: Anvil, home: Path, seed: int) -> None:
        self.anvil, self.home = anvil, home
        self.rng = random.Random(seed)
        self.images: list[bytes] = []
        (home.parent / "rich.key").write_text(RICH_KEY)

    def opened(self, urls: list[str], timeout_s: float) -> EvmLedger:
        key = self.home.parent / "rich.key"
        return open_rpc(urls, self.home, key, chain_id=CHAIN_ID, timeout_s=timeout_s, max_fee=Decimal(1))

    def unsettle(self, nodes: list[FaultyNode]) -> None:
        for node in nodes:
            node.faults = {}
            if self.rng.random() < 0.6:
                share = self.rng.choice([0.2, 0.5, 1.0])
                for method in self.rng.sample(METHODS, self.rng.randint(1, 3)):
                    node.faults[method] = self.sometimes(self.rng.choice(FAULTS), share)

    def sometimes(self, fault: Fault, share: float) -> Callable[[Asked], Any]:
        return lambda asked: fault(asked) if self.rng.random() < share else asked.passed_on()

    def register(self, nodes: list[FaultyNode]) -> None:
        """One session: a few images, new ones or those of before, as long as the nodes bear it."""
        try:
            with self.opened([node.url for node in nodes], self.rng.choice([0.1, 0.4])) as ledger:
                for _ in range(self.rng.randint(1, 3)):
                    if not self.images or self.rng.random() < 0.5:
                        self.images.append(hashlib.sha3_256(self.rng.randbytes(8)).digest())
                    self.put(ledger, self.rng.choice(self.images[-5:]))
        except LedgerError:
            pass  # what was sent is in the outbox

    def put(self, ledger: EvmLedger, image: bytes) -> None:
        try:
            receipt = ledger.put(image, image_sha3_256=image)
            assert (receipt.owner, receipt.image_sha3_256) == (ledger.owner, image)
        except AlreadyRegistered:
            pass

    def reorganise(self) -> None:
        depth = self.rng.randint(1, 3)
        if self.rng.random() < 0.15 and int(self.anvil.ask("eth_blockNumber"), 16) > depth:
            self.anvil.ask("anvil_reorg", depth, [])

    def check(self) -> None:
        with self.opened([self.anvil.url], 60) as ledger:
            for image in self.images:
                self.put(ledger, image)
            tokens = [ledger.token_of(image) for image in self.images]
            assert sorted(tokens) == list(range(1, ledger.count() + 1))
            assert [ledger.gist_of(token) for token in tokens] == self.images
            assert ledger.node.nonce("latest") == len(self.images), "a transaction that registered nothing"


@pytest.mark.parametrize("count", [1, 3])
def test_each_image_has_one_token_and_each_transaction_made_one(anvil: Anvil, tmp_path: Path, count: int) -> None:
    storm = Storm(anvil, tmp_path / "home", seed=count)
    with ExitStack() as stack:
        nodes = [stack.enter_context(faulty(anvil.url)) for _ in range(count)]
        for _ in range(ROUNDS):
            storm.unsettle(nodes)
            storm.register(nodes)
            storm.reorganise()
    storm.check()
