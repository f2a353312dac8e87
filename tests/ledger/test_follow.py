"""A registry that is followed: whatever a node keeps, refuses or takes back, what is kept is what the contract says."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gistchain.errors import LedgerError, NodeDown
from gistchain.ledger import abi
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_rpc, open_rpc_to_read
from gistchain.ledger.follow import Event, follow, kept_of
from gistchain.ledger.followed import Followed
from gistchain.types import BatchItem, NftLink, RarenessTicket
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import Asked, FaultyNode, faulty, hangs_up, refuses, says

pytestmark = needs_anvil
LOGS, CALL = "eth_getLogs", "eth_call"
TICKET = RarenessTicket(0.25, "copy", hashlib.sha3_256(b"evidence").digest(), 1, 2, 3)
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"followed image %d" % next(_images)).digest()


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    node.ask("anvil_mine", "0x20")  # a chain that was there before the first token
    yield node
    node.kill()


@pytest.fixture
def node(anvil: Anvil) -> Iterator[FaultyNode]:
    with faulty(anvil.url) as opened:
        yield opened


@pytest.fixture
def ledger(anvil: Anvil, tmp_path: Path) -> Iterator[EvmLedger]:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    with open_rpc(anvil.url, tmp_path / "home", tmp_path / "rich.key", chain_id=CHAIN_ID, timeout_s=60) as opened:
        yield opened


class Follower:
    """Follows through the node that may be faulty, in a home of its own; each run opens all anew."""

    def __init__(self, node: FaultyNode, home: Path) -> None:
        self.node, self.home = node, home

    def run(self) -> list[Event]:
        with open_rpc_to_read(self.node.url, self.home) as reader, closing(Followed(self.home, write=True)) as kept:
            return list(follow(reader, kept))

    def check(self) -> None:
        """That what is kept is what the contract says, of every token and no other."""
        with open_rpc_to_read(self.node.url, self.home) as reader, closing(Followed(self.home)) as kept:
            tokens = list(reader.tokens())
            assert kept.count(reader.name) == len(tokens)
            for token in tokens:
                row = kept.get(reader.name, token.id)
                assert row is not None
                assert (row.token, row.gist) == (token, reader.gist_of(token.id))
                assert row.ticket == reader.ticket_of(token.id)
                assert token.id in kept.all_for(reader.name, token.image_sha3_256)


@pytest.fixture
def follower(node: FaultyNode, tmp_path: Path) -> Follower:
    return Follower(node, tmp_path / "reader")


def put(ledger: EvmLedger, count: int, *, rated: bool = False) -> list[int]:
    gists = (b"gist %d" % next(_images) for _ in range(count))
    ticket = TICKET if rated else None
    return [ledger.put(gist, image_sha3_256=new_image(), rareness=ticket).token for gist in gists]


def test_events_are_told_once_and_their_tokens_kept(ledger: EvmLedger, follower: Follower) -> None:
    assert follower.run() == []
    put(ledger, 3, rated=True)
    ledger.attest(2, TICKET)
    ledger.link(1, NftLink(1, "0x" + "12" * 20, 7))
    told = follower.run()
    assert [(event.kind, event.token) for event in told] == [
        ("registered", 1),
        ("registered", 2),
        ("registered", 3),
        ("attested", 2),
        ("linked", 1),
    ]
    assert {event.by for event in told[:4]} == {ledger.owner}
    follower.check()
    assert follower.run() == []
    put(ledger, 1)
    assert [(event.kind, event.token) for event in follower.run()] == [("registered", 4)]
    follower.check()


def test_what_was_before_the_first_run_is_found_without_the_blocks_before(
    ledger: EvmLedger, follower: Follower, node: FaultyNode
) -> None:
    put(ledger, 4)
    first: list[int] = []

    def looks(asked: Asked) -> Any:
        first.append(int(asked.params[0]["fromBlock"], 16))
        return asked.passed_on()

    node.faults[LOGS] = looks
    assert len(follower.run()) == 4
    assert first == [ledger.token(1).block]
    follower.check()


def at_most(blocks: int, asked_for: list[range]) -> Callable[[Asked], Any]:
    """A node that refuses more at once, as public ones do."""

    def fault(asked: Asked) -> Any:
        wanted = range(int(asked.params[0]["fromBlock"], 16), int(asked.params[0]["toBlock"], 16) + 1)
        asked_for.append(wanted)
        if len(wanted) > blocks:
            return {"jsonrpc": "2.0", "error": {"code": -32005, "message": "query returned more than 10000 results"}}
        return asked.passed_on()

    return fault


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_a_range_that_is_refused_is_halved(
    ledger: EvmLedger, follower: Follower, node: FaultyNode, blocks: int
) -> None:
    put(ledger, 12)
    asked_for: list[range] = []
    node.faults[LOGS] = at_most(blocks, asked_for)
    assert [event.token for event in follower.run()] == list(range(1, 13))
    follower.check()
    assert len(asked_for) < 60


def pruned(before: int, how: str) -> Callable[[Asked], Any]:
    """A node without the logs of old blocks, which says so or keeps silent."""

    def fault(asked: Asked) -> Any:
        wanted = asked.params[0]
        if int(wanted["fromBlock"], 16) >= before:
            return asked.passed_on()
        if how == "says so":
            return {"jsonrpc": "2.0", "error": {"code": 4444, "message": "pruned history unavailable"}}
        reply = asked.passed_on()
        return {**reply, "result": [log for log in reply["result"] if int(log["blockNumber"], 16) >= before]}

    return fault


@pytest.mark.parametrize("how", ["says so", "keeps silent"])
def test_tokens_whose_logs_are_pruned_come_from_the_state(
    ledger: EvmLedger, follower: Follower, node: FaultyNode, how: str
) -> None:
    put(ledger, 9, rated=True)
    node.faults[LOGS] = pruned(ledger.token(6).block, how)
    told = follower.run()
    assert [(event.kind, event.token, event.count) for event in told] == [
        *(("registered", token, 1) for token in range(6, 10)),
        ("state", 1, 5),
    ]
    follower.check()
    assert follower.run() == []


def test_a_node_that_tells_no_logs_at_all_is_followed_by_its_state(
    ledger: EvmLedger, follower: Follower, node: FaultyNode
) -> None:
    put(ledger, 3)
    node.faults[LOGS] = pruned(10**9, "says so")
    assert [(event.kind, event.token, event.count) for event in follower.run()] == [("state", 1, 3)]
    put(ledger, 2)
    assert [(event.kind, event.token, event.count) for event in follower.run()] == [("state", 4, 2)]
    follower.check()


@pytest.mark.parametrize("logs", [None, "keeps silent"])
def test_tokens_of_replaced_blocks_are_undone(
    ledger: EvmLedger, follower: Follower, anvil: Anvil, node: FaultyNode, logs: str | None
) -> None:
    put(ledger, 5)
    if logs is not None:
        node.faults[LOGS] = pruned(10**9, logs)
    follower.run()
    ledger.run(ledger.call("register", new_image(), bytes(32), 0, b"will be gone"))
    follower.run()
    anvil.ask("anvil_reorg", 2, [])
    told = follower.run()
    assert [(event.kind, event.count) for event in told] == (
        [("undone", 2)] if logs is None else [("undone", 6), ("state", 4)]
    )
    follower.check()
    assert ledger.count() == 4
    put(ledger, 2)
    told = follower.run()
    assert {event.kind for event in told} == {"registered" if logs is None else "state"}
    follower.check()


def test_another_token_with_the_number_of_one_that_was_replaced_takes_its_place(
    ledger: EvmLedger, follower: Follower, anvil: Anvil
) -> None:
    put(ledger, 1)
    follower.run()
    snapshot = anvil.ask("evm_snapshot")
    ledger.run(ledger.call("register", new_image(), bytes(32), 0, b"first of two"))
    follower.run()
    assert anvil.ask("evm_revert", snapshot)
    ledger.run(ledger.call("register", new_image(), bytes(32), 0, b"second of two"))
    assert [event.kind for event in follower.run()] == ["undone", "registered"]
    follower.check()


@pytest.mark.parametrize("logs", [None, "keeps silent"])
def test_what_was_read_of_a_chain_that_is_replaced_meanwhile_is_forgotten(
    ledger: EvmLedger, follower: Follower, anvil: Anvil, node: FaultyNode, logs: str | None
) -> None:
    if logs is not None:
        node.faults[LOGS] = pruned(10**9, logs)
    put(ledger, 2)
    snapshot = anvil.ask("evm_snapshot")
    put(ledger, 1)
    last_call = "0x" + abi.calldata(compiled("registry"), "ratingOf", 3).hex()
    replaced: list[bool] = []

    def is_replaced_then(asked: Asked) -> Any:
        reply = asked.passed_on()
        if last_call in (asked.params[0].get("data"), asked.params[0].get("input")) and not replaced:
            replaced.append(anvil.ask("evm_revert", snapshot))
            anvil.ask("evm_mine")
        return reply

    node.faults[CALL] = is_replaced_then
    told = [event for event in follower.run() if event.kind != "undone"]
    assert replaced == [True]
    assert sum(event.count for event in told) == 2
    follower.check()


def test_a_token_that_a_node_failed_to_tell_is_asked_for_again(
    ledger: EvmLedger, follower: Follower, node: FaultyNode
) -> None:
    ledger.put_batch(batch(3), guarantee="state")
    gist_of = "0x" + abi.calldata(compiled("registry"), "gistOf", 2).hex()
    fails = refuses("internal error")

    def hiccup(asked: Asked) -> Any:
        call = asked.params[0]
        return (fails if gist_of in (call.get("data"), call.get("input")) else Asked.passed_on)(asked)

    node.faults[CALL] = hiccup
    with pytest.raises(LedgerError, match="internal error"):
        follower.run()
    node.faults.clear()
    follower.run()
    follower.check()


def test_a_gist_that_nobody_had_is_asked_for_again(ledger: EvmLedger, follower: Follower, node: FaultyNode) -> None:
    ledger.put_batch(batch(2), guarantee="proof")
    node.faults[LOGS] = pruned(10**9, "keeps silent")
    follower.run()
    with open_rpc_to_read(node.url, follower.home) as reader, kept_of(follower.home, reader) as known:
        nobody_has_it = [known(token) for token in reader.tokens()]
    assert [row is not None and bool(row.unreadable) for row in nobody_has_it] == [True, True]
    node.faults.clear()
    with open_rpc_to_read(node.url, follower.home) as reader:
        kept = nobody_has_it[0]
        assert kept is not None
        with closing(Followed(follower.home, write=True)) as followed:  # as if it had been lost between image and gist
            followed.add(reader.name, [replace(kept, token=reader.token(1))])
        with kept_of(follower.home, reader) as known:
            assert [known(token) for token in reader.tokens()] == [None, None]
        assert reader.gist_of(1).startswith(b"of a batch ")


def test_a_chain_of_which_no_block_is_known_any_more_is_read_anew(
    ledger: EvmLedger, follower: Follower, anvil: Anvil
) -> None:
    snapshot = anvil.ask("evm_snapshot")
    put(ledger, 3)
    follower.run()
    assert anvil.ask("evm_revert", snapshot)
    anvil.ask("anvil_mine", "0x10")
    ledger.run(ledger.call("register", new_image(), bytes(32), 0, b"another"))
    told = follower.run()
    assert [(event.kind, event.count) for event in told] == [("undone", 3), ("registered", 1)]
    follower.check()


def test_a_node_that_goes_down_meanwhile_costs_one_range(
    ledger: EvmLedger, follower: Follower, node: FaultyNode
) -> None:
    put(ledger, 8)
    asked_for: list[range] = []
    down = hangs_up(although_taken=False)
    few = at_most(2, asked_for)
    node.faults[LOGS] = lambda asked: few(asked) if len(asked_for) < 6 else down(asked)
    with pytest.raises(NodeDown):
        follower.run()
    with closing(Followed(follower.home)) as kept:
        (before,) = {kept.next(ledger.name)}
        assert before is not None
        assert before > ledger.token(1).block
    asked_for.clear()
    node.faults[LOGS] = at_most(10**6, asked_for)
    told = follower.run()
    assert asked_for[0].start == before
    assert [event.token for event in told][-1] == 8
    follower.check()


def test_logs_that_were_not_asked_for_are_refused(ledger: EvmLedger, follower: Follower, node: FaultyNode) -> None:
    put(ledger, 1)
    strange = {
        "address": ledger.registry,
        "topics": ["0x" + "12" * 32] * 4,
        "data": "0x",
        "logIndex": "0x0",
        "blockNumber": hex(ledger.token(1).block),
        "transactionHash": "0x" + "34" * 32,
        "blockHash": "0x" + "56" * 32,
        "transactionIndex": "0x0",
        "removed": False,
    }
    node.faults[LOGS] = says([strange])
    with pytest.raises(LedgerError, match="another log than those that were asked for"):
        follower.run()
    kind = "0x" + abi.topic(compiled("registry"), "Registered").hex()
    number = "0x" + (99).to_bytes(32, "big").hex()
    node.faults[LOGS] = says([{**strange, "topics": [kind, number, "0x" + "12" * 32, "0x" + "34" * 32]}])
    with pytest.raises(LedgerError, match="another chain each time"):
        follower.run()
    node.faults.clear()
    follower.run()
    follower.check()


def test_a_gist_that_its_owner_did_not_sign_is_not_kept(
    ledger: EvmLedger, follower: Follower, node: FaultyNode
) -> None:
    ledger.put(b"a red bus", image_sha3_256=new_image())

    def another(asked: Asked) -> Any:
        reply = asked.passed_on()
        return {**reply, "result": reply["result"].replace(b"a red bus".hex(), b"a bad bus".hex())}

    node.faults[CALL] = another
    with pytest.raises(LedgerError, match="other bytes for token 1 than its owner signed: ask another node"):
        follower.run()
    node.faults.clear()
    follower.run()
    follower.check()


def batch(count: int) -> list[BatchItem]:
    return [BatchItem(new_image(), b"of a batch %d" % k) for k in range(count)]


def test_a_batch_is_one_event_of_many_tokens(ledger: EvmLedger, follower: Follower) -> None:
    put(ledger, 1)
    ledger.put_batch(batch(5), common=b"common ", guarantee="state")
    put(ledger, 1)
    told = [(event.kind, event.token, event.count) for event in follower.run()]
    assert told == [("registered", 1, 1), ("batch", 2, 5), ("registered", 7, 1)]
    follower.check()


def test_kill_9_at_any_write_leaves_what_the_next_run_goes_on_from(
    ledger: EvmLedger, follower: Follower, node: FaultyNode
) -> None:
    """The file as each transaction leaves it is one that the next run finishes."""
    put(ledger, 6)
    node.faults[LOGS] = at_most(2, [])
    copies = follower.home.with_name("copies")
    with ExitStack() as stack, open_rpc_to_read(node.url, follower.home) as reader:
        kept = stack.enter_context(closing(Followed(follower.home, write=True)))
        for number, _ in enumerate(follow(reader, kept)):
            home = copies / str(number)
            home.mkdir(parents=True)
            for file in follower.home.glob("followed.sqlite*"):
                (home / file.name).write_bytes(file.read_bytes())
    for home in sorted(copies.iterdir()):
        again = Follower(node, home)
        again.run()
        again.check()
