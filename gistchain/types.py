"""Frozen values that travel along the path, and the Protocols that systems, models and ledgers fulfil.

Imports nothing of ours. Pixels are `Pixels`: uint8 RGB arrays of shape (height, width, 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

Hash = Literal["pdq", "phash", "ahash", "dhash"]

Verdict = Literal["original", "sibling", "derivative", "copy", "unsure"]
"""original: like nothing registered. sibling: of the same collection or series as a registered image, with traits of
its own. derivative: the drawing of a registered image, rendered anew. copy: a registered image, transformed or not.
unsure: a copy or a sibling, and the evidence can't tell which."""


Choice = Literal["best", "random", "worst"]
"""Which isotope is taken: the nearest (ROSIS), or, to compare with, the first or the farthest."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image as read. sha3_256: of the file's bytes, 32 bytes. size: (width, height) of `pixels`."""

    pixels: Pixels
    sha3_256: bytes
    size: tuple[int, int]
    name: str
    notes: tuple[str, ...] = ()


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
class Described:
    """What a system says of an image, and how sure it is of that: confidence in 0..1."""

    gist: Gist
    confidence: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payload that is in a block: as which token of which ledger, and what that took.

    ledger: `Ledger.name`. size_bytes: of the payload. gas: used by the transaction. tx: its hash, 0x and 64 hex digits.
    """

    ledger: str
    token: int
    size_bytes: int
    gas: int
    tx: str
    block: int


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


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """The chosen isotope in full size, and all of them, in the order of their seeds, as they were compared."""

    chosen: Isotope
    isotopes: tuple[Isotope, ...]


@dataclass(frozen=True, slots=True)
class Hashes:
    """Perceptual hashes of one image in hex (S1.9).

    pdq_quality in 0..100: below 50, PDQ's authors advise not to trust it. neuralhash: None where it is not switched on.
    """

    pdq: str
    pdq_quality: int
    phash: str
    ahash: str
    dhash: str
    neuralhash: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """How safe for work an image is (S1.13), all in 0..1. The five classes sum to 1."""

    open_nsfw: float
    drawings: float
    hentai: float
    neutral: float
    porn: float
    sexy: float


@dataclass(frozen=True, slots=True)
class Transform:
    """How a candidate was made from a registered image, as far as it was found.

    matrix: row-major 3x3, from pixels of the registered image to pixels of the candidate, both fitted to the side of a
    thumbnail; the candidate mirrored first where `mirrored`. words: what a person would say: "rotated by 12 degrees".
    """

    matrix: tuple[float, ...]
    mirrored: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Where candidate and registered image differ: a box in shares of the registered image's width and height.

    kind: missing (structure of the registered image is gone), extra (structure was added), changed (both).
    share: part of all the difference that lies here, in 0..1.
    """

    left: float
    top: float
    right: float
    bottom: float
    kind: Literal["missing", "extra", "changed"]
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The registered image that a candidate comes from or is most like, and what was seen when the two were laid over
    each other.

    token: its id, None for an image that only seeds the database. pearson: correlation of the fingerprints.
    overlap: share of the registered image that the candidate shows. residual: what stays different in the overlap
    after transform and colours are undone, 0 = nothing. traits: those that differ, where the collection's are known.
    registered, aligned: thumbnails of one size: the registered image, and the candidate seen through the transform.
    differences: shape (height, width) of these in 0..1, where they differ.
    """

    name: str
    token: int | None
    sha3_256: bytes
    collection: str
    pearson: float
    transform: Transform
    overlap: float
    residual: float
    regions: tuple[Region, ...]
    traits: tuple[str, ...]
    registered: Pixels
    aligned: Pixels
    differences: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WebMatch:
    """One image that a reverse search found. similarity in 0..1, None where the provider gives none."""

    url: str
    page: str | None = None
    title: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class WebSearch:
    """What one provider found at one Unix time: evidence, kept as it was seen (S1.7, T1.2).

    matches: of the first page, best first. pages: how many pages of results there were.
    """

    provider: str
    time: int
    matches: tuple[WebMatch, ...]
    pages: int


@dataclass(frozen=True, slots=True, eq=False)
class Rareness:
    """How rare an image is among all registered ones, with the evidence (S1.4-S1.6).

    score: 0 a copy .. 1 like nothing registered; interval: where it lies with 90% confidence. reason: one sentence.
    subscores in 0..1, by name, each 1 where an image is rare.
    fingerprint: shape (10048,). web: None where no search was asked for. registered: how many it was compared with.
    """

    verdict: Verdict
    score: float
    interval: tuple[float, float]
    reason: str
    nearest: Nearest | None
    subscores: Mapping[str, float]
    hashes: Hashes
    fingerprint: NDArray[np.float32]
    content: Content
    web: tuple[WebSearch, ...] | None
    registered: int
    fingerprint_version: str


@dataclass(frozen=True, slots=True)
class RarenessTicket:
    """How rare an image was when it was registered (S1.8): written once, never computed anew.

    score in 0..1 in steps of 1/10000. evidence: SHA3-256 of the evidence document, 32 bytes.
    """

    score: float
    verdict: Verdict
    evidence: bytes


@dataclass(frozen=True, slots=True)
class SignedRareness:
    """A ticket as it stands on the chain, whose contract has checked that `signer`, the token's owner, signed it.

    deadline, signature (65 bytes: r, s, v): from the log of the registration, checked again; None where the node has
    not kept that log.
    """

    ticket: RarenessTicket
    signer: str
    deadline: int | None = None
    signature: bytes | None = None


@runtime_checkable
class System(Protocol):
    """Image -> gist -> image: models that go together."""

    def describe(self, picture: Picture, *, caption: str | None = None, budget: int | None = None) -> Described:
        """The gist of the picture. caption: a person's own words in place of the captioner's.

        budget: most bytes that the packed gist may take; what is left after the caption goes to the other layers.
        Raises CaptionError where the system is unsure of the picture, SettingError for a budget that is too small.
        """
        ...

    def rebuild(
        self, gist: Gist, *, seeds: Sequence[int] = range(4), choice: Choice = "best", strength: float | None = None
    ) -> Rebuilt:
        """The picture that the gist alone gives; the same gist and seeds give the same picture.

        strength: from 0 (decode the gist's latent) to 1 (paint from noise); None leaves it to the system.
        Raises RebuildError for a gist that gives no picture.
        """
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

    @property
    def name(self) -> str:
        """What `Latent.coder` says of its latents."""
        ...

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
class Ledger(Protocol):
    """A registry on a chain, seen by one account: payloads go in and become tokens, tokens bring the payloads back.

    Every method raises LedgerError or one of its kinds, and FileError where a file of the ledger's own can't be used.
    """

    @property
    def name(self) -> str:
        """Chain and contract; the same for everyone who opens them."""
        ...

    def put(self, payload: bytes, *, image_sha3_256: bytes, rareness: RarenessTicket | None = None) -> Receipt:
        """Register the payload for the image with this hash (32 bytes); returns when it is in a block.

        Safe to repeat after any failure: never a second registration. Raises AlreadyRegistered where this account has a
        token for the image.
        """
        ...

    def gist_of(self, token: int) -> bytes:
        """The payload registered as this token. Raises UnknownToken."""
        ...

    def token(self, token: int) -> Token:
        """The record of a token. Raises UnknownToken."""
        ...

    def tokens(self) -> Iterator[Token]:
        """All of them, oldest first."""
        ...

    def rareness_of(self, token: int) -> SignedRareness | None:
        """The ticket that was registered with the token; None for none. Raises UnknownToken."""
        ...

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token for the image, whoever registered it."""
        ...

    def unanswered(self, image_sha3_256: bytes) -> bool:
        """Whether a registration of the image was sent and its outcome never seen: `put` will tell it."""
        ...
