"""A node that lies, forgets, breaks off or never ends: what it costs, what is sent, and what is said."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gistchain.answers.rareness import rareness_words, ticket_json
from gistchain.errors import AlreadyRegistered, LedgerError, NodeDown, NotConfirmed, OutOfGas, SettingError
from gistchain.ledger.contracts import compiled
from gistchain.ledger.deployed import deploy
from gistchain.ledger.evm import EvmLedger, open_rpc, open_rpc_to_read
from gistchain.types import Question, RarenessTicket
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import (
    Asked,
    Endless,
    Fault,
    FaultyNode,
    changed,
    faulty,
    first,
    hangs_up,
    refuses,
    says,
    takes_and,
)
from tests.support.localweb import Reply, served

pytestmark = needs_anvil
SEND, RECEIPT, CALL = "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_call"
LITTLE = Decimal("0.0001")
TICKET = RarenessTicket(0.0123, "copy", hashlib.sha3_256(b"evidence").digest(), 1, 2, 3)
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"image at a faulty node %d" % next(_images)).digest()


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    yield node
    node.kill()


@pytest.fixture
def node(anvil: Anvil) -> Iterator[FaultyNode]:
    with faulty(anvil.url) as opened:
        yield opened


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "rich.key"
    path.write_text(RICH_KEY)
    return path


@pytest.fixture
def opened(node: FaultyNode, tmp_path: Path, key: Path) -> Callable[..., EvmLedger]:
    """Opens the ledger behind the faulty node, in a home of the test's own."""
    return lambda **more: open_rpc(node.url, tmp_path / "home", key, **{"chain_id": CHAIN_ID, "timeout_s": 60, **more})


@pytest.fixture
def ledger(opened: Callable[..., EvmLedger], node: FaultyNode) -> Iterator[EvmLedger]:
    with opened() as here:
        node.asked.clear()
        yield here


REFUSALS = [
    refuses(text, although_taken=True)
    for text in (
        "internal error",
        "nonce too low",
        "replacement transaction underpriced",
        "insufficient funds for gas * price + value",
        "server overloaded",
        "",
    )
] + [takes_and(answer) for answer in (None, "0xzz", "0x", "0x" + "11" * 32, {"a": []}, 7, Reply(b"<html>ok</html>"))]


@pytest.mark.parametrize("fault", REFUSALS)
def test_after_a_refusal_that_was_none_nothing_else_is_sent(ledger: EvmLedger, node: FaultyNode, fault: Fault) -> None:
    before, image = ledger.count(), new_image()
    node.faults[SEND] = fault
    receipt = ledger.put(b"taken all the same", image_sha3_256=image, rareness=TICKET)
    assert (ledger.count(), node.sent) == (before + 1, 1)
    assert ledger.token(receipt.token).image_sha3_256 == image


LOST = [
    hangs_up(although_taken=True),
    takes_and(Reply(b"<html>bad gateway</html>", status=502)),
    takes_and(Reply(b"slow down", status=429)),
]


@pytest.mark.parametrize("fault", LOST)
def test_a_success_whose_answer_was_lost_is_found(ledger: EvmLedger, node: FaultyNode, fault: Fault) -> None:
    image = new_image()
    node.faults[SEND] = fault
    receipt = ledger.put(b"lost answer", image_sha3_256=image, rareness=TICKET)
    assert ledger.token_of(image) == receipt.token
    assert node.sent == 1


@pytest.mark.parametrize("although_taken", [True, False])
def test_a_node_that_goes_down_meanwhile_leads_to_one_token_and_no_refusal(
    ledger: EvmLedger, opened: Callable[..., EvmLedger], node: FaultyNode, although_taken: bool
) -> None:
    before, image = ledger.count(), new_image()

    def goes_down(asked: Asked) -> None:
        hangs_up(although_taken=although_taken)(asked)
        node.faults = dict.fromkeys((CALL, RECEIPT, "eth_getTransactionCount"), hangs_up(although_taken=False))

    node.faults[SEND] = goes_down
    with pytest.raises(NodeDown, match="may still happen"):
        ledger.put(b"lost answer", image_sha3_256=image, rareness=TICKET)
    node.faults = {}
    with opened() as again:
        receipt = again.put(b"lost answer", image_sha3_256=image, rareness=TICKET)
        assert again.count() == before + 1
        with pytest.raises(AlreadyRegistered) as told:
            again.put(b"lost answer", image_sha3_256=image, rareness=TICKET)
    assert told.value.token == receipt.token


