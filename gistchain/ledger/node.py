"""A connection and an account -> transactions, signed and sent.

What the embedded chain and a JSON-RPC node have in common, which is all but the connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction

from gistchain.errors import LedgerError, NodeDown, OutOfGas
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call, Connection, Mined
from gistchain.ledger.consent import Consent, coins
from gistchain.ledger.fees import GWEI, Price, cost, gas_limit, higher, with_tip
from gistchain.ledger.known import Known
from gistchain.ledger.networks import called
from gistchain.ledger.refusals import advice, has_it, is_for_want_of_money
from gistchain.ledger.transaction import call_of, terms_of

REPLACE_AFTER = 5
"""Blocks: a minute on Ethereum."""


class Node:
    """A connection and an account on it: signs transactions and sends them; sending.py sees to it that they get there.

    account: None for one that only reads. replace_after: blocks in which a transaction that is next may be left out
    before a higher fee is offered for it. consent: what its person has allowed.
    """

    def __init__(
        self,
        connection: Connection,
        account: Account | None,
        *,
        name: str,
        timeout_s: float,
        replace_after: int = REPLACE_AFTER,
        consent: Consent | None = None,
    ) -> None:
        self.connection = connection
        self._account = account
        self.name = name
        self.timeout_s = timeout_s
        self.replace_after = replace_after
        self.consent = Consent() if consent is None else consent
        self.chain_id = connection.chain_id()

    @property
    def account(self) -> Account:
        if self._account is None:
            raise LedgerError(f"{self.name} was opened to be read: open it for writing to sign")
        return self._account

    @property
    def owner(self) -> str:
        return self.account.address

    @property
    def sender(self) -> str | None:
        """Who calls, where there is an account."""
        return None if self._account is None else self._account.address

    def identity(self, registry: str = "") -> Known:
        """Chain id and genesis hash as the node tells them; block 1 stands in on chains that have no block 0."""
        genesis = self.connection.block_hash(0) or self.connection.block_hash(1)
        return Known(self.chain_id, genesis or "unknown", registry)

    def nonce(self, block: str) -> int:
        """Transactions sent so far: 'latest' counts those in blocks, 'pending' also those that wait."""
        return self.connection.nonce(self.account.address, block)

    def sign(self, call: Call) -> tuple[bytes, str, int]:
        """The signed transaction, its hash and nonce.

        Raises OutOfGas if it can't be paid or is too large, NotConfirmed where a person has not allowed it, LedgerError
        where the node's estimate can't be right.
        """
        needed = self.connection.estimate_gas(call, self.owner)
        price = self.price()
        balance = self.connection.balance(self.owner)
        gas = gas_limit(self.name, needed, call.data)
        cost_wei = cost(self.name, gas, price)
        if balance < cost_wei:
            raise self._too_poor(balance, cost_wei)
        self.consent.to_write()
        self.consent.to_spend(cost_wei, self._cost(gas, price, cost_wei))
        nonce = self.nonce("pending")
        raw, tx = self.account.sign_transaction(call, price, gas=gas, nonce=nonce, chain_id=self.chain_id)
        return raw, tx, nonce

    def raised(self, raw: bytes, times: Fraction) -> tuple[bytes, str]:
        """The same transaction with the same nonce at `times` its fee, or what is usual now if that is more; its hash.

        Raises OutOfGas if it can't be paid, NotConfirmed where a person has not allowed it, LedgerError.
        """
        nonce, gas, before = terms_of(raw)
        price = higher(self.price(), before, times)
        balance = self.connection.balance(self.owner)
        cost_wei = cost(self.name, gas, price)
        if balance < cost_wei:
            raise self._too_poor(balance, cost_wei)
        self.consent.to_spend(cost_wei, self._cost(gas, price, cost_wei), instead_of_wei=gas * before.most_wei)
        return self.account.sign_transaction(call_of(raw), price, gas=gas, nonce=nonce, chain_id=self.chain_id)

    def _cost(self, gas: int, price: Price, cost_wei: int) -> str:
        return (
            f"a transaction may cost up to {coins(cost_wei)} coins of {called(self.chain_id)}, by what {self.name} "
            f"says ({gas:,} gas at up to {price.most_wei / GWEI:.6g} gwei)"
        )

    def price(self) -> Price:
        """What a unit of gas would be offered now, by what the node says."""
        base = self.connection.base_fee()
        if base is None:
            return Price(self.connection.gas_price(), None)
        tip = self.connection.tip()
        return with_tip(base, GWEI if tip is None else tip)

    def _too_poor(self, balance: int, cost_wei: int) -> OutOfGas:
        return OutOfGas(
            f"account {self.owner} has {balance} wei on chain {self.chain_id} and needs up to {cost_wei} wei "
            "for this transaction: send it some, or use another --key"
        )

    def broadcast(self, raw: bytes) -> str | None:
        """None if the node took it or had it; else what it said, which need not be true.

        Raises NodeDown where no answer came.
        """
        text = self.connection.send(raw)
        return None if text is None or has_it(text) else text

    def final(self, mined: Mined) -> bool | None:
        """Whether the chain says that the transaction's block stays; None where it has no word for that."""
        last = self.connection.finalized()
        if last is None or mined.block > last:
            return None if last is None else False
        return self.connection.block_hash(mined.block) == mined.block_hash

    def patiently(self, what: str | Callable[[], str]) -> Iterator[None]:
        """Goes on until the time is up; then raises NodeDown, which says `what` is so all that time."""
        deadline = time.monotonic() + self.timeout_s
        pause_s = 0.02
        while True:
            yield
            if time.monotonic() > deadline:
                so = what if isinstance(what, str) else what()
                raise NodeDown(
                    f"{so} after {self.timeout_s:.0f} s on {self.name}; it may still get "
                    "there: run the same command again, which does not register twice"
                )
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)

    def refusal(self, text: str) -> LedgerError:
        """The node's refusal of a transaction as one of our errors."""
        kind = OutOfGas if is_for_want_of_money(text) else LedgerError
        return kind(f"{self.name} refused a transaction of {self.owner}: {text[:200]}{advice(text)}")
