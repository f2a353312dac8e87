"""A registration with its rareness -> what the registry contract takes, and the creator's EIP-712 signature.

Only a registration that somebody else sends needs one: the owner's own transaction has hers. The signature can be
checked without gistchain: `typed_data` is what any wallet signs and any EIP-712 library verifies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gistchain.digest import keccak
from gistchain.errors import LedgerError
from gistchain.ledger import recover
from gistchain.ledger.gas import INLINE_BYTES, MAX_GIST_BYTES, MAX_RATED_GIST_BYTES, RATED_INLINE_BYTES
from gistchain.types import RarenessTicket, Verdict

if TYPE_CHECKING:
    from gistchain.ledger.account import Account

STEPS = 10_000
# The contract keeps the place in this row: only ever append.
VERDICTS: tuple[Verdict, ...] = ("original", "sibling", "derivative", "copy", "unsure")
NO_EVIDENCE = bytes(32)
FIELDS = (
    ("imageHash", "bytes32"),
    ("gist", "bytes"),
    ("score", "uint16"),
    ("verdict", "uint8"),
    ("checker", "uint16"),
    ("asOfBlock", "uint40"),
    ("comparedWith", "uint32"),
    ("evidence", "bytes32"),
    ("owner", "address"),
    ("deadline", "uint256"),
)
DOMAIN_FIELDS = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


@dataclass(frozen=True, slots=True)
class Registration:
    """What a creator signs: that this gist stands for this image, and how rare that was found to be.

    ticket: None for none. deadline: Unix time until which it may be sent first.
    """

    owner: str
    image_sha3_256: bytes
    gist: bytes
    ticket: RarenessTicket | None = None
    deadline: int = 0

    def typed_data(self, *, chain_id: int, registry: str) -> dict[str, Any]:
        """The EIP-712 message as eth_signTypedData_v4 takes it, with bytes in place of its hex strings."""
        ticket = self.ticket
        return {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for name, kind in DOMAIN_FIELDS],
                "Registration": [{"name": name, "type": kind} for name, kind in FIELDS],
            },
            "primaryType": "Registration",
            "domain": {"name": "gistchain", "version": "2", "chainId": chain_id, "verifyingContract": registry},
            "message": {
                "imageHash": self.image_sha3_256,
                "gist": self.gist,
                "score": 0 if ticket is None else steps(ticket),
                "verdict": 0 if ticket is None else VERDICTS.index(ticket.verdict),
                "checker": 0 if ticket is None else ticket.checker,
                "asOfBlock": 0 if ticket is None else ticket.as_of,
                "comparedWith": 0 if ticket is None else ticket.compared_with,
                "evidence": NO_EVIDENCE if ticket is None else ticket.evidence,
                "owner": self.owner,
                "deadline": self.deadline,
            },
        }

    @property
    def function(self) -> str:
        """The contract's function that keeps it for the least gas: in storage words, or as code."""
        inline = INLINE_BYTES if self.ticket is None else RATED_INLINE_BYTES
        return "register" if len(self.gist) <= inline else "registerLong"

    def arguments(self) -> tuple[bytes, bytes, int, bytes]:
        """Those of `function`."""
        return self.image_sha3_256, *kept(self.ticket), self.gist


def kept(ticket: RarenessTicket | None) -> tuple[bytes, int]:
    """Evidence and rating as the contract takes them; zeros for no ticket."""
    if ticket is None:
        return NO_EVIDENCE, 0
    verdict = VERDICTS.index(ticket.verdict)
    rating = steps(ticket) << 96 | verdict << 88 | ticket.checker << 72 | ticket.as_of << 32 | ticket.compared_with
    return ticket.evidence, rating


def steps(ticket: RarenessTicket) -> int:
    """The score in steps of 1/10000."""
    return round(ticket.score * STEPS)


def check(ticket: RarenessTicket | None, gist: bytes = b"\0") -> None:
    """Raise LedgerError for a gist or ticket that the contract would not keep just as it is."""
    if not 1 <= len(gist) <= MAX_GIST_BYTES:
        raise LedgerError(f"a gist of {len(gist)} bytes can't be registered: 1 to {MAX_GIST_BYTES} bytes can")
    if ticket is None:
        return
    if not 0 <= ticket.score <= 1 or steps(ticket) / STEPS != ticket.score:
        raise LedgerError(f"a score of {ticket.score!r} is not from 0 to 1 in steps of 1/{STEPS}: use round(score, 4)")
    if ticket.verdict not in VERDICTS:
        raise LedgerError(f"{ticket.verdict!r} is not a verdict: a ticket has one of {', '.join(VERDICTS)}")
    if len(ticket.evidence) != 32 or not any(ticket.evidence):
        raise LedgerError("a ticket's evidence is the SHA3-256 of the evidence document, 32 bytes and not zero")
    for name, number, bits in (
        ("checker", ticket.checker, 16),
        ("as_of", ticket.as_of, 40),
        ("compared_with", ticket.compared_with, 32),
    ):
        if not 0 <= number < 1 << bits:
            raise LedgerError(f"a ticket's {name} of {number} does not fit: it has {bits} bits")
    if len(gist) > MAX_RATED_GIST_BYTES:
        raise LedgerError(
            f"a gist of {len(gist)} bytes is too long for a ticket beside it: up to {MAX_RATED_GIST_BYTES} can be"
        )


def from_chain(
    score: int, verdict: int, checker: int, as_of: int, compared_with: int, evidence: bytes
) -> RarenessTicket | None:
    """The ticket that the contract's numbers, a Rating, stand for; None where the evidence is 0."""
    if not any(evidence):
        return None
    if score > STEPS or verdict >= len(VERDICTS):
        raise LedgerError(f"score {score}, verdict {verdict} is not a rareness ticket: that is not our contract")
    return RarenessTicket(score / STEPS, VERDICTS[verdict], bytes(evidence), checker, as_of, compared_with)


def from_rating(rating: int, evidence: bytes) -> RarenessTicket | None:
    """The ticket of a rating of 14 bytes."""
    fields = (
        rating >> 96,
        rating >> 88 & 255,
        rating >> 72 & 65535,
        rating >> 32 & (1 << 40) - 1,
        rating & (1 << 32) - 1,
    )
    return from_chain(*fields, evidence)


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
