"""Image -> its main subject: the default segmenter, a small decoder over the stage maps of a packaged network.

image ──> 256 x 256 ──> stage maps, colours ──> decoder (training/packaged/segment.py) ──> mask of 64 x 64
  └──────────────────────────> guided filter: the mask follows the edges of the image ──> mask of the image's size
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.models.packaged.networks import Network, network
from gistchain.models.zoo.onnx import session
from gistchain.types import Pixels

SIDE = 256
FINE = 64
_INPUTS = ("quarter", "eighth", "sixteenth", "last", "colours")
# Guided filter (He, Sun, Tang 2013): the side of its grid, its radius there, and the variance that makes an edge.
_GUIDE, _RADIUS, _CONTRAST = 192, 5, 1e-3


class DefaultSegmenter:
    """Fulfils Segmenter. The mask is soft at the subject's border; compare with 0.5 for a hard one."""

    name = "segmenter-default"

    def mask(self, image: Pixels) -> NDArray[np.float32]:
        inputs = [*maps_of(network(), image), colours_of(image)]
        feed = {name: part[None] for name, part in zip(_INPUTS, inputs, strict=True)}
        coarse: NDArray[np.float32] = self._session.run(["mask"], feed)[0][0, 0]
        return _carried(coarse, image)

    @functools.cached_property
    def _session(self) -> Any:
        return session(self.name)


def maps_of(packaged: Network, image: Pixels) -> tuple[NDArray[np.float32], ...]:
    """The maps at 1/4, 1/8, 1/16 and 1/32 of SIDE: all but the first, in whose place the decoder sees the colours."""
    return packaged.run_maps(image, SIDE)[1:]


def colours_of(image: Pixels) -> NDArray[np.float32]:
    """float32 (3, FINE, FINE) in [-1, 1]."""
    return np.ascontiguousarray(_resized(image, (FINE, FINE)).transpose(2, 0, 1) / np.float32(127.5) - 1)


def _carried(coarse: NDArray[np.float32], image: Pixels) -> NDArray[np.float32]:
    """The mask at the image's size: locally a linear function of brightness, so that its border follows edges."""
    height, width = image.shape[:2]
    guide = _resized(image, (_GUIDE, _GUIDE)).mean(-1) / np.float32(255)
    coarse = _enlarged(coarse, (_GUIDE, _GUIDE))
    mean_guide, mean_mask = _box(guide), _box(coarse)
    slope = (_box(guide * coarse) - mean_guide * mean_mask) / (_box(guide * guide) - mean_guide**2 + _CONTRAST)
    offset = mean_mask - slope * mean_guide
    bright = image.mean(-1, dtype=np.float32) / np.float32(255)
    large = _enlarged(_box(slope), (width, height)) * bright + _enlarged(_box(offset), (width, height))
    mask: NDArray[np.float32] = np.clip(large, 0, 1, dtype=np.float32)
    return mask


def _box(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean over the square of _RADIUS around each pixel; the border is repeated."""
    size = 2 * _RADIUS + 1
    padded = np.pad(values.astype(np.float64), _RADIUS + 1, mode="edge").cumsum(0).cumsum(1)
    total = padded[size:-1, size:-1] - padded[: -size - 1, size:-1] - padded[size:-1, : -size - 1]
    total = total + padded[: -size - 1, : -size - 1]
    return np.asarray(total / size**2, np.float32)


def _resized(image: Pixels, size: tuple[int, int]) -> NDArray[np.float32]:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC), np.float32)


def _enlarged(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    from PIL import Image

    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
