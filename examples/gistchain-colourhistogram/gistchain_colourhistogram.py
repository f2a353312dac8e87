"""Images -> unit vectors of 64 numbers: how much of each image has which colour.

A vector holds the square roots of a histogram over 4x4x4 cells of RGB, so its length is 1 as it stands and the dot
product of two is the Bhattacharyya coefficient of their histograms: 1 for the same colours in the same amounts, 0 where
no colour is shared, whatever the sizes of the images and wherever the colours are in them.

Fulfils ImageEmbedder of gistchain.types; nothing of gistchain has to be imported for that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LEVELS = 4  # to a channel


class ColourHistogram:
    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Shape (len(images), 64), rows of length 1. images: uint8 RGB, (height, width, 3)."""
        return np.array([_roots(image) for image in images], np.float32).reshape(-1, _LEVELS**3)


def _roots(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    levels = image.reshape(-1, 3) // (256 // _LEVELS)
    cells = levels.astype(np.int64) @ np.array([_LEVELS**2, _LEVELS, 1])
    roots: NDArray[np.float64] = np.sqrt(np.bincount(cells, minlength=_LEVELS**3) / len(cells))
    return roots
