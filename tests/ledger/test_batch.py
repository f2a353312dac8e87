"""Batches: written beside a model of the contract's layout and tree; sent, read and proven on two chains."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import LedgerError, PacketError
from gistchain.ledger import batch as batches
from gistchain.ledger.batch import Batch, Item
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded, open_rpc, open_rpc_to_read
from gistchain.ledger.leaves import NAME
from gistchain.ledger.snapshot import Snapshot
from gistchain.types import BatchItem, Guarantee, Ledger, RarenessTicket, SignedRareness, Verdict
from tests.ledger.registry_model import BatchData, Merkle
from tests.ledger.registry_model import Item as ModelItem
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import Fault, faulty, refuses, says

TICKET = RarenessTicket(0.5, "sibling", hashlib.sha3_256(b"all evidence").digest(), 3, 7, 1_700)
EVIDENCE = TICKET.evidence
REST = (3, 7, 1_700)
images = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20, unique=True)


@given(images, st.data(), st.booleans(), st.booleans(), st.binary(max_size=32))
def test_what_is_written_is_what_the_model_of_the_contract_reads(
    hashes: list[bytes], data: st.DataObject, rated: bool, even: bool, common: bytes
) -> None:
    gists = [data.draw(st.binary(min_size=4 if even else 0, max_size=4 if even else 300)) for _ in hashes]
    own = [(data.draw(st.integers(0, 10_000)), data.draw(st.integers(0, 4))) for _ in hashes]
    shared = REST[0] << 72 | REST[1] << 32 | REST[2]
    ratings = [score << 96 | verdict << 88 | shared if rated else 0 for score, verdict in own]
    made = Batch.of(list(map(Item, hashes, gists, ratings)), common, EVIDENCE if rated else bytes(32))
    order = sorted(range(len(hashes)), key=lambda k: hashes[k])
    lengths = {len(gist) for gist in gists}
    width = lengths.pop() if len(lengths) == 1 and max(lengths) < 256 and any(lengths) else None
    if len({len(gist) for gist in gists}) == 1 and 0 < len(gists[0]) < 256:
        width = len(gists[0])
    model = BatchData(
        tuple(ModelItem(hashes[k], gists[k], own[k] if rated else (0, 0)) for k in order),
        common, width, rated, EVIDENCE if rated else bytes(32), REST if rated else (0, 0, 0),
    )  # fmt: skip
    assert made.data == model.encoded()
    tree = Merkle([model.leaf(k) for k in range(len(hashes))])
    assert made.root == tree.root
    for index in range(len(hashes)):
        assert made.leaf(index) == model.leaf(index)
        assert made.proof(index) == tree.proof(index)
        assert batches.image(made.data, index) == made.items[index].image
        assert batches.gist(made.data, index) == model.gist(index)
        assert batches.index_of(made.data, made.items[index].image) == index
    assert batches.index_of(made.data, bytes(31) + b"\x07") in (None, 0)
    assert batches.read(made.data) == made
    assert batches.gives(made.data, made.root, len(hashes))
    assert not batches.gives(made.data + b"x", made.root, len(hashes))


@given(st.binary(max_size=200))
def test_bytes_of_strangers_are_a_batch_or_refused(data: bytes) -> None:
    try:
        found = batches.read(data)
    except (ValueError, IndexError):
        return
    assert found.data == data


class Chain:
    """A chain whose ledger can be opened again, to write and to read."""

    def __init__(self, home: Path, node: Anvil | None) -> None:
        self.home, self.node = home, node
        (home / "rich.key").write_text(RICH_KEY)

    def open(self, **more: Any) -> EvmLedger:
        if self.node is None:
            return open_embedded(self.home)
        return open_rpc(self.node.url, self.home, self.home / "rich.key", chain_id=CHAIN_ID, **more)

    def reader(self, home: Path | None = None) -> Ledger:
        home = home or self.home
        return Snapshot(home) if self.node is None else open_rpc_to_read(self.node.url, home)


@pytest.fixture(params=["embedded", pytest.param("node", marks=needs_anvil)])
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Chain]:
    node = Anvil() if request.param == "node" else None
    yield Chain(tmp_path, node)
    if node is not None:
        node.kill()


def items(count: int, rated: bool = True) -> list[BatchItem]:
    verdicts: tuple[Verdict, ...] = ("original", "sibling", "copy")
    tickets = [replace(TICKET, score=k / 1_000, verdict=verdicts[k % 3]) if rated else None for k in range(count)]
    return [BatchItem(os.urandom(32), b"gist %d" % k, ticket) for k, ticket in enumerate(tickets)]


@pytest.mark.parametrize("guarantee", ["state", "proof"])
@pytest.mark.parametrize("rated", [True, False], ids=["rated", "plain"])
def test_a_batch_is_sent_once_and_each_token_read_alone(chain: Chain, guarantee: Guarantee, rated: bool) -> None:
    wanted = items(7, rated)
    sent: dict[str, Any] = {
        "common": b"the start of a ", "evidence": EVIDENCE if rated else bytes(32), "guarantee": guarantee
    }  # fmt: skip
    with chain.open() as ledger:
        ledger.put(b"alone", image_sha3_256=os.urandom(32))
        receipt = ledger.put_batch(wanted, **sent)
        assert (receipt.number, receipt.first, receipt.count) == (1, 2, 7)
        assert receipt.gas > 21_000
        assert ledger.put_batch(wanted[::-1], **sent).first == 2, "the same again is the same batch"
        assert ledger.count() == 8
        for k, item in enumerate(sorted(wanted, key=lambda each: each.image_sha3_256)):
            assert ledger.token_of(item.image_sha3_256) == 2 + k
        assert ledger.token_of(bytes(32)) == 0
    with chain.open() as ledger:
        assert ledger.put_batch(wanted, **sent).first == 2, "and by another process, whose outbox is empty"
        assert ledger.count() == 8
    with chain.reader() as reader:
        for k, item in enumerate(sorted(wanted, key=lambda each: each.image_sha3_256)):
            token = reader.token(2 + k)
            assert (token.image_sha3_256, token.owner, token.batch) == (item.image_sha3_256, ledger.owner, 1)
            assert reader.gist_of(2 + k) == b"the start of a " + item.payload
            assert reader.ticket_of(2 + k) == item.ticket
            signed = None if item.ticket is None else SignedRareness(item.ticket, ledger.owner, True, receipt.tx)
            assert reader.rareness_of(2 + k) == signed


def test_a_token_of_proofs_is_proven_by_the_contract(chain: Chain) -> None:
    wanted = items(5)
    with chain.open() as ledger:
        receipt = ledger.put_batch(wanted, common=b"", evidence=EVIDENCE, guarantee="proof")
        for token in range(receipt.first, receipt.first + receipt.count):
            leaf, proof = ledger.proof_of(token)
            assert ledger.verify(token, leaf, proof)
            assert not ledger.verify(token, leaf + b"x", proof)
            assert not ledger.verify(token, leaf, proof[:-1])
            assert not ledger.verify(token % receipt.count + 1, leaf, proof)
        with pytest.raises(LedgerError, match="not of a batch of proofs"):
            ledger.proof_of(ledger.put(b"alone", image_sha3_256=os.urandom(32)).token)


@needs_anvil
@pytest.mark.parametrize("logs", [says([]), refuses("missing trie node: 4444 pruned history unavailable")])
def test_what_nodes_have_forgotten_is_read_by_who_kept_it(tmp_path: Path, logs: Fault) -> None:
    node = Anvil()
    try:
        with Chain(tmp_path, node).open() as ledger:
            wanted = items(9)
            receipt = ledger.put_batch(wanted, common=b"", evidence=EVIDENCE, guarantee="proof")
        with faulty(node.url) as pruned:
            pruned.faults["eth_getLogs"] = logs
            with open_rpc_to_read(pruned.url, tmp_path) as reader:
                read = {reader.gist_of(receipt.first + k) for k in range(receipt.count)}
                assert read == {item.payload for item in wanted}
                ticket = reader.ticket_of(receipt.first)
                assert ticket is not None
                assert reader.rareness_of(receipt.first) == SignedRareness(ticket, ledger.owner), (
                    "nobody shows who sent it"
                )
            with open_rpc_to_read(pruned.url, tmp_path / "another") as reader:
                with pytest.raises(PacketError, match="its owner has gist and"):
                    reader.gist_of(receipt.first)
                assert reader.token(receipt.first).image_sha3_256 == bytes(32)
                assert reader.ticket_of(receipt.first) is None
    finally:
        node.kill()


@pytest.mark.parametrize("changes", ["a gist", "an image"])
def test_a_batch_that_differs_in_its_middle_is_another_batch(chain: Chain, changes: str) -> None:
    wanted = sorted(items(70, rated=False), key=lambda each: each.image_sha3_256)
    image = wanted[35].image_sha3_256
    other = {"a gist": replace(wanted[35], payload=b"another")}
    other["an image"] = replace(wanted[35], image_sha3_256=image[:-1] + bytes([image[-1] ^ 1]))
    with chain.open() as ledger:
        assert ledger.put_batch(wanted, guarantee="state").number == 1
        wanted[35] = other[changes]
        assert ledger.put_batch(wanted, guarantee="state").number == 2
        assert ledger.put_batch(wanted, guarantee="state").number == 2
        assert ledger.gist_of(70 + 36) == wanted[35].payload


@needs_anvil
@pytest.mark.parametrize("logs", [says([]), refuses("missing trie node: 4444 pruned history unavailable")])
def test_an_account_finds_its_tokens_without_logs(tmp_path: Path, logs: Fault) -> None:
    node = Anvil()
    try:
        with faulty(node.url) as pruned:
            pruned.faults["eth_getLogs"] = logs
            with open_rpc(pruned.url, tmp_path, Chain(tmp_path, node).home / "rich.key", chain_id=CHAIN_ID) as ledger:
                guarantees: tuple[Guarantee, ...] = ("state", "proof")
                for number, guarantee in enumerate(guarantees):
                    (item,) = wanted = items(1, rated=False)
                    ledger.put_batch(wanted, guarantee=guarantee)
                    assert ledger.token_of(item.image_sha3_256) == number + 1
    finally:
        node.kill()


@needs_anvil
def test_leaves_that_do_not_give_the_root_are_not_believed(tmp_path: Path) -> None:
    chain = Chain(tmp_path, Anvil())
    assert chain.node is not None
    try:
        with chain.open() as ledger:
            receipt = ledger.put_batch(items(9), common=b"", evidence=EVIDENCE, guarantee="proof")
        with sqlite3.connect(tmp_path / NAME) as database:
            (data,) = database.execute("SELECT data FROM batches").fetchone()
            database.execute("UPDATE batches SET data = ?", (data[:-1] + bytes([data[-1] ^ 1]),))
        with chain.reader() as reader:  # from the transaction, then
            assert reader.gist_of(receipt.first).startswith(b"gist ")
    finally:
        chain.node.kill()


def test_what_is_no_batch_is_refused_before_anything_is_sent(chain: Chain) -> None:
    good = items(3)
    cases: list[tuple[list[BatchItem], bytes, bytes, str]] = [
        ([], b"", EVIDENCE, "0 tokens are no batch"),
        ([good[0], good[0]], b"", EVIDENCE, "different images"),
        ([replace(good[0], ticket=None), good[1]], b"", EVIDENCE, "every token has a ticket or none"),
        (good, b"", bytes(32), "every token has a ticket or none"),
        (good, b"x" * 33, EVIDENCE, "at most 32"),
        (items(700), b"", EVIDENCE, "at most 24,565"),
        ([replace(good[0], ticket=replace(TICKET, as_of=8)), good[1]], b"", EVIDENCE, "share checker, block"),
        ([replace(good[0], payload=b"")], b"", EVIDENCE, "a gist of 0 bytes"),
    ]
    with chain.open() as ledger:
        for wanted, common, evidence, says in cases:
            with pytest.raises(LedgerError, match=says):
                ledger.put_batch(wanted, common=common, evidence=evidence, guarantee="state")
        assert ledger.count() == 0
        assert compiled("registry").address == ledger.registry
