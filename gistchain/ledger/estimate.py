"""What is to be registered, and prices -> what the transaction would cost, without a node.

    registering(gist, rated=True)      ─┐
    registering_batch(data, 500)        ├─> Plan ─── cost(plan, prices) ──> gas, fees in wei, money
    registering_proofs(data, 500)      ─┘

Gas as gas.py says, what a rollup adds as rollups.py says.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from gistchain.ledger import gas
from gistchain.ledger.rollups import Rollup, transaction_of

_COIN_WEI = 10**18


@dataclass(frozen=True, slots=True)
class Plan:
    """A call of the registry. calldata: of the size and the zeros of the real one. tokens: how many it makes."""

    function: str
    calldata: bytes
    gas: int
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Prices:
    """What a person knows of a chain. coin_price: of one coin, in any currency. rollup: None on a chain of its own."""

    gas_price_wei: int
    coin_price: Decimal | None = None
    rollup: Rollup | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """data_wei: what a rollup adds for its parent's data, 0 elsewhere. money: in the currency of the coin's price."""

    gas: int
    gas_wei: int
    data_wei: int
    money: Decimal | None

    @property
    def wei(self) -> int:
        return self.gas_wei + self.data_wei

    @property
    def coins(self) -> Decimal:
        return Decimal(self.wei) / _COIN_WEI


def registering(gist: bytes, *, rated: bool, first: bool = False) -> Plan:
    """One token by its owner, in words or in code as the client chooses. first: nothing was registered there before.

    Raises SettingError for a gist too long.
    """
    words = len(gist) <= (gas.RATED_INLINE_BYTES if rated else gas.INLINE_BYTES)
    return Plan(
        "register" if words else "registerLong",
        gas.registration_calldata(gist, rated=rated),
        gas.registration_gas(gist, rated=rated, first=first),
    )


def registering_batch(data: bytes, tokens: int, *, first: bool = False) -> Plan:
    """Tokens whose gists the state keeps. data: what registerBatch takes."""
    return Plan("registerBatch", gas.batch_calldata(data), gas.batch_gas(data, first=first), tokens)


def registering_proofs(data: bytes, tokens: int, *, first: bool = False) -> Plan:
    """Tokens of which the state keeps a root. data: what registerProofs takes beside it."""
    return Plan("registerProofs", gas.proofs_calldata(data), gas.proofs_gas(data, first=first), tokens)


def cost(plan: Plan, prices: Prices) -> Cost:
    """What the transaction would cost."""
    gas_wei = plan.gas * prices.gas_price_wei
    data_wei = 0 if prices.rollup is None else prices.rollup.fee_wei(transaction_of(plan.calldata))
    money = None if prices.coin_price is None else prices.coin_price * Decimal(gas_wei + data_wei) / _COIN_WEI
    return Cost(plan.gas, gas_wei, data_wei, money)
