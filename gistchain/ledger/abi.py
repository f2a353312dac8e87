"""A contract's functions and events <-> the bytes of calls, answers and logs (Solidity's contract ABI), by eth-abi.

eth-abi's own errors pass through: `connection.edge` makes them ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gistchain.digest import keccak
from gistchain.ledger.contracts import Compiled
from gistchain.ledger.recover import checksummed


def calldata(contract: Compiled, function: str, *arguments: object) -> bytes:
    """What calls the function. Raises ValueError for bytes of another length than the contract's."""
    from eth_abi.abi import encode

    kinds = _kinds(_entry(contract, "function", function)["inputs"])
    for kind, value in zip(kinds, arguments, strict=True):
        if (size := re.fullmatch(r"bytes(\d+)", kind)) and isinstance(value, bytes) and len(value) != int(size[1]):
            raise ValueError(f"{function} takes {kind}, not {len(value)} bytes")  # eth-abi would fill it up
    return selector(contract, function) + encode(kinds, arguments)


def selector(contract: Compiled, function: str) -> bytes:
    """The four bytes that a call of the function begins with."""
    return _hash(_entry(contract, "function", function))[:4]


def returned(contract: Compiled, function: str, answer: bytes) -> Any:
    """What the function returned: the value, a tuple where there are several. Addresses have their checksum."""
    from eth_abi.abi import decode

    kinds = _kinds(_entry(contract, "function", function)["outputs"])
    values = tuple(map(_written, kinds, decode(kinds, answer)))
    return values[0] if len(values) == 1 else values


def arguments(contract: Compiled, data: bytes) -> dict[str, Any]:
    """The arguments of a call by their names. Raises ValueError where it calls no function of the contract."""
    from eth_abi.abi import decode

    for entry in contract.abi:
        if entry["type"] == "function" and _hash(entry)[:4] == data[:4]:
            kinds = _kinds(entry["inputs"])
            names = [each["name"] for each in entry["inputs"]]
            return dict(zip(names, map(_written, kinds, decode(kinds, data[4:])), strict=True))
    raise ValueError("it calls no function of the contract")


def topic(contract: Compiled, event: str) -> bytes:
    """The first topic of the event's logs."""
    return _hash(_entry(contract, "event", event))


def logged(contract: Compiled, event: str, data: bytes) -> tuple[Any, ...]:
    """What the event's log holds beside its topics."""
    from eth_abi.abi import decode

    entry = _entry(contract, "event", event)
    return tuple(decode(_kinds([each for each in entry["inputs"] if not each["indexed"]]), data))


def asks_owner(digest: bytes, signature: bytes) -> bytes:
    """What asks a contract whether a signature is its own (ERC-1271); it answers with the call's first four bytes."""
    from eth_abi.abi import encode

    return keccak(b"isValidSignature(bytes32,bytes)")[:4] + encode(["bytes32", "bytes"], [digest, signature])


def _entry(contract: Compiled, kind: str, name: str) -> dict[str, Any]:
    return next(entry for entry in contract.abi if entry["type"] == kind and entry["name"] == name)


def _kinds(entries: Sequence[dict[str, Any]]) -> list[str]:
    return [_kind(entry) for entry in entries]


def _kind(entry: dict[str, Any]) -> str:
    """The type as it is hashed: that of a struct by its members."""
    kind: str = entry["type"]
    return f"({','.join(_kinds(entry['components']))}){kind[5:]}" if kind.startswith("tuple") else kind


def _hash(entry: dict[str, Any]) -> bytes:
    return keccak(f"{entry['name']}({','.join(_kinds(entry['inputs']))})".encode())


def _written(kind: str, value: Any) -> Any:
    return checksummed(bytes.fromhex(value[2:])) if kind == "address" else value
