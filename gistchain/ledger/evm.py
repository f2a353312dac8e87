"""Gist bytes in, token out; token in, bytes back: the registry contract on any EVM chain.

The embedded chain and a JSON-RPC node differ in their connection only (connection.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from gistchain.disk.lock import FileLock
from gistchain.errors import AlreadyRegistered, LedgerError, SettingError, WrongChain
from gistchain.ledger import abi, keys
from gistchain.ledger import ticket as tickets
from gistchain.ledger.connection import Call, Connection, Mined, edge
from gistchain.ledger.consent import MAX_FEE, WEI, Consent
from gistchain.ledger.contracts import compiled
from gistchain.ledger.deployed import checked, find_or_deploy, known_registry, public_name
from gistchain.ledger.embedded import EmbeddedChain
from gistchain.ledger.gas import MAX_GIST_BYTES
from gistchain.ledger.known import EMBEDDED, agreed_to, check_same_chain, recall, remember
from gistchain.ledger.networks import called, is_loopback, is_public
from gistchain.ledger.node import Node
from gistchain.ledger.outbox import Outbox, Sent
from gistchain.ledger.pairings import deferred
from gistchain.ledger.reader import RegistryReader
from gistchain.ledger.sending import Sender, call_of
from gistchain.ledger.state import images
from gistchain.ledger.ticket import Registration
from gistchain.types import Confirm, RarenessTicket, Receipt

REPLY_S = 60.0
"""A node's time to answer one request."""


