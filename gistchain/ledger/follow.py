"""A registry on a node -> followed.sqlite: its events in ranges of blocks, then what they are about from its state.

    blocks whose hash has changed ── undone        a range that is refused ── halved; one block ── the next one served
    events, in ranges ── tokens, kept              ids that no event named ── from the state

Each range is on the disk before the next is asked for, so that a kill costs one. What logs say is not believed: the
contract is asked for every token, and for how many there are, which shows where a node has kept no logs and says
nothing, or says so (EIP-4444). Nor is the node believed for the contract: a gist must be the one that its owner signed,
where the transaction is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from gistchain.errors import LedgerError, PacketError, UnknownToken
from gistchain.ledger import abi, logs
from gistchain.ledger.connection import Connection, Log, edge
from gistchain.ledger.contracts import compiled
from gistchain.ledger.followed import Followed, Kept
from gistchain.ledger.proof import registered
from gistchain.ledger.ranges import in_ranges
from gistchain.ledger.reader import RegistryReader
from gistchain.ledger.recover import checksummed
from gistchain.ledger.state import nonsense
from gistchain.ledger.transaction import call_of, sender_of
from gistchain.types import Ledger, Token

_TRIES = 5
_AT_ONCE = 64
"""Tokens that are kept in one transaction."""
_EVENTS = {"Registered": "registered", "Batch": "batch", "Attested": "attested", "Linked": "linked"}
Kind = Literal["registered", "batch", "attested", "linked", "state", "undone"]


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened on the chain. block: in which. token: the first of `count`.

    by: who registered or attested, '' where that is not told. 'state': tokens that no log named. 'undone': `count` of
    them, in blocks after this one, which the chain has replaced; token is 0.
    """

    kind: Kind
    block: int
    token: int = 0
    count: int = 1
    by: str = ""


class _Moved(Exception):
    """The chain was replaced while it was read."""


def follow(reader: RegistryReader, kept: Followed, urls: Sequence[str] = ()) -> Iterator[Event]:
    """Read on from where it ended the last time, to the last block; tells what is kept by then.

    urls: keys of the endpoints, to find the registry by without them.
    Raises NodeDown, LedgerError, FileError: then what was told is kept, and the next run goes on from there.
    """
    for _ in range(_TRIES):
        try:
            yield from _undone(reader, kept)
            yield from _read_on(reader, kept, urls)
            return
        except _Moved:
            at = kept.next(reader.name)
            if at is not None:  # what was kept of a range that was not finished
                kept.undo(reader.name, at - 1)
    raise LedgerError(
        f"{reader.node.name} shows another chain each time that it is asked: try again, or give another --rpc"
    )


def holds_until(connection: Connection, blocks: Iterable[tuple[int, str]]) -> int:
    """The last of these blocks, which come last first, that the chain still has; -1 for none."""
    return next((number for number, digest in blocks if connection.block_hash(number) == digest), -1)


@contextmanager
def kept_of(home: Path, ledger: Ledger) -> Iterator[Callable[[Token], Kept | None]]:
    """What the home has kept of a token, which need not be asked for.

    None where the chain may have replaced it since, and where its gist could not be read then and may be now.

    Raises FileDamaged, FileError.
    """
    if not isinstance(ledger, RegistryReader):
        yield lambda token: None
        return
    with Followed(home) as kept:
        holds = holds_until(ledger.node.connection, kept.blocks(ledger.name))

        def known(token: Token) -> Kept | None:
            row = kept.get(ledger.name, token.id)
            if row is None or row.token != token or row.seen > holds:
                return None
            # Who has the image of a token of proofs now has its gist, too; nonsense stays nonsense.
            later = row.unreadable not in ("", str(nonsense(token.id))) and any(token.image_sha3_256)
            return None if later else row

        yield known


def _undone(reader: RegistryReader, kept: Followed) -> Iterator[Event]:
    """Forgets what was in blocks that the chain has replaced."""
    blocks = kept.blocks(reader.name)
    if not blocks:
        return
    holds = holds_until(reader.node.connection, blocks)
    if holds < blocks[0][0] and (gone := kept.undo(reader.name, holds)):
        yield Event("undone", max(holds, 0), count=gone)


