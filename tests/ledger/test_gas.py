"""gistchain.ledger.gas against receipts of two EVMs, one with Prague's rules and one with Osaka's."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from eth_keys.datatypes import PrivateKey

from gistchain.errors import SettingError
from gistchain.ledger import gas
from tests.ledger.machines import AnvilMachine, Done, Machine, PyEvm
from tests.ledger.registry_model import ZERO, BatchData, Item, Merkle
from tests.ledger.signing import Wanted
from tests.ledger.vypers import DEPLOYER, Contract, shipped
from tests.support.anvil import anvil_binary

KEY = PrivateKey(bytes([7]) * 32)
OWNER = KEY.public_key.to_canonical_address()
SENDER, OTHER = bytes([0xAA]) * 20, bytes([0xBB]) * 20
RATING = 9_700 << 96 | 1 << 88 | 3 << 72 | 123_456 << 32 | 1_700
ERROR = 0.005
"""0.5%, where 2% are promised."""


@pytest.fixture(scope="module", params=["py-evm", "anvil"])
def registry(request: pytest.FixtureRequest) -> Iterator[Contract]:
    """With one token and one batch, so that the counter's word is not new."""
    machine: Machine
    if request.param == "py-evm":
        machine = PyEvm()
    elif anvil_binary() is None:
        pytest.skip("no anvil: npm install @foundry-rs/anvil-linux-amd64@1.7.1, or set GISTCHAIN_ANVIL")
    else:
        machine = AnvilMachine()
    made = Contract(machine, shipped("registry"))
    assert made.send(DEPLOYER, "register", ZERO, ZERO, 0, b"first").ok
    yield made
    if isinstance(machine, AnvilMachine):
        machine.close()


def near(predicted: int, done: Done) -> bool:
    return done.ok and abs(predicted - done.gas) <= ERROR * done.gas


def a_gist(rng: random.Random, size: int) -> bytes:
    """Of random bytes, or with many zeros."""
    return rng.randbytes(size) if rng.random() < 0.7 else bytes(rng.choice((0, 0, 7)) for _ in range(size))


@pytest.mark.parametrize("rated", [False, True], ids=["plain", "rated"])
@pytest.mark.parametrize("relayed", [False, True], ids=["own", "relayed"])
@pytest.mark.parametrize("in_words", [False, True], ids=["code", "words"])
def test_a_registration_costs_what_was_predicted(
    registry: Contract, rated: bool, relayed: bool, in_words: bool
) -> None:
    rng = random.Random(f"{rated} {relayed} {in_words}")
    most = (18 if rated else 64) if in_words else gas.MAX_GIST_BYTES - 46
    sizes = [1, most, *(rng.randint(1, most) for _ in range(4)), *(rng.randint(1, min(most, 500)) for _ in range(4))]
    for size in sizes:
        gist, image = a_gist(rng, size), rng.randbytes(32)
        evidence, rating = (rng.randbytes(32), RATING) if rated else (ZERO, 0)
        name = "register" if in_words else "registerLong"
        if relayed:
            deadline = registry.machine.now() + 1000
            wanted = Wanted(OWNER, image, evidence, rating, gist, deadline, registry.machine.chain_id, registry.address)
            done = registry.send(SENDER, f"{name}For", *wanted.arguments(wanted.signed(KEY)))
        else:
            done = registry.send(SENDER, name, image, evidence, rating, gist)
        predicted = gas.registration_gas(gist, rated=rated, relayed=relayed, in_words=in_words)
        assert near(predicted, done), (name, size, predicted, done.gas)


