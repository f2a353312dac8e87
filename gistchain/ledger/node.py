"""A web3 connection and an account -> transactions signed, sent and waited for; foreign errors as ours.

What the embedded chain and a JSON-RPC node have in common, which is all but the web3 provider.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gistchain.errors import LedgerError, NodeDown, OutOfGas
from gistchain.ledger.consent import Consent, coins
from gistchain.ledger.fees import GWEI, Price, cost, gas_limit, with_tip
from gistchain.ledger.known import Known
from gistchain.ledger.networks import called

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3
    from web3.types import TxParams, TxReceipt

# Another process may take the nonce between reading and sending; each loss costs one try.
TRIES = 5


class Node:
    """A web3 connection and an account on it: sends transactions, waits for them, speaks our errors.

    account: None for one that only reads. consent: what its person has allowed.
    """

    def __init__(
        self, w3: Web3, account: LocalAccount | None, *, name: str, timeout_s: float, consent: Consent | None = None
    ) -> None:
        self.w3 = w3
        self._account = account
        self.name = name
        self.timeout_s = timeout_s
        self.consent = Consent() if consent is None else consent
        with edge(name):
            self.chain_id = w3.eth.chain_id

    @property
    def account(self) -> LocalAccount:
        if self._account is None:
            raise LedgerError(f"{self.name} was opened to be read: open it for writing to sign")
        return self._account

    @property
    def owner(self) -> str:
        return str(self.account.address)

    @property
    def sender(self) -> TxParams:
        """Who calls, where there is an account."""
        return {} if self._account is None else {"from": self._account.address}

    def identity(self, registry: str = "") -> Known:
        """Chain id and genesis hash as the node tells them; block 1 stands in on chains that have no block 0."""
        from web3.exceptions import BlockNotFound

        with edge(self.name):
            for number in (0, 1):
                with contextlib.suppress(BlockNotFound):
                    return Known(self.chain_id, self.w3.to_hex(self.w3.eth.get_block(number)["hash"]), registry)
        return Known(self.chain_id, "unknown", registry)

    def nonce(self, block: str) -> int:
        """Transactions sent so far: 'latest' counts those in blocks, 'pending' also those that wait."""
        with edge(self.name):
            return self.w3.eth.get_transaction_count(self.account.address, block)  # type: ignore[arg-type]

    def sign(self, call: TxParams) -> tuple[bytes, str, int]:
        """The signed transaction, its hash and nonce.

        Raises OutOfGas if it can't be paid or is too large, NotConfirmed where a person has not allowed it, LedgerError
        where the node's estimate can't be right.
        """
        with edge(self.name):
            needed = self.w3.eth.estimate_gas({**self.sender, **call})
            price = self._price()
            balance = self.w3.eth.get_balance(self.account.address)
            data = self.w3.to_bytes(hexstr=given) if isinstance(given := call.get("data", b""), str) else bytes(given)
        gas = gas_limit(self.name, needed, data)
        cost_wei = cost(self.name, gas, price)
        if balance < cost_wei:
            raise self._too_poor(balance, cost_wei)
        self.consent.to_write()
        self.consent.to_spend(cost_wei, self._cost(gas, price, cost_wei))
        nonce = self.nonce("pending")
        paid = {**price.fields(), "gas": gas, "nonce": nonce, "chainId": self.chain_id}
        transaction: dict[str, Any] = {"value": 0, **call, **paid}
        signed = self.account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), self.w3.to_hex(signed.hash), nonce

    def _cost(self, gas: int, price: Price, cost_wei: int) -> str:
        return (
            f"a transaction may cost up to {coins(cost_wei)} coins of {called(self.chain_id)}, by what {self.name} "
            f"says ({gas:,} gas at up to {price.most_wei / GWEI:.6g} gwei)"
        )

    def _price(self) -> Price:
        from web3.exceptions import Web3RPCError

        base = self.w3.eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            return Price(self.w3.eth.gas_price, None)
        try:
            tip = self.w3.eth._max_priority_fee()  # the public one would go on to guess from eth_feeHistory
        except Web3RPCError:  # not every node has the method
            tip = self.w3.to_wei(1, "gwei")
        return with_tip(base, tip)

    def _too_poor(self, balance: int, cost_wei: int) -> OutOfGas:
        return OutOfGas(
            f"account {self.owner} has {balance} wei on chain {self.chain_id} and needs up to {cost_wei} wei "
            "for this transaction: send it some, or use another --key"
        )

    def broadcast(self, raw: bytes) -> str | None:
        """None if the node took it or had it; else what it said, which need not be true: see `holds`.

        Raises NodeDown where no answer came.
        """
        from eth_utils.crypto import keccak
        from eth_utils.exceptions import ValidationError
        from web3.exceptions import Web3RPCError

        try:
            with edge(self.name, reraise=(Web3RPCError, ValidationError)):
                answered = bytes(self.w3.eth.send_raw_transaction(raw))
        except NodeDown:
            raise
        except (Web3RPCError, ValidationError, LedgerError) as refused:
            text = str(refused)
            if any(words in text.lower() for words in ("already known", "already imported", "known transaction")):
                return None
            return text
        return None if answered == keccak(raw) else "it answers with the hash of another transaction"

    def holds(self, tx: str, nonce: int) -> bool:
        """Whether the transaction, or another with its nonce, is in a block or waits for one."""
        return self.nonce("pending") > nonce or self.knows(tx)

    def knows(self, tx: str) -> bool:
        """Whether the node has the transaction, in a block or waiting."""
        from web3.exceptions import TransactionNotFound

        with edge(self.name, reraise=(TransactionNotFound,)), contextlib.suppress(TransactionNotFound):
            self.w3.eth.get_transaction(tx)  # type: ignore[arg-type]
            return True
        return False

    def receipt(self, tx: str) -> TxReceipt | None:
        from web3.exceptions import TransactionNotFound

        with edge(self.name, reraise=(TransactionNotFound,)), contextlib.suppress(TransactionNotFound):
            return self.w3.eth.get_transaction_receipt(tx)  # type: ignore[arg-type]
        return None

    def wait(self, tx: str, nonce: int) -> TxReceipt | None:
        """The receipt once it is in a block; None if another transaction took its nonce."""
        for _ in self.patiently(f"transaction {tx} is in no block"):
            used = self.nonce("latest") > nonce
            if (found := self.receipt(tx)) is not None:
                return found
            if used and not self.knows(tx):  # known, its receipt is only late
                return None
        raise AssertionError("patience ends with an error")

    def patiently(self, what: str) -> Iterator[None]:
        """Goes on until the time is up; then raises NodeDown, which says `what` is so all that time."""
        deadline = time.monotonic() + self.timeout_s
        pause_s = 0.02
        while True:
            yield
            if time.monotonic() > deadline:
                raise NodeDown(
                    f"{what} after {self.timeout_s:.0f} s on {self.name}; it may still get "
                    "there: run the same command again, which does not register twice"
                )
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)

    def run(self, call: TxParams) -> TxReceipt:
        """Send and wait, without a journal: for what may safely happen twice."""
        for _ in range(TRIES):
            raw, tx, nonce = self.sign(call)
            refused = self.broadcast(raw)
            if refused is not None and not self.holds(tx, nonce):
                raise self.refusal(refused)
            if (done := self.wait(tx, nonce)) is not None:
                return self.succeeded(tx, done)
        raise self.crowded()

    def succeeded(self, tx: str, done: TxReceipt) -> TxReceipt:
        """The receipt, if it is one of success."""
        if done["status"] != 1:
            raise LedgerError(f"transaction {tx} failed on {self.name} after {done['gasUsed']} gas")
        return done

    def crowded(self) -> LedgerError:
        return LedgerError(
            f"{self.name} took none of {TRIES} transactions: another program sends from {self.owner} too; "
            "end it or use another --key"
        )

    def refusal(self, text: str) -> LedgerError:
        """The node's refusal of a transaction as one of our errors."""
        lower = text.lower()
        kind = OutOfGas if "insufficient funds" in lower or "intrinsic gas" in lower else LedgerError
        return kind(f"{self.name} refused a transaction of {self.owner}: {text[:200]}")


@contextlib.contextmanager
def edge(name: str, reraise: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Errors of web3 and what is below it, as ours. `name` is the ledger's, without credentials."""
    from eth_abi.exceptions import DecodingError, EncodingError
    from eth_utils.exceptions import ValidationError
    from web3.exceptions import ContractLogicError, Web3Exception

    try:
        yield
    except reraise:
        raise
    except ContractLogicError as error:
        raise LedgerError(f"the registry on {name} refused: {_short(error)}") from error
    # web3 lets a malformed answer fail wherever it is first used.
    except (
        *(Web3Exception, DecodingError, EncodingError, ValidationError),
        *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    ) as error:
        raise LedgerError(
            f"{name} gave an answer that can't be used ({type(error).__name__}: {_short(error)})"
        ) from error


def _short(error: Exception) -> str:
    return str(getattr(error, "message", None) or error)[:200]
