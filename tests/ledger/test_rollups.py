"""What rollups add: the vectors of OP nodes, transactions as they are signed, and the sums of an estimate."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import SettingError
from gistchain.ledger import abi, gas
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.estimate import Prices, cost, registering, registering_batch, registering_proofs
from gistchain.ledger.fees import Price
from gistchain.ledger.rollups import Arbitrum, OpStack, fastlz_bytes, transaction_of
from gistchain.ledger.ticket import Registration
from gistchain.types import RarenessTicket

# core/types/rollup_cost_test.go of op-geth.
EMPTY = bytes.fromhex("dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080")
CALL = bytes.fromhex(
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41ef24f3f"
    + "000000000000000000000000000000000000000000000000000000000000006e"
    + "000000000000000000000000af88d065e77c8cc2239327c5edb3a432268e5831"
    + "000000000000000000000000000000000000000000000000000000000003c1e5"
    + "00" * 32
    + "00000000000000000000000000000000000000000000000000000000000000a0"
    + "0000000000000000000000000000000000000000000000000000000000000014"
    + "8c89ed219d02f1a5be012c689b4f5b731827bebe000000000000000000000000"
    + "c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8"
    + "a07cdf65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e"
)
OP = OpStack(base_scalar=2, blob_scalar=3, base_fee_wei=10**9, blob_fee_wei=10**7)


@pytest.mark.parametrize(
    ("data", "size"), [(b"", 0), (b"\1" * 1000, 21), (bytes(1000), 21), (EMPTY, 31), (CALL, 202)], ids=range(5)
)
def test_fastlz_makes_what_op_geth_says(data: bytes, size: int) -> None:
    assert fastlz_bytes(data) == size


def test_an_op_chain_s_fee_is_what_op_geth_says() -> None:
    assert OP.fee_wei(EMPTY) == 3_203_000
    assert OP.fee_wei(CALL) == (836_500 * 202 - 42_585_600) * (16 * 2 * 10**9 + 3 * 10**7) // 10**12


@given(st.binary(max_size=500))
def test_fastlz_hardly_makes_bytes_longer(data: bytes) -> None:
    """GasPriceOracle's upper bound, but for the rounding up of a run."""
    assert fastlz_bytes(data) <= len(data) + len(data) // 32 + 16
    assert fastlz_bytes(data + bytes(400)) <= len(data) + len(data) // 32 + 24


@pytest.mark.parametrize("rated", [True, False], ids=["rated", "plain"])
@pytest.mark.parametrize("size", [1, 7, 18, 40, 300, 5_000, 20_000])
def test_an_estimated_transaction_is_as_long_as_a_signed_one_and_packs_as_well(size: int, rated: bool) -> None:
    rng = random.Random(size)
    gist, account = rng.randbytes(size), Account(rng.randbytes(32))
    ticket = RarenessTicket(0.97, "original", rng.randbytes(32), 1, 21_000_000, 1_700) if rated else None
    wanted = Registration(account.address, rng.randbytes(32), gist, ticket)
    data = abi.calldata(compiled("registry"), wanted.function, *wanted.arguments())
    call, price = Call(compiled("registry").address, data), Price(10**9, 10**6)
    raw, _ = account.sign_transaction(call, price, gas=200_000, nonce=99, chain_id=8453)
    plan = registering(gist, rated=rated)
    assert plan.function == wanted.function
    estimated = transaction_of(plan.calldata)
    assert abs(len(estimated) - len(raw)) <= 4
    assert abs(fastlz_bytes(estimated) - fastlz_bytes(raw)) <= 8


def test_the_parts_of_a_cost_add_up() -> None:
    plan = registering(b"a gist", rated=True)
    plain = cost(plan, Prices(2 * 10**9))
    assert (plain.gas, plain.wei, plain.data_wei, plain.money) == (plan.gas, plan.gas * 2 * 10**9, 0, None)
    priced = cost(plan, Prices(2 * 10**9, Decimal("2500.50"), Arbitrum(10**8)))
    assert priced.data_wei == len(transaction_of(plan.calldata)) * 16 * 10**8
    assert priced.wei == plain.wei + priced.data_wei
    assert priced.money == Decimal("2500.50") * priced.coins


def test_batches_are_priced_as_calls_of_many_tokens() -> None:
    data = random.Random(1).randbytes(5_000)
    for plan, predicted in (
        (registering_batch(data, 100), gas.batch_gas(data)),
        (registering_proofs(data, 100), gas.proofs_gas(data)),
    ):
        assert (plan.gas, plan.tokens) == (predicted, 100)
        assert data in plan.calldata
        assert cost(plan, Prices(1, rollup=OP)).data_wei > 40 * OP.fee_wei(EMPTY)


def test_a_gist_that_is_too_long_has_no_price() -> None:
    with pytest.raises(SettingError, match="a gist of 24566 bytes"):
        registering(bytes(24_566), rated=False)
