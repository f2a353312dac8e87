"""Several nodes of one chain -> one connection: what one of them can't, won't or wrongly says, the others say.

    the registry, code, hashes, receipts   two that say the same, in turns; where they don't, most of all
    nonces, balances                       the most that any of them says
    fees, the last block                   the middle of what they say
    transactions, logs                     whoever has them
    to send                                to all; it is enough that one takes it

One that does not answer, lags behind most of them or says what others don't is left alone, and named. Where only one
answers, it is believed as a single node is, also in a read that decides what is sent.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gistchain.errors import LedgerError, WrongChain
from gistchain.ledger.connection import Call, Connection, Log, Mined, Refusal, Topics
from gistchain.ledger.refusals import has_it

T = TypeVar("T")
LAG_BLOCKS = 3
"""Behind the others, before a node is left alone."""
_REST_S = 30.0
_JUDGED_AFTER = 2
"""Times that all are asked before one is blamed: a new block reaches one before the other."""
_TRIES, _PAUSE_S = 10, 0.2


@dataclass(slots=True, eq=False)
class Endpoint:
    """One node. name: without credentials. checked: that it is on the chain of the others.

    rests_until: on the monotonic clock. lied: it is not asked again.
    """

    name: str
    connection: Connection
    checked: bool = False
    rests_until: float = 0.0
    lied: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """What an endpoint answered: a value, or the contract's refusal."""

    by: Endpoint
    value: Any
    refusal: Refusal | None

    @property
    def key(self) -> tuple[Any, bool]:
        return self.value, self.refusal is not None

    def told(self) -> Any:
        if self.refusal is not None:
            raise self.refusal
        return self.value


