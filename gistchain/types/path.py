"""The values that travel along the path: picture, gist, token, isotope. Imports nothing of ours.

Pixels are `Pixels`: uint8 RGB arrays of shape (height, width, 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # a tenth of a second, which `list` and `show` do without
    import numpy as np
    from numpy.typing import NDArray

    from gistchain.types.rareness import RarenessTicket

    Pixels = NDArray[np.uint8]
else:
    Pixels = Any
"""RGB, shape (height, width, 3)."""


Choice = Literal["best", "random", "worst"]
"""Which isotope is taken: the nearest (ROSIS), or, to compare with, the first or the farthest."""


WhenLatent = Literal["needed", "always", "never"]
"""When a latent is added to a caption. needed: where the caption alone does not give the picture back."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image as read. sha3_256: of the file's bytes, 32 bytes. size: (width, height) of `pixels`.

    notes: what had to be decided when it was read, for people. Where the image is transparent, `pixels` are laid over
    `background` (RGB), alpha is the opacity, shape (height, width), 255 = opaque, and colours are the pixels before
    they were laid over anything, black where alpha is 0. All three are None where every pixel is opaque.
    file: as it was read, where it is small enough to be kept on a chain as it is, and of a kind that a gist can name.
    """

    pixels: Pixels
    sha3_256: bytes
    size: tuple[int, int]
    name: str
    notes: tuple[str, ...] = ()
    alpha: NDArray[np.uint8] | None = None
    colours: Pixels | None = None
    background: tuple[int, int, int] | None = None
    file: ImageFile | None = None


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
    """The main object, cut out: an image file of `media_type`, transparent around the object.

    box: (left, top, width, height) in pixels of the image that the gist describes, where the file belongs, at any
    resolution.
    """

    media_type: str
    data: bytes
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Residual:
    """What is still to be changed in the picture that the other layers give; only the coder named can read `data`."""

    coder: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file of `media_type`, as it is."""

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
    residual: Residual | None = None
    file: ImageFile | None = None
    damaged: frozenset[str] = frozenset()

    @property
    def caption(self) -> str:
        """The first caption, which says most; '' without one."""
        return self.captions[0] if self.captions else ""

    @property
    def layers(self) -> list[str]:
        """Those beside the captions."""
        return [name for name in ("latent", "subject", "residual", "file") if getattr(self, name) is not None]

    @property
    def has_pixels(self) -> bool:
        """Whether it holds the pixels of the whole picture, which fit one size only."""
        return self.residual is not None or self.file is not None

    def resized(self, size: tuple[int, int]) -> Gist:
        """The gist of the picture in another (width, height), its subject moved along."""
        if self.subject is None or size == self.size:
            return replace(self, size=size)
        across, down = size[0] / self.size[0], size[1] / self.size[1]
        left, top, width, height = self.subject.box
        x, y = min(size[0] - 1, round(left * across)), min(size[1] - 1, round(top * down))
        box = x, y, max(1, min(size[0] - x, round(width * across))), max(1, min(size[1] - y, round(height * down)))
        return replace(self, size=size, subject=replace(self.subject, box=box))


@dataclass(frozen=True, slots=True)
class Described:
    """What a system says of an image, and how sure it is of that: confidence in 0..1."""

    gist: Gist
    confidence: float


@dataclass(frozen=True, slots=True)
class Token:
    """One registration as it stands on the chain. batch: the number of the batch that it came in, 0 for its own.

    block: as the contract saw it, which on Arbitrum is the number of a block of Ethereum. `block_time` is the Unix time
    in seconds of its block.
    """

    id: int
    owner: str
    image_sha3_256: bytes
    block: int
    block_time: int
    batch: int = 0


@dataclass(frozen=True, slots=True)
class NftLink:
    """The NFT that a token's owner says it is of. Only on the chain of the registry itself has it been checked that the
    NFT was the owner's."""

    chain_id: int
    contract: str
    token_id: int


@dataclass(frozen=True, slots=True)
class Minted:
    """A token that is an NFT, too. gas, tx: of the transaction that made it one; 0 and None where it was one before."""

    nft: NftLink
    gas: int = 0
    tx: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payload that is in a block: as which token of which ledger, and what that took.

    ledger: `Ledger.name`. size_bytes: of the payload. gas: used by the transaction. tx: its hash, 0x and 64 hex digits.
    block, block_hash: where it was found. owner: address of the token's. image_sha3_256, gist_keccak: 32 bytes, of the
    image and of the payload (Keccak-256). final: whether the chain said that it will never replace the block; None
    where the chain does not tell.
    """

    ledger: str
    token: int
    size_bytes: int
    gas: int
    tx: str
    block: int
    block_hash: str
    owner: str
    image_sha3_256: bytes
    gist_keccak: bytes
    final: bool | None


Guarantee = Literal["state", "proof"]
"""Of a batch. state: the chain answers for each token as long as it lives. proof: it keeps a root, and who has a
token's leaf can prove it; the gists are in the transaction, which nodes may forget."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One token of a batch. payload: its gist without what all have in common. ticket: of all or of none."""

    image_sha3_256: bytes
    payload: bytes
    ticket: RarenessTicket | None = None


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """Many tokens that are in a block: `count` of them from id `first` on, in the order of their images' hashes.

    number: of the batch in the registry. gas, tx: of the transaction; 0 and "" where this home does not know it, as
    another one sent it. block: where it is; then as the contract saw it, which on Arbitrum is one of Ethereum.
    """

    ledger: str
    number: int
    first: int
    count: int
    gas: int
    tx: str
    block: int


@dataclass(frozen=True, slots=True, eq=False)
class Isotope:
    """One rebuilt candidate: its seed, what the captioner reads in it, the distance of that to the gist's caption."""

    image: Pixels
    seed: int
    caption: str
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """The chosen isotope, and all of them, in the order of their seeds, as they were compared.

    Only one where every seed gives the same picture. original_size: (width, height) that the gist tells of.
    """

    chosen: Isotope
    isotopes: tuple[Isotope, ...]
    original_size: tuple[int, int]
