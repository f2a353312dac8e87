"""Whole systems, each a paragraph: which models go together, and the paper that put them together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gistchain.settings import Settings
from gistchain.types import Captioner, LatentCoder, Painter, TextEmbedder

if TYPE_CHECKING:
    from gistchain.rareness.check import Checker
    from gistchain.types import ReverseSearch

CAPTIONER = PAINTER = "default"
LATENT_CODER = "photo"
"""Rows of the table of models that a system has unless another is chosen."""


@dataclass(frozen=True, slots=True)
class System:
    """The models of one run of the path."""

    captioner: Captioner
    painter: Painter
    embedder: TextEmbedder
    latent_coder: LatentCoder


@dataclass(frozen=True, slots=True)
class KnownCollection:
    """A collection that the default models know. data: what it was learnt from; own: by the user."""

    collection: str
    subject: str
    data: str
    own: bool


def known_collections(folder: Path | None = None) -> list[KnownCollection]:
    """Those that ship and those in the user's folder."""
    from gistchain.models.layered.shelf import Shelf
    from gistchain.models.traitnet.painter import painted
    from gistchain.models.zoo.onnx import card

    known = [
        KnownCollection(t.collection, t.subject, str(card(f"painter-{t.collection}")["data"]), False) for t in painted()
    ]
    for entry in Shelf(folder).collections:
        data = str(card(entry.name, entry.folder).get("data", ""))
        known.append(KnownCollection(entry.collection, entry.subject, data, entry.folder is not None))
    return known


def damaged_collections(folder: Path) -> tuple[str, ...]:
    """What is wrong with collections of the user's folder that are therefore left out."""
    from gistchain.models.layered.shelf import Shelf

    return Shelf(folder).damaged


def rosis() -> System:
    """S0: one caption on the chain, n isotopes from it, the nearest by re-caption. Default models, no torch."""
    return system()


def system(*, captioner: str | None = None, painter: str | None = None, **place: Any) -> System:
    """ROSIS with models of the user's choice, each NAME or NAME=SOURCE of the table of models, None for the default.

    place: device, dtype, allow_download, allow_pickle and folder of registry.load. Raises SettingError for what is not
    in the table, ModelError for what is missing or doesn't work.
    """
    from gistchain.models.zoo import registry

    embedder: TextEmbedder = registry.load("text-embedder", "minilm")

    def chosen(kind: str, name: str) -> Any:
        name, source = registry.parse(name)
        return registry.load(kind, name, source=source, parts={"embedder": embedder}, **place)

    return System(
        chosen("captioner", captioner or CAPTIONER),
        chosen("painter", painter or PAINTER),
        embedder,
        registry.load("latent-coder", LATENT_CODER),
    )


@contextmanager
def checker(settings: Settings) -> Iterator[Checker]:
    """S1, Sense: the database of registered images in the home folder, and the models that judge by it."""
    from gistchain.models.packaged.copies import PackagedClassifiers
    from gistchain.models.packaged.fingerprint import PackagedFingerprinter
    from gistchain.models.packaged.neuralhash import NeuralHash, available
    from gistchain.rareness.check import Checker
    from gistchain.rareness.store.store import Store

    networks = PackagedFingerprinter(threads=1)
    store = Store(settings.home, version=networks.version)
    # The default captioner: traits are named by it alone, whatever captions what is registered.
    captioner = system(folder=settings.collections).captioner
    yield Checker(
        store, networks, PackagedClassifiers(), captioner=captioner,
        searches=_searches(settings), neuralhash=NeuralHash() if settings.neuralhash and available() else None,
    )  # fmt: skip


def _searches(settings: Settings) -> list[ReverseSearch]:
    """The providers that the settings name."""
    from gistchain.rareness.websearch.index import CrawlSearch, Index
    from gistchain.rareness.websearch.tineye import TinEyeSearch
    from gistchain.rareness.websearch.vision import VisionSearch

    found: list[ReverseSearch] = []
    if settings.vision_key:
        found.append(VisionSearch(settings.vision_key))
    if settings.tineye_key:
        found.append(TinEyeSearch(settings.tineye_key))
    index = settings.crawl_index or settings.home / "crawl.sqlite"
    if settings.crawl_index or index.exists():
        found.append(CrawlSearch(Index(index)))
    return found
