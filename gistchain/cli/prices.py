"""`register --dry-run`: prices in a person's words, and what registering images would cost at them.

No node is asked, so that captions are taken as they are without the trait tables of one, which may make them shorter,
and a registry on a node is taken to have tokens: the very first costs more.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gistchain.answers.costs import Planned, cost_json, cost_text, costs_header, costs_total
from gistchain.cli.sources import read
from gistchain.cli.terminal import answer, failure, progress, say
from gistchain.errors import GistchainError, PacketError, SettingError

if TYPE_CHECKING:
    from gistchain.ledger.estimate import Prices
    from gistchain.ledger.rollups import Rollup
    from gistchain.types import Gist, Guarantee, System

_GWEI = 10**9
_MOST = Decimal(10) ** 18
"""Of any price: more is a slip of the keyboard."""


def prices_of(gas_price: str | None, eth_price: str | None, l2: str | None, *, dry_run: bool) -> Prices | None:
    """What the options say; None where no price of gas is given.

    Raises SettingError for what is no price, and for options that need others.
    """
    from gistchain.ledger.estimate import Prices

    if not dry_run and not (gas_price is eth_price is l2 is None):
        raise SettingError("--gas-price, --eth-price and --l2 are for --dry-run, which sends nothing: give that too")
    if gas_price is None:
        if eth_price is not None or l2 is not None:
            raise SettingError("--eth-price and --l2 need --gas-price, the price of a unit of gas in gwei")
        return None
    coin_price = None if eth_price is None else _number("--eth-price", eth_price, "a price of one coin, such as 2500")
    return Prices(_wei("--gas-price", gas_price), coin_price, None if l2 is None else _rollup(l2))


def tell_costs(
    sources: Sequence[str | Path],
    system: System,
    caption: str | None,
    prices: Prices | None,
    as_json: bool,
    batches: Guarantee | None = None,
    readable: bool = False,
    first: bool = False,
) -> None:
    """A row for each image, with a ticket as `register` writes one; or, of batches, one for each of them.

    first: nothing was registered there before. Raises typer.Exit(1) where one failed.
    """
    from gistchain.pipeline import each

    done: list[Planned] = []
    failed = False
    for source, planned in each(
        progress(sources, "describing", as_json),
        lambda source: _planned(source, system, caption, prices, readable, first and not done),
    ):
        if isinstance(planned, GistchainError):
            failed = True
            failure(source, planned, as_json)
            continue
        done.append(planned)
        if batches is None:
            _tell(planned, len(done) == 1, as_json)
    if batches is not None:
        done = _in_batches([planned.gist for planned in done], batches, prices, first)
        for number, planned in enumerate(done, 1):
            _tell(planned, number == 1, as_json)
    if len(done) > 1 and not as_json:
        say(costs_total(done))
    if failed:
        raise typer.Exit(1)


def _tell(planned: Planned, first: bool, as_json: bool) -> None:
    if first and not as_json:
        say(costs_header(planned))
    answer(planned, cost_json, cost_text, as_json)


def _in_batches(gists: list[Gist], guarantee: Guarantee, prices: Prices | None, first: bool) -> list[Planned]:
    from gistchain.bulk.plan import estimated
    from gistchain.ledger.estimate import cost
    from gistchain.types import Gist

    return [
        Planned(
            f"batch of {one.tokens} images",
            Gist((), (1, 1)),
            one.gist_bytes,
            one.plan,
            None if prices is None else cost(one.plan, prices),
        )
        for one in estimated(gists, guarantee, first=first)
    ]


def _planned(
    source: str | Path, system: System, caption: str | None, prices: Prices | None, readable: bool, first: bool
) -> Planned:
    from gistchain.gist.packet import pack
    from gistchain.ledger.estimate import cost, registering

    picture = read(source)
    gist = system.describe(picture, caption=caption).gist
    payload = pack(gist, readable=readable)
    try:
        plan = registering(payload, rated=True, first=first)
    except SettingError as error:
        raise PacketError(f"{picture.name} can't be registered: {error}") from error
    return Planned(picture.name, gist, len(payload), plan, None if prices is None else cost(plan, prices))


def _rollup(words: str) -> Rollup:
    from gistchain.ledger.rollups import Arbitrum, OpStack

    kind, *numbers = words.split(":")
    if kind == "op" and len(numbers) == 4 and all(number.isdecimal() for number in numbers[:2]):
        base, blob = (_wei("--l2", number) for number in numbers[2:])
        return OpStack(int(numbers[0]), int(numbers[1]), base, blob)
    if kind == "arbitrum" and len(numbers) == 1:
        return Arbitrum(_wei("--l2", numbers[0]))
    raise SettingError(
        f"--l2 {words}: give op:BASE_SCALAR:BLOB_SCALAR:BASE_FEE:BLOB_FEE, such as op:5227:1014213:0.5:0.001, "
        "or arbitrum:L1_PRICE, such as arbitrum:0.5"
    )


def _wei(option: str, gwei: str) -> int:
    return int(_number(option, gwei, "a number of gwei, such as 0.5") * _GWEI)


def _number(option: str, given: str, wanted: str) -> Decimal:
    try:
        number = Decimal(given)
        if not 0 <= number <= _MOST:  # raises for NaN
            raise ValueError
    except (InvalidOperation, ValueError):
        raise SettingError(f"{option} {given}: give {wanted}") from None
    return number
