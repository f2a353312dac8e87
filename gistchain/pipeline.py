"""The path: image -> gist -> bytes -> chain, and chain -> bytes -> gist -> isotopes -> the best image."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from gistchain.errors import AlreadyRegistered, CaptionError, PacketError
from gistchain.gist.packet import pack, unpack
from gistchain.rareness import evidence
from gistchain.rebuild.isotope import Choice, Rebuilt, rosis
from gistchain.types import Caption, Gist, Latent, Rareness, RarenessTicket, Receipt, Token

if TYPE_CHECKING:
    from gistchain.image import Picture
    from gistchain.ledger.evm import EvmLedger
    from gistchain.ledger.ticket import SignedRareness
    from gistchain.rareness.check import Checker
    from gistchain.systems import System

Find = Callable[[bytes], int | None]
"""SHA3-256 of an image file -> its token, None where the chain doesn't know it."""

MIN_CONFIDENCE = 0.5
"""Below this the captioner's words are not written for ever: more likely wrong than right."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One image that has become a token. Seconds spent on the caption (TSS of S0.8) and on the chain (WT).

    rareness: what was found now. signed: the ticket on the chain, which after a retry is that of the first try; None
    where the registry takes none. evidence: the document behind the ticket, or behind `rareness` where there is none.
    All three None where no checker was at work.
    """

    token: int
    picture: Picture
    gist: Gist
    confidence: float
    receipt: Receipt
    rareness: Rareness | None
    signed: SignedRareness | None
    evidence: bytes | None
    sampling_s: float
    persisting_s: float


