"""Frozen values that travel along the path, and the Protocols that models and carriers fulfil.

Imports nothing of ours. Pixels are `Pixels`: uint8 RGB arrays of shape (height, width, 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

Hash = Literal["pdq", "phash", "ahash", "dhash"]


@dataclass(frozen=True, slots=True)
class Caption:
    """What a captioner says of an image, and how sure it is: confidence in 0..1, 0 = not an image of its domain."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Latent:
    """A small continuous sketch of the image; only the coder that is named can read `data`."""

    coder: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """The main object, cut out and encoded as an image file of `media_type`."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Gist:
    """The meaning of one image, layers in order of importance.

    size: (width, height) in pixels of the image that it describes. damaged: names of layers that arrived
    broken and were left out; empty for a gist that is whole.
    """

    captions: tuple[str, ...]
    size: tuple[int, int]
    latent: Latent | None = None
    subject: Subject | None = None
    residual: bytes | None = None
    damaged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a carrier put a payload and what that cost. `locator` is what `Carrier.get` needs to fetch it."""

    carrier: str
    locator: str
    size_bytes: int
    cost: int
    unit: Literal["gas", "channel uses"]
    tx: str | None = None
    block: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a carrier handed back. A ledger's bit error rate is 0: it raises on damage."""

    payload: bytes
    bit_error_rate: float


@dataclass(frozen=True, slots=True)
class Token:
    """One registration as it stands on the chain. `block_time` is the Unix time in seconds of its block."""

    id: int
    owner: str
    image_sha3_256: bytes
    size_bytes: int
    block: int
    block_time: int


@dataclass(frozen=True, slots=True, eq=False)
class Isotope:
    """One rebuilt candidate: its seed, what the captioner reads in it, the distance of that to the gist's caption."""

    image: Pixels
    seed: int
    caption: str
    distance: float


@dataclass(frozen=True, slots=True)
class NearMatch:
    """A registered image whose perceptual hash is near: `bits` differ out of `of`, below the hash's usual threshold."""

    token: int
    hash: Hash
    bits: int
    of: int


@runtime_checkable
class Captioner(Protocol):
    """Image -> text."""

    def caption(self, image: Pixels) -> Caption:
        """The caption of one image of any size, with its confidence in 0..1."""
        ...


@runtime_checkable
class Painter(Protocol):
    """Gist -> images."""

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float = 1.0) -> list[Pixels]:
        """One image of `gist.size` for each seed; the same seed gives the same bytes.

        strength in 0..1: 1 starts from noise, 0 only decodes the latent of the gist.
        """
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

    def encode(self, image: Pixels, size_bytes: int) -> Latent:
        """At most `size_bytes` of data. Raises ModelError for a size that this coder can't do."""
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
class Carrier(Protocol):
    """What chain and radio both are: bytes go in, a receipt comes out; the receipt brings the bytes back."""

    def put(self, payload: bytes, *, image_sha3_256: bytes) -> Receipt:
        """Carry the payload, which describes the image with this hash (32 bytes)."""
        ...

    def get(self, receipt: Receipt) -> Delivery:
        """What arrived."""
        ...
