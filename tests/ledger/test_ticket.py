"""The rareness ticket of a token: signed by its creator, checked by the contract, read back, never changed."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import eth_account
import pytest
from eth_keys.exceptions import BadSignature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gistchain.errors import AlreadyRegistered, LedgerError, UnknownToken
from gistchain.ledger import ticket as tickets
from gistchain.ledger.abi import calldata
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call, Log
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded
from gistchain.ledger.fees import Price
from gistchain.ledger.gas import MAX_RATED_GIST_BYTES, RATED_INLINE_BYTES
from gistchain.ledger.logs import blocks_at
from gistchain.ledger.reader import RegistryReader
from gistchain.ledger.relay import relay, sign
from gistchain.ledger.ticket import VERDICTS, Registration
from gistchain.types import RarenessTicket, SignedRareness
from tests.ledger.measured import MEASURED_GAS, MEASURED_RATED_GAS

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1 (SEC 2)

_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"rated image %d" % next(_images)).digest()


TICKET = RarenessTicket(0.9876, "sibling", hashlib.sha3_256(b"the evidence document").digest(), 3, 123_456, 1_700)


@pytest.fixture
def stranger() -> Account:
    """An account that never registered anything, nor has anything."""
    return Account(os.urandom(32))


def registration(ledger: EvmLedger, gist: bytes = b"a red bus", deadline: int = 0) -> Registration:
    return Registration(ledger.owner, new_image(), gist, TICKET, deadline)


def signature_by(
    account: Account, wanted: Registration, ledger: EvmLedger, registry: str = "", chain_id: int = 0
) -> bytes:
    return tickets.sign(wanted, account, chain_id=chain_id or ledger.chain_id, registry=registry or ledger.registry)


def send(ledger: EvmLedger, wanted: Registration, signature: bytes) -> Any:
    return ledger.run(relaying(ledger, wanted, signature))


def relaying(ledger: EvmLedger, wanted: Registration, signature: bytes) -> Call:
    return ledger.call(f"{wanted.function}For", wanted.owner, *wanted.arguments(), wanted.deadline, signature)


@pytest.mark.parametrize("size", [1, 17, 18, 19, 64, 65, 1000, MAX_RATED_GIST_BYTES])
def test_a_ticket_comes_back_as_it_was_and_so_does_its_gist(ledger: EvmLedger, size: int) -> None:
    gist, image = os.urandom(size), new_image()
    receipt = ledger.put(gist, image_sha3_256=image, rareness=TICKET)
    token = ledger.token(receipt.token)
    rareness = ledger.rareness_of(token.id)
    assert rareness is not None
    assert rareness == SignedRareness(TICKET, ledger.owner, verified=True, tx=receipt.tx)
    assert ledger.gist_of(receipt.token) == gist
    assert (token.owner, token.image_sha3_256) == (ledger.owner, image)
    assert ledger.find(image) == ledger.token_of(image) == token.id


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    score=st.integers(0, 10_000).map(lambda steps: steps / 10_000),
    verdict=st.sampled_from(VERDICTS),
    evidence=st.binary(min_size=32, max_size=32).filter(any),
    numbers=st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**40 - 1), st.integers(0, 2**32 - 1)),
    gist=st.one_of(st.binary(min_size=1, max_size=70), st.binary(min_size=1, max_size=2000)),
)
def test_every_ticket_comes_back(
    ledger: EvmLedger, score: float, verdict: Any, evidence: bytes, numbers: tuple[int, int, int], gist: bytes
) -> None:
    ticket = RarenessTicket(score, verdict, evidence, *numbers)
    receipt = ledger.put(gist, image_sha3_256=new_image(), rareness=ticket)
    rareness = ledger.rareness_of(receipt.token)
    assert rareness is not None
    assert rareness.ticket == ticket == ledger.ticket_of(receipt.token) == EvmLedger.ticket_of(ledger, receipt.token)
    assert rareness.verified
    assert rareness == RegistryReader.rareness_of(ledger, receipt.token), "state and contract say the same"
    assert ledger.gist_of(receipt.token) == gist


@given(score=st.floats(0, 1))
def test_any_score_rounded_to_four_digits_is_a_step(score: float) -> None:
    tickets.check(replace(TICKET, score=round(score, 4)), b"x")


def test_anyone_checks_a_ticket_from_log_transaction_and_state_alone(ledger: EvmLedger) -> None:
    """Without a line of ours: topics and calls by hand, the rest by the code in docs/ticket.md."""
    from eth_abi.abi import decode, encode
    from eth_utils.crypto import keccak

    gist, image = b"plain words", new_image()
    receipt = ledger.put(gist, image_sha3_256=image, rareness=TICKET)
    connection, token, registry = ledger.node.connection, receipt.token, ledger.registry
    kind = keccak(text="Registered(uint256,address,bytes32)")
    logs = connection.logs(registry, ())
    assert logs is not None
    (log,) = [log for log in logs if log.topics[:2] == (kind, token.to_bytes(32))]
    raw = connection.transaction(log.tx)
    data = keccak(text="ratingOf(uint256)")[:4] + encode(["uint256"], [token])
    answer = connection.call(Call(registry, data), ledger.owner)
    rating = decode(["(uint256,uint256,uint256,uint256,uint256,bytes32)"], answer)[0]
    assert rating == (9876, 1, 3, 123_456, 1_700, TICKET.evidence)
    said = {"raw": raw, "tx": log.tx, "registry": registry, "image": image, "gist": gist, "rating": rating}
    (example, _) = examples()
    exec(example, said)
    assert said["sender"] == ledger.owner
    for name, lie in (("rating", (9877, *rating[1:])), ("gist", b"other words"), ("registry", ledger.owner)):
        with pytest.raises(AssertionError):
            exec(example, {**said, name: lie})


def test_anyone_recovers_the_signer_of_a_relayed_registration(ledger: EvmLedger, stranger: Account) -> None:
    from eth_abi.abi import decode
    from eth_utils.crypto import keccak

    wanted = replace(registration(ledger, deadline=int(time.time()) + 600), owner=stranger.address)
    token = relay(ledger, wanted, signature_by(stranger, wanted, ledger)).token
    kind = keccak(text="Relayed(uint256,uint256,bytes)")
    (log,) = ledger.node.connection.logs(ledger.registry, (kind, token.to_bytes(32))) or []
    deadline, signature = decode(["uint256", "bytes"], log.data)
    rating = (9876, 1, 3, 123_456, 1_700, TICKET.evidence)
    said = {
        "chain_id": 0x47495354, "registry": ledger.registry, "image": wanted.image_sha3_256, "gist": wanted.gist,
        "rating": rating, "owner": stranger.address, "deadline": deadline, "signature": signature,
    }  # fmt: skip
    (_, example) = examples()
    exec(example, said)
    for name, lie in (("rating", (9877, *rating[1:])), ("gist", b"other"), ("deadline", 1), ("chain_id", 1)):
        with pytest.raises((AssertionError, ValueError, BadSignature)):
            exec(example, {**said, name: lie})


def examples() -> list[str]:
    page = (Path(__file__).parents[2] / "docs" / "ticket.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def test_the_page_states_the_measured_gas() -> None:
    page = (Path(__file__).parents[2] / "docs" / "ticket.md").read_text("utf-8")
    sizes = (10, 64, 100, 1024)
    for row, measured in (("without a ticket", MEASURED_GAS), ("with one", MEASURED_RATED_GAS)):
        assert f"| {row} | " + " | ".join(f"{measured[size]:,}" for size in sizes) + " |" in page


def test_a_token_without_ticket_has_none(ledger: EvmLedger) -> None:
    receipt = ledger.put(b"no opinion", image_sha3_256=new_image())
    assert ledger.rareness_of(receipt.token) is None
    assert ledger.rareness_of(1) is None  # in a data contract
    for token in (0, -1, 10**6, 2**256 - 1, 2**256):
        with pytest.raises(UnknownToken):
            ledger.rareness_of(token)


@pytest.mark.parametrize(
    "changed",
    [
        {"ticket": replace(TICKET, score=0.9877)},
        {"ticket": replace(TICKET, verdict="original")},
        {"ticket": replace(TICKET, evidence=b"\1" * 32)},
        {"ticket": replace(TICKET, checker=4)},
        {"ticket": replace(TICKET, as_of=4)},
        {"ticket": replace(TICKET, compared_with=4)},
        {"ticket": None},
        {"gist": b"a red bux"},
        {"gist": b"a red bus\0"},
        {"image_sha3_256": b"\1" * 32},
        {"deadline": 2**40},
        {"owner": "0x" + "22" * 20},
        {"owner": "0x" + "00" * 20},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_was_changed_after_signing_is_refused(ledger: EvmLedger, changed: dict[str, Any]) -> None:
    signed = registration(ledger, deadline=2**41)
    signature = sign(ledger, signed)
    before = ledger.count()
    with pytest.raises(LedgerError, match=r"refused: .*signature is not the owner's"):
        send(ledger, replace(signed, **changed), signature)
    assert ledger.count() == before
    send(ledger, signed, signature)
    assert ledger.count() == before + 1


def test_the_signature_of_somebody_else_is_refused(ledger: EvmLedger, stranger: Account) -> None:
    wanted = registration(ledger)
    with pytest.raises(LedgerError, match="signature is not the owner's"):
        send(ledger, wanted, signature_by(stranger, wanted, ledger))


def test_a_signature_for_another_chain_is_refused(ledger: EvmLedger) -> None:
    wanted = registration(ledger)
    elsewhere = signature_by(ledger.node.account, wanted, ledger, chain_id=ledger.chain_id + 1)
    with pytest.raises(LedgerError, match="signature is not the owner's"):
        send(ledger, wanted, elsewhere)


def test_a_signature_for_one_registry_is_refused_by_another(ledger: EvmLedger) -> None:
    wanted = registration(ledger, deadline=2**40)
    signature = sign(ledger, wanted)
    other = str(ledger.run(Call(None, compiled("registry").bytecode)).contract)
    call = replace(relaying(ledger, wanted, signature), to=other)
    with pytest.raises(LedgerError, match="signature is not the owner's"):
        ledger.run(call)
    own = signature_by(ledger.node.account, wanted, ledger, registry=other)
    assert ledger.run(replace(relaying(ledger, wanted, own), to=other)).succeeded


def test_the_mirrored_signature_with_high_s_is_refused(ledger: EvmLedger) -> None:
    """(r, n - s) with the other parity is as valid for ecrecover; only one of the two may count (EIP-2)."""
    wanted = registration(ledger)
    signature = sign(ledger, wanted)
    s, v = int.from_bytes(signature[32:64]), signature[64]
    mirrored = signature[:32] + (ORDER - s).to_bytes(32) + bytes([27 + 28 - v])
    with pytest.raises(LedgerError, match="signature is not the owner's"):
        send(ledger, wanted, mirrored)


@pytest.mark.parametrize(
    "signature",
    [bytes(65), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1c", b"\1" * 64, b"\1" * 66, b"", b"\1" * 1024],
    ids=lambda signature: str(len(signature)),
)
def test_a_signature_that_is_none_is_refused(ledger: EvmLedger, signature: bytes) -> None:
    wanted = registration(ledger, deadline=2**41)
    for owner in (ledger.owner, "0x" + "00" * 20, ledger.registry):
        with pytest.raises(LedgerError):
            send(ledger, replace(wanted, owner=owner), signature)


@pytest.mark.parametrize("function", ["register", "registerLong"])
@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (2, 10_001 << 96, "score above 10000"),
        (2, 5 << 88, "unknown verdict"),
        (2, 1 << 112, "score above 10000"),
        (1, bytes(32), "no evidence"),
        (3, b"", "empty gist"),
    ],
)
def test_the_contract_itself_refuses_what_is_no_ticket(
    ledger: EvmLedger, function: str, place: int, value: object, reason: str
) -> None:
    arguments = list(registration(ledger).arguments())
    arguments[place] = value  # type: ignore[call-overload]
    with pytest.raises(LedgerError, match=reason):
        ledger.run(ledger.call(function, *arguments))


@pytest.mark.parametrize(
    ("ticket", "gist", "reason"),
    [
        (replace(TICKET, score=-0.0001), b"x", "round"),
        (replace(TICKET, score=1.0001), b"x", "round"),
        (replace(TICKET, score=math.nan), b"x", "round"),
        (replace(TICKET, score=0.12345), b"x", "round"),
        (replace(TICKET, verdict="stolen"), b"x", "verdict"),  # type: ignore[arg-type]
        (replace(TICKET, evidence=b"\1" * 31), b"x", "32 bytes"),
        (replace(TICKET, evidence=bytes(32)), b"x", "not zero"),
        (replace(TICKET, checker=2**16), b"x", "checker of 65536"),
        (replace(TICKET, as_of=2**40), b"x", "40 bits"),
        (replace(TICKET, compared_with=-1), b"x", "compared_with"),
        (TICKET, b"x" * (MAX_RATED_GIST_BYTES + 1), str(MAX_RATED_GIST_BYTES)),
    ],
)
def test_what_is_no_ticket_is_refused_before_it_costs_gas(
    ledger: EvmLedger, ticket: RarenessTicket, gist: bytes, reason: str
) -> None:
    balance = ledger.node.connection.balance(ledger.owner)
    with pytest.raises(LedgerError, match=reason):
        ledger.put(gist, image_sha3_256=new_image(), rareness=ticket)
    with pytest.raises(LedgerError, match=reason):
        sign(ledger, Registration(ledger.owner, new_image(), gist, ticket))
    assert ledger.node.connection.balance(ledger.owner) == balance


def test_a_ticket_is_written_once(ledger: EvmLedger) -> None:
    image = new_image()
    token = ledger.put(b"rated", image_sha3_256=image, rareness=TICKET).token
    plain = ledger.put(b"not rated", image_sha3_256=new_image()).token
    for other in (replace(TICKET, score=1.0, verdict="original"), None):
        with pytest.raises(AlreadyRegistered) as refused:
            ledger.put(b"rated", image_sha3_256=image, rareness=other)
        assert refused.value.token == token
    for wanted in (
        Registration(ledger.owner, image, b"rated", replace(TICKET, score=1.0)),
        Registration(ledger.owner, ledger.token(plain).image_sha3_256, b"not rated", TICKET),
    ):
        with pytest.raises(LedgerError, match="registered"):
            send(ledger, wanted, sign(ledger, wanted))
        with pytest.raises(LedgerError, match="registered"):
            ledger.run(ledger.call(wanted.function, *wanted.arguments()))
    rareness = ledger.rareness_of(token)
    assert rareness is not None
    assert rareness.ticket == TICKET


@pytest.mark.parametrize("size", [9, 300])
@pytest.mark.parametrize("ticket", [TICKET, None], ids=["rated", "plain"])
def test_an_owner_without_ether_signs_and_another_pays(
    ledger: EvmLedger, stranger: Account, size: int, ticket: RarenessTicket | None
) -> None:
    wanted = replace(
        registration(ledger, os.urandom(size), int(time.time()) + 600), owner=stranger.address, ticket=ticket
    )
    signature = signature_by(stranger, wanted, ledger)
    receipt = relay(ledger, wanted, signature)
    token = ledger.token(receipt.token)
    assert token.owner == stranger.address != ledger.owner
    assert ledger.gist_of(receipt.token) == wanted.gist
    said = SignedRareness(ticket, stranger.address, True, receipt.tx, wanted.deadline, signature) if ticket else None
    assert ledger.rareness_of(token.id) == said == RegistryReader.rareness_of(ledger, token.id)
    count = ledger.count()
    again = relay(ledger, wanted, signature)
    assert (again.token, ledger.count()) == (receipt.token, count), "sent twice, made once"
    other = replace(wanted, gist=os.urandom(size))
    signature = signature_by(stranger, other, ledger)
    with pytest.raises(LedgerError, match="registered"):
        relay(ledger, other, signature)
    assert ledger.token_of(wanted.image_sha3_256) == 0, "who pays owns nothing"
    assert ledger.put(b"mine", image_sha3_256=wanted.image_sha3_256).token == token.id + 1


@pytest.mark.parametrize("deadline", [0, 1, 1_700_000_000])
def test_nobody_registers_by_a_signature_after_its_deadline(
    ledger: EvmLedger, stranger: Account, deadline: int
) -> None:
    wanted = replace(registration(ledger, deadline=deadline), owner=stranger.address)
    with pytest.raises(LedgerError, match="deadline passed"):
        relay(ledger, wanted, signature_by(stranger, wanted, ledger))
    own = registration(ledger, deadline=deadline)
    with pytest.raises(LedgerError, match="deadline passed"):
        relay(ledger, own, sign(ledger, own))
    ledger.put(own.gist, image_sha3_256=own.image_sha3_256, rareness=own.ticket)  # the owner needs no signature
    assert relay(ledger, own, sign(ledger, own)).token == ledger.token_of(own.image_sha3_256), "it is there"


def test_a_registration_that_nobody_could_send_is_refused(ledger: EvmLedger, stranger: Account) -> None:
    wanted = registration(ledger)
    with pytest.raises(LedgerError, match="owner's --key"):
        sign(ledger, replace(wanted, owner=stranger.address))
    for signature in (b"", b"\1" * 1025):
        with pytest.raises(LedgerError, match="a signature has 65 bytes"):
            relay(ledger, wanted, signature)
    for wrong in ({"owner": "me"}, {"image_sha3_256": b"\1"}):
        with pytest.raises(LedgerError, match="40 hex digits"):
            relay(ledger, replace(wanted, **wrong), sign(ledger, wanted))


def test_the_key_of_a_keystore_signs_too(tmp_path: Path, stranger: Account) -> None:
    keystore = tmp_path / "keystore"
    keystore.write_text(json.dumps(eth_account.Account.encrypt(stranger.key, "correct horse", iterations=2)))
    with open_embedded(tmp_path / "home", keystore, password="correct horse") as ledger:
        ledger.put(b"by keystore", image_sha3_256=new_image(), rareness=TICKET)
        rareness = ledger.rareness_of(1)
        assert rareness is not None
        assert (rareness.ticket, rareness.signer) == (TICKET, stranger.address)


def test_a_retry_after_kill_9_finds_the_ticket_of_the_first_try(tmp_path: Path) -> None:
    home, image = tmp_path / "home", new_image()
    with open_embedded(home) as killed:
        receipt = killed.put(b"once", image_sha3_256=image, rareness=TICKET)
        shutil.copytree(home, tmp_path / "left behind")  # before the caller could say that it heard
    with open_embedded(tmp_path / "left behind") as ledger:
        assert ledger.unanswered(image)
        again = ledger.put(b"once", image_sha3_256=image, rareness=replace(TICKET, evidence=b"\2" * 32))
        assert again == receipt
        assert ledger.count() == 1
        rareness = ledger.rareness_of(1)
        assert rareness is not None
        assert rareness.ticket == TICKET
        with pytest.raises(AlreadyRegistered):
            ledger.put(b"once", image_sha3_256=image, rareness=TICKET)


class Changed:
    """The ledger's connection, of which some answers are others."""

    def __init__(self, ledger: EvmLedger, **answers: Any) -> None:
        self._connection = ledger.node.connection
        self.__dict__.update(answers)
        ledger.node.connection = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
