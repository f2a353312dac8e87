"""URLs and what a user said of them -> a node whose chain has been checked, and whom a person is asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from gistchain.errors import SettingError, WrongChain
from gistchain.ledger import keys
from gistchain.ledger.connection import Connection
from gistchain.ledger.consent import WEI, Consent
from gistchain.ledger.endpoints import Endpoint, Endpoints
from gistchain.ledger.known import agreed_to, recall, remember
from gistchain.ledger.networks import called, is_loopback, is_public
from gistchain.ledger.node import Node
from gistchain.ledger.pairings import deferred
from gistchain.types import Confirm

REPLY_S = 60.0
"""A node's time to answer one request."""
_REPLY_S_OF_SEVERAL = 15.0
"""The same where others can be asked instead."""
Told = Callable[[str], None]
"""Hears which of several nodes is left alone, and why."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """keys: of the URLs that answered, in ledgers.json. account: address of the home's own key, where it signs."""

    node: Node
    keys: tuple[str, ...]
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


def public_names(urls: Sequence[str]) -> str:
    """What may be shown of one or several of them."""
    first, *others = dict.fromkeys(urls)
    return public_name(first)[0] + (f" and {len(others)} more" if others else "")


def urls_of(url: str | Sequence[str]) -> tuple[str, ...]:
    """Of one or of several."""
    return (url,) if isinstance(url, str) else tuple(dict.fromkeys(url))


def dialled(
    urls: Sequence[str],
    home: Path,
    key_file: Path | None,
    password: str | None,
    chain_id: int | None,
    max_fee: Decimal,
    confirm: Confirm | None,
    timeout_s: float,
    replace_after: int,
    reply_s: float,
    told: Told | None,
    undo: ExitStack,
) -> Dialled:
    """The node at `urls`, with the account that signs. undo: closes the connection. The rest as for `evm.open_rpc`."""
    known = recall(home)
    account = keys.account(home, key_file, password)
    connection, answered = _connection(urls, reply_s, told, undo)
    before = next((known[key] for key in answered if key in known), None)
    consent = Consent(confirm=confirm, most_wei=int(max_fee * WEI))
    node = Node(
        connection, account, name=public_names(urls), timeout_s=timeout_s, replace_after=replace_after, consent=consent
    )
    _check_chain(node, chain_id, must_be_given=key_file is not None and before is None)
    _set_public(consent, node, urls, home, answered)
    return Dialled(node, answered, account.address if key_file is None else None)


def to_read(
    urls: Sequence[str], chain_id: int | None, reply_s: float, told: Told | None, undo: ExitStack
) -> tuple[Node, tuple[str, ...]]:
    """The node at `urls` without an account, and the keys of those that answered."""
    connection, answered = _connection(urls, reply_s, told, undo)
    node = Node(connection, None, name=public_names(urls), timeout_s=reply_s)
    _check_chain(node, chain_id, must_be_given=False)
    return node, answered


def _connection(
    urls: Sequence[str], reply_s: float, told: Told | None, undo: ExitStack
) -> tuple[Connection, tuple[str, ...]]:
    """To one or several nodes, and the keys of the URLs that answered."""
    with deferred():
        from gistchain.ledger.provider import NodeProvider
        from gistchain.ledger.remote import Remote

    names = {url: public_name(url) for url in urls}
    within_s = min(reply_s, _REPLY_S_OF_SEVERAL) if len(names) > 1 else reply_s
    remotes: dict[str, Remote] = {}
    for url, (name, _) in names.items():
        provider = NodeProvider(url, name, within_s=within_s)
        undo.callback(provider.close)
        remotes[url] = Remote(provider, name=name)
    if len(names) == 1:
        (url,) = names
        return remotes[url], (names[url][1],)
    several = Endpoints([Endpoint(names[url][0], remote) for url, remote in remotes.items()], told)
    return several, tuple(names[url][1] for url, node in zip(names, several.nodes, strict=True) if node.checked)


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


def _set_public(consent: Consent, node: Node, urls: Sequence[str], home: Path, keys: Sequence[str]) -> None:
    """What a person is asked before the first write to a chain that strangers read."""
    parts = [urlsplit(url) for url in urls]
    if not is_public(node.chain_id):
        return
    consent.public = (
        f"{called(node.chain_id)} at {node.name} is public: everyone can read what is registered there, and nobody can "
        "take it back"
    )
    if any(one.scheme == "http" and not is_loopback(one.hostname or "") for one in parts):
        consent.public += ", and the connection is not encrypted: others on the way can change what the node says"
    consent.agreed = agreed_to(home, node.identity())

    # The registry may not be known yet: then the yes is written down with it.
    def keep() -> None:
        for key in keys:
            remember(home, key, lambda known: known and replace(known, confirmed=True))

    consent.keep = keep
