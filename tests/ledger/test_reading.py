"""Batches, attestations and links that others wrote, read by the contract and in the state, where both must agree."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gistchain.errors import LedgerError, PacketError, UnknownToken
from gistchain.ledger import abi
from gistchain.ledger import ticket as tickets
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded, open_rpc
from gistchain.ledger.node import Node
from gistchain.ledger.outbox import Outbox
from gistchain.ledger.reader import PAGE, RegistryReader
from gistchain.ledger.relay import relay
from gistchain.ledger.sending import Sender
from gistchain.ledger.snapshot import Snapshot
from gistchain.ledger.ticket import Registration
from gistchain.listing import listing
from gistchain.pipeline import Registry
from gistchain.types import Attestation, Ledger, NftLink, RarenessTicket, SignedRareness
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil

TICKET = RarenessTicket(0.9876, "sibling", hashlib.sha3_256(b"evidence").digest(), 3, 123_456, 1_700)
ALWAYS_YES = bytes.fromhex("7f1626ba7e" + "00" * 28 + "60005260206000f3")
"""Code of a contract that takes every signature (ERC-1271)."""
NFT = NftLink(1, "0x" + "12" * 20, 2**256 - 1)


@pytest.fixture(params=["embedded", pytest.param("node", marks=needs_anvil)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EvmLedger]:
    if request.param == "embedded":
        with open_embedded(tmp_path) as opened:
            yield opened
        return
    node = Anvil()
    (tmp_path / "rich.key").write_text(RICH_KEY)
    try:
        with open_rpc(node.url, tmp_path, tmp_path / "rich.key", chain_id=CHAIN_ID) as opened:
            yield opened
    finally:
        node.kill()


def batch_of(gists: list[bytes], *, common: bytes, width: int, rated: bool) -> tuple[list[bytes], bytes]:
    """The images' hashes in their order, and the data as registry.vy wants it."""
    hashes = sorted(os.urandom(32) for _ in gists)
    data = bytes([rated]) + len(gists).to_bytes(2) + bytes([width, len(common)]) + common
    if rated:
        data += TICKET.evidence + TICKET.checker.to_bytes(2) + TICKET.as_of.to_bytes(5)
        data += TICKET.compared_with.to_bytes(4)
    data += b"".join(hashes)
    if rated:
        data += b"".join((9_000 + k).to_bytes(2) + bytes([k % 5]) for k in range(len(gists)))
    if width == 0:
        data += b"".join(sum(map(len, gists[: k + 1])).to_bytes(2) for k in range(len(gists)))
    return hashes, data + b"".join(gists)


@pytest.mark.parametrize("rated", [True, False], ids=["rated", "plain"])
@pytest.mark.parametrize("width", [0, 4])
@pytest.mark.parametrize("common", [b"", b"a head of"])
def test_tokens_of_a_batch_are_read_as_others(ledger: EvmLedger, rated: bool, width: int, common: bytes) -> None:
    alone = ledger.put(b"alone", image_sha3_256=os.urandom(32)).token
    gists = [os.urandom(width or 1 + k) for k in range(7)]  # more than there are verdicts
    hashes, data = batch_of(gists, common=common, width=width, rated=rated)
    sent = ledger.run(ledger.call("registerBatch", data))
    block = sent.block
    after = ledger.put(b"." * 100, image_sha3_256=os.urandom(32), rareness=TICKET).token
    assert (alone, after, ledger.count()) == (1, 9, 9)
    tokens = list(ledger.tokens())
    assert tokens == [ledger.token(k) for k in range(1, 10)]
    for k, (image, gist) in enumerate(zip(hashes, gists, strict=True)):
        token = tokens[1 + k]
        assert token.id == 2 + k
        assert (token.image_sha3_256, token.owner, token.block, token.batch) == (image, ledger.owner, block, 1)
        assert ledger.gist_of(token.id) == common + gist
        ticket = replace(TICKET, score=(9_000 + k) / 10_000, verdict=tickets.VERDICTS[k % 5]) if rated else None
        assert ledger.ticket_of(token.id) == ticket
        assert ledger.rareness_of(token.id) == (SignedRareness(ticket, ledger.owner, True, sent.tx) if ticket else None)


