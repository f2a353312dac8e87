"""Signed transactions of every type that is read, against eth-account, which signed them."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.digest import keccak
from gistchain.ledger.connection import Call
from gistchain.ledger.patricia import encoded, rlp
from gistchain.ledger.transaction import call_of, raw_of, sender_of

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: Account.from_key(raw + b"\1" * 12).address)
NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
FEES: dict[str, list[str]] = {
    "legacy": ["gasPrice"],
    "unprotected": ["gasPrice"],
    "0x1": ["gasPrice"],
    "0x2": ["maxFeePerGas", "maxPriorityFeePerGas"],
}
ACCESS = [{"address": "0x" + "12" * 20, "storageKeys": ["0x" + "34" * 32, "0x" + "00" * 32]}]


@pytest.mark.parametrize("kind", FEES)
@settings(max_examples=25, deadline=None)
@given(
    to=ADDRESSES,
    numbers=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    data=st.one_of(st.binary(max_size=4), st.binary(max_size=300)),
    chain_id=st.integers(1, 2**40),
    create=st.booleans(),
)
def test_call_and_sender_are_read_and_a_nodes_fields_give_the_same_bytes(
    kind: str, to: str, numbers: tuple[int, int, int, int], data: bytes, chain_id: int, create: bool
) -> None:
    nonce, gas, value, fee = numbers
    told: dict[str, Any] = {"nonce": nonce, "gas": gas, "value": value, "data": data, "to": b"" if create else to}
    told |= dict.fromkeys(FEES[kind], fee)
    told |= {} if kind == "unprotected" else {"chainId": chain_id}
    told |= {"type": kind, "accessList": ACCESS} if kind[0] == "0" else {}
    owner = Account.from_key(b"\7" * 32)
    signed = owner.sign_transaction(told)
    raw = bytes(signed.raw_transaction)
    assert sender_of(raw) == owner.address
    assert call_of(raw) == Call(None if create else to, data, value)
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict() if kind[0] == "0" else told | signed_fields(signed)
    node = {**fields, "accessList": ACCESS, "input": data, "to": None if create else to, "r": signed.r, "s": signed.s}
    assert raw_of(node) == raw
    assert raw_of({name: hex(value) if type(value) is int else value for name, value in node.items()}) == raw


def signed_fields(signed: Any) -> dict[str, int]:
    return {"v": signed.v, "r": signed.r, "s": signed.s}


@pytest.mark.parametrize("raw", [b"\x03\xc0", b"\x02\xc0", b"\xc0", b"\x02\x80", b"\x7f" + bytes(40), b""])
def test_what_is_no_transaction_of_a_known_type_is_an_error(raw: bytes) -> None:
    for read in (call_of, sender_of):
        with pytest.raises((ValueError, IndexError)):
            read(raw)


@pytest.mark.parametrize("told", [{}, {"type": "0x3"}, {"type": "0x2", "chainId": "zz"}, {"type": 0, "nonce": None}])
def test_a_node_that_tells_too_little_is_an_error(told: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        raw_of(told)


def test_a_signature_beyond_the_curve_is_nobodys() -> None:
    owner = Account.from_key(b"\7" * 32)
    signed = owner.sign_transaction({"nonce": 0, "gas": 1, "value": 0, "to": owner.address, "gasPrice": 1, "data": b""})
    fields = rlp(bytes(signed.raw_transaction))
    for v in (b"", b"\1", b"\x1d", b"\x24" * 9):
        assert sender_of(encoded([*fields[:6], v, *fields[7:]])) != owner.address
    assert sender_of(encoded([*fields[:7], b"\xff" * 40, fields[8]])) is None


@given(st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=20))
def test_what_is_encoded_comes_back(item: Any) -> None:
    assert rlp(encoded(item)) == item


def test_long_strings_and_lists_are_encoded() -> None:
    for size in (0, 1, 55, 56, 255, 256, 70_000):
        assert rlp(encoded(b"\xaa" * size)) == b"\xaa" * size
        assert rlp(encoded([b"\1"] * size)) == [b"\1"] * size
    assert keccak(encoded(b"")).hex().startswith("56e81f17")
