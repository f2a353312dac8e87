"""Whole systems, each a paragraph: which models go together, and the paper that put them together.

A system has two verbs, describe (image -> gist) and rebuild (gist -> image); see types.System.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gistchain.errors import SettingError
from gistchain.gist.describe import MIN_CONFIDENCE, describe
from gistchain.rebuild.isotope import select_isotope
from gistchain.settings import Settings
from gistchain.types import (
    Captioner,
    Choice,
    Described,
    Gist,
    LatentCoder,
    Painter,
    Picture,
    Rebuilt,
    TextEmbedder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.rareness.check import Checker
    from gistchain.types import ReverseSearch

PICTURE_CODERS = frozenset({"photo"})
"""Coders whose latents are pictures already: rebuilding decodes them, unless another strength is asked for."""


@dataclass(frozen=True, slots=True)
class Rosis:
    """S0: a caption on the chain, n isotopes painted from it, the one taken that reads most like it.

    latent_coder, latent_bytes: of the latent that is added to the caption; None for no latent, or as much as the budget
    allows. min_confidence: of captions that are accepted.
    """

    captioner: Captioner
    painter: Painter
    embedder: TextEmbedder
    latent_coder: LatentCoder | None = None
    latent_bytes: int | None = None
    min_confidence: float = MIN_CONFIDENCE

    def describe(self, picture: Picture, *, caption: str | None = None, budget: int | None = None) -> Described:
        return describe(
            picture,
            captioner=self.captioner,
            caption=caption,
            min_confidence=self.min_confidence,
            latent_coder=self.latent_coder,
            latent_bytes=self.latent_bytes,
            budget=budget,
        )

    def rebuild(
        self, gist: Gist, *, seeds: Sequence[int] = range(4), choice: Choice = "best", strength: float | None = None
    ) -> Rebuilt:
        if strength is None:
            strength = 0.0 if gist.latent is not None and gist.latent.coder in PICTURE_CODERS else 1.0
        return select_isotope(
            gist,
            painter=self.painter,
            captioner=self.captioner,
            embedder=self.embedder,
            seeds=seeds,
            choice=choice,
            strength=strength,
        )


def rosis(
    settings: Settings | None = None,
    *,
    latent_coder: str | None = None,
    latent_bytes: int | None = None,
    min_confidence: float = MIN_CONFIDENCE,
) -> Rosis:
    """ROSIS with the models that the settings name; without settings with the default ones, which need no torch.

    latent_coder: a row of the table of models. Raises SettingError for what is not in the table, ModelError for what is
    missing or does not work.
    """
    from gistchain.models.zoo import registry

    if latent_bytes is not None and latent_coder is None:
        raise SettingError(f"a latent of {latent_bytes} bytes needs a coder: name one of the table of models")
    place: dict[str, Any] = {}
    captioner = painter = None
    if settings is not None:
        captioner, painter = settings.captioner, settings.painter
        place = {name: getattr(settings, name) for name in ("device", "dtype", "allow_download", "allow_pickle")}
        place["folder"] = settings.collections
    embedder: TextEmbedder = registry.load("text-embedder", "minilm")

    def chosen(kind: str, wanted: str | None) -> Any:
        name, source = registry.parse(wanted or "default")
        return registry.load(kind, name, source=source, parts={"embedder": embedder}, **place)

    return Rosis(
        chosen("captioner", captioner),
        chosen("painter", painter),
        embedder,
        None if latent_coder is None else chosen("latent-coder", latent_coder),
        latent_bytes,
        min_confidence,
    )


def begin_loading() -> None:
    """Load the networks of `checker` in threads of their own, for callers that have other things to open first."""
    from gistchain.models.packaged.fingerprint import warm

    warm()


def checker(settings: Settings, *, folder: Path | None = None) -> Checker:
    """S1, Sense: the database of registered images, and the models that judge by it.

    folder: of the database; None for the home, which remembers what its database held.
    """
    from gistchain.ledger.state import images
    from gistchain.models.packaged.copies import PackagedClassifiers
    from gistchain.models.packaged.fingerprint import PackagedFingerprinter
    from gistchain.models.packaged.neuralhash import NeuralHash, available
    from gistchain.models.zoo import registry
    from gistchain.rareness.check import Checker
    from gistchain.rareness.store.store import Store
    from gistchain.rareness.store.trust import Trust

    trust = Trust(settings.home, chain=None if settings.rpc else lambda: images(settings.home))
    networks = PackagedFingerprinter(threads=1)
    # Traits are named by the default captioner alone, whatever captions what is registered.
    captioner: Captioner = registry.load("captioner", "default", folder=settings.collections)
    return Checker(
        Store(folder or settings.home, version=networks.version),
        networks,
        PackagedClassifiers(),
        captioner=captioner,
        searches=_searches(settings),
        neuralhash=NeuralHash() if settings.neuralhash and available() else None,
        trust=None if folder is not None else trust,
    )


def _searches(settings: Settings) -> list[ReverseSearch]:
    """The providers that the settings name."""
    from gistchain.rareness.websearch.index import CrawlSearch, Index
    from gistchain.rareness.websearch.tineye import TinEyeSearch
    from gistchain.rareness.websearch.vision import VisionSearch

    searches: list[ReverseSearch] = []
    if settings.vision_key:
        searches.append(VisionSearch(settings.vision_key))
    if settings.tineye_key:
        searches.append(TinEyeSearch(settings.tineye_key))
    index = settings.crawl_index or settings.home / "crawl.sqlite"
    if settings.crawl_index or index.exists():
        searches.append(CrawlSearch(Index(index)))
    return searches
