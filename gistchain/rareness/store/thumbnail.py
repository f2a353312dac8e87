"""Image <-> the small picture that is kept of every registered image, so that candidates can be compared with it.

WebP within 192 x 192 pixels: lossless where that is small (flat art), at quality 90 otherwise.
"""

from __future__ import annotations

import io

import numpy as np

from gistchain.errors import FileDamaged
from gistchain.types import Pixels

SIDE = 192
"""Longest side in pixels. Verification works at 144; the traits of profile pictures can still be seen at this size."""
_LOSSLESS_TO = 12_000
MAX_BYTES = 400_000


def thumbnail(image: Pixels) -> Pixels:
    """The image scaled to SIDE pixels on its longest side; a tiny one is enlarged without smoothing."""
    from PIL import Image

    height, width, _ = image.shape
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Tiny images are pixel art more often than not: interpolation would invent colours.
    method = Image.Resampling.NEAREST if scale >= 3 else Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(image).resize(size, method, reducing_gap=None))


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
    """The picture of `pack`. Raises FileDamaged for anything else."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
            if len(data) > MAX_BYTES or max(picture.size) > SIDE:
                raise FileDamaged(
                    f"a kept thumbnail has {picture.size} pixels and {len(data)} bytes, more than was written: restore "
                    "the database from a backup"
                )
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise FileDamaged(f"a kept thumbnail can't be read ({error}): restore the database from a backup") from error
