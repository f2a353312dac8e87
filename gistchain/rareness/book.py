"""Keeps the rareness result of an image before it is registered, and its token afterwards.

            assess                                   settle
picture ──> check, keep evidence and fingerprint ──> (the chain) ──> note its token

Evidence and fingerprint are kept before the chain is asked, and count only where the chain knows the image: a kill
between the two leaves nothing wrong.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from gistchain.errors import CopyRefused, DatabaseLost, UnknownToken
from gistchain.rareness import evidence
from gistchain.rareness.check import Checker
from gistchain.rareness.store.trust import older_chain
from gistchain.rareness.words import called, verdict_words
from gistchain.types import Picture, Rareness, RarenessTicket, SignedRareness, Token, Verdict


class Registrations(Protocol):
    """Which images are registered: what the book asks of a ledger."""

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token for the image file with this SHA3-256 (32 bytes); None where there is none."""
        ...

    def token_of(self, image_sha3_256: bytes) -> int:
        """The token of the account that registers for this image file; 0 for none."""
        ...

    def token(self, token: int) -> Token:
        """The record of a token; ids begin at 1. Raises UnknownToken."""
        ...

    def block(self) -> int:
        """The number of the last block."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """How rare an image is, the document that backs it, and the ticket that goes on the chain.

    ticket: None for a blank image, because nothing was compared that could be signed for.
    """

    rareness: Rareness
    document: bytes
    ticket: RarenessTicket | None


class Book:
    """The database of registered images, beside the ledger that it belongs to.

    name: of the ledger, under which the ids of its tokens are noted. own: all tokens of the ledger were registered from
    the home of the database, as on the embedded chain; of a node's registry strangers' images are never here.
    """

    def __init__(self, checker: Checker, registrations: Registrations, *, name: str, own: bool = False) -> None:
        self.checker = checker
        self._registrations, self._name, self._unchecked = registrations, name, own

    def assess(
        self,
        picture: Picture,
        caption: str,
        *,
        web: bool = False,
        refuse: Collection[Verdict] = (),
        before: Token | None = None,
    ) -> Assessed:
        """How rare the picture is among the images that the ledger knows and the seeds of the database.

        before: the picture's own token, so that it is found a copy of earlier ones and seeds only: later copies are
        no fault of it.
        web: ask the searches of the internet too; what they found is kept in the document (S1.7).
        Raises SettingError where web is wanted and no provider is set, SearchError where one can't be asked.
        Raises CopyRefused for a verdict of `refuse`, of which nothing is kept; DatabaseLost where the database lacks
        images that it should hold; RarenessError, FileError.
        """
        self.require_whole()
        as_of = self._registrations.block()
        find = functools.cache(self._registered)
        own = picture.sha3_256  # an earlier try has left it in the database: it is no copy of itself

        def there(sha3_256: bytes) -> bool:
            token = find(sha3_256)
            return token is not None and (before is None or token < before.id)

        rareness = self.checker.check(
            picture,
            web=web,
            counts=lambda entry: entry.sha3_256 != own and (entry.seed or there(entry.sha3_256)),
            token=lambda entry: find(entry.sha3_256),
        )
        if rareness.doubt is not None:
            raise DatabaseLost(rareness.doubt)
        if rareness.verdict in refuse:
            raise CopyRefused(f"{picture.name} is not registered, as copies are refused: {_told(rareness)}")
        document = evidence.document(own, rareness)
        ticket = None if rareness.verdict == "blank" else evidence.ticket(rareness, document, as_of=as_of)
        if ticket is not None:
            self.checker.store.keep_evidence(ticket.evidence, document)
        self._remember(picture, rareness, caption)
        return Assessed(rareness, document, ticket)

    def settle(self, picture: Picture, token: int, signed: SignedRareness | None, *, caption: str = "") -> bytes | None:
        """Note that the picture became this token; the document behind its ticket, None where it is not here.

        signed: what the chain holds, which after a retry is the ticket of the first try. An image that is not in the
        database, since it was registered elsewhere or the database was set aside, is added.
        """
        if not self.has(picture):
            self._remember(picture, None, caption)
        self.checker.store.name_token(picture.sha3_256, self._name, token)
        return None if signed is None else self.checker.store.evidence(signed.ticket.evidence)

    def has(self, picture: Picture) -> bool:
        """Whether later images are compared with the picture."""
        return self.checker.store.find(picture.sha3_256) is not None

    def _registered(self, image_sha3_256: bytes) -> int | None:
        """The token of an image, the account's own before others'; what this home has noted counts, whatever a node
        denies now."""
        found = self._registrations.token_of(image_sha3_256) or self._registrations.find(image_sha3_256)
        return self.checker.store.noted(image_sha3_256, self._name) if found is None else found

    def require_whole(self) -> None:
        """Nothing is signed by a database that lacks registered images: their copies would be originals."""
        if (trust := self.checker.trust) is None:
            return
        if self._unchecked:
            chain = self._name.casefold()
            trust.look_up(chain, self._images(trust.looked_up(chain)))
            self._unchecked = False  # no other process registers on this chain meanwhile
        trust.require()

    def _images(self, after: int) -> Iterator[tuple[int, bytes]]:
        """(token, SHA3-256 of its image) for every token after this one."""
        if after and not self._has(after):
            raise DatabaseLost(older_chain(after, next(n for n in range(after - 1, -1, -1) if not n or self._has(n))))
        for token in itertools.count(after + 1):
            try:
                yield token, self._registrations.token(token).image_sha3_256
            except UnknownToken:
                return

    def _has(self, token: int) -> bool:
        try:
            self._registrations.token(token)
        except UnknownToken:
            return False
        return True

    def _remember(self, picture: Picture, rareness: Rareness | None, caption: str) -> None:
        # Evidence goes to strangers: they need not know in which folders its images lay.
        name = PurePath(picture.name).name
        self.checker.remember(picture, rareness, name=name, collection="", caption=caption, seed=False)


def _told(rareness: Rareness) -> str:
    nearest = rareness.nearest
    words = verdict_words(rareness.verdict, None if nearest is None else called(nearest.token, nearest.name))
    return f"{words}, rareness {rareness.score:.2f}"
