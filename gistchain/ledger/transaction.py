"""A signed transaction as bytes <-> what it does, who signed it, and what a node tells of it.

Types 0, 1 and 2 (EIP-155, EIP-2930, EIP-1559), without the libraries for it, which take half a second to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gistchain.digest import keccak
from gistchain.ledger import recover
from gistchain.ledger.connection import Call
from gistchain.ledger.fees import Price
from gistchain.ledger.patricia import Item, big_endian, encoded, rlp

_TO = {0: 3, 1: 4, 2: 5}
"""By type, where the receiver stands among the fields; value and data follow."""
_BEFORE_TO = {
    0: ("nonce", "gasPrice", "gas"),
    1: ("chainId", "nonce", "gasPrice", "gas"),
    2: ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas"),
}


def call_of(raw: bytes) -> Call:
    """What a signed transaction does. Raises ValueError or IndexError for a type that is not known."""
    kind, fields = _fields(raw)
    to, value, data = fields[_TO[kind] : _TO[kind] + 3]
    return Call(recover.checksummed(to) if to else None, data, int.from_bytes(value, "big"))


def terms_of(raw: bytes) -> tuple[int, int, Price]:
    """Nonce, gas limit and price of a signed transaction. Raises ValueError or IndexError for a type not known."""
    kind, fields = _fields(raw)
    told = dict(zip(_BEFORE_TO[kind], (int.from_bytes(field, "big") for field in fields), strict=False))
    if kind == 2:
        return told["nonce"], told["gas"], Price(told["maxFeePerGas"], told["maxPriorityFeePerGas"])
    return told["nonce"], told["gas"], Price(told["gasPrice"], None)


def sender_of(raw: bytes) -> str | None:
    """Who signed it; None where that can't be told."""
    kind, fields = _fields(raw)
    v, r, s = (int.from_bytes(field, "big") for field in fields[-3:])
    if kind:
        signed, parity = bytes([kind]) + encoded(fields[:-3]), v
    elif v < 35:
        signed, parity = encoded(fields[:-3]), v - 27
    else:
        signed, parity = encoded([*fields[:-3], big_endian((v - 35) // 2), b"", b""]), (v - 35) % 2
    if parity not in (0, 1) or max(r, s) >= 2**256:
        return None
    return recover.address(keccak(signed), r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity]))


def raw_of(told: Mapping[str, Any]) -> bytes:
    """The signed transaction of which a node tells these fields, by their names in JSON-RPC.

    Raises ValueError, KeyError or TypeError for a type that is not known and for fields that are none.
    """
    kind = _number(told.get("type") or "0x0")
    if kind not in _TO:
        raise ValueError(f"a transaction of type {kind} is not known")
    fields: list[Item] = [big_endian(_number(told[name])) for name in _BEFORE_TO[kind]]
    fields += [_bytes(told["to"] or "0x"), big_endian(_number(told["value"])), _bytes(told["input"])]
    if kind:
        fields.append(
            [[_bytes(one["address"]), [_bytes(key) for key in one["storageKeys"]]] for one in told["accessList"]]
        )
    v = told["v"] if kind == 0 or told.get("yParity") is None else told["yParity"]
    fields += [big_endian(_number(number)) for number in (v, told["r"], told["s"])]
    return (bytes([kind]) if kind else b"") + encoded(fields)


def _fields(raw: bytes) -> tuple[int, list[Item]]:
    """The type, 0 for one of before EIP-2718, and the fields."""
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    fields = rlp(raw[1:] if kind else raw)
    if kind not in _TO or not isinstance(fields, list) or len(fields) != _TO[kind] + (7 if kind else 6):
        raise ValueError("it is no transaction of a known type")
    return kind, fields


def _number(told: Any) -> int:
    if isinstance(told, bytes):
        return int.from_bytes(told, "big")
    number = int(told, 16) if isinstance(told, str) else int(told)
    if number < 0:
        raise ValueError("a field is below 0")
    return number


def _bytes(told: Any) -> bytes:
    return bytes.fromhex(told[2:]) if isinstance(told, str) else bytes(told)