def test_tokens_of_proofs_have_a_record_and_no_gist(ledger: EvmLedger) -> None:
    ledger.run(ledger.call("registerProofs", b"\1" * 32, 3, b"what the leaves are"))
    ledger.put(b"alone", image_sha3_256=b"\7" * 32)
    assert [(token.batch, token.image_sha3_256) for token in ledger.tokens()] == [(1, bytes(32))] * 3 + [
        (0, b"\7" * 32)
    ]
    for token in (1, 3):
        with pytest.raises(PacketError, match=f"token {token} is of batch 1"):
            ledger.gist_of(token)
        assert ledger.ticket_of(token) is None
    rows = list(listing(Registry(ledger), lambda _: None))
    assert [row.readable for row in rows] == [False] * 4  # b"alone" is no packet either


def test_a_batch_of_nonsense_does_not_break_the_list(ledger: EvmLedger, tmp_path: Path) -> None:
    """The contract checks the size of the whole, and neither the ends of its gists nor its tickets."""
    hashes, data = batch_of([b"ab", b"cd", b"ef", b"gh"], common=b"", width=0, rated=True)
    ends, ratings = len(data) - 16, len(data) - 28
    for at, bad in ((ends + 2, b"\0\1"), (ends + 4, b"\xff\xff"), (ratings, b"\xff\xff\0"), (ratings + 3, b"\0\0\x09")):
        data = data[:at] + bad + data[at + len(bad) :]
    ledger.run(ledger.call("registerBatch", data))
    ledger.put(b"after it", image_sha3_256=b"\7" * 32)
    with contextlib.ExitStack() as undo:
        both: list[Ledger] = [RegistryReader(ledger.node, registry=ledger.registry, close=lambda: None)]
        if ledger.chain_id != CHAIN_ID:
            both.append(undo.enter_context(Snapshot(tmp_path)))
        for asked in both:
            assert [token.image_sha3_256 for token in asked.tokens()] == [*hashes, b"\7" * 32]
            assert asked.gist_of(1) == b"ab"
            for token in (2, 3, 4):
                with pytest.raises(PacketError, match="the data of its batch is nonsense"):
                    asked.gist_of(token)
            assert [asked.ticket_of(token) is None for token in range(1, 6)] == [True, True, False, False, True]
            assert len(list(listing(Registry(asked), lambda _: None))) == 5