def read(tmp_path: Path) -> Iterator[RegistryReader]:
    """A registry whose token 1 its owner sent and whose token 2 another account relayed, as a node tells it."""
    with open_embedded(tmp_path) as ledger:
        ledger.put(b"kept in state", image_sha3_256=new_image(), rareness=TICKET)
        wanted = replace(registration(ledger, deadline=2**41), owner=Account(b"\7" * 32).address)
        relay(ledger, wanted, signature_by(Account(b"\7" * 32), wanted, ledger))
        yield RegistryReader(ledger.node, registry=ledger.registry, close=lambda: None)


@pytest.mark.parametrize("kept", [None, []])
def test_a_node_that_has_pruned_its_logs_still_has_the_ticket(read: RegistryReader, kept: Any) -> None:
    Changed(read, logs=lambda *_: kept)  # type: ignore[arg-type]
    for token in (1, 2):
        assert read.rareness_of(token) == SignedRareness(TICKET, read.token(token).owner)
    assert read.attestations(1) == (None if kept is None else ())


def test_a_node_that_has_pruned_the_transaction_leaves_the_ticket_unverified(read: RegistryReader) -> None:
    Changed(read, transaction=lambda _: None)  # type: ignore[arg-type]
    sent, relayed = read.rareness_of(1), read.rareness_of(2)
    assert sent is not None
    assert relayed is not None
    assert (sent.ticket, sent.verified, sent.tx is None) == (TICKET, False, False)
    assert relayed.verified, "its signature is in the log"


