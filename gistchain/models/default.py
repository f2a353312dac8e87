"""What gistchain uses by default: the model that knows an image or a caption best.

image ──> punks or Nouns? traitnet ──> another collection? layered ──> anything else: photo ──> caption
gist ──> a picture in its latent? sketch ──> a collection? layered ──> punks or Nouns? traitnet ──> pictures

Whatever a caption says, a picture that lies beside it is decoded: captions can be wrong, or hostile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.errors import RebuildError
from gistchain.models.layered.captioner import CollectionCaptioner
from gistchain.models.layered.painter import CollectionPainter
from gistchain.models.layered.shelf import Shelf
from gistchain.models.photo.autoencoder import Autoencoder, AutoencoderPainter
from gistchain.models.photo.captioner import PhotoCaptioner
from gistchain.models.photo.sketch import SketchPainter
from gistchain.models.sizes import fitted
from gistchain.models.strength import strength_or
from gistchain.models.thumb8 import NAME as THUMB8
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.models.traitnet.painter import TraitPainter
from gistchain.traits import parts
from gistchain.types import Caption, Gist, Painter, Pixels, TextEmbedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_NUMBERS = 1 << 16
_SHOWN = 80  # letters of a caption in an error
_SURE = 0.5  # an image that is less surely of a known collection is described as a photo or drawing


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
        return by_layers if by_layers.confidence >= _SURE else self._photo.caption(image)


class DefaultPainter:
    """Fulfils Painter for captions of known collections, and for any latent of `photo` or `thumb8`.

    Also AnaloguePainter and LatentPainter.

    folder: as for DefaultCaptioner.
    """

    name = "default"

    def __init__(self, embedder: TextEmbedder, folder: Path | None = None) -> None:
        self._traits, self._sketch = TraitPainter(embedder), SketchPainter()
        self._collections = CollectionPainter(embedder, Shelf(folder))
        self.space = Autoencoder()
        self._anything = AutoencoderPainter(self.space)

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return self._painter_of(gist, strength).varies(gist, strength)

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        return self._painter_of(gist, strength).paint(gist, seeds, strength)

    def count(self, gist: Gist, most: int) -> int:
        return self._number_painter_of(gist).count(gist, most)

    def numbers(self, image: Pixels, gist: Gist, most: int) -> NDArray[np.float32]:
        return self._number_painter_of(gist).numbers(image, gist, most)

    def from_numbers(
        self, numbers: NDArray[np.float32], noise: float, gist: Gist, seed: int, strength: float | None = None
    ) -> Pixels:
        return self._number_painter_of(gist).from_numbers(numbers, noise, gist, seed, strength)

    def from_latent(self, values: NDArray[np.float32], gist: Gist, seed: int, strength: float) -> Pixels:
        picture = fitted(self.space.pixels_of(values), gist.size)
        if not strength_or(0.0, strength):
            return picture
        painter = self._number_painter_of(gist)
        numbers = painter.numbers(picture, gist, painter.count(gist, _MOST_NUMBERS))
        return painter.from_numbers(numbers, 0.0, gist, seed, strength)

    def _number_painter_of(self, gist: Gist) -> TraitPainter | AutoencoderPainter:
        """Punks and Nouns have a painter that goes on from noise; the latents of others are decoded."""
        return self._traits if self._traits.knows(parts(gist.caption)[0]) else self._anything

    def _painter_of(self, gist: Gist, strength: float | None) -> Painter:
        read = gist.latent if strength_or(0.0, strength) < 1 else None
        if read is not None and read.coder != THUMB8:
            return self._sketch
        if self._collections.knows(gist):
            return self._collections
        if self._traits.knows(parts(gist.caption)[0]):
            return self._traits
        if read is not None:  # 8 x 8 colours say more than the words for colours in any caption
            return self._sketch
        raise RebuildError(_missing(gist))


def _missing(gist: Gist) -> str:
    """What would be needed to paint a gist that neither its caption nor a latent gives a picture of."""
    said = gist.caption if len(gist.caption) <= _SHOWN else f"{gist.caption[:_SHOWN]}..."
    lacks = "the gist has no picture"
    if gist.latent is not None:
        lacks = "strength 1 leaves its picture out"
    elif "latent" in gist.damaged:
        lacks = "its picture arrived damaged"
    if subject := parts(gist.caption)[0]:
        return (
            f"the caption {said!r} reads like a token of {subject[:_SHOWN]!r}, a collection that is not known "
            f"here, and {lacks}: ask its maker for the collection's file and give it to `gistchain collection import`"
        )
    return (
        f"the caption {said!r} is of no known collection, and {lacks}: --painter sketch paints the colours that it "
        "names, and a painter of the hf extra anything"
    )
