"""What registering images would cost -> the JSON of --json, and a table for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.ledger.estimate import Cost, Plan
    from gistchain.types import Gist


@dataclass(frozen=True, slots=True)
class Planned:
    """One image that would be registered. cost: None where no price is known."""

    image: str
    gist: Gist
    gist_bytes: int
    plan: Plan
    cost: Cost | None


def cost_json(planned: Planned) -> dict[str, Any]:
    """data_fee_wei: of a rollup, part of fee_wei. money: in the currency of --eth-price."""
    cost = planned.cost
    return {
        "image": planned.image,
        "caption": planned.gist.caption,
        "gist_bytes": planned.gist_bytes,
        "layers": planned.gist.layers,
        "function": planned.plan.function,
        "gas": planned.plan.gas,
        "data_fee_wei": None if cost is None else cost.data_wei,
        "fee_wei": None if cost is None else cost.wei,
        "money": None if cost is None or cost.money is None else float(cost.money),
    }


def costs_header(first: Planned) -> str:
    """Above the rows; they all have the columns of the first."""
    return _row("bytes", "gas", *_columns(first.cost, "coins", "money"), "form", "image")


def cost_text(planned: Planned) -> str:
    form = " + ".join(["caption", *planned.gist.layers])
    return _row(*_sums(planned.gist_bytes, planned.plan.gas, planned.cost), form, planned.image)


def costs_total(planned: Sequence[Planned]) -> str:
    """Below the rows."""
    first = planned[0].cost
    coins = sum((one.cost.coins for one in planned if one.cost), Decimal(0))
    money = sum((one.cost.money for one in planned if one.cost and one.cost.money is not None), Decimal(0))
    size, gas = sum(one.gist_bytes for one in planned), sum(one.plan.gas for one in planned)
    return _row(f"{size:,}", f"{gas:,}", *_columns(first, _coins(coins), _money(money)), f"all {len(planned)}", "")


def _sums(size: int, gas: int, cost: Cost | None) -> list[str]:
    shown = [] if cost is None else _columns(cost, _coins(cost.coins), _money(cost.money or Decimal(0)))
    return [f"{size:,}", f"{gas:,}", *shown]


def _columns(cost: Cost | None, coins: str, money: str) -> list[str]:
    if cost is None:
        return []
    return [coins] if cost.money is None else [coins, money]


def _row(*columns: str) -> str:
    *numbers, form, image = columns
    widths = (8, 11, 16, 12)
    shown = "".join(f"{number:>{width}}" for number, width in zip(numbers, widths, strict=False))
    return lines([f"{shown}  {form:<18}  {image}".rstrip()])


def _coins(coins: Decimal) -> str:
    return f"{coins:.9f}"


def _money(money: Decimal) -> str:
    return f"{money:,.4f}" if money < 1 else f"{money:,.2f}"
