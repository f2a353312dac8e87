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
class SubjectPainter(Painter, Protocol):
    """A painter that looks at the subject of a gist itself, as IP-Adapter does (S4.4)."""

    def weighted(self, weight: float) -> Painter:
        """The same painter with another lambda: 0 paints from the text alone. Raises SettingError outside 0..1."""
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
class LatentSpace(Protocol):
    """Image <-> the numbers of an autoencoder's latent, each channel roughly of mean 0 and variance 1 (S2.1)."""

    @property
    def name(self) -> str: ...

    @property
    def channels(self) -> int: ...

    @property
    def factor(self) -> int:
        """Pixels of a side that one number of a channel covers."""
        ...

    def latent_of(self, image: Pixels, size: tuple[int, int]) -> NDArray[np.float32]:
        """Shape (channels, height / factor, width / factor), of the image at (width, height), multiples of factor."""
        ...

    def pixels_of(self, values: NDArray[np.float32], noise: float = 0.0) -> Pixels:
        """The picture of a latent, `factor` pixels a side for each number. noise: standard deviation of what a channel
        has laid on the numbers, for spaces that can take it away. Raises RebuildError for numbers without a picture.
        """
        ...


@runtime_checkable
class AnaloguePainter(Protocol):
    """A painter that goes on from the numbers of a latent as a channel delivers them (S2.2)."""

    def count(self, gist: Gist, most: int) -> int:
        """How many numbers of a picture with this caption and size are sent where there is room for `most`; 0 where
        even the smallest latent has more."""
        ...

    def numbers(self, image: Pixels, gist: Gist, most: int) -> NDArray[np.float32]:
        """Shape (count(gist, most),): the picture's latent, what matters most first."""
        ...

    def from_numbers(
        self, numbers: NDArray[np.float32], noise: float, gist: Gist, seed: int, strength: float | None = None
    ) -> Pixels:
        """An image of `gist.size`. noise: standard deviation of what the channel laid on each number.

        strength: 0 decodes the numbers; 0..1, noise of its own is laid over them up to that step, and all is taken away
        from there, as published; 1 starts from noise alone; None starts at the step whose noise is the channel's, and
        adds none. Raises RebuildError where there is no such painter for the picture.
        """
        ...


@runtime_checkable
class LatentPainter(Protocol):
    """A painter that goes on from the latent of an autoencoder, as Img2Img-SC has it (S2.2)."""

    @property
    def space(self) -> LatentSpace: ...

    def from_latent(self, values: NDArray[np.float32], gist: Gist, seed: int, strength: float) -> Pixels:
        """An image of `gist.size` from a latent of `space`. strength: 0 decodes it, else the share of steps that are
        painted anew. Raises RebuildError where there is no such painter for the picture."""
        ...


@runtime_checkable
class JointCoder(Protocol):
    """Pixels <-> the numbers that go on the air, two in a channel use: source and channel coded as one (S4.6)."""

    @property
    def filters(self) -> int:
        """Numbers for each square of `factor` x `factor` pixels."""
        ...

    @property
    def factor(self) -> int:
        """Pixels a side of such a square."""
        ...

    def values_of(self, image: Pixels, size: tuple[int, int], snr_db: float) -> NDArray[np.float32]:
        """Shape (filters, height / factor, width / factor), mean square 1, of the image at (width, height)."""
        ...

    def pixels_of(self, values: NDArray[np.float32], snr_db: float) -> Pixels:
        """The picture of numbers that arrived at this SNR. Raises RebuildError for numbers that are not finite."""
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
