"""What every Carrier must do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gistchain.ledger.evm import open_embedded
from gistchain.types import Carrier, Receipt


@pytest.fixture(params=["embedded chain"])
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Carrier]:
    with open_embedded(tmp_path) as ledger:
        yield ledger


def test_it_is_a_carrier(carrier: Carrier) -> None:
    assert isinstance(carrier, Carrier)


@pytest.mark.parametrize("size", [1, 20, 64, 65, 3000])
def test_what_is_put_comes_back(carrier: Carrier, size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    receipt = carrier.put(payload, image_sha3_256=hashlib.sha3_256(payload).digest())
    assert isinstance(receipt, Receipt)
    assert receipt.size_bytes == size
    assert receipt.cost > 0
    delivery = carrier.get(receipt)
    assert delivery.payload == payload
    assert delivery.bit_error_rate == 0


def test_two_payloads_have_two_receipts(carrier: Carrier) -> None:
    receipts = [carrier.put(p, image_sha3_256=hashlib.sha3_256(p).digest()) for p in (b"one", b"two")]
    assert receipts[0].locator != receipts[1].locator
    assert [carrier.get(r).payload for r in receipts] == [b"one", b"two"]
