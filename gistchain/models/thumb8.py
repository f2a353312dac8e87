"""Image <-> the mean colours of an 8x8 grid: 192 bytes that every painter of collections can be steered by.

image ──> mean of each of 8x8 cells ──> 192 bytes (RGB, rows from the top) ──> 8x8 colours ──> picture of any size
"""

from __future__ import annotations

import numpy as np

from gistchain.errors import RebuildError, TooFewBytes
from gistchain.types import Latent, Pixels

NAME = "thumb8"
SHAPE = (8, 8, 3)
SIZE_BYTES = 192


class Thumb8:
    """Fulfils LatentCoder: the same 192 bytes whatever larger size is allowed."""

    name = NAME

    def encode(self, image: Pixels, size_bytes: int) -> Latent:
        """The thumbnail of an image of any size. Raises TooFewBytes for fewer than 192 bytes."""
        from PIL import Image

        if size_bytes < SIZE_BYTES:
            raise TooFewBytes(f"latent coder {NAME!r} always makes {SIZE_BYTES} bytes, not {size_bytes}: allow as many")
        thumbnail = Image.fromarray(image).resize(SHAPE[:2], Image.Resampling.BOX)
        return Latent(NAME, thumbnail.tobytes())

    def decode(self, latent: Latent, size: tuple[int, int]) -> Pixels:
        """The grid, enlarged smoothly. Raises RebuildError for another coder's latent or one of another length."""
        if min(size) < 1:
            raise RebuildError(f"a picture of {size[0]} x {size[1]} pixels can't be made: ask for at least 1 x 1")
        return enlarged(grid_of(latent), size)


def grid_of(latent: Latent) -> Pixels:
    """The colours of the grid, shape (8, 8, 3). Raises RebuildError as Thumb8.decode does."""
    if latent.coder != NAME:
        raise RebuildError(f"this latent was made by {latent.coder!r}, not by {NAME!r}: decode it with that coder")
    if len(latent.data) != SIZE_BYTES:
        raise RebuildError(f"a {NAME!r} latent has {SIZE_BYTES} bytes, this one {len(latent.data)}: it is damaged")
    return np.frombuffer(latent.data, np.uint8).reshape(SHAPE)


def grid_or_none(latent: Latent | None) -> Pixels | None:
    """As `grid_of`, for painters that can do without: None where there is no latent that it reads."""
    if latent is None:
        return None
    try:
        return grid_of(latent)
    except RebuildError:
        return None


def enlarged(grid: Pixels, size: tuple[int, int]) -> Pixels:
    """The colours of the grid, bicubic, at (width, height)."""
    from PIL import Image

    return np.asarray(Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC))
