"""A registration and a key -> the owner's signature, by eth-account's EIP-712 and not by ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from eth_account.messages import encode_typed_data
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from tests.ledger.registry_model import rating_of

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1 (SEC 2)
_DOMAIN = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
_FIELDS = [
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
]


@dataclass(frozen=True)
class Wanted:
    """What an owner signs, and for which contract."""

    owner: bytes
    image: bytes
    evidence: bytes
    rating: int
    gist: bytes
    deadline: int
    chain_id: int
    contract: bytes
    version: str = "2"

    def arguments(self, signature: bytes) -> tuple[Any, ...]:
        return self.owner, self.image, self.evidence, self.rating, self.gist, self.deadline, signature

    def digest(self) -> bytes:
        fields = (self.image, self.gist, *rating_of(self.rating & (1 << 112) - 1, self.evidence))
        values = (*fields, f"0x{self.owner.hex()}", self.deadline)
        message = encode_typed_data(
            full_message={
                "domain": {
                    "name": "gistchain",
                    "version": self.version,
                    "chainId": self.chain_id,
                    "verifyingContract": f"0x{self.contract.hex()}",
                },
                "primaryType": "Registration",
                "types": {
                    "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN],
                    "Registration": [{"name": name, "type": kind} for name, kind in _FIELDS],
                },
                "message": {name: value for (name, _), value in zip(_FIELDS, values, strict=True)},
            }
        )
        return keccak(b"\x19" + message.version + message.header + message.body)

    def signed(self, key: PrivateKey) -> bytes:
        made = key.sign_msg_hash(self.digest())
        return made.r.to_bytes(32, "big") + made.s.to_bytes(32, "big") + bytes([27 + made.v])


def wrongly(how: str, wanted: Wanted, key: PrivateKey, other: PrivateKey) -> bytes:
    """A signature of 65 bytes that is not the owner's of this registration; how: a name in WRONG."""
    if how == "someone else's":
        return wanted.signed(other)
    if how in _CHANGED:
        return _CHANGED[how](wanted).signed(key)
    good = wanted.signed(key)
    if how == "the other s":
        s = ORDER - int.from_bytes(good[32:64], "big")
        return good[:32] + s.to_bytes(32, "big") + bytes([55 - good[64]])
    if how == "v of 0 or 1":
        return good[:64] + bytes([good[64] - 27])
    if how == "the other v":
        return good[:64] + bytes([55 - good[64]])
    if how == "short":
        return good[:64]
    if how == "long":
        return good + b"\0"
    return bytes(65 if how == "zeros" else 0)


_CHANGED = {
    "another image": lambda w: replace(w, image=bytes(31) + bytes([w.image[31] ^ 1])),
    "another gist": lambda w: replace(w, gist=w.gist + b"\0"),
    "another rating": lambda w: replace(w, rating=w.rating ^ 1),
    "another evidence": lambda w: replace(w, evidence=bytes([w.evidence[0] ^ 1]) + w.evidence[1:]),
    "another owner": lambda w: replace(w, owner=bytes(19) + b"\1"),
    "another deadline": lambda w: replace(w, deadline=w.deadline ^ 1),
    "another chain": lambda w: replace(w, chain_id=w.chain_id + 1),
    "another contract": lambda w: replace(w, contract=bytes(19) + b"\2"),
    "another version": lambda w: replace(w, version="1"),
}
WRONG = (*_CHANGED, "someone else's", "the other s", "v of 0 or 1", "the other v", "short", "long", "zeros", "nothing")