@pytest.mark.parametrize("rated", [False, True], ids=["plain", "rated"])
@pytest.mark.parametrize("count", [1, 2, 17, 100, 333, 550])
def test_a_batch_costs_what_was_predicted(registry: Contract, rated: bool, count: int) -> None:
    rng = random.Random(count)
    found = sorted(rng.randbytes(32) for _ in range(count))
    items = tuple(Item(image, a_gist(rng, 5), (9_000, 1) if rated else (0, 0)) for image in found)
    data = BatchData(
        items, b"common", 5, rated, rng.randbytes(32) if rated else ZERO, (3, 4, 5) if rated else (0, 0, 0)
    )
    encoded = data.encoded()
    done = registry.send(SENDER, "registerBatch", encoded)
    assert near(gas.batch_gas(encoded), done), (gas.batch_gas(encoded), done.gas)
    root = Merkle([data.leaf(k) for k in range(count)]).root
    done = registry.send(SENDER, "registerProofs", root, count, encoded)
    assert near(gas.proofs_gas(encoded), done), (gas.proofs_gas(encoded), done.gas)
    if count > 300:
        assert done.gas == gas.floor_gas(registry.data("registerProofs", root, count, encoded))


def test_only_the_registry_s_first_token_and_a_known_image_cost_more(registry: Contract) -> None:
    fresh = Contract(registry.machine, shipped("registry"))
    images = [bytes([k]) * 32 for k in range(1, 4)]
    usual = gas.registration_gas(b"gist")
    assert gas.registration_gas(b"gist", first=True) == usual + 17_100
    assert near(usual + 17_100, fresh.send(SENDER, "register", images[0], ZERO, 0, b"gist"))
    assert near(usual, fresh.send(SENDER, "register", images[1], ZERO, 0, b"gist"))
    assert near(usual, fresh.send(OTHER, "register", images[2], ZERO, 0, b"gist"))  # this owner's first
    assert near(gas.registration_gas(b"gist", seen=True), fresh.send(OTHER, "register", images[0], ZERO, 0, b"gist"))


@pytest.mark.parametrize("count", [2, 100])
def test_the_first_batch_of_a_registry_pays_for_its_counter(registry: Contract, count: int) -> None:
    rng = random.Random(count)
    items = tuple(Item(image, b"a gist") for image in sorted(rng.randbytes(32) for _ in range(count)))
    data = BatchData(items, b"", 6)
    encoded, root = data.encoded(), Merkle([data.leaf(k) for k in range(count)]).root
    for call in (("registerBatch", encoded), ("registerProofs", root, count, encoded)):
        fresh = Contract(registry.machine, shipped("registry"))
        predicted = gas.batch_gas if len(call) == 2 else gas.proofs_gas
        for first in (True, False):
            done = fresh.send(SENDER, *call)
            assert near(predicted(encoded, first=first), done), (predicted(encoded, first=first), done.gas)


def test_a_deployment_costs_what_was_predicted(registry: Contract) -> None:
    creation, runtime = registry.made.bytecode, registry.made.runtime
    assert abs(gas.deployment_gas(creation, runtime) - registry.deployed_gas) <= ERROR * registry.deployed_gas
    with pytest.raises(SettingError, match="24576"):
        gas.deployment_gas(creation, bytes(24_577))


@pytest.mark.parametrize(
    ("size", "options"),
    [
        (0, {}),
        (24_566, {}),
        (24_520, {"rated": True}),
        (65, {"in_words": True}),
        (19, {"rated": True, "in_words": True}),
    ],
)
def test_a_size_that_the_contract_refuses_has_no_price(size: int, options: dict[str, bool]) -> None:
    with pytest.raises(SettingError, match=f"a gist of {size} bytes"):
        gas.registration_gas(bytes(size), **options)


def test_the_largest_of_all_forms_fits_in_a_transaction() -> None:
    assert gas.fits_in_transaction(gas.registration_gas(b"\1" * 24_519, rated=True, relayed=True))
    assert gas.fits_in_transaction(gas.batch_gas(b"\1" * 24_565))
    assert gas.fits_in_transaction(gas.proofs_gas(b"\1" * 32_768))
    assert not gas.fits_in_transaction(16_777_217)