@pytest.mark.parametrize("text", ["nonce too low", "insufficient funds for gas", "internal error", "underpriced"])
@pytest.mark.parametrize("words", [b"first words", b"other words"])
def test_after_a_true_refusal_the_next_try_registers_what_it_is_given(
    ledger: EvmLedger, opened: Callable[..., EvmLedger], node: FaultyNode, text: str, words: bytes
) -> None:
    before, image = ledger.count(), new_image()
    node.faults[SEND] = refuses(text)
    with pytest.raises(LedgerError, match=f"refused a transaction of .*{text}") as refused:
        ledger.put(b"first words", image_sha3_256=image)
    assert isinstance(refused.value, OutOfGas) == ("funds" in text)
    assert node.sent == (5 if text == "underpriced" else 1)  # each offers twice as much, with the same nonce
    node.faults.clear()
    with opened() as again:
        receipt = again.put(words, image_sha3_256=image)
        assert again.gist_of(receipt.token) == words
        assert again.count() == before + 1


@pytest.mark.parametrize("method", [RECEIPT, "eth_getTransactionByHash"])
def test_an_answer_that_comes_late_is_waited_for(ledger: EvmLedger, node: FaultyNode, method: str) -> None:
    node.faults[method] = first(3, says(None))
    receipt = ledger.put(b"late", image_sha3_256=new_image())
    assert ledger.gist_of(receipt.token) == b"late"
    assert node.sent == 1


def test_a_receipt_that_does_not_come_is_no_reason_to_register_twice(
    ledger: EvmLedger, opened: Callable[..., EvmLedger], node: FaultyNode
) -> None:
    image = new_image()
    node.faults[RECEIPT] = says(None)
    ledger.node.timeout_s = 0.2
    with pytest.raises(NodeDown, match="run the same command again"):
        ledger.put(b"no receipt", image_sha3_256=image)
    node.faults.clear()
    with opened() as again:
        assert again.gist_of(again.put(b"no receipt", image_sha3_256=image).token) == b"no receipt"
    assert node.sent == 1


def test_a_success_that_is_called_a_failure_is_still_one(ledger: EvmLedger, node: FaultyNode) -> None:
    node.faults[RECEIPT] = changed(lambda receipt: {**receipt, "status": "0x0"})
    receipt = ledger.put(b"succeeded", image_sha3_256=new_image())
    assert ledger.gist_of(receipt.token) == b"succeeded"


def test_a_lie_about_the_gist_is_found_and_forgotten(
    ledger: EvmLedger, opened: Callable[..., EvmLedger], node: FaultyNode
) -> None:
    image = new_image()
    node.faults[CALL] = changed(lambda data: data.replace(b"gist".hex(), b"lies".hex()))
    with pytest.raises(LedgerError, match="shows other bytes for token"):
        ledger.put(b"a gist", image_sha3_256=image)
    node.faults.clear()
    with opened() as again:
        assert again.gist_of(again.put(b"a gist", image_sha3_256=image).token) == b"a gist"
    assert node.sent == 1


NONSENSE: list[tuple[str, Any]] = [
    (RECEIPT, {}),
    (RECEIPT, [1]),
    (RECEIPT, {"status": "0x1", "gasUsed": "0x1", "blockNumber": "0x1"}),
    ("eth_getTransactionCount", None),
    ("eth_getTransactionCount", "0xffffffffffffffff"),
    ("eth_getTransactionCount", -1),
    ("eth_getBalance", "0x" + "f" * 65),
    ("eth_estimateGas", "-0x1"),
    ("eth_estimateGas", "0x1"),
    ("eth_estimateGas", "0xffffffffff"),
    ("eth_estimateGas", "0xfffff"),
    ("eth_getBlockByNumber", {}),
    ("eth_getBlockByNumber", {"hash": "0x11", "number": "0x1", "timestamp": "0x1"}),
    ("eth_maxPriorityFeePerGas", "0x" + "f" * 64),
    ("eth_maxPriorityFeePerGas", ["0x1"]),
    (CALL, None),
    (CALL, "0x"),
    (CALL, "0x00"),
    (CALL, {"a": 1}),
    (CALL, "0x" + "ff" * 160),
    (CALL, "0x" + "00" * 100_000),
    ("eth_chainId", {"a": 1}),
    ("eth_chainId", "1"),
]


@pytest.mark.parametrize(("method", "answer"), NONSENSE)
def test_an_answer_that_can_not_be_is_an_error_and_the_next_try_works(
    ledger: EvmLedger, opened: Callable[..., EvmLedger], node: FaultyNode, method: str, answer: object
) -> None:
    before, image = ledger.count(), new_image()
    node.faults[method] = says(answer)
    with pytest.raises(LedgerError), opened() as faced:
        faced.put(b"among nonsense", image_sha3_256=image, rareness=TICKET)
    node.faults.clear()
    with opened() as again:
        again.put(b"among nonsense", image_sha3_256=image, rareness=TICKET)
        assert again.count() == before + 1


# What it costs.


def balance(ledger: EvmLedger) -> int:
    return ledger.node.connection.balance(ledger.owner)


