"""Token in, bytes back: what anyone may read of the registry contract on any EVM chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from gistchain.errors import LedgerError, UnknownToken
from gistchain.ledger import abi
from gistchain.ledger import ticket as tickets
from gistchain.ledger.connection import Call, edge
from gistchain.ledger.contracts import compiled
from gistchain.ledger.gas import MAX_GIST_BYTES
from gistchain.ledger.node import Node
from gistchain.ledger.recover import checksummed
from gistchain.types import RarenessTicket, Receipt, SignedRareness, Token

if TYPE_CHECKING:
    from types import TracebackType


class RegistryReader:
    """Fulfils Ledger but for `put`."""

    def __init__(self, node: Node, *, registry: str, close: Callable[[], None]) -> None:
        self._node = node
        self.registry = checksummed(bytes.fromhex(registry[2:]))
        self._close = close

    @property
    def name(self) -> str:
        """'evm:CHAIN_ID:ADDRESS' of the registry."""
        return f"evm:{self.chain_id}:{self.registry}"

    @property
    def chain_id(self) -> int:
        return self._node.chain_id

    @property
    def public(self) -> bool:
        """Whether strangers read the chain."""
        return self._node.consent.public is not None

    @property
    def node(self) -> Node:
        return self._node

    def put(self, payload: bytes, *, image_sha3_256: bytes, rareness: RarenessTicket | None = None) -> Receipt:
        raise LedgerError(f"{self._node.name} was opened to be read: open it for writing to register")

    def gist_of(self, token: int) -> bytes:
        """The bytes registered as this token; raises UnknownToken."""
        gist = self._read("gistOf", _known_id(token))
        if not isinstance(gist, bytes) or len(gist) > MAX_GIST_BYTES:
            raise LedgerError(f"token {token} of registry {self.registry} holds no gist: that is not our contract")
        if not gist:
            raise _unknown(token)
        return gist

    def token(self, token: int) -> Token:
        """The record of a token; raises UnknownToken."""
        owner, image, block, block_time, size = self._read("record", _known_id(token))
        if int(owner, 16) == 0:
            raise _unknown(token)
        if max(block, block_time) >= 2**32 or not 0 < size <= MAX_GIST_BYTES:
            raise LedgerError(f"{self._node.name} gave a record of token {token} that can't be: ask another node")
        return Token(token, str(owner), bytes(image), size, block, block_time)

    def rareness_of(self, token: int) -> SignedRareness | None:
        """The rareness that was registered with this token, None if none was; raises UnknownToken."""
        record = self.token(token)
        score, verdict, evidence = self._read("rarenessOf", token)
        if not any(evidence):
            return None
        return tickets.attested(
            record,
            self.gist_of(token),
            tickets.from_chain(score, verdict, evidence),
            self._logged(record),
            chain_id=self.chain_id,
            registry=self.registry,
            source=self._node.name,
        )

    def ticket_of(self, token: int) -> RarenessTicket | None:
        """The ticket alone, without a look at the signature, which the contract has checked; raises UnknownToken."""
        score, verdict, evidence = self._read("rarenessOf", _known_id(token))
        return tickets.from_chain(score, verdict, evidence) if any(evidence) else None

    def _logged(self, record: Token) -> tuple[int, bytes] | None:
        """Deadline and signature from the log of a token's block; None from a node that has not kept it."""
        contract = compiled("registry")
        wanted = (abi.topic(contract, "Rated"), record.id.to_bytes(32, "big"))
        found = self._node.connection.logs(self.registry, record.block, wanted)
        if not found:
            return None
        if found[0].topics != wanted:
            raise LedgerError(f"{self._node.name} shows another log than that of token {record.id}: ask another node")
        with edge(self._node.name):
            deadline, r, vs = abi.logged(contract, "Rated", found[0].data)
        return deadline, tickets.expanded(r, vs)

    def tokens(self, start: int = 1) -> Iterator[Token]:
        """All tokens from id `start` on, oldest first."""
        for token in range(start, self.count() + 1):
            yield self.token(token)

    def count(self) -> int:
        """How many tokens there are; ids are 1 to count."""
        return self._number("count")

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token that anyone registered for the image."""
        return self._number("firstOf", image_sha3_256) or None

    def token_of(self, image_sha3_256: bytes) -> int:
        """The token of the account that registers, 0 for none."""
        return 0

    def unanswered(self, image_sha3_256: bytes) -> bool:
        return False

    def _number(self, function: str, *arguments: object) -> int:
        """A token's id, or how many there are; both have 128 bits in the contract."""
        number = int(self._read(function, *arguments))
        if number >= 2**128:
            raise LedgerError(f"{self._node.name} answers {function} with {number}: that is not our contract")
        return number

    def _read(self, function: str, *arguments: object) -> Any:
        contract = compiled("registry")
        with edge(self._node.name):
            asked = Call(self.registry, abi.calldata(contract, function, *arguments))
            return abi.returned(contract, function, self._node.connection.call(asked, self._node.sender))

    def close(self) -> None:
        """Let go of the chain's lock or the connection."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _known_id(token: int) -> int:
    if not 1 <= token < 2**256:
        raise _unknown(token)
    return token


def _unknown(token: int) -> UnknownToken:
    return UnknownToken(f"there is no token {token} in this registry: list them to see which there are")