def test_a_node_that_allows_little_gas_is_asked_for_smaller_pages(
    ledger: EvmLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data = batch_of([b"."] * 100, common=b"", width=1, rated=False)
    ledger.run(ledger.call("registerBatch", data))
    call, allowed = ledger.node.connection.call, 30

    def poor(asked: Call, sender: str | None) -> bytes:
        if int.from_bytes(asked.data[36:68]) > allowed:  # the second argument of `records`
            raise LedgerError("out of gas")
        return call(asked, sender)

    monkeypatch.setattr(ledger.node.connection, "call", poor)
    assert [token.id for token in ledger.tokens()] == list(range(1, 101))
    allowed = 0
    with pytest.raises(LedgerError, match="out of gas"):
        list(ledger.tokens())


def test_more_tokens_than_fit_a_page_are_read_in_pages(ledger: EvmLedger) -> None:
    for count in (PAGE, 40):
        hashes, data = batch_of([b"."] * count, common=b"", width=1, rated=False)
        ledger.run(ledger.call("registerBatch", data))
    said = list(ledger.tokens())
    assert [token.id for token in said] == list(range(1, PAGE + 41))
    assert [token.image_sha3_256 for token in said[PAGE:]] == hashes
    assert [token.id for token in ledger.tokens(PAGE)] == list(range(PAGE, PAGE + 41))


def test_others_attest_and_the_last_word_of_each_counts(ledger: EvmLedger) -> None:
    token = ledger.put(b"attested", image_sha3_256=b"\1" * 32, rareness=TICKET).token
    beside = ledger.put(b"beside it", image_sha3_256=b"\2" * 32).token
    ledger.attest(token, replace(TICKET, verdict="unsure"))
    other = replace(TICKET, verdict="copy", score=0.0123)
    ledger.attest(token, other)
    assert ledger.attestations(token) == (Attestation(ledger.owner, other),)
    assert ledger.attestations(beside) == ()
    assert ledger.ticket_of(token) == TICKET, "the creator's stays"
    for wrong in (replace(other, score=2.0), replace(other, evidence=bytes(32))):
        with pytest.raises(LedgerError):
            ledger.attest(token, wrong)
    with pytest.raises(UnknownToken):
        ledger.attest(beside + 1, other)


def test_links_are_looked_up_both_ways(ledger: EvmLedger) -> None:
    tokens = [ledger.put(b"linked", image_sha3_256=bytes([n]) * 32).token for n in range(1, 4)]
    for token in tokens[:2]:
        ledger.link(token, NFT)
    assert ledger.linked_to(NFT.chain_id, NFT.contract, NFT.token_id) == tokens[:2]
    assert ledger.linked_to(2, NFT.contract, NFT.token_id) == []
    assert [ledger.link_of(token) for token in tokens] == [NFT, NFT, None]


def test_what_can_t_be_linked_is_told_in_plain_words(ledger: EvmLedger) -> None:
    token, other = (ledger.put(b"a gist", image_sha3_256=os.urandom(32)).token for _ in range(2))
    stranger = Account(os.urandom(32))
    wanted = Registration(stranger.address, os.urandom(32), b"a stranger's", None, 2**33)
    theirs = relay(ledger, wanted, sign(ledger, wanted, stranger)).token

    def refused(token: int, nft: NftLink, told: str) -> None:
        with pytest.raises(LedgerError, match=told) as error:
            ledger.link(token, nft)
        assert "refused:" not in str(error.value)

    refused(theirs, NFT, f"token {theirs} is {stranger.address}'s: only its owner can link it")
    refused(token, replace(NFT, contract="0x" + "00" * 20), "is no NFT: give the address of its contract")
    for contract in (ledger.registry, "0x" + "12" * 20, compiled("token").address):
        refused(token, NftLink(ledger.chain_id, contract, token), f"there is no NFT {token} of .*: correct contract")
    ledger.mint(token)
    here = NftLink(ledger.chain_id, compiled("token").address, token)
    give = abi.calldata(compiled("token"), "transferFrom", ledger.owner, stranger.address, token)
    ledger.run(Call(here.contract, give))
    refused(other, here, f"is {stranger.address}'s: on the same chain only the NFT's owner can link")
    ledger.link(token, NFT)
    refused(token, replace(NFT, token_id=3), f"token {token} is linked to NFT {NFT.token_id} of .*: a link is for good")


def sign(ledger: EvmLedger, wanted: Registration, owner: Account) -> bytes:
    return tickets.sign(wanted, owner, chain_id=ledger.chain_id, registry=ledger.registry)


def test_a_contract_that_owns_a_token_is_asked_for_its_signature(ledger: EvmLedger) -> None:
    creation = bytes.fromhex(f"60{len(ALWAYS_YES):02x}80600b6000396000f3") + ALWAYS_YES
    wallet = str(ledger.run(Call(None, creation)).contract)
    wanted = Registration(wallet, os.urandom(32), b"a wallet's", TICKET, 2**33)
    receipt = relay(ledger, wanted, b"its own kind of signature")
    rareness = ledger.rareness_of(receipt.token)
    assert rareness == SignedRareness(TICKET, wallet, True, receipt.tx, 2**33, b"its own kind of signature")


def test_all_tokens_for_a_file_are_told(ledger: EvmLedger) -> None:
    image, squatter = os.urandom(32), Account(os.urandom(32))
    wanted = Registration(squatter.address, image, b"garbage", None, 2**33)
    first = relay(ledger, wanted, sign(ledger, wanted, squatter)).token
    own = ledger.put(b"mine", image_sha3_256=image).token
    assert ledger.all_for(image) == (first, own)
    assert (ledger.find(image), ledger.token_of(image)) == (first, own)


def test_tokens_for_a_file_in_somebody_s_batch_are_told(ledger: EvmLedger, tmp_path: Path) -> None:
    """Also where nobody has the file alone. They take nobody's place."""
    stranger = Account(os.urandom(32))
    ledger.run(Call(stranger.address, b"", 10**18))
    images, data = batch_of([b"one", b"two", b"three"], common=b"", width=0, rated=False)
    outbox = Outbox(tmp_path / "other", chain_id=ledger.chain_id, registry=ledger.registry, owner=stranger.address)
    other = Sender(Node(ledger.node.connection, stranger, name="a stranger's node", timeout_s=60), outbox)
    other.run(ledger.call("registerBatch", data))
    other.run(ledger.call("registerProofs", b"\1" * 32, 3, data))  # of proofs the state has no image
    assert [ledger.all_for(image) for image in images] == [(1,), (2,), (3,)]
    assert [ledger.token_of(image) for image in images] == [0, 0, 0]
    own = ledger.put(b"mine", image_sha3_256=images[1]).token
    assert ledger.all_for(images[1]) == (2, own)
    assert ledger.all_for(os.urandom(32)) == ()
    reader = RegistryReader(ledger.node, registry=ledger.registry, close=lambda: None)
    assert reader.all_for(images[1]) == (2, own)
    if (tmp_path / "chain.sqlite").exists():
        with Snapshot(tmp_path) as snapshot:
            assert snapshot.all_for(images[1]) == (2, own)


def test_the_state_says_of_all_this_what_the_contract_says(tmp_path: Path) -> None:
    with open_embedded(tmp_path) as ledger:
        ledger.put(b"alone", image_sha3_256=os.urandom(32), rareness=TICKET)
        for rated, width in ((True, 0), (False, 3), (True, 2)):
            gists = [os.urandom(width or k) for k in range(1, 9)]
            ledger.run(ledger.call("registerBatch", batch_of(gists, common=b"xy", width=width, rated=rated)[1]))
        ledger.run(ledger.call("registerProofs", b"\1" * 32, 2, b""))
        ledger.attest(3, TICKET)
        ledger.link(1, NFT)
        asks = ("token", "rareness_of", "ticket_of", "attestations", "link_of")
        reader = RegistryReader(ledger.node, registry=ledger.registry, close=lambda: None)
        said = [[getattr(reader, ask)(token) for ask in asks] for token in range(1, 28)]
        gists = [reader.gist_of(token) for token in range(1, 26)]
        tokens, count, block = list(reader.tokens()), reader.count(), reader.block()
    with Snapshot(tmp_path) as snapshot:
        assert [[getattr(snapshot, ask)(token) for ask in asks] for token in range(1, 28)] == said
        assert [snapshot.gist_of(token) for token in range(1, 26)] == gists
        assert (list(snapshot.tokens()), snapshot.count(), snapshot.block()) == (tokens, count, block)
        for token in (26, 27):
            with pytest.raises(PacketError, match="whose gists the chain's state does not hold"):
                snapshot.gist_of(token)
        with pytest.raises(UnknownToken):
            snapshot.token(28)
        with pytest.raises(LedgerError, match="opened to be read"):
            snapshot.link(1, NFT)
        with pytest.raises(LedgerError, match="opened to be read"):
            snapshot.mint(1)