def gwei(number: int) -> str:
    return hex(number * 10**9)


def test_a_tip_that_would_empty_the_account_is_capped(ledger: EvmLedger, node: FaultyNode) -> None:
    before = balance(ledger)
    node.faults["eth_maxPriorityFeePerGas"] = says(gwei(10**7))
    ledger.put(b"a tip", image_sha3_256=new_image())
    assert before - balance(ledger) < 10**16


@pytest.mark.parametrize(
    ("method", "lie"),
    [
        ("eth_getBlockByNumber", changed(lambda block: {**block, "baseFeePerGas": gwei(10**7)})),
        ("eth_estimateGas", says(hex(600_000))),
    ],
)
def test_a_cost_above_the_limit_is_a_question(
    opened: Callable[..., EvmLedger], node: FaultyNode, method: str, lie: Fault
) -> None:
    asked: list[Question] = []
    with opened() as before:
        before.put(b"the first one", image_sha3_256=new_image())
    node.faults[method] = lie
    node.asked.clear()
    with opened(max_fee=LITTLE) as silent, pytest.raises(NotConfirmed, match=r"nothing was sent.*--max-fee \d") as told:
        silent.put(b"dear", image_sha3_256=new_image())
    assert node.sent == 0
    assert "coins of chain 31337" in str(told.value)
    with opened(max_fee=LITTLE, confirm=lambda q: bool(asked.append(q))) as refused, pytest.raises(NotConfirmed):
        refused.put(b"dear", image_sha3_256=new_image())
    assert node.sent == 0
    assert [question.kind for question in asked] == ["cost"]


def test_a_person_may_allow_a_cost_for_this_and_what_costs_no_more(
    opened: Callable[..., EvmLedger], node: FaultyNode
) -> None:
    asked: list[Question] = []

    def yes(question: Question) -> bool:
        asked.append(question)
        return True

    with opened(max_fee=Decimal("0.00001"), confirm=yes) as ledger:
        before = ledger.count()
        for _ in range(3):
            ledger.put(b"worth it", image_sha3_256=new_image())
        assert ledger.count() == before + 3
    assert {question.kind for question in asked} == {"cost"}
    assert len(asked) <= 2


def test_a_price_beyond_all_coins_is_no_question(opened: Callable[..., EvmLedger], node: FaultyNode) -> None:
    asked: list[Question] = []
    node.faults["eth_getBlockByNumber"] = changed(lambda block: {**block, "baseFeePerGas": hex(2**128)})
    node.faults["eth_getBalance"] = says(hex(2**256 - 1))
    with (
        opened(confirm=lambda q: bool(asked.append(q))) as ledger,
        pytest.raises(LedgerError, match="which can't be: nobody has that much"),
    ):
        ledger.put(b"dear", image_sha3_256=new_image())
    assert (asked, node.sent) == ([], 0)


def test_where_a_node_tells_no_tip_web3_does_not_guess_one(ledger: EvmLedger, node: FaultyNode) -> None:
    node.faults["eth_maxPriorityFeePerGas"] = refuses("the method does not exist")
    assert ledger.gist_of(ledger.put(b"no tip", image_sha3_256=new_image()).token) == b"no tip"
    assert "eth_feeHistory" not in node.asked


def test_what_was_allowed_by_the_message_is_enough(opened: Callable[..., EvmLedger], node: FaultyNode) -> None:
    with opened(max_fee=Decimal("0.00001")) as ledger, pytest.raises(NotConfirmed) as told:
        ledger.put(b"enough", image_sha3_256=new_image())
    (enough,) = re.findall(r"--max-fee ([\d.]+)", str(told.value))
    with opened(max_fee=Decimal(enough)) as ledger:
        ledger.put(b"enough", image_sha3_256=new_image())


# Whom is believed what.


def test_a_key_for_a_new_url_needs_the_chain_that_it_signs_for(
    opened: Callable[..., EvmLedger], node: FaultyNode
) -> None:
    node.faults["eth_chainId"] = says("0x1")
    with pytest.raises(SettingError, match=r"chain 1 \(Ethereum\).*give --chain-id 1"):
        opened(chain_id=None)
    assert node.sent == 0
    node.faults.clear()
    opened().close()
    with opened(chain_id=None) as known:  # this home has seen the chain behind this URL
        assert known.chain_id == CHAIN_ID


