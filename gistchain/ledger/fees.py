"""What a node says of gas and prices -> what is offered for a transaction, within what can be right.

A node earns nothing by overstating, but whoever runs the one that includes the transaction does: the tip is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from gistchain.errors import LedgerError, OutOfGas
from gistchain.ledger.gas import TRANSACTION_GAS_LIMIT

GWEI = 10**9
MOST_TIP_WEI = 3 * GWEI
"""Of a tip for a unit of gas, unless the base fee is higher: tips are a fraction of the base fee where that counts."""
MOST_COST_WEI = 10**30
"""More than there is of any coin: a million million."""
REPLACES = Fraction(9, 8)
"""What a node asks of a transaction that takes another's place: geth and most others 10% more, of both the price and
the tip, Parity's kind 12.5%."""
ENTERS = Fraction(2)
"""What is offered to a node that calls a price too low and does not say what is enough."""
_TIMES = 3
"""How much more than under Ethereum's rules a chain may charge for the same call."""


def most_gas(data: bytes) -> int:
    """The most that a call of our contracts, or their creation, can need with this data.

    A registration needs 170,000 (registry.vy) and for a byte of the gist 200 as code and at most 40 as calldata
    (EIP-7623); 100 more are for memory and for bytes that are not the gist's.
    """
    return min(TRANSACTION_GAS_LIMIT, _TIMES * (200_000 + 340 * len(data)))


def least_gas(data: bytes) -> int:
    """What any transaction with this data costs: its intrinsic gas, all bytes taken for zeros (EIP-2028)."""
    return 21_000 + 4 * len(data)


def gas_limit(name: str, estimate: int, data: bytes) -> int:
    """The limit for a transaction whose estimate this is. Raises OutOfGas, LedgerError. name: of the node."""
    most = most_gas(data)
    if estimate > TRANSACTION_GAS_LIMIT:
        raise OutOfGas(
            f"this needs {estimate} gas, a transaction may use {TRANSACTION_GAS_LIMIT}: make it smaller, or ask "
            "another node if that can't be"
        )
    if not least_gas(data) <= estimate <= most:
        raise LedgerError(
            f"{name} says that a transaction needs {estimate} gas, which can't be: it is from {least_gas(data)} to "
            f"{most}; use another node"
        )
    # A little more than estimated: another owner's registration of the image may come first and change the path.
    return min(estimate + estimate // 16 + 10_000, most)


@dataclass(frozen=True, slots=True)
class Price:
    """What is offered for a unit of gas, in wei. tip_wei: None on a chain without a fee market (before EIP-1559)."""

    most_wei: int
    tip_wei: int | None


def with_tip(base_wei: int, tip_wei: int) -> Price:
    """For a chain with a fee market. The base fee may double until the transaction gets in."""
    tip = min(tip_wei, max(MOST_TIP_WEI, base_wei))
    return Price(2 * base_wei + tip, tip)


def higher(now: Price, before: Price, times: Fraction) -> Price:
    """What is offered in place of `before`, which was too little: at least `times` as much, and what is usual now."""

    def raised(wei: int) -> int:
        return max(wei + 1, ceil(wei * times))

    if before.tip_wei is None:
        return Price(max(now.most_wei, raised(before.most_wei)), None)
    tip = max(now.tip_wei or 0, raised(before.tip_wei))
    return Price(max(now.most_wei, raised(before.most_wei)), tip)


def cost(name: str, gas: int, price: Price) -> int:
    """Most that the transaction may cost, in wei. Raises LedgerError for what can't be. name: of the node."""
    cost_wei = gas * price.most_wei
    if cost_wei > MOST_COST_WEI:
        raise LedgerError(
            f"{name} says that a unit of gas costs {price.most_wei} wei, which can't be: nobody has that much; use "
            "another node"
        )
    return cost_wei
