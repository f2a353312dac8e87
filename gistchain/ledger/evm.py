"""Gist bytes in, token out; token in, bytes back: the registry contract on any EVM chain.

The embedded chain and a JSON-RPC node differ in their connection only (connection.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from gistchain.digest import keccak
from gistchain.errors import AlreadyRegistered, LedgerError, SettingError
from gistchain.ledger import abi, keys, logs
from gistchain.ledger import ticket as tickets
from gistchain.ledger.batching import Batching, made
from gistchain.ledger.connection import Call, Mined, edge
from gistchain.ledger.consent import MAX_FEE
from gistchain.ledger.contracts import compiled
from gistchain.ledger.deployed import checked, deploying, known_registry, remembered
from gistchain.ledger.dialled import REPLY_S, Told, dialled, to_read, urls_of
from gistchain.ledger.embedded import EmbeddedChain
from gistchain.ledger.known import EMBEDDED, check_same_chain, recall, remember
from gistchain.ledger.leaves import Leaves
from gistchain.ledger.linking import check_linkable
from gistchain.ledger.minting import mint
from gistchain.ledger.node import REPLACE_AFTER, Node
from gistchain.ledger.outbox import Outbox, Sent
from gistchain.ledger.pairings import deferred
from gistchain.ledger.proof import registered
from gistchain.ledger.reader import RegistryReader
from gistchain.ledger.receipts import receipt_of
from gistchain.ledger.recover import checksummed
from gistchain.ledger.sending import Sender
from gistchain.ledger.state import images
from gistchain.ledger.ticket import Registration
from gistchain.ledger.transaction import call_of
from gistchain.types import (
    BatchItem,
    BatchReceipt,
    Confirm,
    Guarantee,
    Minted,
    NftLink,
    RarenessTicket,
    Receipt,
)


class EvmLedger(RegistryReader):
    """Fulfils Ledger; open it with `open_embedded` or `open_rpc`. Threads may share one."""

    def __init__(
        self, node: Node, *, registry: str, outbox: Outbox, close: Callable[[], None], leaves: Leaves | None = None
    ) -> None:
        super().__init__(node, registry=registry, close=close, leaves=leaves)
        self._outbox = outbox
        self._sender = Sender(node, outbox)
        self._batching = Batching(node, self.registry, self._sender, self._batches)
        self._turn = threading.RLock()
        # Stays in the outbox until the caller comes back, which shows that the receipt reached it: a process that is
        # killed before gets the same receipt at its next try.
        self._acknowledged: tuple[Sent, Mined, bool | None] | None = None
        self._made_in: dict[int, int] = {}

    def put(self, payload: bytes, *, image_sha3_256: bytes, rareness: RarenessTicket | None = None) -> Receipt:
        """Register the payload for the image; returns when it is in a block.

        Safe to repeat after any failure: the same transaction is found or sent again, never a second one. The ticket
        that a first try signed and sent is the one that stays: `rareness_of` tells it.
        payload: 1 to 24,565 bytes, to 24,519 with a ticket. image_sha3_256: 32 bytes.
        Raises AlreadyRegistered if this owner has a token for the image, OutOfGas, NotConfirmed, NodeDown, DiskFull,
        LedgerError.
        """
        if len(image_sha3_256) != 32:
            raise LedgerError(f"an image hash has 32 bytes, not {len(image_sha3_256)}")
        tickets.check(rareness, payload)
        with self._turn:
            self._forget_acknowledged()
            self._sender.mend()
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

    def put_batch(
        self, items: Sequence[BatchItem], *, common: bytes = b"", evidence: bytes = bytes(32), guarantee: Guarantee
    ) -> BatchReceipt:
        """Register many payloads in one transaction; returns when it is in a block.

        Safe to repeat after any failure: the same items in the same order of hashes are the same batch, found or sent
        again. Nobody looks whether an image was registered before: `token_of` tells that.
        Raises OutOfGas, NotConfirmed, NodeDown, DiskFull, LedgerError.
        """
        batch = made(items, common, evidence, guarantee)
        with self._turn:
            self._forget_acknowledged()
            self._sender.mend()
            receipt, done = self._batching.put(batch, guarantee, self.name)
            self._acknowledged = None if done is None else (*done, self._node.final(done[1]))
            return receipt

    def call(self, function: str, *arguments: object) -> Call:
        """A transaction to the registry, for `run`."""
        with edge(self._node.name):
            return Call(self.registry, abi.calldata(compiled("registry"), function, *arguments))

    def run(self, call: Call, before: bytes = b"") -> Mined:
        """Send a call, wait until it is in a block, and replace it where it is stuck; see Sender.run."""
        with self._turn:
            return self._sender.run(call, before)

    def _registering(self, payload: bytes, image_sha3_256: bytes, rareness: RarenessTicket | None) -> Call:
        wanted = Registration(self.owner, image_sha3_256, payload, rareness)
        return self.call(wanted.function, *wanted.arguments())

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
            done = self._sender.outcome(sent)
            # A node that calls it failed, and shows its token in its block, is wrong about the first.
            if done is not None and (done[1].succeeded or self._made_by(done[0], token)):
                return self._receipt(token, *done, payload)
            self._outbox.drop(sent)
        raise self._taken(token)

    def _block_of(self, token: int) -> int | None:
        return self._made_in.get(token)

    def _made_by(self, sent: Sent, token: int) -> bool:
        """Whether the logs name the transaction as the one that made the token."""
        found = logs.registration(self._node, self.registry, self.token(token))
        return found is not None and found.tx.lower() == sent.tx.lower()

    def _receipt(self, token: int, sent: Sent, mined: Mined, payload: bytes) -> Receipt:
        if self._gist_in(call_of(sent.raw)) != payload:
            self._outbox.drop(sent)
            raise self._taken(token)
        if self.gist_of(token) != payload:
            raise LedgerError(
                f"{self._node.name} shows other bytes for token {token} than transaction {sent.tx} registered: ask "
                "another node"
            )
        self._made_in[token] = mined.block
        where, owner, image = self.name, self.owner, sent.image_sha3_256
        receipt = receipt_of(
            self._node, mined, ledger=where, token=token, owner=owner, image_sha3_256=image, gist=payload
        )
        self._acknowledged = sent, mined, receipt.final
        return receipt

    def receipts(self) -> list[Receipt]:
        """What this account registered from this home and was not final when last looked at, as it is now.

        What is on its way is waited for. Where a reorganisation took one out of its block, the same transaction is sent
        again: its token may have another number then. Raises NodeDown, OutOfGas, NotConfirmed, LedgerError, FileError.
        """
        with self._turn:
            self._forget_acknowledged()
            each = {sent.image_sha3_256: sent for sent in self._outbox.all()}
            return [now for sent in each.values() if (now := self._as_it_is_now(sent)) is not None]

    def _as_it_is_now(self, last: Sent) -> Receipt | None:
        """None for what is no registration of one image, and where another transaction has made its token."""
        call, done = call_of(last.raw), self._sender.outcome(last)
        if registered(call.data) is None:
            if done is None:  # a batch, of which its own command tells
                self._outbox.untell(last)
                self._node.broadcast(last.raw)
            return None
        if done is None and not self.token_of(last.image_sha3_256):
            done = self._sender.deliver(last.image_sha3_256, lambda: call, lambda other: True)
        try:
            receipt = None if done is None else self._settle(*done, self._gist_in(call))
        except AlreadyRegistered:
            receipt = None
        if receipt is None:
            self._outbox.drop(last)
        self._forget_acknowledged()
        return receipt

    def _forget_acknowledged(self) -> None:
        if self._acknowledged is not None:
            sent, mined, final = self._acknowledged
            if final:
                self._outbox.drop(sent)
            else:
                self._outbox.tell(sent, mined.block, mined.block_hash)
            self._acknowledged = None

    def _taken(self, token: int) -> AlreadyRegistered:
        return AlreadyRegistered(f"{self.owner} has registered this very image as token {token}", token)

    def unanswered(self, image_sha3_256: bytes) -> bool:
        """Whether a registration of the image was sent and its outcome never seen: `put` will tell it."""
        sent = self._outbox.find(image_sha3_256)
        return sent is not None and (self._acknowledged is None or sent.tx != self._acknowledged[0].tx)

    def attest(self, token: int, ticket: RarenessTicket) -> str | None:
        """Say how rare this account finds a token, beside its creator's ticket; said again it replaces what it said.

        Returns the transaction's hash, None where this was said already, whatever block it was said of. Raises
        UnknownToken, OutOfGas, NotConfirmed, LedgerError.
        """
        tickets.check(ticket)
        self.token(token)
        there = tickets.from_chain(*self._read("attestationOf", token, self.owner))
        if there is not None and replace(there, as_of=ticket.as_of) == ticket:
            return None
        before = b"" if there is None else repr(tickets.kept(there)).encode()
        return self.run(self.call("attest", token, *tickets.kept(ticket)), before).tx

    def link(self, token: int, nft: NftLink) -> None:
        """Say, once and for good, which NFT a token of this account is of; said again it changes nothing.

        Raises LedgerError where the token is another's or linked to another NFT, and for an NFT of this chain that is
        another's or not there; UnknownToken, OutOfGas, NotConfirmed.
        """
        there, wanted = self.link_of(token), replace(nft, contract=checksummed(bytes.fromhex(nft.contract[2:])))
        if there != wanted:
            check_linkable(self._node, self.token(token), there, wanted)
            self.run(self.call("link", token, wanted.chain_id, wanted.contract, wanted.token_id))

    def mint(self, token: int) -> Minted:
        """Make a token of this account an NFT, which wallets show; once it is one, nothing is changed.

        Raises UnknownToken, OutOfGas, NotConfirmed, LedgerError, also where the token is another's and where the chain
        lacks the contracts: `deploy` with wallets=True puts them there.
        """
        owner = self.token(token).owner
        if owner != self.owner:
            raise LedgerError(
                f"token {token} is {owner}'s: only its owner can mint it, and this account is {self.owner}"
            )
        return mint(self._node, self.registry, token, self.run)

    def add_table(self, table: bytes) -> tuple[int, str | None]:
        """Put a trait table on the chain, for everybody: gas and transaction, 0 and None where it is there already.

        Raises OutOfGas, NotConfirmed, LedgerError, also where the chain has no contract for tables.
        """
        contract = compiled("tables")
        checked(self._node, contract.address, deploying(self._node), name="tables")
        if self.table(keccak(table)[:4]) == table:
            return 0, None
        with edge(self._node.name):
            call = Call(contract.address, abi.calldata(contract, "add", table))
        done = self.run(call)
        return done.gas, done.tx

    def token_of(self, image_sha3_256: bytes, owner: str | None = None) -> int:
        """The token of this owner (or another) for the image, 0 for none; batches too."""
        who = owner or self.owner
        return self._number("tokenOf", who, image_sha3_256) or self._batches.token_of(who, image_sha3_256)

    def close(self) -> None:
        """Let go of the chain's lock or the connection."""
        try:
            self._forget_acknowledged()
        finally:
            self._outbox.close()
            self._close()


