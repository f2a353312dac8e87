"""Image <-> the small picture that is kept of every registered image, so that candidates can be compared with it.

WebP within 192 x 192 pixels: lossless where that is small (flat art), at quality 90 otherwise. That of a transparent
image shows it on the background that it was read on, and keeps its opacity beside that.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import FileDamaged
from gistchain.image import shows_nothing
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


def thumbnail_opacity(opacity: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An opacity, (h, w), scaled as the thumbnail of its image is."""
    return thumbnail(np.repeat(opacity[:, :, None], 3, axis=2))[:, :, 0]


def is_blank(small: Pixels) -> bool:
    """Whether a thumbnail shows nothing: one colour, but for noise, which is averaged over 5 x 5 pixels."""
    import cv2

    smooth: Pixels = cv2.blur(small, (5, 5), borderType=cv2.BORDER_REFLECT)
    return shows_nothing(smooth)


def pack(image: Pixels, opacity: NDArray[np.uint8] | None = None) -> bytes:
    """The thumbnail of an image as WebP. opacity: (h, w), 255 = opaque; None where all of it is."""
    from PIL import Image, WebPImagePlugin  # noqa: F401  # as in `_decoded`

    small = Image.fromarray(thumbnail(image))
    if opacity is not None:
        small.putalpha(Image.fromarray(thumbnail_opacity(opacity)))
    for lossless in (True, False):
        stream = io.BytesIO()
        # exact: the background is kept where nothing covers it.
        quality, exact = 60 if lossless else 90, opacity is not None
        small.save(stream, "WEBP", lossless=lossless, quality=quality, method=4, exact=exact)
        if stream.tell() <= _LOSSLESS_TO:
            break
    return stream.getvalue()


def unpack(data: bytes) -> Pixels:
    """The picture of `pack`. Raises FileDamaged for anything else."""
    return _decoded(data, "RGB")


def unpack_opacity(data: bytes) -> NDArray[np.uint8]:
    """The opacity that was packed with it, (h, w). Raises FileDamaged as `unpack` does."""
    return _decoded(data, "RGBA")[:, :, 3]


def _decoded(data: bytes, mode: str) -> NDArray[np.uint8]:
    # Where WebP is not loaded yet, Pillow looks for it in all of its fifty formats.
    from PIL import Image, WebPImagePlugin  # noqa: F401

    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
            if len(data) > MAX_BYTES or max(picture.size) > SIDE:
                raise FileDamaged(
                    f"a kept thumbnail has {picture.size} pixels and {len(data)} bytes, more than was written: restore "
                    "the database from a backup"
                )
            return np.asarray(picture.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise FileDamaged(f"a kept thumbnail can't be read ({error}): restore the database from a backup") from error