class Registry:
    """A chain, the database of what was registered through this home, and the models."""

    def __init__(self, ledger: EvmLedger, checker: Checker | None, system: System) -> None:
        """checker: tells how rare images are; without one they are registered without a rareness ticket."""
        self.ledger, self.checker, self.system = ledger, checker, system

    def register(
        self,
        picture: Picture,
        *,
        caption: str | None = None,
        latent: bool | int = False,
        min_confidence: float = MIN_CONFIDENCE,
    ) -> Registered:
        """Puts the gist of the picture on the chain, and how rare it is; a copy is registered too, its ticket says so.

        caption: the user's own words in place of the captioner's. latent: True adds the 8x8 thumbnail layer, a number
        a picture of at most that many bytes, by the system's latent coder.
        Raises AlreadyRegistered for an image whose SHA3-256 has a token, CaptionError where the captioner is unsure.
        """
        if caption is not None and not caption.strip():
            raise CaptionError(f"the caption for {picture.name} is empty: word it, or leave it to the captioner")
        started = time.perf_counter()
        find = functools.cache(self.ledger.find)
        if (token := self._token_of(picture, find)) is not None:
            self._catch_up(picture, token)
            raise AlreadyRegistered(f"{picture.name} is already registered: it equals token {token}", token)
        said = Caption(caption, 1.0) if caption is not None else self._caption(picture, min_confidence)
        gist = Gist((said.text,), picture.size, latent=self._latent(picture, latent))
        sampling_s = time.perf_counter() - started
        payload = pack(gist)
        rareness, document, ticket = self._rareness(picture, said.text, find)
        sent = time.perf_counter()
        receipt = self.ledger.put(payload, image_sha3_256=picture.sha3_256, rareness=ticket)
        persisting_s = time.perf_counter() - sent
        token = int(receipt.locator)
        signed, document = self._signed(picture, token, document)
        return Registered(
            token, picture, gist, said.confidence, receipt, rareness, signed, document, sampling_s, persisting_s
        )

    def gist(self, token: int) -> Gist:
        """Raises UnknownToken, or PacketError where the chain holds something else than a gist."""
        return unpack(self.ledger.gist_of(token))

    def tokens(self) -> Iterator[Token]:
        return self.ledger.tokens()

    def rebuild(self, token: int, *, seeds: int = 4, choice: Choice = "best", strength: float | None = None) -> Rebuilt:
        """The picture that the chain's bytes alone give; the same token gives the same picture."""
        return rebuild(self.gist(token), self.system, seeds=range(seeds), choice=choice, strength=strength)

    def _token_of(self, picture: Picture, find: Find) -> int | None:
        token = find(picture.sha3_256)
        # An earlier try that died before its answer came is answered by the ledger, as the success that it was.
        return None if token is None or self.ledger.unanswered(picture.sha3_256) else token

    def _rareness(
        self, picture: Picture, caption: str, find: Find
    ) -> tuple[Rareness | None, bytes | None, RarenessTicket | None]:
        """What was found of the picture, the document that backs it, and the ticket to write.

        Document and fingerprint are kept before the chain is asked, and count only where the chain knows the image: a
        kill between the two leaves nothing wrong.
        """
        if self.checker is None:
            return None, None, None
        own = picture.sha3_256  # an earlier try has left it in the database: it is no copy of itself
        found = self.checker.check(
            picture,
            counts=lambda entry: entry.sha3_256 != own and (entry.seed or find(entry.sha3_256) is not None),
            token=lambda entry: find(entry.sha3_256),
        )
        document = evidence.document(own, found)
        ticket = evidence.ticket(found, document) if self.ledger.takes_tickets else None
        if ticket is not None:
            self.checker.store.keep_evidence(ticket.evidence, document)
        self._remember(self.checker, picture, found, caption)
        return found, document, ticket

    def _signed(
        self, picture: Picture, token: int, document: bytes | None
    ) -> tuple[SignedRareness | None, bytes | None]:
        """The ticket that stands on the chain, and its document."""
        if self.checker is None:
            return None, None
        self._name_token(self.checker, picture, token)
        signed = self.ledger.rareness_of(token)
        return signed, document if signed is None else self.checker.store.evidence(signed.ticket.evidence)

    def _catch_up(self, picture: Picture, token: int) -> None:
        """Keep what later images are compared with where this home has not: registered elsewhere, or long ago."""
        if self.checker is None or self.checker.store.find(picture.sha3_256) is not None:
            return
        try:
            captions = self.gist(token).captions
        except PacketError:  # anyone may write to a public registry
            captions = ()
        self._remember(self.checker, picture, None, next(iter(captions), ""))
        self._name_token(self.checker, picture, token)

    def _remember(self, checker: Checker, picture: Picture, found: Rareness | None, caption: str) -> None:
        # Evidence goes to strangers: they need not know in which folders its images lay.
        checker.remember(picture, found, name=PurePath(picture.name).name, collection="", caption=caption, seed=False)

    def _name_token(self, checker: Checker, picture: Picture, token: int) -> None:
        checker.store.name_token(picture.sha3_256, f"{self.ledger.chain_id}:{self.ledger.registry}", token)

    def _latent(self, picture: Picture, wanted: bool | int) -> Latent | None:
        if wanted is True:
            return self.system.thumbnail.encode(picture.pixels, 192)
        return self.system.latent_coder.encode(picture.pixels, wanted) if wanted else None

    def _caption(self, picture: Picture, least: float) -> Caption:
        said = self.system.captioner.caption(picture.pixels)
        if said.text and said.confidence >= least:
            return said
        guess = f" (its guess: {said.text!r})" if said.text else ""
        raise CaptionError(
            f"{picture.name}: the captioner is not sure what this is, confidence {said.confidence:.2f} of at least "
            f"{least:g}{guess}. Word the gist yourself with --caption TEXT"
            + (", or accept its guess with a lower --min-confidence" if said.text else "")
        )


def rebuild(
    gist: Gist,
    system: System,
    *,
    seeds: Sequence[int] = range(4),
    choice: Choice = "best",
    strength: float | None = None,
) -> Rebuilt:
    """ROSIS with the models of a system.

    strength: from 0 (decode the gist's latent) to 1 (paint from noise); None decodes where the latent is a picture of
    the system's own coder, and paints otherwise.
    """
    if strength is None:
        own = gist.latent is not None and gist.latent.coder == system.latent_coder.name
        strength = 0.0 if own else 1.0
    return rosis(
        gist,
        painter=system.painter,
        captioner=system.captioner,
        embedder=system.embedder,
        seeds=seeds,
        choice=choice,
        strength=strength,
    )
