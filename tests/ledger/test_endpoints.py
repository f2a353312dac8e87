"""Several endpoints of one chain, of which one hangs, lags, lies or is gone: what is believed, sent and said."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gistchain.errors import AlreadyRegistered, LedgerError, NodeDown, UnknownToken, WrongChain
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_rpc, open_rpc_to_read
from gistchain.ledger.known import recall
from gistchain.ledger.reader import RegistryReader
from gistchain.settings import Settings, load
from gistchain.types import BatchItem, RarenessTicket
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, free_port, needs_anvil
from tests.support.faults import Asked, FaultyNode, changed, faulty, hangs_up, refuses, says

pytestmark = needs_anvil
SEND, CALL, HEAD, BLOCK = "eth_sendRawTransaction", "eth_call", "eth_blockNumber", "eth_getBlockByNumber"
TICKET = RarenessTicket(0.5, "sibling", hashlib.sha3_256(b"e").digest(), 1, 2, 3)
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"image at several endpoints %d" % next(_images)).digest()


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    yield node
    node.kill()


@pytest.fixture
def three(anvil: Anvil) -> Iterator[list[FaultyNode]]:
    with ExitStack() as stack:
        yield [stack.enter_context(faulty(anvil.url)) for _ in range(3)]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, told: list[str]) -> Callable[..., EvmLedger]:
    (tmp_path / "rich.key").write_text(RICH_KEY)

    def open_them(nodes: list[FaultyNode], **more: Any) -> EvmLedger:
        options = {"chain_id": CHAIN_ID, "timeout_s": 60, "told": told.append, **more}
        return open_rpc([node.url for node in nodes], tmp_path / "home", tmp_path / "rich.key", **options)

    return open_them


def reading(nodes: list[FaultyNode], home: Path, told: list[str]) -> RegistryReader:
    return open_rpc_to_read([node.url for node in nodes], home, told=told.append)


def name_of(node: FaultyNode) -> str:
    return node.url.rstrip("/")


def other_gist(asked: Asked) -> dict[str, Any]:
    """Every answer of the contract with another byte in place of each 'r'."""
    reply = asked.passed_on()
    return {**reply, "result": reply["result"].replace("72", "73")} if "result" in reply else reply


def test_all_are_given_the_transaction_and_reads_go_round(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str]
) -> None:
    with opened(three) as ledger:
        before = ledger.count()
        receipt = ledger.put(b"a red bus", image_sha3_256=new_image(), rareness=TICKET)
        assert ledger.count() == before + 1
        assert [node.sent for node in three] == [1, 1, 1]
        for node in three:
            node.asked.clear()
        for _ in range(9):
            assert ledger.gist_of(receipt.token) == b"a red bus"
        assert [node.asked.count(CALL) for node in three] == [6, 6, 6]
    assert told == []


@pytest.mark.parametrize("fault", [hangs_up(although_taken=False), refuses("internal error"), says("0xzz")])
def test_one_that_fails_is_passed_over_and_named(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str], fault: Callable[[Asked], Any]
) -> None:
    with opened(three) as ledger:
        three[1].faults = dict.fromkeys((CALL, HEAD, BLOCK, SEND, "eth_getTransactionCount", "eth_getBalance"), fault)
        before, image = ledger.count(), new_image()
        receipt = ledger.put(b"passed over", image_sha3_256=image, rareness=TICKET)
        assert (ledger.count(), ledger.gist_of(receipt.token)) == (before + 1, b"passed over")
        with pytest.raises(AlreadyRegistered):
            ledger.put(b"passed over", image_sha3_256=image)
    assert told
    assert all(name_of(three[1]) in line for line in told)


def test_one_that_is_gone_from_the_start_is_done_without_and_not_remembered(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str], tmp_path: Path
) -> None:
    gone = FaultyNode(f"http://127.0.0.1:{free_port()}/")
    with opened([gone, *three]) as ledger:
        assert ledger.gist_of(ledger.put(b"gone", image_sha3_256=new_image()).token) == b"gone"
    assert any(name_of(gone) in line for line in told)
    assert set(recall(tmp_path / "home")) == {name_of(node) for node in three}
    with pytest.raises(NodeDown, match="doesn't answer"):
        opened([gone, replace(gone, url=f"http://127.0.0.1:{free_port()}/")])


def test_one_that_hangs_costs_its_time_once(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str]
) -> None:
    hung: list[str] = []

    def hangs(asked: Asked) -> None:
        hung.append(asked.method)
        asked.handler.rfile.read(1)  # until the client gives up

    with opened(three, reply_s=2.0) as ledger:
        three[2].faults = dict.fromkeys((CALL, HEAD, BLOCK, SEND, "eth_getTransactionCount"), hangs)
        receipt = ledger.put(b"hung", image_sha3_256=new_image())
        assert [ledger.gist_of(receipt.token) for _ in range(5)] == [b"hung"] * 5
    assert len(hung) == 1
    assert any(name_of(three[2]) in line and "took more than 2 s" in line for line in told)


def test_a_lie_about_a_gist_is_believed_by_nobody(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str], tmp_path: Path
) -> None:
    with opened(three) as ledger:
        token = ledger.put(b"a red bus", image_sha3_256=new_image()).token
    three[0].faults[CALL] = other_gist
    with reading(three, tmp_path / "reader", told) as reader:
        for _ in range(4):
            assert reader.gist_of(token) == b"a red bus"
    (line,) = told
    assert name_of(three[0]) in line
    assert "what the other endpoints don't" in line


def test_of_two_that_differ_neither_is_believed(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str], tmp_path: Path
) -> None:
    with opened(three) as ledger:
        token = ledger.put(b"a red bus", image_sha3_256=new_image()).token
    three[0].faults[CALL] = other_gist
    with (
        reading(three[:2], tmp_path / "reader", told) as reader,
        pytest.raises(LedgerError, match=rf"{name_of(three[0])}.*say different things .*leave one out, or give one"),
    ):
        reader.gist_of(token)


def test_a_block_that_one_of_two_claims_does_not_make_the_other_one_behind(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str], tmp_path: Path
) -> None:
    with opened(three) as ledger:
        token = ledger.put(b"a red bus", image_sha3_256=new_image()).token
    three[0].faults.update({CALL: other_gist, HEAD: says(hex(10**9))})
    with reading(three[:2], tmp_path / "reader", told) as reader:
        assert reader.block() < 10**9
        with pytest.raises(LedgerError, match="say different things"):
            reader.gist_of(token)
    assert told == []


def test_a_failure_that_one_of_three_tells_is_no_failure(
    opened: Callable[..., EvmLedger], three: list[FaultyNode]
) -> None:
    three[1].faults["eth_getTransactionReceipt"] = changed(lambda told: {**told, "status": "0x0"})
    with opened(three) as ledger:
        for _ in range(3):  # whoever's turn it is
            before = ledger.count()
            receipt = ledger.put_batch([BatchItem(new_image(), b"of a batch")], guarantee="state")
            assert (receipt.first, receipt.gas > 21_000) == (before + 1, True)
            assert ledger.count() == before + 1
            told = [ledger.node.connection.receipt(receipt.tx) for _ in three]
            assert all(mined is not None and mined.succeeded for mined in told)


def test_a_token_that_one_denies_is_there(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str], tmp_path: Path
) -> None:
    image = new_image()
    with opened(three) as ledger:
        token = ledger.put(b"denied", image_sha3_256=image).token
    three[1].faults[CALL] = lambda asked: {
        "jsonrpc": "2.0",
        "result": "0x" + "00" * ((len(asked.passed_on()["result"]) - 2) // 2),
    }
    with reading(three, tmp_path / "reader", told) as reader:
        assert reader.token(token).image_sha3_256 == image
        assert reader.find(image) == token
        with pytest.raises(UnknownToken):
            reader.token(token + 1)
    assert {name_of(three[1]) in line for line in told} == {True}


def test_one_that_lags_behind_is_left_alone_and_named(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str], anvil: Anvil
) -> None:
    """It answers from a chain of some blocks ago."""
    with opened(three) as ledger, ExitStack() as stack:
        image = new_image()
        ledger.put(b"before", image_sha3_256=new_image())
        old = stale(anvil, three[0], stack)
        receipt = ledger.put(b"after", image_sha3_256=image)
        anvil.ask("anvil_mine", "0x5")
        assert ledger.node.connection.block_number() >= receipt.block + 5
        assert ledger.gist_of(receipt.token) == b"after"
        assert ledger.token_of(image) == receipt.token
        assert any(f"{name_of(three[0])} is left alone" in line and f"at block {old}," in line for line in told)


def stale(anvil: Anvil, node: FaultyNode, stack: ExitStack) -> int:
    """The node answers at its last block's state from now on; the number of that block."""
    number = anvil.ask("eth_blockNumber")

    def at(place: int) -> Callable[[Asked], Any]:
        def asked_then(asked: Asked) -> Any:
            asked.params[place] = number
            body = json.loads(asked.body)
            return replace(asked, body=json.dumps({**body, "params": asked.params}).encode()).passed_on()

        return asked_then

    node.faults = {CALL: at(1), "eth_getTransactionCount": at(1), "eth_getBalance": at(1), HEAD: says(number)}
    node.faults["eth_getTransactionReceipt"] = node.faults["eth_getTransactionByHash"] = says(None)
    stack.callback(node.faults.clear)
    return int(number, 16)