class EvmLedger(RegistryReader):
    """Fulfils Ledger; open it with `open_embedded` or `open_rpc`. Threads may share one."""

    def __init__(self, node: Node, *, registry: str, outbox: Outbox, close: Callable[[], None]) -> None:
        super().__init__(node, registry=registry, close=close)
        self._outbox = outbox
        self._sender = Sender(node, outbox)
        self._turn = threading.RLock()
        # Stays in the outbox until the caller comes back, which shows that the receipt reached it: a process that is
        # killed before gets the same receipt at its next try.
        self._acknowledged: Sent | None = None

    @property
    def owner(self) -> str:
        """Address of the account that registers."""
        return self._node.owner

    def put(self, payload: bytes, *, image_sha3_256: bytes, rareness: RarenessTicket | None = None) -> Receipt:
        """Register the payload for the image; returns when it is in a block.

        Safe to repeat after any failure: the same transaction is found or sent again, never a second one. The ticket
        that a first try signed and sent is the one that stays: `rareness_of` tells it.
        payload: 1 to 24,565 bytes, to 24,530 with a ticket. image_sha3_256: 32 bytes. rareness: signed with this
        account's key.
        Raises AlreadyRegistered if this owner has a token for the image, OutOfGas, NotConfirmed, NodeDown, DiskFull,
        LedgerError.
        """
        if not 1 <= len(payload) <= MAX_GIST_BYTES:
            raise LedgerError(f"a gist of {len(payload)} bytes can't be registered: 1 to {MAX_GIST_BYTES} bytes can")
        if len(image_sha3_256) != 32:
            raise LedgerError(f"an image hash has 32 bytes, not {len(image_sha3_256)}")
        if rareness is not None:
            tickets.check(rareness, payload)
        with self._turn:
            self._forget_acknowledged()
            if token := self.token_of(image_sha3_256):
                return self._earlier(token, image_sha3_256, payload)
            try:
                sent, mined = self._sender.deliver(
                    image_sha3_256,
                    lambda: self._registering(payload, image_sha3_256, rareness),
                    lambda call: self._gist_in(call) == payload,
                )
            except LedgerError:
                # The estimate fails if the image was registered just now, by us or by another program with this key.
                if token := self.token_of(image_sha3_256):
                    return self._earlier(token, image_sha3_256, payload)
                raise
            return self._settle(sent, mined, payload)

    def call(self, function: str, *arguments: object) -> Call:
        """A transaction to the registry, for `node` to sign."""
        with edge(self._node.name):
            return Call(self.registry, abi.calldata(compiled("registry"), function, *arguments))

    def _registering(self, payload: bytes, image_sha3_256: bytes, rareness: RarenessTicket | None) -> Call:
        if rareness is None:
            return self.call("register", image_sha3_256, payload)
        wanted = Registration(self.owner, image_sha3_256, payload, rareness)
        signature = tickets.sign(wanted, self._node.account, chain_id=self.chain_id, registry=self.registry)
        return self.call("registerRated", *wanted.arguments(signature))

    def _gist_in(self, call: Call) -> bytes:
        """The payload that a call registers."""
        with edge(self._node.name):
            return bytes(abi.arguments(compiled("registry"), call.data)["gist"])

    def _settle(self, sent: Sent, mined: Mined, payload: bytes) -> Receipt:
        """The receipt of a transaction that is in a block."""
        if mined.succeeded:
            # The node may answer from an older block, or one of several nodes behind a name.
            for _ in self._node.patiently(f"transaction {sent.tx} is in block {mined.block}, its token is not"):
                if token := self.token_of(sent.image_sha3_256):
                    return self._receipt(token, sent, mined, payload)
        if token := self.token_of(sent.image_sha3_256):
            return self._earlier(token, sent.image_sha3_256, payload)
        self._outbox.drop(sent)
        raise LedgerError(f"transaction {sent.tx} failed on {self._node.name}: nothing was registered; try again")

    def _earlier(self, token: int, image_sha3_256: bytes, payload: bytes) -> Receipt:
        """The receipt of this owner's token, if it is ours to acknowledge: sent by us with this very payload."""
        sent = self._outbox.find(image_sha3_256)
        if sent is not None:
            mined = self._sender.outcome(sent)
            # A node that calls it failed, and shows its token in its block, is wrong about the first.
            if mined is not None and (mined.succeeded or self.token(token).block == mined.block):
                return self._receipt(token, sent, mined, payload)
            self._outbox.drop(sent)
        raise self._taken(token)

    def _receipt(self, token: int, sent: Sent, mined: Mined, payload: bytes) -> Receipt:
        if self._gist_in(call_of(sent.raw)) != payload:
            self._outbox.drop(sent)
            raise self._taken(token)
        if self.gist_of(token) != payload:
            raise LedgerError(
                f"{self._node.name} shows other bytes for token {token} than transaction {sent.tx} registered: ask "
                "another node"
            )
        self._acknowledged = sent
        return Receipt(self.name, token, len(payload), mined.gas, sent.tx, mined.block)

    def _forget_acknowledged(self) -> None:
        if self._acknowledged is not None:
            self._outbox.drop(self._acknowledged)
            self._acknowledged = None

    def _taken(self, token: int) -> AlreadyRegistered:
        return AlreadyRegistered(f"{self.owner} has registered this very image as token {token}", token, own=True)

    def unanswered(self, image_sha3_256: bytes) -> bool:
        """Whether a registration of the image was sent and its outcome never seen: `put` will tell it."""
        sent = self._outbox.find(image_sha3_256)
        return sent is not None and sent != self._acknowledged

    def token_of(self, image_sha3_256: bytes, owner: str | None = None) -> int:
        """The token of this owner (or another) for the image, 0 for none."""
        return self._number("tokenOf", owner or self.owner, image_sha3_256)

    def close(self) -> None:
        """Let go of the chain's lock or the connection."""
        try:
            self._forget_acknowledged()
        finally:
            self._outbox.close()
            self._close()


class _Embedded(EvmLedger):
    """The ledger of the chain in this process, whose state can be read without running the contract."""

    def __init__(self, node: Node, chain: EmbeddedChain, *, outbox: Outbox) -> None:
        super().__init__(node, registry=chain.registry, outbox=outbox, close=chain.close)
        self._chain = chain

    def find(self, image_sha3_256: bytes) -> int | None:
        return self._chain.first_of(image_sha3_256) or None