def _read_on(reader: RegistryReader, kept: Followed, urls: Sequence[str]) -> Iterator[Event]:
    connection = reader.node.connection
    at = kept.next(reader.name)
    last = connection.block_number()
    if at is None:
        at = _start(reader)
    for served in in_ranges(connection, reader.registry, (tuple(_topics()),), at, last):
        if served.block_hash is None:
            raise _Moved
        found, end = served.logs, served.blocks.stop - 1
        block = end, served.block_hash
        events = [_event(reader, log, served.blocks) for log in found]
        # The blocks of the events too: where the chain is replaced from the middle of a range on, the rest stays. They
        # are written first, so that a range that was not finished is undone like others.
        blocks = [*((log.block, log.block_hash) for log in found), block]
        kept.go_on(reader.name, served.blocks.start, blocks)
        for event, log in zip(events, found, strict=True):
            if event.kind in ("registered", "batch"):
                _keep(reader, kept, range(event.token, event.token + event.count), event.block, log.tx)
        if _hash(connection, end) != block[1]:
            raise _Moved
        kept.go_on(reader.name, end + 1, blocks, urls)
        yield from events
    yield from _fill(reader, kept, last + 1, urls)


def _start(reader: RegistryReader) -> int:
    """The block of the first token; before it there is nothing to read."""
    if not reader.count():
        return max(0, reader.block())
    blocks = logs.blocks_at(reader.node, reader.token(1))
    return blocks.start if blocks else 0


def _topics() -> dict[bytes, str]:
    return {abi.topic(compiled("registry"), event): event for event in _EVENTS}


def _event(reader: RegistryReader, log: Log, blocks: range) -> Event:
    """Raises LedgerError where it is none that was asked for."""
    event = _topics().get(log.topics[0]) if log.topics else None
    if event is None or log.block not in blocks or len(log.topics) < (2 if event == "Linked" else 3):
        raise LedgerError(f"{reader.node.name} shows another log than those that were asked for: ask another node")
    number = int.from_bytes(log.topics[1], "big") % 2**96
    by = "" if event == "Linked" else checksummed(log.topics[2][12:])
    if event != "Batch":
        return Event(_EVENTS[event], log.block, number, by=by)  # type: ignore[arg-type]
    with edge(reader.node.name):
        first, count, _ = abi.logged(compiled("registry"), "Batch", log.data)
    return Event("batch", log.block, int(first) % 2**96, int(count) % 2**16, by)


def _keep(reader: RegistryReader, kept: Followed, ids: range, seen: int, tx: str | None = None) -> None:
    """What the contract says of these tokens. tx: hash of the transaction that made them, where it is known."""
    tokens = islice(reader.tokens(ids.start), len(ids)) if len(ids) > 1 else _one(reader, ids.start)
    read = 0
    while some := list(islice(tokens, _AT_ONCE)):
        read += len(some)
        kept.add(reader.name, [_read(reader, kept, token, seen, tx) for token in some])
    if read < len(ids):
        raise _Moved  # the contract knows nothing of what was logged


def _one(reader: RegistryReader, token: int) -> Iterator[Token]:
    try:
        yield reader.token(token)
    except UnknownToken:
        raise _Moved from None


def _read(reader: RegistryReader, kept: Followed, token: Token, seen: int, tx: str | None) -> Kept:
    before = kept.get(reader.name, token.id)
    if before is not None and (before.token, before.seen) == (token, seen):
        return before  # of a range that was not finished
    gist, unreadable = b"", ""
    try:
        gist = reader.gist_of(token.id)
    except PacketError as error:  # anyone may write to a public registry
        unreadable = str(error)
    if gist and tx is not None and not token.batch:
        _check_signed(reader, token, gist, tx)
    return Kept(token, seen, gist, unreadable, reader.ticket_of(token.id))


def _check_signed(reader: RegistryReader, token: Token, gist: bytes, tx: str) -> None:
    """Raises LedgerError where the owner's own transaction has another gist: what others send, she has not signed."""
    raw = reader.node.connection.transaction(tx)
    try:
        call, sender = (None, None) if raw is None else (call_of(raw), sender_of(raw))
    except (ValueError, IndexError, TypeError):
        return
    if call is None or call.to != reader.registry or sender != token.owner:
        return
    signed = registered(call.data)
    if signed is not None and signed[0] == token.image_sha3_256 and signed[3] != gist:
        raise LedgerError(
            f"{reader.node.name} shows other bytes for token {token.id} than its owner signed: ask another node"
        )


def _fill(reader: RegistryReader, kept: Followed, at: int, urls: Sequence[str]) -> Iterator[Event]:
    """The tokens that no event has named: the node has not kept their logs, or they are newer than the last range."""
    events = []
    connection = reader.node.connection
    for ids in list(kept.missing(reader.name, reader.count())):
        last = connection.block_number()
        block = last, _hash(connection, last)
        kept.go_on(reader.name, at, [block], urls)
        try:
            _keep(reader, kept, ids, last)
            if _hash(connection, last) != block[1]:
                raise _Moved
        except _Moved:
            kept.undo(reader.name, last - 1)
            raise
        events.append(Event("state", last, ids.start, len(ids)))
    yield from events


def _hash(connection: Connection, number: int) -> str:
    digest = connection.block_hash(number)
    if digest is None:
        raise _Moved
    return digest
