"""Trait tables on a chain: the contract decodes what traitcode.py writes, and gists by a table come back."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gistchain.errors import LedgerError, PacketError
from gistchain.gist import traitcode
from gistchain.gist.packet import caption_codes, pack, pack_bare
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded, open_rpc
from gistchain.ledger.snapshot import Snapshot
from gistchain.listing import listing
from gistchain.models.known import known_traits
from gistchain.pipeline import Registry
from gistchain.traits import Traits, parts
from gistchain.types import Gist
from tests.ledger.machines import Machine
from tests.ledger.vypers import Contract, shipped
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil

SENDER = bytes([0x57]) * 20
HATS = traitcode.Table(Traits("Hats", "Hats", {"hat": ("red", "blue"), "eyes": ("open",)}))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16)
collections = st.builds(
    lambda subject, values: Traits(subject, subject, values),
    names,
    st.dictionaries(names, st.lists(names, max_size=9, unique=True).map(tuple), min_size=1, max_size=6),
)


@pytest.fixture(scope="module")
def contract(machine: Machine) -> Contract:
    return Contract(machine, shipped("tables"))


def decoded(contract: Contract, table: traitcode.Table, labels: list[int]) -> None:
    """The contract says of a row of labels what its caption says."""
    number = 0
    for label, values in zip(labels, table.traits.values.values(), strict=True):
        number = number * (len(values) + 1) + label
    subject, found = contract.ask("traitsOf", table.name, number)
    assert subject == table.traits.subject
    told = [
        (kind, table.traits.values[kind][label - 1])
        for kind, label in zip(table.traits.types, labels, strict=True)
        if label
    ]
    assert found == told or list(map(tuple, found)) == told


def test_every_packaged_collection_is_decoded_by_the_contract(quick_machine: Machine) -> None:
    contract, rng = Contract(quick_machine, shipped("tables")), random.Random(7)
    for traits in known_traits():
        table = traitcode.Table(traits)
        done = contract.send(SENDER, "add", table.data)
        assert done.ok
        assert done.output in (b"", table.name.ljust(32, b"\0"))
        assert contract.ask("tableOf", table.name) == table.data
        most = [len(values) for values in traits.values.values()]
        for labels in ([0] * len(most), most, [rng.randint(0, n) for n in most]):
            decoded(contract, table, labels)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(traits=collections, data=st.data())
def test_any_collection_is_decoded_by_the_contract(contract: Contract, traits: Traits, data: st.DataObject) -> None:
    table = traitcode.Table(traits)
    assert contract.send(SENDER, "add", table.data).ok
    decoded(contract, table, [data.draw(st.integers(0, len(values))) for values in traits.values.values()])


def test_a_table_is_added_once_and_never_changed(contract: Contract) -> None:
    assert contract.send(SENDER, "add", HATS.data).ok
    again = contract.send(SENDER, "add", HATS.data)
    assert again.ok, "a success that costs little"
    assert again.gas < 60_000
    assert contract.send(SENDER, "add", b"\1\1a").reason == "no table"
    assert contract.ask("tableOf", b"none") == b""
    assert contract.ask("traitsOf", b"none", 5) == ("", ())


def test_nonsense_of_strangers_harms_nobody_else(contract: Contract) -> None:
    """The contract keeps any bytes; whoever asks what they mean is refused, or told nonsense of that table alone."""
    rng = random.Random(3)
    for size in (4, 40, 400):
        data = rng.randbytes(size)
        assert contract.send(SENDER, "add", data).ok
        name = traitcode.name(data)
        assert contract.ask("tableOf", name) == data
        contract.machine.call(contract.address, contract.data("traitsOf", name, 3))
        with pytest.raises(PacketError):
            traitcode.read(data)


@pytest.fixture(params=["embedded", pytest.param("node", marks=needs_anvil)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EvmLedger]:
    if request.param == "embedded":
        with open_embedded(tmp_path) as ledger:
            yield ledger
        return
    node = Anvil()
    (tmp_path / "rich.key").write_text(RICH_KEY)
    try:
        with open_rpc(node.url, tmp_path, tmp_path / "rich.key", chain_id=CHAIN_ID) as ledger:
            yield ledger
    finally:
        node.kill()


def test_a_gist_by_a_table_is_read_where_the_chain_has_the_table(opened: EvmLedger, tmp_path: Path) -> None:
    gist = Gist(("A picture of Hats, containing blue hat, open eyes",), (24, 24))
    by_table = caption_codes(gist.caption, HATS)[2]
    payloads = pack(gist, HATS), pack_bare(gist.size, 2, by_table)
    for payload in payloads:
        opened.put(payload, image_sha3_256=hashlib.sha3_256(payload).digest())
    registry = Registry(opened)
    with pytest.raises(PacketError, match=f"trait table {HATS.name.hex()}, which is not on this chain"):
        registry.gist(1)
    assert [row.readable for row in listing(registry, lambda image: None)] == [False, False]
    assert opened.table(HATS.name) == b""
    gas, tx = opened.add_table(HATS.data)
    assert gas > 21_000
    assert tx is not None
    assert opened.add_table(HATS.data) == (0, None), "it is there"
    assert opened.table(HATS.name) == HATS.data
    assert [registry.gist(1), registry.gist(2)] == [gist, gist]
    assert [row.caption for row in listing(registry, lambda image: None)] == [gist.caption, gist.caption]
    if not opened.public and opened.name.startswith("evm:1337"):
        with Snapshot(tmp_path) as snapshot:
            assert snapshot.table(HATS.name) == HATS.data
            assert Registry(snapshot).gist(2) == gist


@needs_anvil
def test_where_no_tables_stand_none_is_found_and_none_added(tmp_path: Path) -> None:
    node = Anvil()
    node.ask("anvil_setCode", compiled("tables").address, "0x")
    (tmp_path / "rich.key").write_text(RICH_KEY)
    try:
        with open_rpc(node.url, tmp_path, tmp_path / "rich.key", chain_id=CHAIN_ID) as ledger:
            assert ledger.table(HATS.name) == b""
            with pytest.raises(
                LedgerError, match=r"no contract at .*'gistchain deploy --rpc URL --key FILE --max-fee 0\.\d+' puts"
            ):
                ledger.add_table(HATS.data)
    finally:
        node.kill()


def test_packaged_tables_are_small() -> None:
    tables = [traitcode.Table(traits) for traits in known_traits()]
    assert len({table.name for table in tables}) == len(tables)
    assert max(len(table.data) for table in tables) < 5_000
    for table in tables:
        assert traitcode.width(table.traits) <= 7
        assert math.prod(len(values) + 1 for values in table.traits.values.values()) <= 256 ** traitcode.width(
            table.traits
        )
        assert parts(table.traits.caption([0] * len(table.traits.types))) == (table.traits.subject, [])
