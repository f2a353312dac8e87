"""A node, and what a user said of it -> the registry that stands there, or a new one."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from gistchain.digest import keccak
from gistchain.errors import LedgerError, SettingError
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.known import Known, check_same_chain, recall, remember
from gistchain.ledger.node import Node
from gistchain.ledger.outbox import Outbox
from gistchain.ledger.sending import Sender

_CORRECT = "correct --registry, or connect to the chain where it is"


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


def known_registry(node: Node, home: Path, key: str, given: str | None) -> str | None:
    """Address of the given registry, or of the one that `home` remembers. Raises WrongChain, LedgerError, SettingError.

    key: of `public_name`.
    """
    before = recall(home).get(key)
    if before is not None:
        check_same_chain(node.name, before=before, now=node.identity())
    address = given or (before.registry if before is not None else None)
    return None if address is None else checked(node, address, _CORRECT)


def find_or_deploy(node: Node, home: Path, key: str, given: str | None, *, account: str | None) -> str:
    """Address of the given registry, or of the one that `home` remembers, or of a new one; remembered from then on.

    account: address of the home's own key, where it is the one that signs.
    """
    address = known_registry(node, home, key, given)
    if address is None:
        address = checked(node, _deployed(node, home), _CORRECT)
    now = replace(node.identity(address), confirmed=node.consent.agreed, account=account)

    def beside(before: Known | None) -> Known:
        if before is None:
            return now
        return replace(
            now,
            registry=before.registry if given else address,
            confirmed=before.confirmed or now.confirmed,
            account=account or before.account,
        )

    remember(home, key, beside)
    return address


def _deployed(node: Node, home: Path) -> str:
    """Address of a new registry. An earlier try that died before it was remembered is found, not paid for again."""
    creation = compiled("registry").bytecode
    outbox = Outbox(home / "outbox.sqlite", chain_id=node.chain_id, registry="", owner=node.owner)
    with contextlib.closing(outbox):
        sent, mined = Sender(node, outbox).deliver(
            keccak(creation), lambda: Call(None, creation), lambda call: call.data == creation
        )
        outbox.drop(sent)
        return str(node.succeeded(sent.tx, mined).contract)


def checked(node: Node, address: str, otherwise: str) -> str:
    """The address with its checksum.

    Raises LedgerError where our registry is not there; `otherwise` is what to do then.
    """
    from eth_utils.address import is_address, to_checksum_address

    if not is_address(address):
        raise SettingError(f"--registry {address!r} is not an address: give 0x and 40 hex digits")
    place = to_checksum_address(address)
    code = node.connection.code(place)
    if code != compiled("registry").runtime:
        what = "other code than our registry's" if code else "no contract"
        raise LedgerError(f"there is {what} at {address} on {node.name}, chain {node.chain_id}: {otherwise}")
    return str(place)
