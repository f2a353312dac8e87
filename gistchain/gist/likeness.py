"""Two pictures -> whether one looks like the other: is what a caption gives back the picture that it was made from?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels

SIDE = 64
_FLAT = 1e-4
"""Variance, of levels in 0..1, below which a picture is flat: its own noise would make any other look unlike."""


def unlikeness(picture: Pixels, painted: Pixels) -> float:
    """The share of the picture's variance that the painted one leaves unexplained, at SIDE x SIDE; any two sizes.

    0 for equal pictures; about 1 for one that knows no more than the mean colour; more for another picture.
    """
    a, b = _small(picture), _small(painted)
    spread = float((a - a.mean((0, 1))).var())
    return float(np.square(a - b).mean()) / max(spread, _FLAT)


def _small(pixels: Pixels) -> NDArray[np.float64]:
    """(SIDE, SIDE, 3) in 0..1; the shape is squeezed, as the models of collections do."""
    from PIL import Image

    # A large picture is first reduced by a whole factor: the same average nearly, far sooner.
    image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(image, np.float64) / 255
