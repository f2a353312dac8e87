"""What is asked of a picture's pixels: laid over a colour, which they are, and whether they show anything."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gistchain.types import Picture, Pixels

ONE_COLOUR = 8
"""A picture shows nothing where no channel differs by more than this between any two pixels: noise, or a JPEG's."""

_STRIP = 1 << 20  # pixels that are blended at a time: in 16 bits they take 6 MB


def flatten(picture: Picture, background: tuple[int, int, int]) -> Pixels:
    """The picture laid over a colour, sRGB in 0..255. One without transparency is returned as it is."""
    if picture.alpha is None or picture.colours is None:
        return picture.pixels
    return laid_over(background, picture.colours, picture.alpha)


def laid_over(background: tuple[int, int, int], colours: Pixels, alpha: NDArray[np.uint8]) -> Pixels:
    """Colours (height, width, 3) with opacity alpha (height, width) over one colour: rounded to the nearest level."""
    height, width = alpha.shape
    laid = np.empty_like(colours)
    rows = max(1, _STRIP // max(1, width))
    for top in range(0, height, rows):
        part = slice(top, top + rows)
        opacity = alpha[part, :, None].astype(np.uint16)
        blend = colours[part] * opacity + np.array(background, np.uint16) * (255 - opacity)
        laid[part] = (blend + 127) // 255
    return laid


def pixels_sha3_256(picture: Picture) -> bytes:
    """The SHA3-256 of what the picture looks like, 32 bytes: equal for two files with the same pixels.

    It covers size, colours and opacity. What a file hides under full transparency does not count, and neither does
    the background.
    """
    width, height = picture.size
    digest = hashlib.sha3_256(b"%d x %d " % (width, height))
    digest.update(np.ascontiguousarray(picture.pixels if picture.colours is None else picture.colours).data)
    if picture.alpha is not None:
        digest.update(np.ascontiguousarray(picture.alpha).data)
    return digest.digest()


def shows_nothing(pixels: Pixels, within: int = ONE_COLOUR) -> bool:
    """Whether all pixels (height, width, 3) are one colour, give or take `within` levels in each channel."""
    # Most pictures are told by a few rows.
    return all(
        bool((part.max(axis=(0, 1)).astype(int) - part.min(axis=(0, 1)) <= within).all())
        for part in (pixels[:: max(1, len(pixels) // 8)], pixels)
    )
