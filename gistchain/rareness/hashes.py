"""Image -> four classical perceptual hashes (S1.9): PDQ of 256 bits; perceptual, average and difference of 64.

PDQ: Meta's pdqhash. The others: imagehash, at its usual 8x8. None of them tells the siblings of one profile-picture
collection apart (T1.5): a near hash is worth a look, it is no verdict.
"""

from __future__ import annotations

import numpy as np

from gistchain.types import Hash, Hashes, Pixels

BITS: dict[Hash, int] = {"pdq": 256, "phash": 64, "ahash": 64, "dhash": 64}
THRESHOLDS: dict[Hash, int] = {"pdq": 31, "phash": 10, "ahash": 5, "dhash": 10}
"""Most differing bits of two images that are near. PDQ: its authors' 31. phash and dhash: 10, beyond which Krawetz
("Looks Like It", 2011; "Kind of Like That", 2013) calls images different; ahash, the coarsest: 5, his "similar"."""


def hashes(image: Pixels) -> Hashes:
    """The four hashes of one image of any size."""
    import imagehash
    import pdqhash
    from PIL import Image

    bits, quality = pdqhash.compute(np.ascontiguousarray(image))
    picture = Image.fromarray(image)
    return Hashes(
        pdq=np.packbits(bits.astype(np.uint8)).tobytes().hex(),
        pdq_quality=int(quality),
        phash=str(imagehash.phash(picture)),
        ahash=str(imagehash.average_hash(picture)),
        dhash=str(imagehash.dhash(picture)),
    )


def distance(a: str, b: str) -> int:
    """How many bits differ between two hashes of the same kind, in hex."""
    return (int(a, 16) ^ int(b, 16)).bit_count()
