"""A picture that a model made -> the size that was asked for."""

from __future__ import annotations

import numpy as np

from gistchain.errors import RebuildError
from gistchain.types import Pixels

MAX_PIXELS = 100_000_000
"""A gist may come from anyone: a larger picture is refused before any memory is taken for it."""


LARGEST_GRID, _SMALLEST_GRID = 64, 16
"""Numbers a side of a latent's channel: no picture has more, and small ones are enlarged to 16, if there is room."""


def checked(size: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) itself. Raises RebuildError for a side below 1, and beyond MAX_PIXELS."""
    if min(size) < 1 or size[0] * size[1] > MAX_PIXELS:
        raise RebuildError(
            f"a picture of {size[0]} x {size[1]} pixels can't be made: ask for 1 to {MAX_PIXELS:,} pixels"
        )
    return size


def fitted(image: Pixels, size: tuple[int, int]) -> Pixels:
    """The image at (width, height). Raises RebuildError as `checked` does."""
    from PIL import Image

    checked(size)
    if size == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def grid(size: tuple[int, int], most: int, factor: int) -> tuple[int, int]:
    """(width, height) of a latent's channel in the shape of a picture of `size`: at most `most` numbers, or (0, 0).

    The same for a count that it gave: a receiver who knows how many numbers came finds the grid again.
    """
    longest = min(LARGEST_GRID, max(_SMALLEST_GRID, -(-max(size) // factor)))
    for side in range(longest, 0, -1):
        width, height = (max(1, round(side * length / max(size))) for length in size)
        if width * height <= most:
            return width, height
    return 0, 0