def test_signed_is_said_of_what_was_verified_alone(ledger: EvmLedger, node: FaultyNode) -> None:
    token = ledger.put(b"rated", image_sha3_256=new_image(), rareness=TICKET).token
    signed = ledger.rareness_of(token)
    assert signed is not None
    assert ", signed" in rareness_words(ticket_json(signed, None) or {})

    def better(data: str) -> str:
        """Score 10,000 and verdict 0 in place of 123 and 3."""
        return data.replace(f"{123:064x}{3:064x}", f"{10_000:064x}{0:064x}")

    node.faults[CALL] = changed(better)
    with pytest.raises(LedgerError, match="another registration for token"):
        ledger.rareness_of(token)
    node.faults["eth_getLogs"] = says([])
    claimed = ledger.rareness_of(token)
    assert claimed is not None
    assert (claimed.ticket.score, claimed.verified) == (1.0, False)
    told = ticket_json(claimed, None) or {}
    assert (told["verified"], told["signed_by"]) == (False, None)
    assert rareness_words(told) == "rareness 1.00, not verified"


def test_the_registry_is_paid_for_once(key: Path, tmp_path: Path) -> None:
    bare, home = Anvil(registry=False), tmp_path / "home"
    try:
        with faulty(bare.url) as node:
            node.faults[SEND] = takes_and(Reply(b"", status=502))
            first, second = (deploy(node.url, home, key, chain_id=CHAIN_ID, max_fee=Decimal(1))[0] for _ in range(2))
            assert node.sent == 2, "registry and trait tables"
            assert (first.address, second.address) == (compiled("registry").address,) * 2
            assert second.already
            node.faults.clear()
            with open_rpc(node.url, home, key) as ledger:
                assert ledger.count() == 0
    finally:
        bare.kill()


# How much and how long.


def test_a_reply_without_end_is_cut(ledger: EvmLedger, node: FaultyNode) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1500000000\r\n\r\n"
    node.faults[CALL] = endless = Endless(start, b" " * (1 << 20), most=1_500_000_000)
    with pytest.raises(LedgerError, match="more than 8,388,608 bytes"):
        ledger.count()
    assert endless.sent < 100 << 20, "the rest was not read"
    node.faults.clear()
    assert ledger.count() >= 0


HEADERS, BODY = b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def silence(asked: Asked) -> None:
    asked.handler.rfile.read(1)  # until the client hangs up
    asked.handler.close_connection = True


@pytest.mark.parametrize("fault", [silence, *(Endless(s, b" ", most=10**9, every_s=0.01) for s in (HEADERS, BODY))])
def test_a_reply_that_drips_is_given_up(opened: Callable[..., EvmLedger], node: FaultyNode, fault: Fault) -> None:
    opened().close()
    with opened(reply_s=1.0) as ledger:
        node.faults[CALL] = fault
        with pytest.raises(NodeDown, match="took more than 1 s for one answer"):
            ledger.count()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(ledger: EvmLedger, node: FaultyNode, status: int) -> None:
    with served({"/": Reply(b'{"jsonrpc": "2.0", "id": 0, "result": "0x"}')}) as elsewhere:
        node.faults[CALL] = lambda asked: Reply(status=status, headers={"Location": f"{elsewhere.url}/"})
        with pytest.raises(LedgerError, match="redirect, which is not followed"):
            ledger.count()
        assert elsewhere.asked() == []


def test_nothing_is_fetched_on_a_nodes_behalf(ledger: EvmLedger, node: FaultyNode) -> None:
    """EIP-3668: a call that reverts with an address, which a client is to ask."""
    from eth_abi.abi import encode

    with served({}) as elsewhere:
        kinds = ["address", "string[]", "bytes", "bytes4", "bytes"]
        asks = encode(kinds, [ledger.registry, [f"{elsewhere.url}/{{sender}}"], b"", b"\1\2\3\4", b""])
        revert = {"code": 3, "message": "execution reverted", "data": "0x556f1830" + asks.hex()}
        node.faults[CALL] = lambda asked: {"jsonrpc": "2.0", "error": revert}
        with pytest.raises(LedgerError):
            ledger.count()
        assert elsewhere.asked() == []


# Reading.


def test_a_node_is_read_without_key_home_or_registry_of_ones_own(
    ledger: EvmLedger, node: FaultyNode, tmp_path: Path
) -> None:
    token = ledger.put(b"for all to read", image_sha3_256=new_image(), rareness=TICKET).token
    node.asked.clear()
    nowhere = tmp_path / "nowhere"
    with open_rpc_to_read(node.url, nowhere, registry=ledger.registry) as reader:
        assert reader.gist_of(token) == b"for all to read"
        assert reader.rareness_of(token) == ledger.rareness_of(token)
        assert list(reader.tokens()) == list(ledger.tokens())
        with pytest.raises(LedgerError, match="opened to be read"):
            reader.put(b"x", image_sha3_256=new_image())
    with open_rpc_to_read(node.url, nowhere) as usual:
        assert usual.registry == ledger.registry
    with open_rpc_to_read(node.url, tmp_path / "home") as own:
        assert own.registry == ledger.registry
    assert node.sent == 0
    assert not nowhere.exists()
    assert os.listdir(tmp_path / "home") != []
