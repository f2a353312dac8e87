"""The same client on a node that another program runs: anvil, on a free port of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from gistchain import systems
from gistchain.errors import AlreadyRegistered, LedgerError, NodeDown, OutOfGas, SettingError, UnknownToken, WrongChain
from gistchain.image import read_image
from gistchain.ledger.archive import deploy_archive, put_file
from gistchain.ledger.connection import Call
from gistchain.ledger.evm import EvmLedger, open_embedded, open_rpc
from gistchain.ledger.gas import MAX_GIST_BYTES
from gistchain.ledger.relay import relay, sign
from gistchain.ledger.remote import Remote
from gistchain.ledger.ticket import Registration
from gistchain.pipeline import Registry
from gistchain.rareness.book import Book
from gistchain.settings import load
from gistchain.types import RarenessTicket
from tests.ledger.measured import MEASURED_GAS, MEASURED_RATED_GAS
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, free_port, needs_anvil
from tests.support.pictures import encoded

_images = itertools.count(1)


def web3_of(ledger: EvmLedger) -> Any:
    """Another client of the node, by which ours is checked."""
    connection = ledger.node.connection
    assert isinstance(connection, Remote)
    return connection.w3


def new_image() -> bytes:
    return hashlib.sha3_256(b"node image %d" % next(_images)).digest()


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    yield node
    node.kill()


@pytest.fixture
def nodes() -> Iterator[Callable[..., Anvil]]:
    started: list[Anvil] = []

    def start(*options: str, port: int | None = None) -> Anvil:
        started.append(Anvil(*options, port=port))
        return started[-1]

    yield start
    for node in started:
        node.kill()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "rich.key"
    path.write_text(RICH_KEY)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(anvil: Anvil, home: Path, key: Path) -> Iterator[EvmLedger]:
    with open_rpc(anvil.url, home, key, chain_id=CHAIN_ID, max_fee=Decimal(1), timeout_s=30) as opened:
        yield opened


def leave_in_flight(
    node: Anvil, ledger: EvmLedger, gist: bytes, image: bytes, ticket: RarenessTicket | None = None
) -> None:
    """Send a registration to a node that mines nothing until it is told to."""
    node.ask("evm_setAutomine", False)
    ledger.node.timeout_s = 0.5
    with pytest.raises(NodeDown):
        ledger.put(gist, image_sha3_256=image, rareness=ticket)


def mine_again(node: Anvil, ledger: EvmLedger) -> None:
    node.ask("evm_setAutomine", True)
    ledger.node.timeout_s = 20


@needs_anvil
@pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 65, 1000, MAX_GIST_BYTES])
def test_a_gist_registered_at_a_node_comes_back(ledger: EvmLedger, size: int) -> None:
    gist = os.urandom(size)
    image = new_image()
    receipt = ledger.put(gist, image_sha3_256=image)
    token = ledger.token(receipt.token)
    assert ledger.gist_of(receipt.token) == gist
    assert (token.owner, token.image_sha3_256, token.block) == (ledger.owner, image, receipt.block)
    assert abs(token.block_time - time.time()) < 600
    assert ledger.find(image) == token.id
    with pytest.raises(AlreadyRegistered):
        ledger.put(gist, image_sha3_256=image)


@needs_anvil
def test_a_node_charges_what_the_embedded_chain_charges(ledger: EvmLedger) -> None:
    ledger.put(b"." * 65, image_sha3_256=new_image())
    for size in (10, 64, 100, 1024):
        receipt = ledger.put(b"\xaa" * size, image_sha3_256=b"\xff" + new_image()[1:])
        assert abs(receipt.gas - MEASURED_GAS[size]) < 150


TICKET = RarenessTicket(0.9876, "sibling", hashlib.sha3_256(b"e").digest(), 3, 123_456, 1_700)


@needs_anvil
@pytest.mark.parametrize("size", [10, 18, 19, 1024])
def test_a_node_keeps_the_ticket_for_the_same_gas(ledger: EvmLedger, size: int) -> None:
    ledger.put(b"." * 65, image_sha3_256=new_image())
    receipt = ledger.put(b"\xaa" * size, image_sha3_256=b"\xff" + new_image()[1:], rareness=TICKET)
    assert abs(receipt.gas - MEASURED_RATED_GAS[size]) < 150
    assert ledger.gist_of(receipt.token) == b"\xaa" * size
    rareness = ledger.rareness_of(receipt.token)
    assert rareness is not None
    assert (rareness.ticket, rareness.signer) == (TICKET, ledger.owner)
    assert rareness.verified


@needs_anvil
def test_a_node_says_why_the_registry_refused(ledger: EvmLedger) -> None:
    wanted = Registration(ledger.owner, new_image(), b"x", TICKET)
    other = replace(wanted, ticket=replace(TICKET, score=1.0))
    with pytest.raises(LedgerError, match=r"refused: .*signature is not the owner's"):
        relay(ledger, other, sign(ledger, wanted))


@needs_anvil
def test_how_rare_an_image_is_can_be_read_at_the_node(ledger: EvmLedger, home: Path, key: Path, anvil: Anvil) -> None:
    pixels = np.random.default_rng().integers(0, 255, (12, 12, 3), dtype=np.uint8)
    first = Image.fromarray(pixels).resize((240, 240), Image.Resampling.BICUBIC)
    book = Book(systems.checker(load({"home": home}, {})), ledger, name=ledger.name)
    registry = Registry(ledger, systems.rosis(), book)
    source, copy = (
        registry.register(read_image(encoded(image)), caption="colours") for image in (first, ImageOps.mirror(first))
    )
    with open_rpc(anvil.url, home.with_name("reader"), key, chain_id=CHAIN_ID, registry=ledger.registry) as reader:
        kept = reader.rareness_of(copy.token)
    assert kept is not None
    assert kept.signer == ledger.owner
    assert kept.ticket.verdict in ("copy", "unsure")
    assert copy.rareness is not None
    assert copy.rareness.nearest is not None
    assert copy.rareness.nearest.token == source.token


@needs_anvil
def test_a_retry_with_another_ticket_sends_the_first_one(nodes: Callable[..., Anvil], home: Path, key: Path) -> None:
    node = nodes()
    image = new_image()
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID) as ledger:
        leave_in_flight(node, ledger, b"in flight", image, TICKET)
        (journalled,) = sent_transactions(home)
        node.ask("anvil_dropAllTransactions")
        mine_again(node, ledger)
        later = replace(TICKET, score=0.5, evidence=b"\2" * 32)
        receipt = ledger.put(b"in flight", image_sha3_256=image, rareness=later)
        assert receipt.tx == journalled
        assert ledger.count() == 1
        rareness = ledger.rareness_of(1)
        assert rareness is not None
        assert rareness.ticket == TICKET


@needs_anvil
def test_the_archive_works_at_a_node(ledger: EvmLedger) -> None:
    receipts = put_file(ledger, deploy_archive(ledger), os.urandom(100_000))
    assert [receipt.size_bytes for receipt in receipts] == [102_400, 30_936]


@needs_anvil
def test_the_registry_is_remembered(anvil: Anvil, home: Path, key: Path, tmp_path: Path) -> None:
    with open_rpc(anvil.url, home, key, chain_id=CHAIN_ID) as first:
        token = first.put(b"kept", image_sha3_256=new_image()).token
    with open_rpc(anvil.url, home, key, chain_id=CHAIN_ID) as second:
        assert second.registry == first.registry
        assert second.gist_of(token) == b"kept"
    with open_rpc(anvil.url, tmp_path / "elsewhere", registry=first.registry) as stranger:
        assert stranger.owner != first.owner
        assert stranger.gist_of(token) == b"kept"
        with pytest.raises(UnknownToken):
            stranger.gist_of(token + 1)


@needs_anvil
def test_an_account_without_ether_is_told_how_much_it_needs(anvil: Anvil, ledger: EvmLedger, tmp_path: Path) -> None:
    with (
        open_rpc(anvil.url, tmp_path / "poor", registry=ledger.registry) as poor,
        pytest.raises(OutOfGas, match=rf"{poor.owner} has 0 wei .* needs up to \d{{10,}} wei"),
    ):
        poor.put(b"x", image_sha3_256=new_image())


@needs_anvil
def test_two_processes_with_one_key_both_register(anvil: Anvil, ledger: EvmLedger, home: Path, key: Path) -> None:
    with open_rpc(anvil.url, home, key, chain_id=CHAIN_ID) as other:
        images = [new_image() for _ in range(20)]
        threads = [
            threading.Thread(target=lambda who=who, mine=mine: [who.put(i, image_sha3_256=i) for i in mine])
            for who, mine in ((ledger, images[::2]), (other, images[1::2]))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tokens = [ledger.token_of(image) for image in images]
        assert len(set(tokens)) == 20
        assert [ledger.gist_of(token) for token in tokens] == images


@needs_anvil
@pytest.mark.parametrize("address", ["0x" + "11" * 20, "0x" + "00" * 19 + "04"])
def test_an_address_without_our_contract_is_refused(anvil: Anvil, home: Path, key: Path, address: str) -> None:
    with pytest.raises(LedgerError, match="no contract"):
        open_rpc(anvil.url, home, key, chain_id=CHAIN_ID, registry=address)


@needs_anvil
def test_another_contract_is_not_taken_for_a_registry(anvil: Anvil, ledger: EvmLedger, home: Path, key: Path) -> None:
    archive = deploy_archive(ledger)
    with pytest.raises(LedgerError, match="other code"):
        open_rpc(anvil.url, home, key, chain_id=CHAIN_ID, registry=archive)
    with pytest.raises(SettingError, match="is not an address"):
        open_rpc(anvil.url, home, key, chain_id=CHAIN_ID, registry="0x12")


@needs_anvil
def test_another_chain_behind_the_same_url_is_noticed(nodes: Callable[..., Anvil], home: Path, key: Path) -> None:
    node = nodes("--chain-id", "4242")
    with open_rpc(node.url, home, key, chain_id=4242, confirm=lambda question: question.kind == "public"):
        pass
    with pytest.raises(WrongChain, match=r"chain 4242.*4243"):
        open_rpc(node.url, home, key, chain_id=4243)
    node.kill()
    other = nodes("--chain-id", "777", port=node.port)
    with pytest.raises(WrongChain, match=r"chain 777 .*chain 4242"):
        open_rpc(other.url, home, key)
    other.kill()
    again = nodes("--chain-id", "4242", "--timestamp", "1700000000", port=node.port)
    with pytest.raises(WrongChain, match=r"genesis"):  # the same number, another chain
        open_rpc(again.url, home, key)


@needs_anvil
def test_a_node_that_dies_before_the_receipt_leads_to_one_token(
    nodes: Callable[..., Anvil], home: Path, key: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    node = nodes("--state", str(state), "--state-interval", "1")
    image = new_image()
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID, timeout_s=20) as ledger:
        ledger.put(b"before", image_sha3_256=new_image())
        wait_for_state(state)
        node.ask("evm_setAutomine", False)
        ledger.node.timeout_s = 1
        with pytest.raises(NodeDown, match="run the same command again"):
            ledger.put(b"in flight", image_sha3_256=image)
        node.kill()
        with pytest.raises(NodeDown, match="doesn't answer"):
            ledger.put(b"in flight", image_sha3_256=image)
    journalled = sent_transactions(home)
    assert len(journalled) == 1

    node.start()  # its pending transactions are gone, its blocks are not
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID, timeout_s=20) as ledger:
        assert ledger.count() == 1
        receipt = ledger.put(b"in flight", image_sha3_256=image)
        assert [receipt.tx] == journalled, "the same transaction, not another one"
        assert ledger.count() == 2
        assert ledger.gist_of(receipt.token) == b"in flight"
        with pytest.raises(AlreadyRegistered) as refused:
            ledger.put(b"in flight", image_sha3_256=image)
        assert refused.value.token == receipt.token
    assert sent_transactions(home) == []


@needs_anvil
def test_a_transaction_that_was_mined_meanwhile_is_found_again(
    nodes: Callable[..., Anvil], home: Path, key: Path
) -> None:
    node = nodes()
    image = new_image()
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID) as ledger:
        leave_in_flight(node, ledger, b"late", image)
        node.ask("evm_mine")
        assert ledger.count() == 1
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID) as ledger:
        receipt = ledger.put(b"late", image_sha3_256=image)
        assert (receipt.token, ledger.count()) == (1, 1)
        assert receipt.gas == web3_of(ledger).eth.get_transaction_receipt(receipt.tx)["gasUsed"]


@needs_anvil
def test_other_words_for_an_image_in_flight_are_not_taken_for_the_same(
    nodes: Callable[..., Anvil], home: Path, key: Path
) -> None:
    node = nodes()
    image = new_image()
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID) as ledger:
        leave_in_flight(node, ledger, b"first words", image)
        node.ask("evm_setAutomine", True)
        node.ask("evm_mine")
        with pytest.raises(AlreadyRegistered):
            ledger.put(b"other words", image_sha3_256=image)
        assert ledger.gist_of(1) == b"first words"
        assert ledger.count() == 1


@needs_anvil
def test_a_journalled_transaction_whose_nonce_went_to_another_is_signed_anew(
    nodes: Callable[..., Anvil], home: Path, key: Path
) -> None:
    node = nodes()
    image = new_image()
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID) as ledger:
        leave_in_flight(node, ledger, b"evicted", image)
        (lost,) = sent_transactions(home)
        node.ask("anvil_dropTransaction", lost)
        mine_again(node, ledger)
        ledger.run(Call("0x" + "77" * 20))
        receipt = ledger.put(b"evicted", image_sha3_256=image)
        assert receipt.tx != lost
        assert ledger.count() == 1
        assert ledger.gist_of(receipt.token) == b"evicted"


@needs_anvil
def test_transactions_lost_together_are_sent_again_in_order(nodes: Callable[..., Anvil], home: Path, key: Path) -> None:
    node = nodes()
    images = [new_image() for _ in range(3)]
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID) as ledger:
        for image in images:
            leave_in_flight(node, ledger, image, image)
        node.ask("anvil_dropAllTransactions")
        mine_again(node, ledger)
        receipts = [ledger.put(image, image_sha3_256=image) for image in reversed(images)]
        assert ledger.count() == 3
        assert [ledger.gist_of(receipt.token) for receipt in receipts] == images[::-1]


@needs_anvil
def test_a_node_without_fee_market_gets_legacy_transactions(nodes: Callable[..., Anvil], home: Path, key: Path) -> None:
    node = nodes("--hardfork", "berlin")
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID) as ledger:
        receipt = ledger.put(b"old rules", image_sha3_256=new_image())
        assert ledger.gist_of(receipt.token) == b"old rules"
        assert web3_of(ledger).eth.get_transaction(receipt.tx)["type"] == 0
        assert ledger.rareness_of(ledger.put(b"rated", image_sha3_256=new_image(), rareness=TICKET).token)


def test_a_node_that_is_not_there_is_down(home: Path) -> None:
    url = f"http://user:hunter2@127.0.0.1:{free_port()}/v3/secret-api-key?token=hush"
    with pytest.raises(NodeDown, match=r"http://127\.0\.0\.1:\d+ doesn't answer") as down:
        open_rpc(url, home)
    assert not any(secret in str(down.value) for secret in ("hunter2", "secret-api-key", "hush"))


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers every POST with 501."""

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(handler: type[Quiet]) -> Iterator[str]:
    """The address of a server that is no node."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "answer", ["", "[]", "null", "{}", '"x"', '{"result": null}', '{"result": {"a": []}}', "[" * 9999]
)
def test_nonsense_from_a_node_is_an_error(home: Path, answer: str) -> None:
    class Nonsense(Quiet):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

    with served(Nonsense) as url, pytest.raises(LedgerError):
        open_rpc(url, home)


def test_something_that_is_no_node_is_an_error(home: Path) -> None:
    with served(Quiet) as url, pytest.raises(LedgerError):
        open_rpc(url, home)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1:8545", "http://", "ws://h", "http://h:x"]
)
def test_only_http_urls_are_nodes(home: Path, url: str) -> None:
    with pytest.raises(SettingError, match="http"):
        open_rpc(url, home)


def test_a_damaged_ledgers_file_is_said(home: Path) -> None:
    home.mkdir()
    (home / "ledgers.json").write_text('{"embedded": 7}')
    with pytest.raises(LedgerError, match=r"ledgers\.json"):
        open_embedded(home)
    (home / "ledgers.json").write_text(json.dumps({}))
    with open_embedded(home) as ledger:
        assert ledger.count() == 0


def sent_transactions(home: Path) -> list[str]:
    import sqlite3

    with contextlib.closing(sqlite3.connect(home / "outbox.sqlite")) as db:
        return [tx for (tx,) in db.execute("SELECT tx FROM attempts WHERE block IS NULL ORDER BY nonce")]


def wait_for_state(path: Path) -> None:
    """Until anvil has written its state twice more: then it holds all that was in blocks before."""
    deadline = time.monotonic() + 120
    seen: set[int] = set()
    while len(seen) < 3:
        assert time.monotonic() < deadline, "anvil wrote no state"
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.1)
