"""Whole systems, each a paragraph: which models go together, and the paper that put them together.

A system has two verbs, describe (image -> gist) and rebuild (gist -> image); see types.System.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gistchain.errors import RebuildError, SettingError
from gistchain.gist.describe import LATENT_BYTES, MIN_CONFIDENCE, NO_LATENT, LatentPlan, describe
from gistchain.gist.forms import Form, FormName, Forms
from gistchain.gist.painted import LayerPainter
from gistchain.rebuild.isotope import select_isotope
from gistchain.settings import Settings
from gistchain.traits import Traits
from gistchain.types import (
    Captioner,
    Choice,
    Described,
    Gist,
    Painter,
    Picture,
    Pixels,
    Rebuilt,
    TextEmbedder,
    WhenLatent,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.rareness.check import Checker
    from gistchain.rareness.store.trust import Trust
    from gistchain.types import JointEmbedder, ReverseSearch

SSIM_WINDOW = 11  # pixels a side (Wang et al. 2004)


@dataclass(frozen=True, slots=True)
class Rosis:
    """S0: a caption on the chain, n isotopes painted from it, the one taken that reads most like it.

    latent: when a latent is added to the caption, and which. min_confidence: of the captioner's words; where it is less
    sure, `fallbacks` are asked in turn. The last of those that `rosis` gives says only which colours are where.
    layers: what makes the layers after the latent. form: with the one that is wanted, if any: "subject", "exact" or
    "file".
    """

    captioner: Captioner
    painter: Painter
    embedder: TextEmbedder
    latent: LatentPlan = NO_LATENT
    min_confidence: float = MIN_CONFIDENCE
    fallbacks: tuple[Captioner, ...] = ()
    layers: Forms | None = None
    form: FormName | None = None

    def describe(self, picture: Picture, *, caption: str | None = None, budget: int | None = None) -> Described:
        described = describe(
            picture,
            captioners=(self.captioner, *self.fallbacks),
            caption=caption,
            min_confidence=self.min_confidence,
            latent=self.latent,
            budget=budget,
        )
        if self.form is None or self.layers is None:
            return described
        return replace(described, gist=self.layers.in_form(self.form, described.gist, picture, budget))

    def forms(self, picture: Picture, *, caption: str | None = None) -> Iterator[Form]:
        """Every form that the gist of the picture can have, made and rebuilt. Raises as `describe` does."""
        if self.layers is None:
            raise SettingError("this system was made without the layers that forms are of: use systems.rosis()")
        said = replace(self, latent=NO_LATENT, form=None).describe(picture, caption=caption)
        return self.layers.of(picture, said.gist.caption)

    def rebuild(
        self,
        gist: Gist,
        *,
        seeds: Sequence[int] = range(4),
        choice: Choice = "best",
        strength: float | None = None,
        full_size: bool = False,
        progress: Callable[[str, float], None] | None = None,
    ) -> Rebuilt:
        return select_isotope(
            gist,
            painter=self.painter,
            captioner=self.captioner,
            embedder=self.embedder,
            seeds=seeds,
            choice=choice,
            strength=strength,
            full_size=full_size,
            progress=progress,
        )


def rosis(
    settings: Settings | None = None,
    *,
    latent: WhenLatent = "needed",
    latent_coder: str = "photo",
    latent_bytes: int | None = LATENT_BYTES,
    min_confidence: float = MIN_CONFIDENCE,
    form: FormName | None = None,
) -> Rosis:
    """ROSIS with the models that the settings name; without settings with the default ones, which need no torch.

    latent: when a latent is added to the caption: "needed" for all but the tokens of known collections that their
    captions alone give back, "always", "never". latent_coder: a row of the table of models. latent_bytes: at most so
    many; None for as many as the budget of `describe` leaves. form: "subject", "exact" or "file", a layer that is added
    to the caption or, the subject, to the latent. Raises SettingError for what is not in the table,
    ModelError for what is missing or does not work.
    """
    from gistchain.models.photo.captioner import ColourCaptioner, PhotoCaptioner
    from gistchain.models.zoo import registry

    place: dict[str, Any] = {}
    captioner = painter = None
    if settings is not None:
        captioner, painter = settings.captioner, settings.painter
        place = {name: getattr(settings, name) for name in ("device", "dtype", "allow_download", "allow_pickle")}
        place["folder"] = settings.collections
    embedder: TextEmbedder = registry.load("text-embedder", "minilm")

    def chosen(kind: str, wanted: str | None, query: str | None = None) -> Any:
        name, source = registry.parse(wanted or "default")
        return registry.load(kind, name, source=source, parts={"embedder": embedder}, query=query, **place)

    # Whether a caption is enough is a question for the collections that are known, whatever else may paint.
    known: Painter = chosen("painter", "default")

    def alone(gist: Gist) -> Pixels | None:
        try:
            return known.paint(replace(gist, latent=None), [0])[0]
        except RebuildError:
            return None

    coder = chosen("latent-coder", latent_coder)
    plan = LatentPlan("never" if form in ("exact", "file") else latent, coder, latent_bytes, alone)
    by_subject = painter is not None and registry.parse(painter)[0] == "ip-adapter"
    return Rosis(
        chosen("captioner", captioner, None if settings is None else settings.query),
        LayerPainter(known if painter is None else chosen("painter", painter), subjects=not by_subject),
        embedder,
        plan,
        min_confidence,
        (PhotoCaptioner(), ColourCaptioner()),
        Forms(LayerPainter(known), fidelity, coder, lambda image: registry.load("segmenter", "default").mask(image)),
        form,
    )


def fidelity(picture: Pixels, back: Pixels) -> float:
    """SSIM; of pictures that are smaller than its window, of their enlargements; 0 for pictures of two sizes."""
    from gistchain.score.fidelity import ssim

    if picture.shape != back.shape:
        return 0.0
    times = -(-SSIM_WINDOW // min(picture.shape[:2]))
    large, other = (image.repeat(times, 0).repeat(times, 1) for image in (picture, back))
    return ssim(large, other)


def begin_loading() -> AbstractContextManager[object]:
    """Load the networks of `checker` in threads of their own, for callers that have other things to open first.

    To be used with `with`: at its end no network is begun any more, so that what fails or is interrupted ends at once.
    """
    from gistchain.models.packaged.fingerprint import warm

    return warm()


def collections(settings: Settings) -> Callable[[str], Traits | None]:
    """A caption -> the traits of the known collection that it is of, None for none."""
    from gistchain.models.known import traits_of

    return partial(traits_of, folder=settings.collections)


def joint_embedder() -> JointEmbedder:
    """Texts and pictures in one space, for search."""
    from gistchain.models.zoo import registry

    embedder: JointEmbedder = registry.load("joint-embedder", "default")
    return embedder


def checker(settings: Settings, *, folder: Path | None = None) -> Checker:
    """S1, Sense: the database of registered images, and the models that judge by it.

    folder: of the database; None for the home, which remembers what its database held.
    """
    from gistchain.models.packaged.copies import PackagedClassifiers
    from gistchain.models.packaged.fingerprint import PackagedFingerprinter
    from gistchain.models.packaged.neuralhash import NeuralHash, available
    from gistchain.models.zoo import registry
    from gistchain.rareness.check import Checker
    from gistchain.rareness.store.store import Store

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
        trust=_trust(settings) if folder is None else None,
    )


def _trust(settings: Settings) -> Trust:
    """Whether the home's database is the one that it had."""
    from gistchain.ledger.state import images_after
    from gistchain.rareness.store.trust import Trust

    # On a node most tokens are other people's, whose images were never here.
    return Trust(settings.home, chain=None if settings.rpc else lambda token: images_after(settings.home, token))


def _searches(settings: Settings) -> list[ReverseSearch]:
    """The providers that the settings name."""
    searches: list[ReverseSearch] = []
    if settings.vision_key:
        from gistchain.rareness.websearch.vision import VisionSearch

        searches.append(VisionSearch(settings.vision_key))
    if settings.tineye_key:
        from gistchain.rareness.websearch.tineye import TinEyeSearch

        searches.append(TinEyeSearch(settings.tineye_key))
    index = settings.crawl_index or settings.home / "crawl.sqlite"
    if settings.crawl_index or index.exists():
        from gistchain.rareness.websearch.index import CrawlSearch, Index

        searches.append(CrawlSearch(Index(index)))
    return searches
