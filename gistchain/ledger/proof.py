"""A token, and the log of its registration -> whether its owner signed it: image, gist and ticket.

    sent by the owner         the transaction itself is signed
    sent by somebody else     the log Relayed has the owner's EIP-712 signature

A contract that owns a token signs by ERC-1271, which only the contract itself can tell. The calldata is read by hand:
the library for it takes a tenth of a second to load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gistchain.digest import keccak
from gistchain.errors import LedgerError
from gistchain.ledger.ticket import Registration, digest, kept, signer
from gistchain.ledger.transaction import call_of, sender_of
from gistchain.types import RarenessTicket, SignedRareness, Token

REGISTERED = keccak(b"Registered(uint256,address,bytes32)")
RELAYED = keccak(b"Relayed(uint256,uint256,bytes)")
BATCH = keccak(b"Batch(uint256,address,uint256,uint256,bytes32)")
ATTESTED = keccak(b"Attested(uint256,address,uint256,bytes32)")
"""The first topics of these events; the second is the token's id, or the batch's number."""
_SENT_BY_OWNER = tuple(
    keccak(f"{name}(bytes32,bytes32,uint256,bytes)".encode())[:4] for name in ("register", "registerLong")
)


_BATCH = keccak(b"registerBatch(bytes)")[:4]
_PROOFS = keccak(b"registerProofs(bytes32,uint256,bytes)")[:4]


@dataclass(frozen=True, slots=True)
class Found:
    """What a chain has kept of a registration. tx: the transaction's hash. raw: its bytes, which have that hash.

    relayed: deadline and signature of the log Relayed, None where the owner sent it.
    """

    tx: str
    raw: bytes | None
    relayed: tuple[int, bytes] | None


OwnersWord = Callable[[str, bytes, bytes], bool | None]
"""(owner, digest, signature) -> whether the owner, a contract, takes the signature; None where it is no contract."""


def proven(
    record: Token,
    gist: bytes,
    ticket: RarenessTicket,
    found: Found | None,
    *,
    chain_id: int,
    registry: str,
    source: str,
    ask_owner: OwnersWord,
) -> SignedRareness:
    """The ticket of a token, and whether its owner's signature was found. source: who says all this, for messages.

    Raises LedgerError where the source shows a signature that is not of this registration, though it should be.
    """
    if found is None:
        return SignedRareness(ticket, record.owner)
    if found.relayed is None:
        sent = found.raw is not None and _sent(record, gist, ticket, found.raw, registry, source)
        return SignedRareness(ticket, record.owner, sent, found.tx)
    deadline, signature = found.relayed
    signed = Registration(record.owner, record.image_sha3_256, gist, ticket, deadline)
    good: bool | None = signer(signed, signature, chain_id=chain_id, registry=registry) == record.owner
    if not good:
        good = ask_owner(record.owner, digest(signed, chain_id=chain_id, registry=registry), signature)
    if good is None:
        raise LedgerError(f"{source} shows a signature of token {record.id} that is not its owner's: ask another node")
    return SignedRareness(ticket, record.owner, good, found.tx, deadline, signature)


def _sent(record: Token, gist: bytes, ticket: RarenessTicket, raw: bytes, registry: str, source: str) -> bool:
    """Whether this is the owner's transaction to the registry."""
    try:
        call, sender = call_of(raw), sender_of(raw)
    except (ValueError, IndexError, TypeError):
        return False
    if sender != record.owner or call.to != registry:  # a contract owns it, and was called
        return False
    if registered(call.data) != (record.image_sha3_256, *kept(ticket), gist):
        raise LedgerError(
            f"{source} shows another registration for token {record.id} than the one its owner sent: ask another node"
        )
    return True


@dataclass(frozen=True, slots=True)
class BatchSent:
    """A transaction that made a batch: who signed it, and the data that it gave to the registry."""

    sender: str | None
    data: bytes


def batch_sent(raw: bytes, registry: str) -> BatchSent | None:
    """None for a transaction that does not call the registry for a batch."""
    try:
        call, sender = call_of(raw), sender_of(raw)
    except (ValueError, IndexError, TypeError):
        return None
    before = {_BATCH: 0, _PROOFS: 64}.get(call.data[:4])
    if before is None or call.to != registry:
        return None
    data = _argument(call.data, 4 + before)
    return None if data is None else BatchSent(sender, data)


def none(token: int) -> LedgerError:
    """The error where a proof is asked for of a token that needs none."""
    return LedgerError(f"token {token} is not of a batch of proofs: the chain itself answers for it")


def registered(data: bytes) -> tuple[bytes, bytes, int, bytes] | None:
    """Image, evidence, rating and gist of a call of `register` or `registerLong`; None for any other."""
    if data[:4] not in _SENT_BY_OWNER or len(data) < 4 + 5 * 32:
        return None
    image, evidence, rating = (data[at : at + 32] for at in range(4, 4 + 3 * 32, 32))
    gist = _argument(data, 4 + 3 * 32)
    return None if gist is None else (image, evidence, int.from_bytes(rating, "big"), gist)


def _argument(data: bytes, place: int) -> bytes | None:
    """Bytes among the arguments of a call: where they start stands at `place`. None where they are cut."""
    at = 4 + int.from_bytes(data[place : place + 32], "big")
    start, size = at + 32, int.from_bytes(data[at : at + 32], "big")
    return data[start : start + size] if start <= len(data) and start + size <= len(data) else None