class Endpoints:
    """Fulfils Connection. Threads may share one.

    told: hears of each node that is left alone, and why. Raises WrongChain where they are on several chains, the error
    of the last where none answers.
    """

    def __init__(self, nodes: Sequence[Endpoint], told: Callable[[str], None] | None = None) -> None:
        self.nodes = list(nodes)
        self._told = told
        self._turn = 0
        self._identity: tuple[int, str, str] | None = None
        error: LedgerError | None = None
        for node in self.nodes:
            try:
                self._check(node)
            except WrongChain:
                raise
            except LedgerError as failed:
                error = failed
                self._rest(node, failed)
        if error is not None and not any(node.checked for node in self.nodes):
            raise error
        self.block_number()  # who lags behind from the start

    def _check(self, node: Endpoint) -> None:
        """Raises WrongChain where it is on another chain than those before."""
        genesis = node.connection.block_hash(0) or node.connection.block_hash(1)
        if genesis is None:
            raise LedgerError(f"{node.name} doesn't show its chain's first block")
        chain_id = node.connection.chain_id()
        known = self._identity or (chain_id, genesis, node.name)
        if known[:2] != (chain_id, genesis):
            raise WrongChain(
                f"{node.name} is on chain {chain_id} (genesis {genesis}), {known[2]} on chain {known[0]} (genesis "
                f"{known[1]}): give --rpc of one chain"
            )
        self._identity, node.checked = known, True

    # Who is asked

    def _up(self) -> Iterator[Endpoint]:
        """Those to ask, in turns; where all rest, all of them."""
        self._turn += 1
        start = self._turn % len(self.nodes)
        nodes = [node for node in self.nodes[start:] + self.nodes[:start] if not node.lied]
        awake = [node for node in nodes if node.rests_until <= time.monotonic()]
        for node in awake or nodes:
            if not node.checked:
                try:
                    self._check(node)
                except WrongChain as error:
                    self._blame(node, str(error))
                    continue
                except LedgerError as error:
                    self._rest(node, error)
                    continue
            yield node

    def _rest(self, node: Endpoint, why: LedgerError | str) -> None:
        node.rests_until = time.monotonic() + _REST_S
        if self._told is not None and len(self.nodes) > 1:
            self._told(f"{node.name} is left alone for now: {why}")

    def _blame(self, node: Endpoint, why: str) -> None:
        node.lied = True
        if self._told is not None:
            self._told(f"{node.name} is not asked any more: {why}")

    def _each(self, ask: Callable[[Connection], T]) -> Iterator[tuple[Endpoint, T]]:
        """What those say who answer; raises the last one's error where nobody does, a contract's refusal at once."""
        error, answered = LedgerError("none of the endpoints can be believed: give another --rpc"), False
        for node in self._up():
            try:
                answer = ask(node.connection)
            except Refusal:
                raise
            except LedgerError as failed:
                error = failed
                self._rest(node, failed)
                continue
            answered = True
            yield node, answer
        if not answered:
            raise error

    def _all(self, ask: Callable[[Connection], T]) -> list[T]:
        return [answer for _, answer in self._each(ask)]

    def _whoever(self, ask: Callable[[Connection], T | None]) -> T | None:
        """The first answer that is one; None where all that answer say so."""
        return next((answer for _, answer in self._each(ask) if answer is not None), None)

    # What they say alike

    def _agreed(self, what: str, ask: Callable[[Connection], T]) -> T:
        """What two of them say alike, or most of them. what: is asked for, in messages."""
        said = self._said(ask, 2)
        for times in range(_TRIES):
            if not _differ(said):
                break
            heads = self._heads() if times >= _JUDGED_AFTER else {}
            said = self._said(ask, len(self.nodes))
            if not _differ(said):
                break
            if heads and (most := self._judged(what, said, heads)) is not None:
                said = [most]
                break
            time.sleep(_PAUSE_S)
        else:
            names = " and ".join(dict.fromkeys(each.by.name for each in said))
            raise LedgerError(
                f"{names} say different things of {what}, and which is right can't be told: leave one out, or give "
                "one --rpc more"
            )
        answer: T = said[0].told()
        return answer

    def _said(self, ask: Callable[[Connection], Any], most: int) -> list[_Said]:
        """The answers of so many, at least one."""

        def asked(connection: Connection) -> tuple[Any, Refusal | None]:
            try:
                return ask(connection), None
            except Refusal as refusal:
                return None, refusal

        said: list[_Said] = []
        for node, (value, refusal) in self._each(asked):
            said.append(_Said(node, value, refusal))
            if len(said) == most:
                break
        return said

    def _heads(self) -> dict[Endpoint, int]:
        return dict(self._each(lambda connection: connection.block_number()))

    def _judged(self, what: str, said: Sequence[_Said], heads: dict[Endpoint, int]) -> _Said | None:
        """What more than half of them say, and the others are left alone; None where there is no such thing.

        heads: the last blocks before they were asked. One that is behind is no liar, nor is one that is ahead, nor any
        where a block has come meanwhile. One that more than half of them are ahead of is left out: a block that one
        alone claims need not be there.
        """
        still = self._heads() == heads
        key, count = Counter(each.key for each in said).most_common(1)[0]
        most = next(each for each in said if each.key == key) if 2 * count > len(said) else None
        last = max(heads.get(each.by, 0) for each in said if most is None or each.key == most.key)
        for other in said:
            at = heads.get(other.by, 0)
            ahead = sum(heads.get(each.by, 0) > at for each in said)
            if 2 * ahead > len(said) and (most is None or other.key != most.key):
                self._rest(other.by, f"it is at block {at}, the others are at {last}")
            elif still and at == last and most is not None and other.key != most.key:
                self._blame(other.by, f"of {what} it says what the other endpoints don't")
        return most

    def chain_id(self) -> int:
        assert self._identity is not None
        return self._identity[0]

    def block_hash(self, number: int) -> str | None:
        return self._agreed(f"block {number}", lambda connection: connection.block_hash(number))

    def code(self, address: str) -> bytes:
        return self._agreed(f"the code at {address}", lambda connection: connection.code(address))

    def call(self, call: Call, sender: str | None, block: int | None = None) -> bytes:
        return self._agreed(f"the contract {call.to}", lambda connection: connection.call(call, sender, block))

    def receipt(self, tx: str) -> Mined | None:
        return self._agreed(f"transaction {tx}", lambda connection: connection.receipt(tx))

    # What is the most, or in the middle

    def nonce(self, address: str, block: str) -> int:
        return max(self._all(lambda connection: connection.nonce(address, block)))

    def balance(self, address: str) -> int:
        return max(self._all(lambda connection: connection.balance(address)))

    def base_fee(self) -> int | None:
        return _middle_told(self._all(lambda connection: connection.base_fee()))

    def gas_price(self) -> int:
        return _middle(self._all(lambda connection: connection.gas_price()))

    def tip(self) -> int | None:
        return _middle_told(self._all(lambda connection: connection.tip()))

    def block_number(self) -> int:
        heads = self._heads()
        last = _middle(heads.values())
        for node, number in heads.items():
            if number < last - LAG_BLOCKS:
                self._rest(node, f"it is at block {number}, the others are at {last}")
        return last

    def finalized(self) -> int | None:
        """The least that any of them calls final: one that hurries makes nothing final."""
        numbers = self._all(lambda connection: connection.finalized())
        return None if None in numbers else min(number for number in numbers if number is not None)

    def estimate_gas(self, call: Call, sender: str) -> int:
        """By two of them, before a refusal is believed."""
        said = self._said(lambda connection: connection.estimate_gas(call, sender), 1)
        if said[0].refusal is not None:
            said = self._said(lambda connection: connection.estimate_gas(call, sender), 2)
        gas: int = next((each for each in said if each.refusal is None), said[0]).told()
        return gas

    # What any of them has

    def knows(self, tx: str) -> bool:
        return any(self._all(lambda connection: connection.knows(tx)))

    def transaction(self, tx: str) -> bytes | None:
        return self._whoever(lambda connection: connection.transaction(tx))

    def block_time(self, number: int) -> int | None:
        return self._whoever(lambda connection: connection.block_time(number))

    def logs(self, address: str, topics: Topics, blocks: range | None = None) -> list[Log] | None:
        """Of the first that has any: an empty list can also mean that a node has not kept them."""
        found: list[Log] | None = None
        for _, told in self._each(lambda connection: connection.logs(address, topics, blocks)):
            if told:
                return told
            found = told if found is None else found
        return found

    def send(self, raw: bytes) -> str | None:
        refusals = self._all(lambda connection: connection.send(raw))
        if any(refusal is None or has_it(refusal) for refusal in refusals):
            return None
        return refusals[0]


def _differ(said: Sequence[_Said]) -> bool:
    return len({each.key for each in said}) > 1


def _middle(numbers: Collection[int]) -> int:
    """Of an even number, the lower of the two: more than half of them are as high."""
    return sorted(numbers)[(len(numbers) - 1) // 2]


def _middle_told(numbers: Collection[int | None]) -> int | None:
    """None where most say nothing."""
    told = [number for number in numbers if number is not None]
    return _middle(told) if 2 * len(told) > len(numbers) else None
