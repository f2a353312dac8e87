"""The embedded chain that the tests of a module share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from gistchain.ledger.evm import EvmLedger, open_embedded


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvmLedger]:
    with open_embedded(tmp_path_factory.mktemp("home")) as opened:
        # The very first registration also pays for the counter's first word.
        first = hashlib.sha3_256(b"the first image").digest()
        opened.put(b"first of all, in a data contract: " + b"." * 64, image_sha3_256=first)
        yield opened
