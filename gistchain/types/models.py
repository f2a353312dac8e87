"""The roles of models, as Protocols: what a captioner, a painter, an embedder must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gistchain.types.path import Caption, Gist, Latent, Pixels
from gistchain.types.rareness import Content, WebSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Captioner(Protocol):
    """Image -> text."""

    def caption(self, image: Pixels) -> Caption:
        """The caption of one image of any size, with its confidence in 0..1."""
        ...


@runtime_checkable
class Painter(Protocol):
    """Gist -> images."""

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        """One image of `gist.size` for each seed; the same seed gives the same bytes.

        strength in 0..1: 1 starts from noise, 0 only decodes the latent of the gist; None: the latent is decoded where
        it is a picture that this painter reads, and steers what is painted otherwise. Raises RebuildError for a gist
        that gives no picture.
        """
        ...

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        """False where `paint` gives the same picture for every seed, so that one is enough."""
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """Texts -> unit vectors whose dot product is their similarity."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), D), rows of length 1."""
        ...


@runtime_checkable
class ImageEmbedder(Protocol):
    """Images -> unit vectors whose dot product is their similarity."""

    def embed(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        """Shape (len(images), D), rows of length 1."""
        ...


@runtime_checkable
class JointEmbedder(Protocol):
    """Texts and images in one space: the dot product of a text's and an image's vector says how well they agree."""

    @property
    def text(self) -> TextEmbedder: ...

    @property
    def image(self) -> ImageEmbedder: ...


@runtime_checkable
class LatentCoder(Protocol):
    """Image -> a few bytes, in order of importance, and back."""

    @property
    def name(self) -> str:
        """What `Latent.coder` says of its latents."""
        ...

    def encode(self, image: Pixels, size_bytes: int) -> Latent:
        """At most `size_bytes` of data. Raises TooFewBytes where this coder can't do with so few."""
        ...

    def decode(self, latent: Latent, size: tuple[int, int]) -> Pixels:
        """An image of (width, height). Raises RebuildError for data that it can't read."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """Image -> its main subject."""

    def mask(self, image: Pixels) -> NDArray[np.float32]:
        """Shape (height, width) in 0..1: 1 where the subject is."""
        ...


@runtime_checkable
class TextCorrector(Protocol):
    """Text that a channel has damaged -> the text that was meant."""

    def correct(self, text: str) -> str: ...


@runtime_checkable
class PerceptualDistance(Protocol):
    """How different two images look, on the features of a network."""

    def distance(self, a: Pixels, b: Pixels) -> float:
        """0 for equal images, symmetric, never negative. Raises ModelError where the two sizes differ."""
        ...


@runtime_checkable
class FeatureExtractor(Protocol):
    """Images -> the numbers that a Frechet or kernel distance between two sets of images compares."""

    def features(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        """Shape (len(images), D), not normalised."""
        ...


@runtime_checkable
class Fingerprinter(Protocol):
    """Images -> the numbers that rareness compares (S1.1)."""

    @property
    def version(self) -> str:
        """Fingerprints of different versions can't be compared."""
        ...

    def fingerprint(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        """Shape (len(images), 10048), finite; the same image gives the same bytes."""
        ...


@runtime_checkable
class ContentRater(Protocol):
    """Image -> how safe for work it is."""

    def rate(self, image: Pixels) -> Content: ...


@runtime_checkable
class ReverseSearch(Protocol):
    """Image -> where it, or one like it, is on the internet (S1.7)."""

    @property
    def name(self) -> str: ...

    def search(self, image: Pixels) -> WebSearch:
        """What was found now. Raises SearchError where the provider can't be asked."""
        ...
