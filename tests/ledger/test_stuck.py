"""A transaction that blocks leave out, or a node does not want: what is sent in its place; it never makes two."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gistchain.digest import keccak
from gistchain.errors import LedgerError, NodeDown, NotConfirmed
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call
from gistchain.ledger.evm import EvmLedger, open_rpc
from gistchain.ledger.fees import Price
from gistchain.ledger.transaction import call_of, terms_of
from gistchain.types import NftLink, RarenessTicket, Receipt
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import Asked, FaultyNode, faulty, first, refuses

pytestmark = needs_anvil
SEND, NONCE = "eth_sendRawTransaction", "eth_getTransactionCount"
GWEI = 10**9
TICKET = RarenessTicket(0.9876, "sibling", hashlib.sha3_256(b"evidence").digest(), 3, 12, 1_700)
NFT = NftLink(1, "0x" + "12" * 20, 77)
ENDS_S = 60
"""No machine is so slow that what is waited for takes longer."""
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"stuck image %d" % next(_images)).digest()


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    yield node
    node.kill()


@pytest.fixture
def node(anvil: Anvil) -> Iterator[FaultyNode]:
    with faulty(anvil.url) as opened:
        yield opened


@pytest.fixture
def opened(node: FaultyNode, tmp_path: Path) -> Callable[..., EvmLedger]:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    told = {"chain_id": CHAIN_ID, "timeout_s": ENDS_S, "replace_after": 3}
    return lambda **more: open_rpc(node.url, tmp_path / "home", tmp_path / "rich.key", **{**told, **more})


@pytest.fixture
def ledger(opened: Callable[..., EvmLedger]) -> Iterator[EvmLedger]:
    with opened() as here:
        yield here


class Seen:
    """The transactions that the node was given, each with what the outbox held at that moment."""

    def __init__(self, node: FaultyNode, home: Path) -> None:
        self.raw: list[bytes] = []
        self.journalled: list[bool] = []
        self.lost = False
        self._home = home
        node.faults[SEND] = self

    def __call__(self, asked: Asked) -> Any:
        raw = bytes.fromhex(asked.params[0][2:])
        with closing(sqlite3.connect(self._home / "outbox.sqlite")) as db:
            rows = [row for (row,) in db.execute("SELECT raw FROM attempts")]
        took = {"jsonrpc": "2.0", "result": "0x" + keccak(raw).hex()} if self.lost else asked.passed_on()
        self.journalled.append(raw in rows)
        self.raw.append(raw)
        return took

    @property
    def prices(self) -> list[Price]:
        return [terms_of(raw)[2] for raw in self.raw]


@pytest.fixture
def seen(node: FaultyNode, tmp_path: Path) -> Seen:
    return Seen(node, tmp_path / "home")


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + ENDS_S
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


class Putting:
    """A registration that goes on while the test mines."""

    def __init__(self, ledger: EvmLedger, gist: bytes, image: bytes) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._receipt = self._thread.submit(ledger.put, gist, image_sha3_256=image)

    def done(self) -> Receipt:
        with self._thread:
            return self._receipt.result(ENDS_S)


def mine_without(anvil: Anvil, blocks: int, base_wei: int = 100 * GWEI) -> None:
    """Blocks whose base fee is more than a waiting transaction offers."""
    for _ in range(blocks):
        anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(base_wei))
        anvil.ask("evm_mine")


def mine_full(anvil: Anvil, blocks: int) -> None:
    """Blocks without room for a registration, which goes on waiting."""
    anvil.ask("evm_setBlockGasLimit", hex(30_000))
    for _ in range(blocks):
        anvil.ask("evm_mine")
    anvil.ask("evm_setBlockGasLimit", hex(30_000_000))


def raised_by_an_eighth(before: Price, after: Price) -> bool:
    assert before.tip_wei is not None
    assert after.tip_wei is not None
    return 8 * after.most_wei >= 9 * before.most_wei and 8 * after.tip_wei >= 9 * before.tip_wei


Act = Callable[[EvmLedger, int], object]
ACTS: dict[str, Act] = {
    "attest": lambda ledger, token: ledger.attest(token, TICKET),
    "link": lambda ledger, token: ledger.link(token, NFT),
    "mint": lambda ledger, token: ledger.mint(token),
    "table": lambda ledger, token: ledger.add_table(b"a table of %d" % token),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_is_said_of_a_token_is_replaced_too_where_it_is_left_out(
    ledger: EvmLedger, anvil: Anvil, seen: Seen, act: Act
) -> None:
    token = ledger.put(b"a token", image_sha3_256=new_image()).token
    ledger.node.consent.most_wei = 10**18
    seen.raw.clear()
    anvil.ask("evm_setAutomine", False)
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act, ledger, token)
        until(lambda: len(seen.raw) == 1)
        mine_without(anvil, 4)
        until(lambda: len(seen.raw) == 2)
        anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        anvil.ask("evm_mine")
        acting.result(ENDS_S)
    assert all(seen.journalled)
    assert len({terms_of(raw)[0] for raw in seen.raw}) == 1
    assert raised_by_an_eighth(*seen.prices[:2])


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_is_said_of_a_token_is_sent_once_however_often_it_is_tried(
    opened: Callable[..., EvmLedger], anvil: Anvil, seen: Seen, act: Act
) -> None:
    with opened(timeout_s=1) as ledger:
        token = ledger.put(b"a token", image_sha3_256=new_image()).token
        seen.raw.clear()
        anvil.ask("evm_setAutomine", False)
        with pytest.raises(NodeDown, match="is in no block"):
            act(ledger, token)
    with opened() as ledger, ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act, ledger, token)
        until(acting.running)
        anvil.ask("evm_mine")
        acting.result(ENDS_S)
        act(ledger, token)  # it is so already
    assert len(set(seen.raw)) == 1


def test_what_is_said_again_after_something_else_is_sent_again(opened: Callable[..., EvmLedger], seen: Seen) -> None:
    other = replace(TICKET, score=0.5)
    with opened() as ledger:
        token = ledger.put(b"a token", image_sha3_256=new_image()).token
        seen.raw.clear()
        for ticket in (TICKET, other, TICKET, other):
            ledger.attest(token, ticket)
            (said,) = ledger.attestations(token) or ()
            assert said.ticket == ticket
    assert len(set(seen.raw)) == 4


def test_one_that_blocks_leave_out_is_replaced_at_a_higher_fee(ledger: EvmLedger, anvil: Anvil, seen: Seen) -> None:
    ledger.node.consent.most_wei = 10**18
    anvil.ask("evm_setAutomine", False)
    putting = Putting(ledger, b"stuck", new_image())
    until(lambda: len(seen.raw) == 1)
    mine_without(anvil, 3)
    until(lambda: len(seen.raw) == 2)
    anvil.ask("evm_mine")
    receipt = putting.done()
    assert receipt.tx == "0x" + keccak(seen.raw[1]).hex()
    assert (ledger.count(), ledger.gist_of(1)) == (1, b"stuck")
    assert terms_of(seen.raw[0])[:2] == terms_of(seen.raw[1])[:2]
    assert call_of(seen.raw[0]) == call_of(seen.raw[1])
    assert raised_by_an_eighth(*seen.prices)
    assert seen.prices[1].most_wei >= 2 * 87 * GWEI  # what is usual now
    assert seen.journalled == [True, True]


def test_the_first_attempt_is_as_good_an_outcome(ledger: EvmLedger, anvil: Anvil, seen: Seen) -> None:
    ledger.node.consent.most_wei = 10**18
    anvil.ask("evm_setAutomine", False)
    putting = Putting(ledger, b"first", new_image())
    until(lambda: len(seen.raw) == 1)
    seen.lost = True  # whoever makes the block never hears of the second
    mine_without(anvil, 3)
    until(lambda: len(seen.raw) == 2)
    mine_without(anvil, 1, GWEI)
    anvil.ask("eth_sendRawTransaction", "0x" + seen.raw[0].hex())  # anvil had dropped it
    anvil.ask("evm_mine")
    assert putting.done().tx == "0x" + keccak(seen.raw[0]).hex()
    assert ledger.count() == 1


def test_each_attempt_waits_for_as_many_blocks_and_a_retry_counts_those_before(
    opened: Callable[..., EvmLedger], anvil: Anvil, seen: Seen, tmp_path: Path
) -> None:
    image = new_image()
    anvil.ask("evm_setAutomine", False)
    with opened(timeout_s=0.2, max_fee=Decimal(1)) as ledger, pytest.raises(NodeDown, match="run the same command"):
        ledger.put(b"retried", image_sha3_256=image)
    mine_full(anvil, 3)
    with opened(max_fee=Decimal(1)) as ledger:
        putting = Putting(ledger, b"retried", image)
        until(lambda: len(seen.raw) == 2)
        mine_full(anvil, 3)
        until(lambda: len(seen.raw) == 3)
        with closing(sqlite3.connect(tmp_path / "home" / "outbox.sqlite")) as db:
            since = [number for (number,) in db.execute("SELECT since FROM attempts ORDER BY id")]
        anvil.ask("evm_mine")
        receipt = putting.done()
        assert receipt.tx == "0x" + keccak(seen.raw[2]).hex()
        assert ledger.count() == 1
    assert since == [0, 3, 6]
    assert len({terms_of(raw)[0] for raw in seen.raw}) == 1
    assert all(raised_by_an_eighth(before, after) for before, after in itertools.pairwise(seen.prices))


def test_no_more_is_offered_than_a_person_allows(opened: Callable[..., EvmLedger], anvil: Anvil, seen: Seen) -> None:
    anvil.ask("evm_setAutomine", False)
    asked: list[str] = []

    def no(question: Any) -> bool:
        asked.append(question.text)
        return False

    image = new_image()
    with opened(max_fee=Decimal("0.0005"), confirm=no, timeout_s=0.2) as ledger:
        with pytest.raises(NodeDown):
            ledger.put(b"dear", image_sha3_256=image)
        mine_full(anvil, 3)
        with pytest.raises(NodeDown, match=r"a higher fee was not offered .*run the same command again"):
            ledger.put(b"dear", image_sha3_256=image)
        assert (len(seen.raw), len(asked)) == (1, 1)
        anvil.ask("evm_mine")
        assert ledger.put(b"dear", image_sha3_256=image).token == 1
    assert (len(seen.raw), len(asked)) == (1, 1)


def test_another_registration_that_waits_behind_a_stuck_one_moves_it(
    opened: Callable[..., EvmLedger], anvil: Anvil, seen: Seen
) -> None:
    stuck, behind = new_image(), new_image()
    anvil.ask("evm_setAutomine", False)
    with opened(timeout_s=0.2, max_fee=Decimal(1)) as ledger, pytest.raises(NodeDown):
        ledger.put(b"stuck", image_sha3_256=stuck)
    mine_full(anvil, 3)
    with opened(max_fee=Decimal(1)) as ledger:
        putting = Putting(ledger, b"behind", behind)
        until(lambda: len(seen.raw) == 3)  # the second one, and the first at a higher fee
        anvil.ask("evm_mine")
        putting.done()
        assert ledger.gist_of(ledger.token_of(stuck)) == b"stuck"
        assert ledger.put(b"stuck", image_sha3_256=stuck).token == ledger.token_of(stuck)
        assert ledger.count() == 2


@pytest.mark.parametrize("text", ["transaction underpriced", "max fee per gas less than block base fee", "FeeTooLow"])
def test_a_node_that_wants_more_is_offered_more(ledger: EvmLedger, node: FaultyNode, seen: Seen, text: str) -> None:
    offered: list[bytes] = []

    def wants_more(asked: Asked) -> Any:
        offered.append(bytes.fromhex(asked.params[0][2:]))
        return refuses(text)(asked) if len(offered) < 3 else seen(asked)

    node.faults[SEND] = wants_more
    receipt = ledger.put(b"underpriced", image_sha3_256=new_image())
    assert (ledger.count(), len(offered)) == (1, 3)
    assert receipt.tx == "0x" + keccak(offered[-1]).hex()
    assert len({terms_of(raw)[0] for raw in offered}) == 1
    first_price, _, last_price = (terms_of(raw)[2] for raw in offered)
    assert last_price.most_wei >= 4 * first_price.most_wei


def test_a_node_that_wants_too_much_gets_nothing(opened: Callable[..., EvmLedger], node: FaultyNode) -> None:
    with opened(max_fee=Decimal("0.001")) as ledger:
        node.faults[SEND] = refuses("transaction underpriced")
        with pytest.raises(NotConfirmed, match=r"the limit is 0\.001"):
            ledger.put(b"too dear", image_sha3_256=new_image())
        assert ledger.count() == 0


def test_a_node_without_room_is_asked_again_with_the_same(ledger: EvmLedger, node: FaultyNode, seen: Seen) -> None:
    given: list[str] = []

    def full(asked: Asked) -> Any:
        given.append(asked.params[0])
        return refuses("txpool is full")(asked) if len(given) < 4 else seen(asked)

    node.faults[SEND] = full
    receipt = ledger.put(b"full", image_sha3_256=new_image())
    assert (len(given), len(set(given)), ledger.count()) == (4, 1, 1)
    assert ledger.gist_of(receipt.token) == b"full"


def test_a_node_that_stays_full_is_named(opened: Callable[..., EvmLedger], node: FaultyNode) -> None:
    image = new_image()
    with opened(timeout_s=0.2) as ledger:
        node.faults[SEND] = refuses("txpool is full")
        with pytest.raises(NodeDown, match=r"has no room for one more .*run the same command again"):
            ledger.put(b"full", image_sha3_256=image)
    node.faults.clear()
    with opened() as ledger:
        assert ledger.put(b"full", image_sha3_256=image).token == 1
        assert ledger.count() == 1


def test_a_gap_before_it_is_named_and_once_it_is_filled_there_is_one_token(
    opened: Callable[..., EvmLedger], anvil: Anvil, node: FaultyNode
) -> None:
    image = new_image()
    # The node says that another transaction of the account waits, and has lost it.
    node.faults[NONCE] = lambda asked: (
        {"jsonrpc": "2.0", "result": "0x1"} if asked.params[1] == "pending" else asked.passed_on()
    )
    with opened(timeout_s=0.5) as ledger, pytest.raises(NodeDown, match=r"before it, nonce 0, are in none"):
        ledger.put(b"gap", image_sha3_256=image)
    node.faults.clear()
    with opened() as ledger:
        account = Account(bytes.fromhex(RICH_KEY))
        raw, _ = account.sign_transaction(
            Call("0x" + "77" * 20), Price(10 * GWEI, GWEI), gas=21_000, nonce=0, chain_id=CHAIN_ID
        )
        anvil.ask("eth_sendRawTransaction", "0x" + raw.hex())
        assert ledger.put(b"gap", image_sha3_256=image).token == 1
        assert ledger.count() == 1


def test_a_transaction_that_is_copied_from_the_mempool_takes_nobodys_place(
    ledger: EvmLedger, anvil: Anvil, seen: Seen
) -> None:
    image = new_image()
    anvil.ask("evm_setAutomine", False)
    putting = Putting(ledger, b"seen by all", image)
    until(lambda: len(seen.raw) == 1)
    thief = anvil.ask("eth_accounts")[1]
    call = call_of(seen.raw[0])
    anvil.ask(
        "eth_sendTransaction",
        {"from": thief, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(500_000), "gasPrice": hex(90 * GWEI)},
    )
    anvil.ask("evm_mine")
    receipt = putting.done()
    assert (ledger.find(image), receipt.token) == (1, 2)  # the copy was first
    assert ledger.token(2).owner == ledger.owner == receipt.owner
    assert ledger.token_of(image) == 2
    assert ledger.all_for(image) == (1, 2)


def test_a_refusal_for_want_of_one_before_it_says_so(ledger: EvmLedger, node: FaultyNode) -> None:
    node.faults[SEND] = first(1, refuses("nonce too high"))
    with pytest.raises(LedgerError, match="one before it is missing there"):
        ledger.put(b"too high", image_sha3_256=new_image())
    assert ledger.count() == 0