def test_a_node_that_refuses_all_blocks_is_asked_for_those_of_the_tokens_time(read: RegistryReader) -> None:
    whole, asked = read.node.connection.logs, []

    def logs(address: str, topics: Any, blocks: range | None = None) -> Any:
        asked.append(blocks)
        return None if blocks is None else whole(address, topics, blocks)

    # As on Arbitrum, where the contract sees the number of another chain's block.
    Changed(read, logs=logs, block_time=lambda n: None if n > 2**20 else n * 1000)  # type: ignore[arg-type]
    record = read.token(2)
    assert list(blocks_at(read.node, replace(record, block=2**30, block_time=2000))) == [2]
    assert list(blocks_at(read.node, replace(record, block_time=2500))) == []
    Changed(read, block_time=lambda n: record.block_time)  # type: ignore[arg-type]
    rareness = read.rareness_of(2)
    assert rareness is not None
    assert rareness.verified
    assert asked == [None, range(record.block, record.block + 1)]


def test_a_node_that_shows_another_signature_is_caught(read: RegistryReader) -> None:
    whole = read.node.connection.logs

    def forged(address: str, topics: Any, blocks: range | None = None) -> list[Log]:
        return [replace(log, data=log.data[:96] + b"\x77" + log.data[97:]) for log in whole(address, topics, blocks)]

    Changed(read, logs=forged)  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="not its owner's: ask another node"):
        read.rareness_of(2)
    Changed(read, logs=lambda *_: [replace(log, topics=log.topics[::-1]) for log in whole(*_)])  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="shows another log"):
        read.rareness_of(1)


