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
from collections.abc import Callable
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
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call, Log
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded
from gistchain.ledger.gas import (
    INLINE_BYTES,
    MAX_RATED_GIST_BYTES,
    TICKET_BYTES,
)
from gistchain.ledger.relay import relay, sign
from gistchain.ledger.ticket import VERDICTS, Registration
from gistchain.types import RarenessTicket
from tests.ledger.measured import MEASURED_GAS, MEASURED_RATED_GAS, RATED_INLINE_BYTES

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1 (SEC 2)

_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"rated image %d" % next(_images)).digest()


TICKET = RarenessTicket(0.9876, "sibling", hashlib.sha3_256(b"the evidence document").digest())


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
    return ledger.node.run(ledger.call("registerRated", *wanted.arguments(signature)))


@pytest.mark.parametrize("size", [1, 28, 29, 30, 64, 65, 1000, MAX_RATED_GIST_BYTES])
def test_a_ticket_comes_back_as_it_was_and_so_does_its_gist(ledger: EvmLedger, size: int) -> None:
    gist, image = os.urandom(size), new_image()
    receipt = ledger.put(gist, image_sha3_256=image, rareness=TICKET)
    token = ledger.token(receipt.token)
    rareness = ledger.rareness_of(token.id)
    assert rareness is not None
    assert (rareness.ticket, rareness.signer, rareness.deadline) == (TICKET, ledger.owner, 0)
    assert ledger.gist_of(receipt.token) == gist
    assert (token.owner, token.image_sha3_256, token.size_bytes) == (ledger.owner, image, size)
    assert ledger.find(image) == ledger.token_of(image) == token.id


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    score=st.integers(0, 10_000).map(lambda steps: steps / 10_000),
    verdict=st.sampled_from(VERDICTS),
    evidence=st.binary(min_size=32, max_size=32).filter(any),
    gist=st.one_of(st.binary(min_size=1, max_size=70), st.binary(min_size=1, max_size=2000)),
)
def test_every_ticket_comes_back(ledger: EvmLedger, score: float, verdict: Any, evidence: bytes, gist: bytes) -> None:
    ticket = RarenessTicket(score, verdict, evidence)
    receipt = ledger.put(gist, image_sha3_256=new_image(), rareness=ticket)
    rareness = ledger.rareness_of(receipt.token)
    assert rareness is not None
    assert rareness.ticket == ticket
    assert ledger.gist_of(receipt.token) == gist


@given(score=st.floats(0, 1))
def test_any_score_rounded_to_four_digits_is_a_step(score: float) -> None:
    tickets.check(replace(TICKET, score=round(score, 4)), b"x")


