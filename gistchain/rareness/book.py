"""Keeps the rareness result of an image before it is registered, and its token afterwards.

            assess                                   settle
picture ──> check, keep evidence and fingerprint ──> (the chain) ──> note its token

Evidence and fingerprint are kept before the chain is asked, and count only where the chain knows the image: a kill
between the two leaves nothing wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from gistchain.errors import CopyRefused
from gistchain.rareness import evidence
from gistchain.rareness.check import Checker
from gistchain.rareness.words import called, verdict_words
from gistchain.types import Picture, Rareness, RarenessTicket, SignedRareness, Verdict


class Registrations(Protocol):
    """Which images are registered: the one thing that the book asks of a ledger."""

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token for the image file with this SHA3-256 (32 bytes); None where there is none."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """How rare an image is, the document that backs it, and the ticket that goes on the chain."""

    rareness: Rareness
    document: bytes
    ticket: RarenessTicket


class Book:
    """The database of registered images, beside the ledger that it belongs to.

    name: of the ledger, under which the ids of its tokens are noted.
    """

    def __init__(self, checker: Checker, registrations: Registrations, *, name: str) -> None:
        self.checker = checker
        self._registrations, self._name = registrations, name

    def assess(self, picture: Picture, caption: str, *, refuse: Collection[Verdict] = ()) -> Assessed:
        """How rare the picture is among the images that the ledger knows and the seeds of the database.

        Raises CopyRefused for a verdict of `refuse`, of which nothing is kept; RarenessError, FileError.
        """
        find = functools.cache(self._registrations.find)
        own = picture.sha3_256  # an earlier try has left it in the database: it is no copy of itself
        rareness = self.checker.check(
            picture,
            counts=lambda entry: entry.sha3_256 != own and (entry.seed or find(entry.sha3_256) is not None),
            token=lambda entry: find(entry.sha3_256),
        )
        if rareness.verdict in refuse:
            raise CopyRefused(f"{picture.name} is not registered, as copies are refused: {_told(rareness)}")
        document = evidence.document(own, rareness)
        ticket = evidence.ticket(rareness, document)
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

    def _remember(self, picture: Picture, rareness: Rareness | None, caption: str) -> None:
        # Evidence goes to strangers: they need not know in which folders its images lay.
        name = PurePath(picture.name).name
        self.checker.remember(picture, rareness, name=name, collection="", caption=caption, seed=False)


def _told(rareness: Rareness) -> str:
    nearest = rareness.nearest
    words = verdict_words(rareness.verdict, None if nearest is None else called(nearest.token, nearest.name))
    return f"{words}, rareness {rareness.score:.2f}"
