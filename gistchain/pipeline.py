"""The path: image -> gist -> bytes -> chain, and chain -> bytes -> gist -> isotopes -> the best image."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gistchain.errors import AlreadyRegistered, CaptionError
from gistchain.gist.latent import encode as thumbnail
from gistchain.gist.packet import pack, unpack
from gistchain.rebuild.isotope import Choice, Rebuilt, rosis
from gistchain.types import Caption, Gist, Latent, NearMatch, Receipt, Token

if TYPE_CHECKING:
    from gistchain.image import Picture
    from gistchain.ledger.evm import EvmLedger
    from gistchain.rareness.gate import Gate
    from gistchain.systems import System

MIN_CONFIDENCE = 0.5
"""Below this the captioner's words are not written for ever: more likely wrong than right."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One image that has become a token. Seconds spent on the caption (TSS of S0.8) and on the chain (WT)."""

    token: int
    picture: Picture
    gist: Gist
    confidence: float
    receipt: Receipt
    near: tuple[NearMatch, ...]
    sampling_s: float
    persisting_s: float


class Registry:
    """A chain, the hashes of what was registered through this home, and the models."""

    def __init__(self, ledger: EvmLedger, gate: Gate, system: System) -> None:
        self.ledger, self.gate, self.system = ledger, gate, system

    def register(
        self,
        picture: Picture,
        *,
        caption: str | None = None,
        latent: bool | int = False,
        min_confidence: float = MIN_CONFIDENCE,
    ) -> Registered:
        """Puts the gist of the picture on the chain.

        caption: the user's own words in place of the captioner's. latent: True adds the 8x8 thumbnail layer, a number
        a picture of at most that many bytes, by the system's latent coder.
        Raises AlreadyRegistered for an image whose SHA3-256 has a token, CaptionError where the captioner is unsure.
        """
        from gistchain.rareness.hashes import hashes

        if caption is not None and not caption.strip():
            raise CaptionError(f"the caption for {picture.name} is empty: word it, or leave it to the captioner")
        started = time.perf_counter()
        if (token := self._token_of(picture)) is not None:
            raise AlreadyRegistered(f"{picture.name} is already registered: it equals token {token}", token)
        said = Caption(caption, 1.0) if caption is not None else self._caption(picture, min_confidence)
        gist = Gist((said.text,), picture.size, latent=self._latent(picture, latent))
        sampling_s = time.perf_counter() - started
        payload = pack(gist)
        own = hashes(picture.pixels)
        near = self.gate.near(own, self.ledger.find)
        self.gate.remember(picture.sha3_256, own)
        sent = time.perf_counter()
        receipt = self.ledger.put(payload, image_sha3_256=picture.sha3_256)
        persisting_s = time.perf_counter() - sent
        token = int(receipt.locator)
        others = tuple(n for n in near if n.token != token)  # a try that was killed has left its own hashes
        return Registered(token, picture, gist, said.confidence, receipt, others, sampling_s, persisting_s)

    def gist(self, token: int) -> Gist:
        """Raises UnknownToken, or PacketError where the chain holds something else than a gist."""
        return unpack(self.ledger.gist_of(token))

    def tokens(self) -> Iterator[Token]:
        return self.ledger.tokens()

    def rebuild(self, token: int, *, seeds: int = 4, choice: Choice = "best", strength: float | None = None) -> Rebuilt:
        """The picture that the chain's bytes alone give; the same token gives the same picture."""
        return rebuild(self.gist(token), self.system, seeds=range(seeds), choice=choice, strength=strength)

    def _token_of(self, picture: Picture) -> int | None:
        token = self.ledger.find(picture.sha3_256)
        # An earlier try that died before its answer came is answered by the ledger, as the success that it was.
        return None if token is None or self.ledger.unanswered(picture.sha3_256) else token

    def _latent(self, picture: Picture, wanted: bool | int) -> Latent | None:
        if wanted is True:
            return thumbnail(picture.pixels)
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
        own = gist.latent is not None and gist.latent.coder == getattr(system.latent_coder, "name", None)
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
