"""What a ledger asks of a chain in this process (pyevm.InProcess) or behind a URL (remote.Remote), and in which values.

Neither side's libraries are named here, so that each is loaded only where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from gistchain.errors import LedgerError


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does. to: an address; None creates a contract, whose code `data` is."""

    to: str | None
    data: bytes = b""
    value_wei: int = 0


@dataclass(frozen=True, slots=True)
class Mined:
    """The receipt of a transaction that is in a block. contract: the address of the one that it created."""

    tx: str
    succeeded: bool
    gas: int
    block: int
    block_hash: str
    contract: str | None


Topics = tuple[bytes | tuple[bytes, ...] | None, ...]
"""What the first topics of a log must be: these, one of these, or anything for None."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract logged. topics: 32 bytes each. tx: the transaction's hash. block, block_hash: where it is.

    address: of the contract, in any case of letters.
    """

    topics: tuple[bytes, ...]
    data: bytes
    tx: str
    block: int
    block_hash: str
    address: str

    def has(self, topics: Topics) -> bool:
        wanted = zip(topics, self.topics, strict=False)
        return len(topics) <= len(self.topics) and all(
            want is None or topic == want or (isinstance(want, tuple) and topic in want) for want, topic in wanted
        )


class Connection(Protocol):
    """A chain as its node tells it. Addresses and hashes are 0x and hex digits.

    Every call may raise LedgerError, NodeDown among them; the chain in this process also FileDamaged and DiskFull.
    """

    def chain_id(self) -> int: ...

    def block_hash(self, number: int) -> str | None:
        """None where there is no such block."""

    def base_fee(self) -> int | None:
        """Of the last block, in wei for a unit of gas; None on a chain without a fee market."""

    def gas_price(self) -> int:
        """In wei, for a chain without a fee market."""

    def tip(self) -> int | None:
        """In wei for a unit of gas; None where the node doesn't tell."""

    def nonce(self, address: str, block: str) -> int:
        """Transactions sent so far; block: 'latest' counts those in blocks, 'pending' also those that wait."""

    def balance(self, address: str) -> int:
        """In wei."""

    def code(self, address: str) -> bytes: ...

    def call(self, call: Call, sender: str | None, block: int | None = None) -> bytes:
        """What a contract returns, without a transaction. block: after which; None for the last one.

        Raises LedgerError where it refuses, or no longer knows the state after that block.
        """

    def estimate_gas(self, call: Call, sender: str) -> int: ...

    def send(self, raw: bytes) -> str | None:
        """None if the node took the signed transaction; else what it said, which need not be true."""

    def knows(self, tx: str) -> bool:
        """Whether the transaction is there, in a block or waiting."""

    def receipt(self, tx: str) -> Mined | None:
        """None where the transaction is in no block."""

    def transaction(self, tx: str) -> bytes | None:
        """The signed transaction; None where it is gone or of a type that is not known.

        Raises LedgerError where it has another hash.
        """

    def block_number(self) -> int:
        """Of the last block."""

    def finalized(self) -> int | None:
        """Number of the last block that the chain will never replace; None where the node doesn't tell."""

    def block_time(self, number: int) -> int | None:
        """Unix time; None where there is no such block."""

    def logs(self, address: str, topics: Topics, blocks: range | None = None) -> list[Log] | None:
        """Those of a contract with these topics; None where the node doesn't tell, as for too many blocks or too old.

        blocks: all for None.
        """


@contextmanager
def edge(name: str) -> Iterator[None]:
    """What an answer that can't be makes fail, as LedgerError. name: the ledger's, without credentials."""
    from eth_abi.exceptions import DecodingError, EncodingError
    from eth_utils.exceptions import ValidationError

    try:
        yield
    except (
        *(DecodingError, EncodingError, ValidationError),
        *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    ) as error:
        raise unusable(name, error) from error


def unusable(name: str, error: Exception) -> LedgerError:
    return LedgerError(f"{name} gave an answer that can't be used ({type(error).__name__}: {short(error)})")


class Refusal(LedgerError):
    """The contract's own: the node has answered."""


def refused(name: str, error: Exception) -> Refusal:
    return Refusal(f"the registry on {name} refused: {short(error)}")


def short(error: Exception) -> str:
    """What a foreign error says, cut."""
    return str(getattr(error, "message", None) or error)[:200]