def open_embedded(
    home: Path, key_file: Path | None = None, *, password: str | None = None, wait_s: float = 10.0
) -> EvmLedger:
    """The chain in `home`, made at first use. Another process that holds it is given wait_s to let go.

    Raises FileBusy, FileDamaged, DiskFull, FileError, LedgerError, SettingError.
    """
    before = recall(home).get(EMBEDDED)
    if key_file is None and before is None and not keys.own_file(home).exists() and (tokens := len(images(home))):
        raise SettingError(
            f"the chain in {home} has {tokens:,} token{'s' if tokens > 1 else ''}, and the key of their owner is not "
            f"beside it: restore {keys.own_file(home)}, or give a key with --key; a new one would own none of them"
        )
    with deferred():
        import gistchain.ledger.pyevm  # noqa: F401
    account = keys.account(home, key_file, password)
    chain = EmbeddedChain(home, wait_s=wait_s, expected=before is not None)
    try:
        chain.fund(account.address)
        node = Node(chain.connection, account, name=f"the chain in {home}", timeout_s=30)
        now = node.identity(chain.registry)
        if before is not None:
            check_same_chain(node.name, before=before, now=now)
        own = account.address if key_file is None else None
        remember(home, EMBEDDED, lambda known: replace(now, account=own or (known.account if known else None)))
        checked(node, chain.registry, "use the gistchain that made this chain")
        return _Embedded(node, chain, outbox=_outbox(home, node, chain.registry))
    except BaseException:
        chain.close()
        raise


def open_rpc(
    url: str,
    home: Path,
    key_file: Path | None = None,
    *,
    password: str | None = None,
    registry: str | None = None,
    chain_id: int | None = None,
    max_fee: Decimal = MAX_FEE,
    confirm: Confirm | None = None,
    timeout_s: float = 120.0,
    reply_s: float = REPLY_S,
) -> EvmLedger:
    """The registry on the node at `url`: the given one, or the one that `home` remembers, or a new one.

    chain_id: what the node must say it is; needed where a key is given and `home` does not know the URL yet, because a
    transaction is signed for the chain that the node names. max_fee: most that one transaction may cost in all, in
    coins of the chain; all that this ledger sends may cost ten times that. confirm: asks a person about a cost above
    these, and before the first write to a public chain; without it both are refused. timeout_s: how long a transaction
    may take to get into a block. reply_s: how long the node may take to answer once.
    Raises NodeDown, WrongChain if another chain answers than the last time (or than chain_id), NotConfirmed,
    SettingError, LedgerError.
    """
    name, key = public_name(url)
    before = recall(home).get(key)
    account = keys.account(home, key_file, password)
    with ExitStack() as undo:
        connection = _connection(url, name, reply_s, undo)
        consent = Consent(confirm=confirm, most_wei=int(max_fee * WEI))
        node = Node(connection, account, name=name, timeout_s=timeout_s, consent=consent)
        _check_chain(node, chain_id, must_be_given=key_file is not None and before is None)
        _set_public(consent, node, url, home, key)
        with FileLock(home / "deploy.lock", wait_s=timeout_s):
            own = account.address if key_file is None else None
            address = find_or_deploy(node, home, key, registry, account=own)
        outbox = _outbox(home, node, address)
        return EvmLedger(node, registry=address, outbox=outbox, close=undo.pop_all().close)


def open_rpc_to_read(
    url: str, home: Path, *, registry: str | None = None, chain_id: int | None = None, reply_s: float = REPLY_S
) -> RegistryReader:
    """The registry on the node at `url`, to read only: no key, and nothing is written to the chain or to `home`.

    Raises NodeDown, WrongChain, SettingError, LedgerError, also where no registry is given and `home` knows none.
    """
    name, key = public_name(url)
    with ExitStack() as undo:
        node = Node(_connection(url, name, reply_s, undo), None, name=name, timeout_s=reply_s)
        _check_chain(node, chain_id, must_be_given=False)
        address = known_registry(node, home, key, registry)
        if address is None:
            raise LedgerError(f"{home} knows no registry on {name}: give --registry, or register an image there first")
        return RegistryReader(node, registry=address, close=undo.pop_all().close)


def _outbox(home: Path, node: Node, registry: str) -> Outbox:
    return Outbox(home / "outbox.sqlite", chain_id=node.chain_id, registry=registry, owner=node.owner)


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
