"""A web3 connection and an account -> transactions signed, sent and waited for; foreign errors as ours.

What the embedded chain and a JSON-RPC node have in common, which is all but the web3 provider.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gistchain.errors import LedgerError, NodeDown, OutOfGas
from gistchain.ledger.gas import TRANSACTION_GAS_LIMIT
from gistchain.ledger.known import Known

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3
    from web3.types import TxParams, TxReceipt

# Another process may take the nonce between reading and sending; each loss costs one try.
TRIES = 5


class Node:
    """A web3 connection and an account on it: sends transactions, waits for them, speaks our errors."""

    def __init__(self, w3: Web3, account: LocalAccount, *, name: str, timeout_s: float) -> None:
        self.w3 = w3
        self.account = account
        self.name = name
        self.timeout_s = timeout_s
        with edge(name):
            self.chain_id = w3.eth.chain_id

    @property
    def owner(self) -> str:
        return str(self.account.address)

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
        """The signed transaction, its hash and nonce; raises OutOfGas if it can't be paid or is over the cap."""
        with edge(self.name):
            needed = self.w3.eth.estimate_gas({"from": self.account.address, **call})
            fees = self._fees()
            balance = self.w3.eth.get_balance(self.account.address)
        if needed > TRANSACTION_GAS_LIMIT:
            raise OutOfGas(f"this needs {needed} gas, a transaction may use {TRANSACTION_GAS_LIMIT}: make it smaller")
        # A little more than estimated: another owner's registration of the image may come first and change the path.
        gas = min(needed + needed // 16 + 10_000, TRANSACTION_GAS_LIMIT)
        price = fees.get("maxFeePerGas") or fees.get("gasPrice") or 0
        cost_wei = gas * int(price)
        if balance < cost_wei:
            raise self._too_poor(balance, cost_wei)
        nonce = self.nonce("pending")
        transaction: dict[str, Any] = {"value": 0, **call, **fees, "gas": gas, "nonce": nonce, "chainId": self.chain_id}
        signed = self.account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), self.w3.to_hex(signed.hash), nonce

    def _fees(self) -> TxParams:
        from web3.exceptions import Web3RPCError

        base = self.w3.eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            return {"gasPrice": self.w3.eth.gas_price}
        try:
            tip = self.w3.eth.max_priority_fee
        except Web3RPCError:  # not every node has the method
            tip = self.w3.to_wei(1, "gwei")
        return {"maxFeePerGas": self.w3.to_wei(2 * base + tip, "wei"), "maxPriorityFeePerGas": tip}

    def _too_poor(self, balance: int, cost_wei: int) -> OutOfGas:
        return OutOfGas(
            f"account {self.owner} has {balance} wei on chain {self.chain_id} and needs up to {cost_wei} wei "
            "for this transaction: send it some, or use another --key"
        )

    def broadcast(self, raw: bytes) -> str | None:
        """None if the node took it or had it; else why it refused."""
        from eth_utils.exceptions import ValidationError
        from web3.exceptions import Web3RPCError

        try:
            with edge(self.name, reraise=(Web3RPCError, ValidationError)):
                self.w3.eth.send_raw_transaction(raw)
        except (Web3RPCError, ValidationError) as refused:
            text = str(refused).lower()
            if "already known" in text or "already imported" in text or "known transaction" in text:
                return None
            return text
        return None

    def receipt(self, tx: str) -> TxReceipt | None:
        from web3.exceptions import TransactionNotFound

        with edge(self.name, reraise=(TransactionNotFound,)), contextlib.suppress(TransactionNotFound):
            return self.w3.eth.get_transaction_receipt(tx)  # type: ignore[arg-type]
        return None

    def wait(self, tx: str, nonce: int) -> TxReceipt | None:
        """The receipt once it is in a block; None if another transaction took its nonce."""
        deadline = time.monotonic() + self.timeout_s
        pause_s = 0.02
        while True:
            used = self.nonce("latest") > nonce
            if (found := self.receipt(tx)) is not None:
                return found
            if used:
                return None
            if time.monotonic() > deadline:
                raise NodeDown(
                    f"transaction {tx} is in no block after {self.timeout_s:.0f} s on {self.name}; it may still get "
                    "there: run the same command again, which does not register twice"
                )
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)

    def run(self, call: TxParams) -> TxReceipt:
        """Send and wait, without a journal: for what may safely happen twice."""
        for _ in range(TRIES):
            raw, tx, nonce = self.sign(call)
            refused = self.broadcast(raw)
            if refused is None and (done := self.wait(tx, nonce)) is not None:
                if done["status"] != 1:
                    raise LedgerError(f"transaction {tx} failed on {self.name} after {done['gasUsed']} gas")
                return done
            if refused is not None and "nonce" not in refused and "underpriced" not in refused:
                raise self.refusal(refused)
        raise LedgerError(f"{self.name} took none of {TRIES} transactions: another program uses {self.owner} too")

    def refusal(self, text: str) -> LedgerError:
        """The node's refusal of a transaction as one of our errors."""
        kind = OutOfGas if "insufficient funds" in text or "intrinsic gas" in text else LedgerError
        return kind(f"{self.name} refused a transaction of {self.owner}: {text[:200]}")


@contextlib.contextmanager
def edge(name: str, reraise: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Errors of web3 and what is below it, as ours. `name` is the ledger's, without credentials."""
    import requests
    from eth_abi.exceptions import DecodingError, EncodingError
    from eth_utils.exceptions import ValidationError
    from web3.exceptions import ContractLogicError, RequestTimedOut, Web3Exception

    try:
        yield
    except reraise:
        raise
    except (requests.RequestException, RequestTimedOut):
        # `from None`: the original's text has the whole URL, which may hold a password or an API key.
        raise NodeDown(
            f"{name} doesn't answer; what was asked may still happen: start the node or check --rpc, then try again"
        ) from None
    except ContractLogicError as error:
        raise LedgerError(f"the registry on {name} refused: {_short(error)}") from error
    # web3 lets a malformed answer fail wherever it is first used.
    except (Web3Exception, DecodingError, EncodingError, ValidationError, ValueError, TypeError, KeyError) as error:
        raise LedgerError(
            f"{name} gave an answer that can't be used ({type(error).__name__}: {_short(error)})"
        ) from error


def _short(error: Exception) -> str:
    return str(getattr(error, "message", None) or error)[:200]
