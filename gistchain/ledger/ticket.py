"""A registration with its rareness -> the creator's EIP-712 signature, and what the registry contract takes and keeps.

The signature can be checked without gistchain: `typed_data` is what any wallet signs and any EIP-712 library verifies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gistchain.digest import keccak
from gistchain.errors import LedgerError
from gistchain.ledger import recover
from gistchain.ledger.gas import MAX_RATED_GIST_BYTES
from gistchain.types import RarenessTicket, SignedRareness, Token, Verdict

if TYPE_CHECKING:
    from gistchain.ledger.account import Account

STEPS = 10_000
# The contract keeps the place in this row: only ever append.
VERDICTS: tuple[Verdict, ...] = ("original", "sibling", "derivative", "copy", "unsure")
FIELDS = (
    ("imageHash", "bytes32"),
    ("gist", "bytes"),
    ("score", "uint16"),
    ("verdict", "uint8"),
    ("evidence", "bytes32"),
    ("owner", "address"),
    ("deadline", "uint256"),
)
DOMAIN_FIELDS = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


@dataclass(frozen=True, slots=True)
class Registration:
    """What a creator signs: that this gist stands for this image, and how rare that was found to be.

    deadline: Unix time until which others may send it; with 0 only the owner may, at any time.
    """

    owner: str
    image_sha3_256: bytes
    gist: bytes
    ticket: RarenessTicket
    deadline: int = 0

    def typed_data(self, *, chain_id: int, registry: str) -> dict[str, Any]:
        """The EIP-712 message as eth_signTypedData_v4 takes it, with bytes in place of its hex strings."""
        return {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for name, kind in DOMAIN_FIELDS],
                "Registration": [{"name": name, "type": kind} for name, kind in FIELDS],
            },
            "primaryType": "Registration",
            "domain": {"name": "gistchain", "version": "1", "chainId": chain_id, "verifyingContract": registry},
            "message": {
                "imageHash": self.image_sha3_256,
                "gist": self.gist,
                "score": steps(self.ticket),
                "verdict": VERDICTS.index(self.ticket.verdict),
                "evidence": self.ticket.evidence,
                "owner": self.owner,
                "deadline": self.deadline,
            },
        }

    def arguments(self, signature: bytes) -> tuple[str | bytes | int, ...]:
        """The arguments of the contract's registerRated."""
        ticket = self.ticket
        rating = (steps(ticket), VERDICTS.index(ticket.verdict), ticket.evidence)
        return self.owner, self.image_sha3_256, self.gist, *rating, self.deadline, *compact(signature)


def steps(ticket: RarenessTicket) -> int:
    """The score in steps of 1/10000."""
    return round(ticket.score * STEPS)


def check(ticket: RarenessTicket, gist: bytes) -> None:
    """Raise LedgerError for a ticket that the contract would not keep just as it is."""
    if not 0 <= ticket.score <= 1 or steps(ticket) / STEPS != ticket.score:
        raise LedgerError(f"a score of {ticket.score!r} is not from 0 to 1 in steps of 1/{STEPS}: use round(score, 4)")
    if ticket.verdict not in VERDICTS:
        raise LedgerError(f"{ticket.verdict!r} is not a verdict: a ticket has one of {', '.join(VERDICTS)}")
    if len(ticket.evidence) != 32 or not any(ticket.evidence):
        raise LedgerError("a ticket's evidence is the SHA3-256 of the evidence document, 32 bytes and not zero")
    if len(gist) > MAX_RATED_GIST_BYTES:
        raise LedgerError(
            f"a gist of {len(gist)} bytes is too long for a ticket beside it: up to {MAX_RATED_GIST_BYTES} can be"
        )


def from_chain(score: int, verdict: int, evidence: bytes) -> RarenessTicket:
    """The ticket that the contract's numbers stand for."""
    if score > STEPS or verdict >= len(VERDICTS):
        raise LedgerError(f"score {score}, verdict {verdict} is not a rareness ticket: that is not our contract")
    return RarenessTicket(score / STEPS, VERDICTS[verdict], bytes(evidence))


def sign(registration: Registration, account: Account, *, chain_id: int, registry: str) -> bytes:
    """The account's signature, 65 bytes: r, s, v. The same registration gives the same bytes (RFC 6979)."""
    return account.sign_digest(digest(registration, chain_id=chain_id, registry=registry))


def signer(registration: Registration, signature: bytes, *, chain_id: int, registry: str) -> str | None:
    """The address whose key made the signature; None where it is not a signature."""
    return recover.address(digest(registration, chain_id=chain_id, registry=registry), signature)


def digest(registration: Registration, *, chain_id: int, registry: str) -> bytes:
    """What is signed: the EIP-712 hash of `typed_data`, 32 bytes."""
    data = registration.typed_data(chain_id=chain_id, registry=registry)
    domain = _hashed("EIP712Domain", DOMAIN_FIELDS, data["domain"])
    return keccak(b"\x19\x01" + domain + _hashed("Registration", FIELDS, data["message"]))


def _hashed(name: str, fields: Sequence[tuple[str, str]], values: Mapping[str, Any]) -> bytes:
    signature = f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})"
    return keccak(keccak(signature.encode()) + b"".join(_word(kind, values[field]) for field, kind in fields))


def _word(kind: str, value: Any) -> bytes:
    """One value as EIP-712 encodes it: what has no fixed size by its hash."""
    if kind == "bytes32":
        return bytes(value)
    if kind in ("bytes", "string"):
        return keccak(value if kind == "bytes" else value.encode())
    return int(value, 16).to_bytes(32, "big") if kind == "address" else int(value).to_bytes(32, "big")


def attested(
    record: Token,
    gist: bytes,
    ticket: RarenessTicket,
    logged: tuple[int, bytes] | None,
    *,
    chain_id: int,
    registry: str,
    source: str,
) -> SignedRareness:
    """The ticket with its signature, checked against token and gist; without one where there is no log of it.

    logged: deadline and signature, as the log of the registration has them. source: who says all this, for messages.
    Raises LedgerError where the signature is not the owner's.
    """
    if logged is None:
        return SignedRareness(ticket, record.owner)
    deadline, signature = logged
    signed = Registration(record.owner, record.image_sha3_256, gist, ticket, deadline)
    if signer(signed, signature, chain_id=chain_id, registry=registry) != record.owner:
        raise LedgerError(f"{source} shows a signature of token {record.id} that is not its owner's: ask another node")
    return SignedRareness(ticket, record.owner, deadline, signature)


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """r and vs of a signature of 65 bytes (EIP-2098): the parity of y stands in the highest bit of s."""
    if len(signature) != 65 or signature[64] not in (27, 28) or signature[32] & 0x80:
        raise LedgerError("that is not a signature: one has 65 bytes, a low s, and v 27 or 28")
    return signature[:32], bytes([signature[32] | (signature[64] - 27) << 7]) + signature[33:64]


def expanded(r: bytes, vs: bytes) -> bytes:
    """The signature of 65 bytes that `compact` made these of."""
    return r + bytes([vs[0] & 0x7F]) + vs[1:] + bytes([27 + (vs[0] >> 7)])