def test_anyone_recovers_the_signer_from_log_and_state_alone(ledger: EvmLedger) -> None:
    """Without a line of ours: topics and calls by hand, the signature by the code in docs/ticket.md."""
    from eth_abi.abi import decode, encode
    from eth_utils.crypto import keccak

    gist, image = b"plain words", new_image()
    receipt = ledger.put(gist, image_sha3_256=image, rareness=TICKET)
    connection, token, registry = ledger.node.connection, receipt.token, ledger.registry
    kind = keccak(text="Rated(uint256,uint256,bytes32,bytes32)")
    logs = connection.logs(registry, receipt.block, ())
    assert logs is not None
    (log,) = [log for log in logs if log.topics[0] == kind]
    assert int.from_bytes(log.topics[1]) == token
    deadline, r, vs = decode(["uint256", "bytes32", "bytes32"], log.data)

    data = keccak(text="rarenessOf(uint256)")[:4] + encode(["uint256"], [token])
    answer = connection.call(Call(registry, data), ledger.owner)
    score, verdict, evidence = decode(["uint256", "uint256", "bytes32"], answer)
    assert (score, verdict, evidence) == (9876, 1, TICKET.evidence)

    said = {
        "chain_id": 0x47495354, "registry": registry, "image": image, "gist": gist, "score": score,
        "verdict": verdict, "evidence": evidence, "owner": ledger.owner, "deadline": deadline, "r": r, "vs": vs,
    }  # fmt: skip
    page = (Path(__file__).parents[2] / "docs" / "ticket.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(example, said)
    assert said["signer"] == ledger.owner
    for name, lie in (("score", 9877), ("gist", b"other words"), ("deadline", 1), ("chain_id", 1), ("r", vs)):
        with pytest.raises((AssertionError, ValueError, BadSignature)):
            exec(example, {**said, name: lie})
    rareness = ledger.rareness_of(token)
    assert rareness is not None
    assert rareness.signature == r + (int.from_bytes(vs) & (2**255 - 1)).to_bytes(32) + bytes([27 + (vs[0] >> 7)])


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
    wanted = registration(ledger)
    signature = sign(ledger, wanted)
    other = str(ledger.node.run(Call(None, compiled("registry").bytecode)).contract)
    call = replace(ledger.call("registerRated", *wanted.arguments(signature)), to=other)
    with pytest.raises(LedgerError, match="signature is not the owner's"):
        ledger.node.run(call)
    own = signature_by(ledger.node.account, wanted, ledger, registry=other)
    assert ledger.node.run(replace(ledger.call("registerRated", *wanted.arguments(own)), to=other)).succeeded


def test_the_mirrored_signature_with_high_s_is_refused(ledger: EvmLedger) -> None:
    """(r, n - s) with the other parity is as valid for ecrecover; only one of the two may count (EIP-2)."""
    # The compact form has no room for most of the high half; what it has room for are s just above n/2.
    wanted = registration(ledger)
    r, _ = tickets.compact(sign(ledger, wanted))
    for s, reason in ((ORDER // 2 + 1, "high s"), (2**255 - 1, "high s"), (ORDER // 2, "signature")):
        with pytest.raises(LedgerError, match=reason) as refused:
            ledger.node.run(
                ledger.call("registerRated", *wanted.arguments(sign(ledger, wanted))[:-2], r, s.to_bytes(32))
            )
        assert ("high s" in str(refused.value)) == (reason == "high s")


@pytest.mark.parametrize(("r", "vs"), [(0, 0), (0, 1), (1, 0), (ORDER, 1), (2**256 - 1, 2**255 | 5)])
def test_a_signature_that_is_none_is_refused(ledger: EvmLedger, r: int, vs: int) -> None:
    wanted = registration(ledger, deadline=2**41)
    for owner in (ledger.owner, "0x" + "00" * 20):
        arguments = replace(wanted, owner=owner).arguments(sign(ledger, wanted))[:-2]
        with pytest.raises(LedgerError, match="signature"):
            ledger.node.run(ledger.call("registerRated", *arguments, r.to_bytes(32), vs.to_bytes(32)))


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (3, 10_001, "score above 10000"),
        (4, 5, "unknown verdict"),
        (5, bytes(32), "no evidence"),
        (2, b"", "empty gist"),
    ],
)
def test_the_contract_itself_refuses_what_is_no_ticket(
    ledger: EvmLedger, place: int, value: object, reason: str
) -> None:
    wanted = registration(ledger)
    arguments = list(wanted.arguments(sign(ledger, wanted)))
    arguments[place] = value  # type: ignore[call-overload]
    with pytest.raises(LedgerError, match=reason):
        ledger.node.run(ledger.call("registerRated", *arguments))


@pytest.mark.parametrize("size", [9, 40])
def test_a_gist_that_stands_elsewhere_in_calldata_is_never_mixed_up_with_the_signed_one(
    ledger: EvmLedger, size: int
) -> None:
    """ABI decoders follow the offset; short gists are read from a fixed place, so no other offset may pass."""
    wanted = registration(ledger, os.urandom(size))
    call = ledger.call("registerRated", *wanted.arguments(sign(ledger, wanted)))
    head, gist = call.data[: 4 + 9 * 32], call.data[4 + 9 * 32 :]
    offset = slice(4 + 2 * 32, 4 + 3 * 32)
    assert int.from_bytes(head[offset]) == 9 * 32
    decoy = len(gist[32:]).to_bytes(32) + b"\xee" * len(gist[32:])
    moved = head[: offset.start] + (9 * 32 + len(decoy)).to_bytes(32) + head[offset.stop :] + decoy + gist
    if size <= RATED_INLINE_BYTES:
        with pytest.raises(LedgerError, match="unusual ABI encoding"):
            ledger.node.run(replace(call, data=moved))
    else:
        ledger.node.run(replace(call, data=moved))
        assert ledger.gist_of(ledger.token_of(wanted.image_sha3_256)) == wanted.gist


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
    wanted = Registration(ledger.owner, image, b"rated", replace(TICKET, score=1.0))
    with pytest.raises(LedgerError, match="registered"):
        send(ledger, wanted, sign(ledger, wanted))
    late = Registration(ledger.owner, ledger.token(plain).image_sha3_256, b"not rated", TICKET)
    with pytest.raises(LedgerError, match="registered"):
        send(ledger, late, sign(ledger, late))
    rareness = ledger.rareness_of(token)
    assert rareness is not None
    assert rareness.ticket == TICKET


def test_an_owner_without_ether_signs_and_another_pays(ledger: EvmLedger, stranger: Account) -> None:
    wanted = replace(registration(ledger, deadline=int(time.time()) + 600), owner=stranger.address)
    signature = signature_by(stranger, wanted, ledger)
    receipt = relay(ledger, wanted, signature)
    token = ledger.token(receipt.token)
    assert token.owner == stranger.address != ledger.owner
    assert ledger.gist_of(receipt.token) == wanted.gist
    rareness = ledger.rareness_of(token.id)
    assert rareness is not None
    assert (rareness.ticket, rareness.signer, rareness.deadline) == (TICKET, stranger.address, wanted.deadline)
    assert rareness.signature == signature
    with pytest.raises(LedgerError, match="registered"):
        relay(ledger, wanted, signature)
    assert ledger.token_of(wanted.image_sha3_256) == 0, "who pays owns nothing"
    assert ledger.put(b"mine", image_sha3_256=wanted.image_sha3_256).token == token.id + 1


@pytest.mark.parametrize("deadline", [0, 1, 1_700_000_000])
def test_nobody_else_registers_after_the_deadline_nor_without_one(
    ledger: EvmLedger, stranger: Account, deadline: int
) -> None:
    wanted = replace(registration(ledger, deadline=deadline), owner=stranger.address)
    with pytest.raises(LedgerError, match="deadline passed"):
        relay(ledger, wanted, signature_by(stranger, wanted, ledger))
    own = registration(ledger, deadline=deadline)  # the owner needs none
    assert ledger.token(relay(ledger, own, sign(ledger, own)).token).owner == ledger.owner


def test_a_registration_that_nobody_could_send_is_refused(ledger: EvmLedger, stranger: Account) -> None:
    wanted = registration(ledger)
    with pytest.raises(LedgerError, match="owner's --key"):
        sign(ledger, replace(wanted, owner=stranger.address))
    for signature in (b"", b"\1" * 64, b"\1" * 64 + b"\0", b"\xff" * 64 + b"\x1b"):
        with pytest.raises(LedgerError, match="not a signature"):
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
    """The ledger's connection, whose logs pass through `change`."""

    def __init__(self, ledger: EvmLedger, change: Callable[[list[Log]], list[Log] | None]) -> None:
        self._connection, self._change = ledger.node.connection, change
        ledger.node.connection = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def logs(self, address: str, block: int, topics: tuple[bytes, ...]) -> list[Log] | None:
        said = self._connection.logs(address, block, topics)
        assert said
        return self._change(said)


def forged(said: list[Log]) -> list[Log]:
    (log,) = said
    return [replace(log, data=log.data[:-1] + b"\x77")]


@pytest.mark.parametrize("pruned", [lambda said: None, lambda said: []])
def test_a_node_that_has_pruned_its_logs_still_has_the_ticket(tmp_path: Path, pruned: Callable[[Any], Any]) -> None:
    with open_embedded(tmp_path) as ledger:
        ledger.put(b"kept in state", image_sha3_256=new_image(), rareness=TICKET)
        Changed(ledger, pruned)
        rareness = ledger.rareness_of(1)
        assert rareness is not None
        assert (rareness.ticket, rareness.signer) == (TICKET, ledger.owner)
        assert (rareness.signature, rareness.deadline) == (None, None)


def test_a_node_that_shows_another_signature_is_caught(tmp_path: Path) -> None:
    with open_embedded(tmp_path) as ledger:
        ledger.put(b"kept in state", image_sha3_256=new_image(), rareness=TICKET)
        Changed(ledger, forged)
        with pytest.raises(LedgerError, match="not its owner's: ask another node"):
            ledger.rareness_of(1)
        Changed(ledger, lambda said: [replace(said[0], topics=said[0].topics[::-1])])
        with pytest.raises(LedgerError, match="shows another log"):
            ledger.rareness_of(1)


def test_a_registry_of_a_later_gistchain_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        archive = compiled("archive")
        later.setattr("gistchain.ledger.embedded.compiled", lambda _name: archive)
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
    assert RATED_INLINE_BYTES == INLINE_BYTES - TICKET_BYTES
    plain = [ledger.put(b"\xaa" * size, image_sha3_256=b"\xff" + new_image()[1:]).gas for size in (32, 33)]
    word = plain[1] - plain[0]
    last_inline, first_code, next_code = (gas_of(ledger, RATED_INLINE_BYTES + extra) for extra in (0, 1, 2))
    assert last_inline < first_code - (next_code - first_code), "29 bytes as code would cost less"
    assert first_code < last_inline + word, "30 bytes as storage would cost less"
