"""Token in, bytes back: what anyone may read of the registry contract on any EVM chain."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from gistchain.digest import keccak
from gistchain.errors import LedgerError, NodeDown, UnknownToken
from gistchain.ledger import abi, batch, logs
from gistchain.ledger import ticket as tickets
from gistchain.ledger.batches import Batches
from gistchain.ledger.connection import Call, Refusal, edge
from gistchain.ledger.contracts import compiled
from gistchain.ledger.gas import MAX_COMMON_BYTES, MAX_GIST_BYTES
from gistchain.ledger.leaves import Leaves
from gistchain.ledger.node import Node
from gistchain.ledger.proof import batch_sent, none, proven
from gistchain.ledger.recover import checksummed
from gistchain.ledger.state import nonsense, not_in_state
from gistchain.types import (
    Attestation,
    BatchItem,
    BatchReceipt,
    Guarantee,
    Minted,
    NftLink,
    RarenessTicket,
    Receipt,
    SignedRareness,
    Token,
)

if TYPE_CHECKING:
    from types import TracebackType

PAGE = 256
"""Most records that the contract gives at a time."""
MOST_NAMED = 32
"""Tokens for one image, beside the first and this account's, that are looked up and told."""


class RegistryReader:
    """Fulfils Ledger but for `put`."""

    def __init__(self, node: Node, *, registry: str, close: Callable[[], None], leaves: Leaves | None = None) -> None:
        """leaves: what the home keeps of batches of proofs."""
        self._node = node
        self.registry = checksummed(bytes.fromhex(registry[2:]))
        self._close = close
        self._batches = Batches(node, self.registry, self._read, leaves)

    @property
    def name(self) -> str:
        """'evm:CHAIN_ID:ADDRESS' of the registry."""
        return f"evm:{self.chain_id}:{self.registry}"

    @property
    def owner(self) -> str:
        """Address of the account that registers, '' without one."""
        return self._node.sender or ""

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

    def receipts(self) -> list[Receipt]:
        return []

    def put_batch(
        self, items: Sequence[BatchItem], *, common: bytes, evidence: bytes, guarantee: Guarantee
    ) -> BatchReceipt:
        raise LedgerError(f"{self._node.name} was opened to be read: open it for writing to register")

    def gist_of(self, token: int) -> bytes:
        """The bytes registered as this token.

        Raises UnknownToken, NodeDown, LedgerError; PacketError for one of a batch of proofs that neither home nor node
        has, and for one of a batch whose data is nonsense.
        """
        try:
            gist = self._read("gistOf", _known_id(token))
        except Refusal as error:  # the contract looks at no gist of a batch before it is asked for
            if self.token(token).batch:
                raise nonsense(token) from error
            raise
        if not isinstance(gist, bytes) or len(gist) > MAX_GIST_BYTES + MAX_COMMON_BYTES:
            raise LedgerError(f"token {token} of registry {self.registry} holds no gist: that is not our contract")
        return gist or self._gist_of_proofs(token)

    def _gist_of_proofs(self, token: int) -> bytes:
        number = self._read("record", token)[4]
        if not number:
            self.token(token)
            raise LedgerError(f"{self._node.name} shows token {token} without its gist: ask another node")
        found = self._batches.range(number)
        if not found.root:
            raise nonsense(token)
        if (data := self._batches.data(found)) is None:
            raise not_in_state(token, number)
        return batch.gist(data, token - found.first)

    def token(self, token: int) -> Token:
        """The record of a token; raises UnknownToken."""
        record = self._read("record", _known_id(token))
        if int(record[0], 16) == 0:
            raise _unknown(token)
        return self._token(token, record)

    def _token(self, token: int, record: tuple[Any, ...]) -> Token:
        owner, image, block, block_time, number = record
        if block >= 2**40 or block_time >= 2**33 or number >= 2**80:
            raise LedgerError(f"{self._node.name} gave a record of token {token} that can't be: ask another node")
        image = bytes(image) if any(image) else self._image_of_proofs(token, number)
        return Token(token, checksummed(bytes.fromhex(owner[2:])), image, block, block_time, number)

    def _image_of_proofs(self, token: int, number: int) -> bytes:
        """Zeros where nobody has the batch any more."""
        found = self._batches.range(number) if number else None
        data = self._batches.data(found) if found is not None and found.root else None
        return bytes(32) if found is None or data is None else batch.image(data, token - found.first)

    def rareness_of(self, token: int) -> SignedRareness | None:
        """The rareness that was registered with this token, None if none was; raises UnknownToken."""
        record, ticket = self.token(token), self.ticket_of(token)
        if ticket is None:
            return None
        if record.batch:
            return self._proven_in_batch(record, ticket)
        return proven(
            record,
            self.gist_of(token),
            ticket,
            logs.registration(self._node, self.registry, record, self._block_of(token)),
            chain_id=self.chain_id,
            registry=self.registry,
            source=self._node.name,
            ask_owner=self._owners_word,
        )

    def _proven_in_batch(self, record: Token, ticket: RarenessTicket) -> SignedRareness:
        found = self._batches.found(record.batch)
        sent = None if found is None or found.raw is None else batch_sent(found.raw, self.registry)
        if sent is None:
            return SignedRareness(ticket, record.owner)
        # What the state holds is what was sent: the image, the gist and the ticket of this token are compared.
        index = record.id - self._batches.range(record.batch).first
        try:
            told = (
                batch.image(sent.data, index),
                batch.gist(sent.data, index),
                tickets.from_rating(*batch.rating(sent.data, index)),
            )
        except (ValueError, IndexError):
            return SignedRareness(ticket, record.owner)
        same = told == (record.image_sha3_256, self.gist_of(record.id), ticket)
        return SignedRareness(ticket, record.owner, same and sent.sender == record.owner, found.tx if found else None)

    def _block_of(self, token: int) -> int | None:
        """The block of the token's transaction, where it is known without a look at the logs."""
        return None

    def _owners_word(self, owner: str, digest: bytes, signature: bytes) -> bool | None:
        """By ERC-1271; None where the owner is no contract."""
        if not self._node.connection.code(owner):
            return None
        try:
            with edge(self._node.name):
                call = Call(owner, abi.asks_owner(digest, signature))
                return self._node.connection.call(call, self._node.sender)[:4] == call.data[:4]
        except LedgerError:  # it refuses: the signature, or the question
            return False

    def ticket_of(self, token: int) -> RarenessTicket | None:
        """The ticket alone, without a look at who signed it; raises UnknownToken.

        None for one of a batch that is no ticket: the contract does not check them.
        """
        try:
            found = tickets.from_chain(*self._read("ratingOf", _known_id(token)))
            return found or self._ticket_of_proofs(token)
        except Refusal:
            if self.token(token).batch:
                return None
            raise

    def _ticket_of_proofs(self, token: int) -> RarenessTicket | None:
        number = self._read("record", token)[4]
        found = self._batches.range(number) if number else None
        data = self._batches.data(found) if found is not None and found.root else None
        if found is None or data is None or not batch.rated(data):
            return None
        try:
            return tickets.from_rating(*batch.rating(data, token - found.first))
        except LedgerError:  # whoever sent the batch has written no ticket there
            return None

    def attestations(self, token: int) -> tuple[Attestation, ...] | None:
        """What others say of the token's rareness, each as the contract has it now; raises UnknownToken.

        None where the node does not tell its logs.
        """
        self.token(token)
        told = logs.attesters(self._node, self.registry, token)
        if told is None:
            return None
        found = ((by, tickets.from_chain(*self._read("attestationOf", token, by))) for by in told)
        return tuple(Attestation(by, ticket) for by, ticket in found if ticket is not None)

    def attest(self, token: int, ticket: RarenessTicket) -> str | None:
        raise LedgerError(f"{self._node.name} was opened to be read: open it for writing to attest a token")

    def proof_of(self, token: int) -> tuple[bytes, list[bytes]]:
        """Leaf and proof of a token of proofs, as `verify` takes them.

        Raises UnknownToken, LedgerError for any other token, PacketError where nobody has its batch any more.
        """
        record = self.token(token)
        found = self._batches.range(record.batch) if record.batch else None
        if found is None or not found.root:
            raise none(token)
        if (data := self._batches.data(found)) is None:
            raise not_in_state(token, record.batch)
        whole, index = batch.read(data), token - found.first
        return whole.leaf(index), whole.proof(index)

    def verify(self, token: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
        """Whether the contract takes this leaf for the token's."""
        return bool(self._read("verify", _known_id(token), leaf, list(proof)))

    def link_of(self, token: int) -> NftLink | None:
        """The NFT that the token is linked to, None for none; raises UnknownToken."""
        self.token(token)
        link = NftLink(*self._read("linkOf", token))
        return link if link.chain_id else None

    def link(self, token: int, nft: NftLink) -> None:
        raise LedgerError(f"{self._node.name} was opened to be read: open it for writing to link a token")

    def mint(self, token: int) -> Minted:
        raise LedgerError(f"{self._node.name} was opened to be read: open it for writing to mint a token")

    def table(self, name: bytes) -> bytes:
        """The bytes of the trait table of this name (4 bytes); empty for none, and where the chain has no tables."""
        contract = compiled("tables")
        with edge(self._node.name):
            call = Call(contract.address, abi.calldata(contract, "tableOf", name))
            answer = self._node.connection.call(call, self._node.sender)
            table = abi.returned(contract, "tableOf", answer) if answer else b""
        if table and keccak(table)[: len(name)] != name:
            raise LedgerError(f"{self._node.name} gives another trait table than {name.hex()}: ask another node")
        return bytes(table)

    def add_table(self, table: bytes) -> tuple[int, str | None]:
        raise LedgerError(f"{self._node.name} was opened to be read: open it for writing to add a trait table")

    def linked_to(self, chain_id: int, contract: str, token_id: int) -> list[int]:
        """The tokens that are linked to an NFT, whoever says so, oldest first."""
        found: list[int] = []
        while page := self._read("linkedTo", chain_id, contract, token_id, len(found)):
            found += page
            if len(page) < PAGE:
                break
        return found

    def tokens(self, start: int = 1) -> Iterator[Token]:
        """All tokens from id `start` on, oldest first; a request for each 256 of them."""
        last, most = self.count(), PAGE
        self._batches.forget()
        while start <= last:
            try:
                page = self._read("records", start, min(most, last + 1 - start))
            except NodeDown:
                raise
            except LedgerError:
                if most == 1:
                    raise
                most //= 2  # the node may allow less gas for an answer
                continue
            if not 0 < len(page) <= PAGE:
                raise LedgerError(f"{self._node.name} counts {last} tokens, and shows no token {start}: ask another")
            yield from (self._token(start + k, record) for k, record in enumerate(page))
            start += len(page)

    def block(self) -> int:
        """The number of the last block."""
        return self._node.connection.block_number()

    def count(self) -> int:
        """How many tokens there are; ids are 1 to count."""
        return self._number("count")

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token that anyone registered for the image."""
        return self._number("firstOf", image_sha3_256) or None

    def all_for(self, image_sha3_256: bytes) -> tuple[int, ...]:
        """Tokens for the image: the first, this account's, those that the logs name and the contract confirms, and
        those of the newest 64 state batches."""
        first = self._number("firstOf", image_sha3_256)
        found = {first, self.token_of(image_sha3_256), *self._batches.all_for(image_sha3_256)} - {0}
        named = logs.named(self._node, self.registry, image_sha3_256) if first else set()
        # Anyone may register a hash many times over, by many accounts.
        for token in sorted(named - found)[:MOST_NAMED]:
            if self.token(token).image_sha3_256 == image_sha3_256:
                found.add(token)
        return tuple(sorted(found))

    def token_of(self, image_sha3_256: bytes) -> int:
        """The token of the account that registers, 0 for none."""
        return 0

    def tokens_of(self, images: Collection[bytes]) -> dict[bytes, int]:
        """The tokens of the account that registers for these images; those without are left out."""
        found = ((image, self.token_of(image)) for image in images)
        return {image: token for image, token in found if token}

    def unanswered(self, image_sha3_256: bytes) -> bool:
        return False

    def _number(self, function: str, *arguments: object) -> int:
        """A token's id, or how many there are; both have 96 bits in the contract."""
        number = int(self._read(function, *arguments))
        if number >= 2**96:
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
    if not 1 <= token < 2**255:
        raise _unknown(token)
    return token


def _unknown(token: int) -> UnknownToken:
    return UnknownToken(f"there is no token {token} in this registry: list them to see which there are")
