"""What gistchain uses by default: the model that knows an image or a caption best.

image ──> punks or Nouns? traitnet ──> another collection? layered ──> anything else: photo ──> caption
caption ──> a collection on the shelf? layered ──> punks or Nouns? traitnet ──> anything else: sketch ──> pictures
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gistchain.models.layered.captioner import CollectionCaptioner
from gistchain.models.layered.painter import CollectionPainter
from gistchain.models.layered.shelf import Shelf
from gistchain.models.photo.captioner import PhotoCaptioner
from gistchain.models.photo.sketch import SketchPainter
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.models.traitnet.painter import TraitPainter
from gistchain.traits import parts
from gistchain.types import Caption, Gist, Pixels, TextEmbedder

_SURE = 0.5
_MAY_BE = 0.1  # an image that is less surely of a known collection is described as a photo or drawing


class DefaultCaptioner:
    """Fulfils Captioner for any image. folder: where `gistchain collection train` puts the user's own collections."""

    name = "default"

    def __init__(self, folder: Path | None = None) -> None:
        self._shelf = Shelf(folder)
        self._traits, self._photo = TraitCaptioner(), PhotoCaptioner()
        self._collections = CollectionCaptioner(self._shelf)

    def caption(self, image: Pixels) -> Caption:
        by_traits = self._traits.caption(image)
        if self._shelf.of_subject(parts(by_traits.text)[0]) is not None:  # its layers read it better
            by_traits = Caption("", 0.0)
        if by_traits.text and by_traits.confidence >= _SURE:
            return by_traits
        by_layers = self._collections.caption(image)
        if by_layers.confidence >= _SURE:
            return by_layers
        surest = max(by_traits if by_traits.text else by_layers, by_layers, key=lambda caption: caption.confidence)
        return surest if surest.confidence >= _MAY_BE else self._photo.caption(image)


class DefaultPainter:
    """Fulfils Painter for any caption. folder: as for DefaultCaptioner."""

    name = "default"

    def __init__(self, embedder: TextEmbedder, folder: Path | None = None) -> None:
        self._traits, self._sketch = TraitPainter(embedder), SketchPainter()
        self._collections = CollectionPainter(embedder, Shelf(folder))

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float = 1.0) -> list[Pixels]:
        if self._collections.knows(gist):
            return self._collections.paint(gist, seeds, strength)
        if self._traits.knows(parts(gist.caption)[0]):
            return self._traits.paint(gist, seeds, strength)
        return self._sketch.paint(gist, seeds, strength)
