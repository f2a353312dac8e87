"""The embedded chain, and the two EVMs for contracts, that the tests of a module share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from gistchain.ledger.evm import EvmLedger, open_embedded
from tests.ledger.machines import AnvilMachine, Machine, PyEvm
from tests.support.anvil import anvil_binary


@pytest.fixture(scope="module", params=["py-evm", "anvil"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    if request.param == "py-evm":
        yield PyEvm()
        return
    if anvil_binary() is None:
        pytest.skip("no anvil: npm install @foundry-rs/anvil-linux-amd64@1.7.1, or set GISTCHAIN_ANVIL")
    node = AnvilMachine()
    yield node
    node.close()


@pytest.fixture(scope="module")
def quick_machine() -> Iterator[Machine]:
    """One EVM, for what takes py-evm seconds: anvil where it is."""
    if anvil_binary() is None:
        yield PyEvm()
        return
    node = AnvilMachine()
    yield node
    node.close()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvmLedger]:
    with open_embedded(tmp_path_factory.mktemp("home")) as opened:
        # The very first registration also pays for the counter's first word.
        first = hashlib.sha3_256(b"the first image").digest()
        opened.put(b"first of all, in a data contract: " + b"." * 64, image_sha3_256=first)
        yield opened
