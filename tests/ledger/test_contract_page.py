"""docs/contract.md names every function, view, event and error of the contracts, and what they cost."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from eth_keys.datatypes import PrivateKey

from tests.ledger.machines import PyEvm
from tests.ledger.registry_model import ZERO
from tests.ledger.signing import Wanted
from tests.ledger.vypers import DEPLOYER, Contract, shipped
from tests.support.places import ROOT

PAGE = (ROOT / "docs" / "contract.md").read_text("utf-8")
LEDGER = ROOT / "gistchain" / "ledger"
NAMES = ["registry", "tables"]
KEY = PrivateKey(bytes([7]) * 32)
RATING = 9_700 << 96 | 1 << 88 | 3 << 72 | 123_456 << 32 | 1_700


def entries(name: str, kind: str) -> Iterator[dict[str, Any]]:
    abi = json.loads((LEDGER / f"{name}.json").read_text("utf-8"))["abi"]
    return (entry for entry in abi if entry["type"] == kind)


def rows(first_word: str) -> list[list[str]]:
    """The cells of the rows of a table whose first cell begins with this word in code."""
    found = [re.split(r" *\| *", line)[1:-1] for line in PAGE.splitlines() if line.startswith("| `")]
    return [cells for cells in found if re.match(rf"`{first_word}\b", cells[0]) or f"`{first_word}(" in cells[0]]


@pytest.mark.parametrize("name", NAMES)
def test_every_function_and_view_has_a_row(name: str) -> None:
    for entry in entries(name, "function"):
        assert rows(entry["name"]), entry["name"]


def test_every_event_is_there_with_its_topics_and_data() -> None:
    for entry in entries("registry", "event"):
        ((_, topics, data),) = rows(entry["name"])
        named = [field["name"] for field in entry["inputs"] if field["indexed"]]
        assert topics == ", ".join(named)
        assert data.split(":")[0].strip() == ", ".join(f["name"] for f in entry["inputs"] if not f["indexed"])
    for entry in entries("tables", "event"):
        told = ", ".join(f"{f['type']} {'indexed ' * f['indexed']}{f['name']}" for f in entry["inputs"])
        assert f"`{entry['name']}({told})`" in PAGE


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_of_the_source_is_there_and_no_other(name: str) -> None:
    source = (LEDGER / f"{name}.vy").read_text("utf-8")
    given = set(re.findall(r'assert .*?, "([^"]+)"', source))
    words = PAGE.replace("\n", " ")
    assert {reason for reason in given if f"`{reason}`" not in words} == set()
    if name == "registry":
        table = PAGE.partition("\n## Errors")[2].partition("\n## ")[0].splitlines()
        told = " ".join(line.split(" | ")[0] for line in table if line.startswith("| `"))
        assert set(re.findall(r"`([^`]+)`", told)) == given


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\1\0\40"])
def test_a_batch_that_ends_within_its_head_reverts_without_a_reason(data: bytes) -> None:
    done = Contract(PyEvm(), shipped("registry")).send(DEPLOYER, "registerBatch", data)
    assert not done.ok
    assert done.reason in ("", "wrong size")


def test_the_gas_of_what_is_written_beside_tokens() -> None:
    rng = random.Random(1)
    registry = Contract(PyEvm(), shipped("registry"))
    first = registry.send(DEPLOYER, "register", ZERO, ZERO, 0, b"first")
    assert first.ok
    image, evidence = rng.randbytes(32), rng.randbytes(32)
    owner = KEY.public_key.to_canonical_address()
    registry.send(DEPLOYER, "register", image, ZERO, 0, b"ten bytes!")
    attested = registry.send(DEPLOYER, "attest", 2, evidence, RATING)
    linked = registry.send(DEPLOYER, "link", 2, 1, rng.randbytes(20), 77)
    until = registry.machine.now() + 1000
    chain, address = registry.machine.chain_id, registry.address
    wanted = Wanted(owner, rng.randbytes(32), ZERO, 0, b"ten bytes!", until, chain, address)
    told = wanted.arguments(wanted.signed(KEY))
    relayed, again = (registry.send(DEPLOYER, "registerFor", *told) for _ in range(2))
    for done, name, places in (
        (attested.gas, "attest", 0),
        (linked.gas, "link", 0),
        (again.gas, "registerFor", -2),
        (relayed.gas - 119_926, "registerFor", -2),
    ):
        ((_, gas, _),) = rows(name)
        assert f"{round(done, places):,}" in gas, (name, done)
