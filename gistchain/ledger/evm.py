"""Gist bytes in, token out; token in, bytes back: the registry contract on any EVM chain.

The embedded chain and a JSON-RPC node differ in their web3 provider only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gistchain.disk.lock import FileLock
from gistchain.errors import AlreadyRegistered, LedgerError, UnknownToken, WrongChain
from gistchain.ledger import keys
from gistchain.ledger import ticket as tickets
from gistchain.ledger.contracts import compiled
from gistchain.ledger.deployed import checked, find_or_deploy, public_name
from gistchain.ledger.embedded import EmbeddedChain
from gistchain.ledger.gas import MAX_GIST_BYTES
from gistchain.ledger.known import check_same_chain, recall, remember
from gistchain.ledger.node import TRIES, Node, edge
from gistchain.ledger.outbox import Outbox, Sent
from gistchain.ledger.ticket import Registration
from gistchain.types import RarenessTicket, Receipt, SignedRareness, Token

if TYPE_CHECKING:
    from types import TracebackType

    from web3.types import TxParams

EMBEDDED = "embedded"


class EvmLedger:
    """Fulfils Ledger over web3; open it with `open_embedded` or `open_rpc`. Threads may share one."""

    def __init__(self, node: Node, *, registry: str, home: Path, close: Callable[[], None]) -> None:
        self._node = node
        self.registry = node.w3.to_checksum_address(registry)
        self._contract = node.w3.eth.contract(address=self.registry, abi=compiled("registry").abi)
        self._outbox = Outbox(home / "outbox.sqlite", chain_id=node.chain_id, registry=registry, owner=node.owner)
        self._turn = threading.RLock()
        self._close = close
        # Stays in the outbox until the caller comes back, which shows that the receipt reached it: a process that is
        # killed before gets the same receipt at its next try.
        self._acknowledged: Sent | None = None

    @property
    def owner(self) -> str:
        """Address of the account that registers."""
        return self._node.owner

    @property
    def name(self) -> str:
        """'evm:CHAIN_ID:ADDRESS' of the registry."""
        return f"evm:{self.chain_id}:{self.registry}"

    @property
    def chain_id(self) -> int:
        return self._node.chain_id

    @property
    def node(self) -> Node:
        return self._node

    def put(self, payload: bytes, *, image_sha3_256: bytes, rareness: RarenessTicket | None = None) -> Receipt:
        """Register the payload for the image; returns when it is in a block.

        Safe to repeat after any failure: the same transaction is found or sent again, never a second one. The ticket
        that a first try signed and sent is the one that stays: `rareness_of` tells it.
        payload: 1 to 24,565 bytes, to 24,530 with a ticket. image_sha3_256: 32 bytes. rareness: signed with this
        account's key.
        Raises AlreadyRegistered if this owner has a token for the image, OutOfGas, NodeDown, DiskFull, LedgerError.
        """
        if not 1 <= len(payload) <= MAX_GIST_BYTES:
            raise LedgerError(f"a gist of {len(payload)} bytes can't be registered: 1 to {MAX_GIST_BYTES} bytes can")
        if len(image_sha3_256) != 32:
            raise LedgerError(f"an image hash has 32 bytes, not {len(image_sha3_256)}")
        if rareness is not None:
            tickets.check(rareness, payload)
        with self._turn:
            self._forget_acknowledged()
            sent = self._outbox.find(image_sha3_256)
            if token := self.token_of(image_sha3_256):
                return self._earlier(token, sent, payload)
            if sent is not None and self._resend(sent):
                return self._settle(sent, payload)
            for _ in range(TRIES):
                sent = self._sign(payload, image_sha3_256, rareness)
                self._outbox.add(sent)
                refused = self._node.broadcast(sent.raw)
                if refused is None and self._node.wait(sent.tx, sent.nonce) is not None:
                    return self._settle(sent, payload)
                self._outbox.drop(sent)
                if refused is not None and "nonce" not in refused and "underpriced" not in refused:
                    raise self._node.refusal(refused)
            raise LedgerError(
                f"{self._node.name} took none of {TRIES} transactions: another program sends from {self.owner} too; "
                "end it or use another --key"
            )

    def call(self, function: str, *arguments: object) -> TxParams:
        """A transaction to the registry, for `node` to sign."""
        with edge(self._node.name):
            asked = self._contract.get_function_by_name(function)(*arguments)
            return {"to": self._contract.address, "data": asked._encode_transaction_data()}

    def _sign(self, payload: bytes, image_sha3_256: bytes, rareness: RarenessTicket | None) -> Sent:
        if rareness is None:
            call = self.call("register", image_sha3_256, payload)
        else:
            wanted = Registration(self.owner, image_sha3_256, payload, rareness)
            signature = tickets.sign(wanted, self._node.account, chain_id=self.chain_id, registry=self.registry)
            call = self.call("registerRated", *wanted.arguments(signature))
        try:
            raw, tx, nonce = self._node.sign(call)
        except LedgerError:
            # The estimate fails too if another program with this key has registered the image just now.
            if token := self.token_of(image_sha3_256):
                raise self._taken(token) from None
            raise
        return Sent(image_sha3_256, nonce, raw, tx)

    def _resend(self, sent: Sent) -> bool:
        """Bring an earlier transaction into a block. False if it never can be: then it is forgotten."""
        latest = self._node.nonce("latest")
        for other in self._outbox.all():
            # Those before it must get in first; the node may have lost them all.
            if latest <= other.nonce <= sent.nonce:
                self._node.broadcast(other.raw)
        waits = self._node.nonce("pending") > sent.nonce
        if waits and self._node.wait(sent.tx, sent.nonce) is not None:
            return True
        self._outbox.drop(sent)
        return False

    def _settle(self, sent: Sent, payload: bytes) -> Receipt:
        """The receipt of a transaction that is in a block."""
        mined = self._node.receipt(sent.tx)
        token = self.token_of(sent.image_sha3_256)
        if mined is None or token == 0 or mined["status"] != 1:
            self._outbox.drop(sent)
            if token:
                raise self._taken(token)
            raise LedgerError(f"transaction {sent.tx} failed on {self._node.name}: nothing was registered; try again")
        return self._earlier(token, sent, payload)

    def _earlier(self, token: int, sent: Sent | None, payload: bytes) -> Receipt:
        """The receipt of this owner's token, if it is ours to acknowledge: sent by us with this very payload."""
        mined = None if sent is None else self._node.receipt(sent.tx)
        if sent is not None:
            if mined is not None and mined["status"] == 1 and self.gist_of(token) == payload:
                self._acknowledged = sent
                return Receipt(
                    self.name, token, len(payload), int(mined["gasUsed"]), sent.tx, int(mined["blockNumber"])
                )
            self._outbox.drop(sent)
        raise self._taken(token)

    def _forget_acknowledged(self) -> None:
        if self._acknowledged is not None:
            self._outbox.drop(self._acknowledged)
            self._acknowledged = None

    def _taken(self, token: int) -> AlreadyRegistered:
        return AlreadyRegistered(f"{self.owner} has registered this very image as token {token}", token, own=True)

    def gist_of(self, token: int) -> bytes:
        """The bytes registered as this token; raises UnknownToken."""
        gist = self._read("gistOf", _known_id(token))
        if not isinstance(gist, bytes) or len(gist) > MAX_GIST_BYTES:
            raise LedgerError(f"token {token} of registry {self.registry} holds no gist: that is not our contract")
        if not gist:
            raise _unknown(token)
        return gist

    def token(self, token: int) -> Token:
        """The record of a token; raises UnknownToken."""
        owner, image, block, block_time, size = self._read("record", _known_id(token))
        if int(owner, 16) == 0:
            raise _unknown(token)
        return Token(token, str(owner), bytes(image), size, block, block_time)

    def rareness_of(self, token: int) -> SignedRareness | None:
        """The rareness that was registered with this token, None if none was; raises UnknownToken."""
        record = self.token(token)
        score, verdict, evidence = self._read("rarenessOf", token)
        if not any(evidence):
            return None
        ticket = tickets.from_chain(score, verdict, evidence)
        logged = self._logged(record)
        if logged is None:
            return SignedRareness(ticket, record.owner)
        deadline, signature = logged
        signed = Registration(record.owner, record.image_sha3_256, self.gist_of(token), ticket, deadline)
        if tickets.signer(signed, signature, chain_id=self.chain_id, registry=self.registry) != record.owner:
            raise LedgerError(
                f"{self._node.name} shows a signature of token {token} that is not its owner's: ask another node"
            )
        return SignedRareness(ticket, record.owner, deadline, signature)

    def _logged(self, record: Token) -> tuple[int, bytes] | None:
        """Deadline and signature from the log of a token's block; None from a node that has not kept it."""
        from web3.exceptions import Web3RPCError

        try:
            with edge(self._node.name, reraise=(Web3RPCError,)):
                rated = self._contract.events.Rated().get_logs(
                    from_block=record.block, to_block=record.block, argument_filters={"id": record.id}
                )
                found = [log["args"] for log in rated]
        except Web3RPCError:  # nodes that prune refuse in words of their own
            return None
        if not found:
            return None
        return int(found[0]["deadline"]), tickets.expanded(bytes(found[0]["r"]), bytes(found[0]["vs"]))

    def tokens(self, start: int = 1) -> Iterator[Token]:
        """All tokens from id `start` on, oldest first."""
        for token in range(start, self.count() + 1):
            yield self.token(token)

    def count(self) -> int:
        """How many tokens there are; ids are 1 to count."""
        return int(self._read("count"))

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token that anyone registered for the image."""
        return int(self._read("firstOf", image_sha3_256)) or None

    def unanswered(self, image_sha3_256: bytes) -> bool:
        """Whether a registration of the image was sent and its outcome never seen: `put` will tell it."""
        sent = self._outbox.find(image_sha3_256)
        return sent is not None and sent != self._acknowledged

    def token_of(self, image_sha3_256: bytes, owner: str | None = None) -> int:
        """The token of this owner (or another) for the image, 0 for none."""
        return int(self._read("tokenOf", owner or self.owner, image_sha3_256))

    def _read(self, function: str, *arguments: object) -> Any:
        with edge(self._node.name):
            return self._contract.get_function_by_name(function)(*arguments).call({"from": self._node.account.address})

    def close(self) -> None:
        """Let go of the chain's lock or the connection."""
        try:
            self._forget_acknowledged()
        finally:
            self._outbox.close()
            self._close()

    def __enter__(self) -> EvmLedger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _known_id(token: int) -> int:
    if not 1 <= token < 2**256:
        raise _unknown(token)
    return token


