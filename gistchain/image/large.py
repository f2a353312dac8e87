"""Images of many pixels or of deep ones -> what fits the memory, a strip of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_PIXELS = 64_000_000
"""Larger images are read at a half, a quarter or an eighth of their sides."""
LARGEST = 200_000_000
"""Pixels of the largest image that is read ..."""
LARGEST_JPEG = 500_000_000
"""... and of the largest JPEG, which can be decoded at a fraction of its size."""
FITS_WEBP = 70_000_000
"""Pixels of a WebP, also of one with transparency, that fit the memory of a decoder: libwebp holds several canvases."""
MOST_SIDE = 200_000
"""Pixels of the longest side: what is longer is no picture."""

_DEEP = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
_STRIP = 1 << 20  # pixels


def divisor(size: tuple[int, int]) -> int:
    """By how much the sides are to be divided: 1, 2, 4 or 8, the least after which MOST_PIXELS are not exceeded."""
    width, height = size
    return next(k for k in (1, 2, 4, 8) if k == 8 or -(-width // k) * -(-height // k) <= MOST_PIXELS)


def halved(image: Image.Image) -> Image.Image:
    """The image with at most MOST_PIXELS: each pixel is the mean of the square that it stands for."""
    by = divisor(image.size)
    return image if by == 1 else _by_strips(image, lambda part: _whole_colours(part).reduce(by), by)


def shallow(image: Image.Image) -> Image.Image:
    """Grey levels of more than 8 bits as 8 bits, scaled, where convert() would clip them. Others are left alone."""
    if image.mode not in _DEEP:
        return image
    return _by_strips(image, _levels, 1)


def _levels(part: Image.Image) -> Image.Image:
    import numpy as np

    # Floating point images hold 0..1 by custom, integers 0..65535.
    scale = 255.0 if part.mode == "F" else 255.0 / 65535.0
    levels: NDArray[np.float32] = np.asarray(part).astype(np.float32)
    np.nan_to_num(levels, copy=False)
    levels *= np.float32(scale)
    return Image.fromarray(np.clip(levels, 0, 255, out=levels).round(out=levels).astype(np.uint8))


def _whole_colours(part: Image.Image) -> Image.Image:
    if part.mode in ("P", "PA", "1") or "transparency" in part.info:
        return part.convert("RGBA" if part.has_transparency_data else "RGB")
    return part


def _by_strips(image: Image.Image, work: Callable[[Image.Image], Image.Image], by: int) -> Image.Image:
    """The strips of the image after `work`, which divides their sides by `by`, put together again."""
    whole: Image.Image | None = None
    for top, part in _strips(image, by):
        done = work(part)
        if whole is None:
            whole = Image.new(done.mode, (done.width, -(-image.height // by)))
        whole.paste(done, (0, top // by))
    assert whole is not None
    whole.info = dict(image.info)
    if whole.mode != image.mode:
        whole.info.pop("transparency", None)
    return whole


def _strips(image: Image.Image, by: int) -> Iterator[tuple[int, Image.Image]]:
    rows = max(by, _STRIP // image.width // by * by)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
