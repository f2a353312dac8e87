"""Image <-> the small picture that is kept of every registered image, so that candidates can be laid over it.

WebP within 192 x 192 pixels: lossless where that is small (flat art), at quality 90 otherwise.
"""

from __future__ import annotations

import io

import numpy as np

from gistchain.errors import StoreDamaged
from gistchain.types import Pixels

SIDE = 192
"""Longest side in pixels. Verification works at 144; traits of profile pictures are still seen at this size."""
_LOSSLESS_TO = 12_000
MAX_BYTES = 400_000


def thumbnail(image: Pixels) -> Pixels:
    """The image within SIDE x SIDE, its shape kept; a smaller one is enlarged, by whole pixels where it is tiny."""
    from PIL import Image

    height, width, _ = image.shape
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Tiny images are pixel art more often than not: interpolation would invent colours.
    how = Image.Resampling.NEAREST if scale >= 3 else Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(image).resize(size, how, reducing_gap=None))


def pack(image: Pixels) -> bytes:
    """The thumbnail of an image as WebP."""
    from PIL import Image

    small = Image.fromarray(thumbnail(image))
    for lossless in (True, False):
        stream = io.BytesIO()
        small.save(stream, "WEBP", lossless=lossless, quality=60 if lossless else 90, method=4)
        if stream.tell() <= _LOSSLESS_TO:
            break
    return stream.getvalue()


def unpack(data: bytes) -> Pixels:
    """The picture of `pack`. Raises StoreDamaged for anything else."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
            if len(data) > MAX_BYTES or max(picture.size) > SIDE:
                raise StoreDamaged(f"a thumbnail of {picture.size} pixels and {len(data)} bytes is not one of ours")
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise StoreDamaged(f"a kept thumbnail can't be read ({error})") from error
