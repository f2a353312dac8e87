"""What every Ledger must do, on the embedded chain and on a node."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import pytest

from gistchain.digest import keccak
from gistchain.errors import AlreadyRegistered, LedgerError, UnknownToken
from gistchain.ledger.evm import open_embedded, open_rpc
from gistchain.types import Ledger, Minted, NftLink, RarenessTicket, Receipt
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil

TICKET = RarenessTicket(0.25, "copy", hashlib.sha3_256(b"evidence").digest(), 1, 2, 3)


CHAINS = ["embedded chain", *(pytest.param(name, marks=needs_anvil) for name in ("node", "two endpoints"))]


@pytest.fixture(scope="module", params=CHAINS)
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    home = tmp_path_factory.mktemp("home")
    if request.param == "embedded chain":
        with open_embedded(home) as opened:
            yield opened
        return
    key = home / "rich.key"
    key.write_text(RICH_KEY)
    node = Anvil()
    try:
        urls = [node.url, node.url.replace("127.0.0.1", "localhost")][: 1 if request.param == "node" else 2]
        with open_rpc(urls, home, key, chain_id=CHAIN_ID, timeout_s=60) as opened:
            yield opened
    finally:
        node.kill()


def new_image() -> bytes:
    return hashlib.sha3_256(os.urandom(32)).digest()


def test_it_is_a_ledger(ledger: Ledger) -> None:
    assert isinstance(ledger, Ledger)


@pytest.mark.parametrize("size", [1, 18, 19, 64, 65, 3000])
@pytest.mark.parametrize("ticket", [None, TICKET], ids=["plain", "rated"])
def test_what_is_put_comes_back(ledger: Ledger, size: int, ticket: RarenessTicket | None) -> None:
    payload, image = bytes(range(256)) * (size // 256) + bytes(range(size % 256)), new_image()
    receipt = ledger.put(payload, image_sha3_256=image, rareness=ticket)
    assert isinstance(receipt, Receipt)
    assert receipt.ledger == ledger.name
    assert receipt.size_bytes == size
    assert receipt.gas > 21_000
    assert len(bytes.fromhex(receipt.tx.removeprefix("0x"))) == 32
    assert ledger.gist_of(receipt.token) == payload
    record = ledger.token(receipt.token)
    assert (record.id, record.image_sha3_256, record.batch) == (receipt.token, image, 0)
    assert record.block == receipt.block
    assert (receipt.owner, receipt.image_sha3_256) == (record.owner, image)
    assert receipt.gist_keccak == keccak(payload)
    assert len(bytes.fromhex(receipt.block_hash.removeprefix("0x"))) == 32
    signed = ledger.rareness_of(receipt.token)
    assert (None if signed is None else signed.ticket) == ticket
    assert signed is None or (signed.signer == record.owner and signed.verified)
    assert ledger.ticket_of(receipt.token) == ticket


def test_two_payloads_become_two_tokens_in_order(ledger: Ledger) -> None:
    first, second = (ledger.put(p, image_sha3_256=new_image()) for p in (b"one", b"two"))
    assert (second.token, second.tx != first.tx) == (first.token + 1, True)
    assert [ledger.gist_of(r.token) for r in (first, second)] == [b"one", b"two"]
    assert [token.id for token in ledger.tokens()] == list(range(1, second.token + 1))


def test_an_image_is_found_by_its_hash_and_registered_once(ledger: Ledger) -> None:
    image = new_image()
    assert ledger.find(image) is None
    assert ledger.token_of(image) == 0
    assert not ledger.unanswered(image)
    receipt = ledger.put(b"said once", image_sha3_256=image)
    assert ledger.find(image) == ledger.token_of(image) == receipt.token
    assert not ledger.unanswered(image), "the caller has its answer"
    with pytest.raises(AlreadyRegistered) as refused:
        ledger.put(b"said again", image_sha3_256=image)
    assert refused.value.token == receipt.token
    assert ledger.all_for(image) == (receipt.token,)
    assert ledger.all_for(new_image()) == ()


def test_receipts_are_told_until_they_are_final(ledger: Ledger) -> None:
    receipt = ledger.put(b"told again", image_sha3_256=new_image())
    again = [one for one in ledger.receipts() if one.image_sha3_256 == receipt.image_sha3_256]
    assert again == ([] if receipt.final else [receipt])


def test_blocks_are_counted(ledger: Ledger) -> None:
    before = ledger.block()
    receipt = ledger.put(b"one more", image_sha3_256=new_image())
    assert ledger.block() == receipt.block == before + 1


def test_nobody_has_said_anything_of_a_new_token(ledger: Ledger) -> None:
    token = ledger.put(b"new", image_sha3_256=new_image(), rareness=TICKET).token
    assert ledger.attestations(token) == ()
    assert ledger.link_of(token) is None
    with pytest.raises(UnknownToken):
        ledger.attestations(token + 1)


def test_what_an_account_says_of_a_token_is_there_and_said_again_sends_nothing(ledger: Ledger) -> None:
    token = ledger.put(b"judged", image_sha3_256=new_image()).token
    assert ledger.attest(token, TICKET)
    assert ledger.attest(token, TICKET) is None
    assert [said.ticket for said in ledger.attestations(token) or ()] == [TICKET]
    with pytest.raises(UnknownToken):
        ledger.attest(token + 1, TICKET)


def test_a_token_is_linked_to_an_nft_once(ledger: Ledger) -> None:
    token = ledger.put(b"linked", image_sha3_256=new_image()).token
    nft = NftLink(1, "0x" + "12" * 20, 2**256 - 1)
    ledger.link(token, nft)
    ledger.link(token, nft)
    assert ledger.link_of(token) == nft
    with pytest.raises(LedgerError, match="linked"):
        ledger.link(token, NftLink(1, "0x" + "12" * 20, 1))


def test_a_token_becomes_an_nft_once(ledger: Ledger) -> None:
    token = ledger.put(b"shown", image_sha3_256=new_image()).token
    minted = ledger.mint(token)
    assert (minted.nft.token_id, minted.gas > 21_000) == (token, True)
    assert minted.tx
    assert ledger.mint(token) == Minted(minted.nft)
    with pytest.raises(UnknownToken):
        ledger.mint(token + 1)


def test_bad_input_is_refused_and_nothing_is_registered(ledger: Ledger) -> None:
    count = len(list(ledger.tokens()))
    for payload, image in ((b"", new_image()), (b"x" * 30_000, new_image()), (b"x", b"short")):
        with pytest.raises(LedgerError):
            ledger.put(payload, image_sha3_256=image)
    for token in (0, -1, count + 1, 2**256):
        for ask in (ledger.gist_of, ledger.token, ledger.rareness_of):
            with pytest.raises(UnknownToken):
                ask(token)
    assert len(list(ledger.tokens())) == count