def test_another_registration_of_the_owner_is_not_taken_for_this_one(read: RegistryReader) -> None:
    other = Registration(read.token(1).owner, new_image(), b"kept in stats", TICKET)
    call = Call(read.registry, calldata(compiled("registry"), other.function, *other.arguments()))
    raw, _ = read.node.account.sign_transaction(call, Price(1, 1), gas=1, nonce=0, chain_id=read.chain_id)
    Changed(read, transaction=lambda _: raw)  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="another registration for token 1"):
        read.rareness_of(1)
    for strange in (replace(call, to="0x" + "77" * 20), Call(None, call.data)):
        raw, _ = read.node.account.sign_transaction(strange, Price(1, 1), gas=1, nonce=0, chain_id=read.chain_id)
        rareness = read.rareness_of(1)
        assert rareness is not None
        assert not rareness.verified, "it may be a contract's own call"


def test_a_registry_of_a_later_gistchain_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        archive = compiled("archive")
        other = replace(archive, address=compiled("registry").address)
        later.setattr("gistchain.ledger.embedded.compiled", lambda _name: other)
        with pytest.raises(LedgerError, match="use the gistchain that made this chain"):
            open_embedded(tmp_path)
    with pytest.raises(LedgerError, match="use the gistchain that made this chain"):
        open_embedded(tmp_path)


def gas_of(ledger: EvmLedger, size: int) -> int:
    ticket = replace(TICKET, score=0.9876, evidence=hashlib.sha3_256(b"e").digest())
    return ledger.put(b"\xaa" * size, image_sha3_256=b"\xff" + new_image()[1:], rareness=ticket).gas


@pytest.mark.parametrize("size", MEASURED_RATED_GAS)
def test_the_published_gas_is_what_a_registration_with_a_ticket_costs(ledger: EvmLedger, size: int) -> None:
    assert abs(gas_of(ledger, size) - MEASURED_RATED_GAS[size]) < 150


def test_with_a_ticket_storage_is_cheaper_up_to_its_threshold_and_code_above_it(ledger: EvmLedger) -> None:
    plain = [ledger.put(b"\xaa" * size, image_sha3_256=b"\xff" + new_image()[1:]).gas for size in (32, 33)]
    word = plain[1] - plain[0]
    last_inline, first_code, next_code = (gas_of(ledger, RATED_INLINE_BYTES + extra) for extra in (0, 1, 2))
    assert last_inline < first_code - (next_code - first_code), "18 bytes as code would cost less"
    assert first_code < last_inline + word, "19 bytes as storage would cost less"