def test_a_success_is_known_by_those_that_have_it_already(
    opened: Callable[..., EvmLedger], three: list[FaultyNode]
) -> None:
    with opened(three) as ledger:
        before = ledger.count()
        three[0].faults[SEND] = refuses("nonce too low", although_taken=True)
        three[1].faults[SEND] = refuses("already known")
        ledger.put(b"known", image_sha3_256=new_image())
        assert ledger.count() == before + 1
        assert [node.sent for node in three] == [1, 1, 1]


def test_where_all_but_one_go_down_meanwhile_there_is_one_token(
    opened: Callable[..., EvmLedger], three: list[FaultyNode]
) -> None:
    image = new_image()

    def takes_it_and_all_but_the_last_go_down(asked: Asked) -> None:
        hangs_up(although_taken=True)(asked)
        for node in three[:2]:
            node.faults = {}
            down = hangs_up(although_taken=False)
            node.faults.update(dict.fromkeys((CALL, HEAD, BLOCK, SEND, "eth_getTransactionReceipt"), down))
            node.faults.update(dict.fromkeys(("eth_getTransactionCount", "eth_getTransactionByHash"), down))

    with opened(three) as ledger:
        before = ledger.count()
        for node in three[:2]:
            node.faults[SEND] = takes_it_and_all_but_the_last_go_down
        receipt = ledger.put(b"fail over", image_sha3_256=image)
        assert ledger.token(receipt.token).image_sha3_256 == image
        assert ledger.count() == before + 1


