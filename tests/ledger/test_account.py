"""What an account signs and what a call is in bytes, against eth-account and web3, which know nothing of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import eth_account
import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from gistchain.ledger import abi
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import open_embedded
from gistchain.ledger.fees import Price
from gistchain.ledger.ticket import VERDICTS, Registration, sign
from gistchain.ledger.transaction import call_of
from gistchain.types import RarenessTicket

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1 (SEC 2)
KEYS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
ADDRESSES = st.binary(min_size=20, max_size=20).map(Web3.to_checksum_address)
CALLS = st.builds(Call, st.none() | ADDRESSES, st.binary(max_size=300), st.integers(0, 2**100))


@settings(max_examples=60, deadline=None)
@given(
    key=KEYS,
    call=CALLS,
    most=st.integers(0, 2**64),
    tip=st.none() | st.integers(0, 2**64),
    gas=st.integers(21_000, 2**40),
    nonce=st.integers(0, 2**63),
    chain_id=st.integers(1, 2**63),
)
def test_a_signed_transaction_is_the_very_one_that_eth_account_signs(
    key: bytes, call: Call, most: int, tip: int | None, gas: int, nonce: int, chain_id: int
) -> None:
    price = {"gasPrice": most} if tip is None else {"maxFeePerGas": most, "maxPriorityFeePerGas": tip}
    asked: dict[str, Any] = {"value": call.value_wei, "data": call.data, "gas": gas, "nonce": nonce}
    to = {} if call.to is None else {"to": call.to}
    theirs = eth_account.Account.from_key(key).sign_transaction({**asked, **to, **price, "chainId": chain_id})
    raw, tx = Account(key).sign_transaction(call, Price(most, tip), gas=gas, nonce=nonce, chain_id=chain_id)
    assert raw == bytes(theirs.raw_transaction)
    assert tx == theirs.hash.to_0x_hex()
    assert call_of(raw) == call


@settings(max_examples=30, deadline=None)
@given(
    key=KEYS,
    image=st.binary(min_size=32, max_size=32),
    gist=st.binary(max_size=300),
    score=st.integers(0, 10_000),
    verdict=st.sampled_from(VERDICTS),
    deadline=st.integers(0, 2**256 - 1),
    numbers=st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**40 - 1), st.integers(0, 2**32 - 1)),
    chain_id=st.integers(1, 2**63),
    registry=ADDRESSES,
)
def test_a_signed_ticket_is_the_very_one_that_eth_account_signs(
    key: bytes,
    image: bytes,
    gist: bytes,
    score: int,
    verdict: Any,
    deadline: int,
    numbers: tuple[int, int, int],
    chain_id: int,
    registry: str,
) -> None:
    theirs = eth_account.Account.from_key(key)
    ticket = RarenessTicket(score / 10_000, verdict, image[::-1], *numbers)
    wanted = Registration(theirs.address, image, gist, ticket, deadline)
    message = encode_typed_data(full_message=wanted.typed_data(chain_id=chain_id, registry=registry))
    ours = Account(key)
    assert ours.address == theirs.address
    assert sign(wanted, ours, chain_id=chain_id, registry=registry) == bytes(theirs.sign_message(message).signature)


@settings(max_examples=60, deadline=None)
@given(
    owner=ADDRESSES,
    words=st.tuples(*[st.binary(min_size=32, max_size=32)] * 2),
    gist=st.binary(max_size=300),
    numbers=st.tuples(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1)),
    signature=st.binary(max_size=300),
)
def test_a_call_is_encoded_as_web3_encodes_it(
    owner: str, words: tuple[bytes, ...], gist: bytes, numbers: tuple[int, int], signature: bytes
) -> None:
    contract = compiled("registry")
    rating, deadline = numbers
    arguments = (owner, *words, rating, gist, deadline, signature)
    theirs = Web3().eth.contract(abi=contract.abi)
    ours = abi.calldata(contract, "registerLongFor", *arguments)
    assert ours == bytes.fromhex(theirs.encode_abi("registerLongFor", arguments)[2:])
    told = abi.arguments(contract, ours)
    assert tuple(told.values()) == arguments
    assert told == theirs.decode_function_input(ours)[1]
    assert abi.calldata(contract, "tokenOf", owner.lower(), words[0]) == abi.calldata(
        contract, "tokenOf", owner, words[0]
    )


def test_bytes_of_another_length_are_no_argument() -> None:
    for wrong in (b"", b"\1" * 31, b"\1" * 33):
        with pytest.raises(ValueError, match="firstOf takes bytes32"):
            abi.calldata(compiled("registry"), "firstOf", wrong)


@pytest.mark.parametrize("key", [b"", b"\1" * 31, b"\1" * 33])
def test_what_is_no_key_is_refused_without_being_shown(key: bytes) -> None:
    with pytest.raises(ValueError, match="no private key") as refused:
        Account(key)
    assert refused.value.__suppress_context__


def test_the_embedded_chain_needs_neither_web3_nor_eth_account(tmp_path: Path) -> None:
    open_embedded(tmp_path).close()
    code = """
import sys
from pathlib import Path
from gistchain.ledger.evm import open_embedded
with open_embedded(Path(sys.argv[1])) as ledger:
    ledger.put(b"a red bus", image_sha3_256=bytes(32))
heavy = ("web3", "eth_account", "eth_tester", "aiohttp", "requests", "websockets")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
