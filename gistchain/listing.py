"""A ledger's tokens and what the home remembers of their images -> rows, of which some are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gistchain.errors import PacketError
from gistchain.traits import parts

if TYPE_CHECKING:
    from gistchain.ledger.followed import Kept
    from gistchain.pipeline import Registry
    from gistchain.types import RarenessTicket, Token

Names = Callable[[bytes], str | None]
"""SHA3-256 of an image's file -> the name that the file had; None where that is not known."""
Known = Callable[["Token"], "Kept | None"]
"""What the home has kept of a token, so that the chain is not asked."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One token. ticket: as the chain holds it, None for none. name: of the image's file, as this home remembers it.

    collection: that the caption is of; '' for none. readable: whether the chain holds a gist; else `caption` says what
    is wrong. gist_bytes: of what the chain holds.
    """

    token: Token
    caption: str
    readable: bool
    ticket: RarenessTicket | None
    name: str | None
    gist_bytes: int

    @property
    def collection(self) -> str:
        return parts(self.caption)[0] if self.readable else ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tokens: those that meet every condition that is not None.

    collections: names of one collection, of which it must be one. verdict: of the ticket. owner: an address, or how one
    begins. words: must all be in caption or file name. Upper and lower case are the same.
    """

    collections: tuple[str, ...] | None = None
    verdict: str | None = None
    owner: str | None = None
    words: str | None = None

    def has(self, row: Listed) -> bool:
        if self.collections is not None and _plain(row.collection) not in map(_plain, self.collections):
            return False
        if self.verdict is not None and (row.ticket is None or row.ticket.verdict != self.verdict):
            return False
        if self.owner is not None and not row.token.owner.casefold().startswith(self.owner.casefold()):
            return False
        text = f"{row.caption}\n{row.name or ''}".casefold()
        return all(word in text for word in (self.words or "").casefold().split())


def listing(registry: Registry, names: Names, known: Known = lambda token: None) -> Iterator[Listed]:
    """All tokens, oldest first. Raises LedgerError, FileError."""
    for token in registry.tokens():
        yield listed(registry, token, names, known(token))


def listed(registry: Registry, token: Token, names: Names, kept: Kept | None = None) -> Listed:
    """kept: what the home has of the token, so that the chain is not asked. Raises LedgerError, FileError."""
    payload, readable = b"", True
    try:
        payload = registry.ledger.gist_of(token.id) if kept is None else kept.gist
        if kept is not None and kept.unreadable:
            raise PacketError(kept.unreadable)
        caption = registry.read(payload).caption
    except PacketError as error:  # anyone may write to a public registry
        caption, readable = str(error), False
    ticket = registry.ledger.ticket_of(token.id) if kept is None else kept.ticket
    return Listed(token, caption, readable, ticket, names(token.image_sha3_256), len(payload))


def _plain(name: str) -> str:
    """'openpeeps' of 'Open Peeps' and of 'open-peeps'."""
    return "".join(filter(str.isalnum, name.casefold()))
