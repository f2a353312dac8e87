"""A URL and what a user said of it -> a node whose chain has been checked, and whom a person is asked about."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from gistchain.errors import SettingError, WrongChain
from gistchain.ledger import keys
from gistchain.ledger.connection import Connection
from gistchain.ledger.consent import WEI, Consent
from gistchain.ledger.known import agreed_to, recall, remember
from gistchain.ledger.networks import called, is_loopback, is_public
from gistchain.ledger.node import Node
from gistchain.ledger.pairings import deferred
from gistchain.types import Confirm

REPLY_S = 60.0
"""A node's time to answer one request."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """key: of the URL, in ledgers.json. account: address of the home's own key, where it is the one that signs."""

    node: Node
    key: str
    account: str | None


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


def dialled(
    url: str,
    home: Path,
    key_file: Path | None,
    password: str | None,
    chain_id: int | None,
    max_fee: Decimal,
    confirm: Confirm | None,
    timeout_s: float,
    replace_after: int,
    reply_s: float,
    undo: ExitStack,
) -> Dialled:
    """The node at `url`, with the account that signs. undo: closes the connection. The rest as for `evm.open_rpc`."""
    name, key = public_name(url)
    before = recall(home).get(key)
    account = keys.account(home, key_file, password)
    connection = _connection(url, name, reply_s, undo)
    consent = Consent(confirm=confirm, most_wei=int(max_fee * WEI))
    node = Node(connection, account, name=name, timeout_s=timeout_s, replace_after=replace_after, consent=consent)
    _check_chain(node, chain_id, must_be_given=key_file is not None and before is None)
    _set_public(consent, node, url, home, key)
    return Dialled(node, key, account.address if key_file is None else None)


def to_read(url: str, chain_id: int | None, reply_s: float, undo: ExitStack) -> tuple[Node, str]:
    """The node at `url` without an account, and the key of the URL."""
    name, key = public_name(url)
    node = Node(_connection(url, name, reply_s, undo), None, name=name, timeout_s=reply_s)
    _check_chain(node, chain_id, must_be_given=False)
    return node, key


def _connection(url: str, name: str, reply_s: float, undo: ExitStack) -> Connection:
    with deferred():
        from gistchain.ledger.provider import NodeProvider
        from gistchain.ledger.remote import Remote

    provider = NodeProvider(url, name, within_s=reply_s)
    undo.callback(provider.close)
    return Remote(provider, name=name)


def _check_chain(node: Node, wanted: int | None, *, must_be_given: bool) -> None:
    if wanted is None and must_be_given:
        raise SettingError(
            f"{node.name} says that it is {called(node.chain_id)}, and is new to this home: a key signs for one chain, "
            f"and a node's word is not enough for that; give --chain-id {node.chain_id} if that is the chain you mean"
        )
    if wanted is not None and wanted != node.chain_id:
        raise WrongChain(
            f"{node.name} is on chain {node.chain_id}, but --chain-id says {wanted}: connect to another node or "
            "correct it"
        )


def _set_public(consent: Consent, node: Node, url: str, home: Path, key: str) -> None:
    """What a person is asked before the first write to a chain that strangers read."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not is_public(node.chain_id):
        return
    consent.public = (
        f"{called(node.chain_id)} at {node.name} is public: everyone can read what is registered there, and nobody can "
        "take it back"
    )
    if parts.scheme == "http" and not is_loopback(host):
        consent.public += ", and the connection is not encrypted: others on the way can change what the node says"
    consent.agreed = agreed_to(home, node.identity())

    # The registry may not be known yet: then the yes is written down with it.
    consent.keep = lambda: remember(home, key, lambda known: known and replace(known, confirmed=True))
