"""A node, and what a user said of it -> the registry that stands there, or a new one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from gistchain.errors import LedgerError, SettingError
from gistchain.ledger.contracts import compiled
from gistchain.ledger.known import Known, check_same_chain, recall, remember
from gistchain.ledger.node import Node, edge


def public_name(url: str) -> tuple[str, str]:
    """What may be shown of a URL, and a key for it: user, path and query can hold secrets."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise SettingError("--rpc needs an http:// or https:// URL of a JSON-RPC node")
    name = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
    secret = (parts.path.rstrip("/"), parts.query, parts.username)
    return name, f"{name}#{hashlib.sha256(repr(secret).encode()).hexdigest()[:12]}" if any(secret) else name


def find_or_deploy(node: Node, home: Path, key: str, given: str | None) -> str:
    """Address of the given registry, or of the one that `home` remembers, or of a new one."""
    before = recall(home).get(key)
    now = node.identity()
    if before is not None:
        check_same_chain(node.name, before=before, now=now)
    address = given or (before.registry if before is not None else None)
    if address is None:
        address = str(node.run({"data": compiled("registry").bytecode})["contractAddress"])
    address = checked(node, address, "correct --registry, or connect to the chain where it is")
    known = Known(now.chain_id, now.genesis, before.registry if before is not None and given else address)
    if known != before:
        remember(home, key, known)
    return address


def checked(node: Node, address: str, otherwise: str) -> str:
    """The address with its checksum.

    Raises LedgerError where our registry is not there; `otherwise` is what to do then.
    """
    if not node.w3.is_address(address):
        raise SettingError(f"--registry {address!r} is not an address: give 0x and 40 hex digits")
    with edge(node.name):
        place = node.w3.to_checksum_address(address)
        code = bytes(node.w3.eth.get_code(place))
    if code != compiled("registry").runtime:
        what = "other code than our registry's" if code else "no contract"
        raise LedgerError(f"there is {what} at {address} on {node.name}, chain {node.chain_id}: {otherwise}")
    return str(place)