def _unknown(token: int) -> UnknownToken:
    return UnknownToken(f"there is no token {token} in this registry: list them to see which there are")


def open_embedded(
    home: Path, key_file: Path | None = None, *, password: str | None = None, wait_s: float = 10.0
) -> EvmLedger:
    """The chain in `home`, made at first use. Another process that holds it is given wait_s to let go.

    Raises FileBusy, FileDamaged, DiskFull, FileError, LedgerError, SettingError.
    """
    account = keys.account(home, key_file, password)
    before = recall(home).get(EMBEDDED)
    chain = EmbeddedChain(home, wait_s=wait_s, expected=before is not None)
    try:
        from web3 import Web3

        chain.fund(account.address)
        node = Node(Web3(chain.provider), account, name=f"the chain in {home}", timeout_s=30)
        now = node.identity(chain.registry)
        if before is None:
            remember(home, EMBEDDED, now)
        else:
            check_same_chain(node.name, before=before, now=now)
        checked(node, chain.registry, "use the gistchain that made this chain")
        return EvmLedger(node, registry=chain.registry, home=home, close=chain.close)
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
    timeout_s: float = 120.0,
) -> EvmLedger:
    """The registry on the node at `url`: the given one, or the one that `home` remembers, or a new one.

    Raises NodeDown, WrongChain if another chain answers than the last time (or than chain_id), SettingError.
    """
    import requests
    from web3 import Web3
    from web3.middleware import ExtraDataToPOAMiddleware

    name, key = public_name(url)
    account = keys.account(home, key_file, password)
    session = requests.Session()
    try:
        # No retries inside: a transaction that was sent twice would be refused, and NodeDown come late.
        provider = Web3.HTTPProvider(
            url, request_kwargs={"timeout": (5, 60)}, session=session, exception_retry_configuration=None
        )
        w3 = Web3(provider)
        w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        node = Node(w3, account, name=name, timeout_s=timeout_s)
        if chain_id is not None and chain_id != node.chain_id:
            raise WrongChain(
                f"{name} is on chain {node.chain_id}, but --chain-id says {chain_id}: connect to another node or "
                "correct it"
            )
        with FileLock(home / "ledgers.lock", wait_s=timeout_s):
            address = find_or_deploy(node, home, key, registry)
        return EvmLedger(node, registry=address, home=home, close=session.close)
    except BaseException:
        session.close()
        raise