def open_embedded(
    home: Path,
    key_file: Path | None = None,
    *,
    password: str | None = None,
    wait_s: float = 10.0,
    waiting: Callable[[str], None] | None = None,
) -> EvmLedger:
    """The chain in `home`, made at first use. Another process that holds it is given wait_s to let go.

    waiting: is told which one, where it takes longer than a second.
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
    from gistchain.ledger.inhome import EmbeddedLedger

    account = keys.account(home, key_file, password)
    chain = EmbeddedChain(home, wait_s=wait_s, expected=before is not None, waiting=waiting)
    try:
        chain.fund(account.address)
        node = Node(chain.connection, account, name=f"the chain in {home}", timeout_s=30)
        now = node.identity(chain.registry)
        if before is not None:
            check_same_chain(node.name, before=before, now=now)
        own = account.address if key_file is None else None
        remember(home, EMBEDDED, lambda known: replace(now, account=own or (known.account if known else None)))
        checked(node, chain.registry, "use the gistchain that made this chain")
        return EmbeddedLedger(node, chain, outbox=_outbox(home, node, chain.registry))
    except BaseException:
        chain.close()
        raise


def open_rpc(
    url: str | Sequence[str],
    home: Path,
    key_file: Path | None = None,
    *,
    password: str | None = None,
    registry: str | None = None,
    chain_id: int | None = None,
    max_fee: Decimal = MAX_FEE,
    confirm: Confirm | None = None,
    timeout_s: float = 120.0,
    replace_after: int = REPLACE_AFTER,
    reply_s: float = REPLY_S,
    told: Told | None = None,
) -> EvmLedger:
    """The registry on the node at `url`, or on several nodes of one chain, of which none is believed alone.

    registry: its address; None for the one that `home` remembers, or that of every chain.
    chain_id: what the node must say it is; needed where a key is given and `home` does not know the URL yet, because a
    transaction is signed for the chain that the node names. max_fee: most that one transaction may cost in all, in
    coins of the chain; all that this ledger sends may cost ten times that. confirm: asks a person about a cost above
    these, and before the first write to a public chain; without it both are refused. timeout_s: how long a transaction
    may take to get into a block. replace_after: in how many blocks it may be left out before a higher fee is offered
    for it. reply_s: how long the node may take to answer once.
    told: hears which of several nodes is left alone, and why.
    Raises NodeDown, WrongChain if another chain answers than the last time (or than chain_id), NotConfirmed,
    SettingError, LedgerError, also where no registry stands there: `deploy` makes it.
    """
    with ExitStack() as undo:
        dial = dialled(
            *(urls_of(url), home, key_file, password, chain_id, max_fee, confirm, timeout_s, replace_after, reply_s),
            *(told, undo),
        )
        address = known_registry(dial.node, home, dial.keys, registry)
        remembered(dial, home, address, given=registry is not None)
        outbox = _outbox(home, dial.node, address)
        leaves = Leaves(home, chain_id=dial.node.chain_id, registry=address)
        return EvmLedger(dial.node, registry=address, outbox=outbox, close=undo.pop_all().close, leaves=leaves)


def open_rpc_to_read(
    url: str | Sequence[str],
    home: Path,
    *,
    registry: str | None = None,
    chain_id: int | None = None,
    reply_s: float = REPLY_S,
    told: Told | None = None,
) -> RegistryReader:
    """The registry on the node at `url`, to read only: no key, and nothing is written to the chain or to `home`.

    Raises NodeDown, WrongChain, SettingError, LedgerError, also where no registry stands there.
    """
    with ExitStack() as undo:
        node, known = to_read(urls_of(url), chain_id, reply_s, told, undo)
        address = known_registry(node, home, known, registry)
        leaves = Leaves(home, chain_id=node.chain_id, registry=address)
        return RegistryReader(node, registry=address, close=undo.pop_all().close, leaves=leaves)


def _outbox(home: Path, node: Node, registry: str) -> Outbox:
    return Outbox(home / "outbox.sqlite", chain_id=node.chain_id, registry=registry, owner=node.owner)