def test_endpoints_of_two_chains_are_refused(opened: Callable[..., EvmLedger], three: list[FaultyNode]) -> None:
    other = Anvil("--timestamp", "1700000000")
    try:
        with pytest.raises(WrongChain, match=rf"{other.url} is on chain {CHAIN_ID} .*give --rpc of one chain"):
            opened([*three, FaultyNode(other.url)])
    finally:
        other.kill()


def test_one_without_the_registry_does_not_decide(
    opened: Callable[..., EvmLedger], three: list[FaultyNode], told: list[str]
) -> None:
    three[1].faults["eth_getCode"] = says("0x")
    with opened(three) as ledger:
        assert ledger.registry == compiled("registry").address
    assert {name_of(three[1]) in line for line in told} <= {True}


def test_urls_are_told_apart_wherever_they_are_given(tmp_path: Path) -> None:
    one, two = "http://a.example/x,y", "https://b.example"
    for rpc in ([one, two], (one, two, one), f"{one}, {two}", f"{one},{two}"):
        assert Settings(tmp_path, rpc=rpc).endpoints == (one, two)
    assert load({"home": tmp_path}, {"GISTCHAIN_RPC": f"{one},{two}"}).endpoints == (one, two)
    assert load({"home": tmp_path, "rpc": [two]}, {"GISTCHAIN_RPC": one}).endpoints == (two,)
    (tmp_path / "settings.toml").write_text(f'rpc = ["{one}", "{two}"]\n')
    assert load({"home": tmp_path}, {}).endpoints == (one, two)
    for nothing in (None, "", ()):
        assert not Settings(tmp_path, rpc=nothing).rpc
