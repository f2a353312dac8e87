"""The values of rareness: how rare an image is among all registered ones, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gistchain.types.path import Pixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Hash = Literal["pdq", "phash", "ahash", "dhash"]


SignedVerdict = Literal["original", "sibling", "derivative", "copy", "unsure"]
"""What a ticket can say; see Verdict."""
Verdict = Literal[SignedVerdict, "blank"]
"""original: like nothing registered. sibling: of the same collection or series as a registered image, with traits of
its own. derivative: the drawing of a registered image, rendered anew. copy: a registered image, transformed or not.
unsure: a copy or a sibling, and the evidence can't tell which. blank: the image shows nothing, one colour or nearly so,
and there is nothing to compare; no ticket can say so."""


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

    @property
    def unsafe(self) -> float:
        """How likely it is that the image is not safe for work, in 0..1."""
        return max(self.open_nsfw, self.hentai + self.porn)


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

    score: 0 a copy .. 1 like nothing registered; interval: where it lies with 90% confidence; of a blank image 0.5 and
    (0, 1): anything. reason: one sentence.
    subscores in 0..1, by name, each 1 where an image is rare.
    fingerprint: shape (10048,). web: None where no search was asked for. compared_with: how many registered images.
    lacking: tokens whose images are knowingly not in the database. doubt: why the database can't be trusted, if so.
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
    compared_with: int
    fingerprint_version: str
    lacking: int = 0
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class RarenessTicket:
    """How rare an image was when it was registered (S1.8): written once, never computed again.

    score in 0..1 in steps of 1/10000. evidence: SHA3-256 of the evidence document, 32 bytes. checker: version of the
    program that compared, 0..65535. as_of: the chain's last block when it did. compared_with: how many images.
    """

    score: float
    verdict: Verdict
    evidence: bytes
    checker: int
    as_of: int
    compared_with: int


@dataclass(frozen=True, slots=True)
class SignedRareness:
    """A ticket as it stands on the chain, and what `signer`, the token's owner, signed of it.

    verified: whether that was found, and is a signature of the owner for this very image, gist and ticket. Otherwise
    all this is what the node says, no more. tx: the transaction of the registration, None where its log is gone.
    deadline, signature: of EIP-712, where the owner signed and somebody else sent it; None where the transaction itself
    has the owner's signature.
    """

    ticket: RarenessTicket
    signer: str
    verified: bool = False
    tx: str | None = None
    deadline: int | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Attestation:
    """A verdict of somebody else on a token, beside its creator's; `by` is the account that sent it."""

    by: str
    ticket: RarenessTicket
