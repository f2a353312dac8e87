"""Image of any size -> a small square, each pixel the mean of the area that it covers."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels

# An image with a longer side is first reduced by a whole factor: nearly the same average, far less memory.
_REDUCE_ABOVE = 1024


def area_average(image: Pixels, side: int) -> NDArray[np.float32]:
    """uint8 (H, W, 3) of any size -> float32 (3, side, side) in [-1, 1], each pixel the mean of the area it covers."""
    height, width = image.shape[:2]
    factor = (max(1, width // _REDUCE_ABOVE), max(1, height // _REDUCE_ABOVE))
    if factor != (1, 1):
        from PIL import Image

        image = np.asarray(Image.fromarray(image).reduce(factor))
        height, width = image.shape[:2]
    rows, columns = _area_weights(height, side), _area_weights(width, side)
    small = np.tensordot(columns, np.tensordot(rows, image.astype(np.float32), (1, 0)), (1, 1))  # (x, y, 3)
    return np.ascontiguousarray(small.transpose(2, 1, 0) / 127.5 - 1, np.float32)


@functools.lru_cache(maxsize=8)
def _area_weights(size: int, side: int) -> NDArray[np.float32]:
    edges = np.linspace(0, size, side + 1)
    lower, upper = np.maximum(edges[:-1, None], np.arange(size)), np.minimum(edges[1:, None], np.arange(1, size + 1))
    weights: NDArray[np.float32] = (np.clip(upper - lower, 0, None) * side / size).astype(np.float32)
    return weights
