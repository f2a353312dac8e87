"""Picture -> a hash of what it shows, and whether it shows anything at all."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from gistchain.rareness.store.thumbnail import thumbnail
from gistchain.types import Picture, Pixels

_WINDOW = 5
_LEVELS = 8.0
"""Levels between the darkest and the brightest place of a thumbnail, averaged over _WINDOW x _WINDOW pixels, up to
which it shows nothing: the noise of a camera leaves about as much of one colour."""


def pixel_hash(picture: Picture) -> bytes:
    """A hash of the decoded pixels, 32 bytes: two files with the same one show the same, to the last bit.

    Of a transparent picture the opacity counts too, and colours that are hidden do not.
    """
    found = hashlib.blake2b(repr(picture.size).encode(), digest_size=32)
    found.update(np.ascontiguousarray(picture.pixels).data)
    if picture.alpha is not None:
        found.update(np.ascontiguousarray(picture.alpha).data)
    return found.digest()


def shows_nothing(pixels: Pixels) -> bool:
    """Whether it has one colour, or so nearly that there is nothing to compare."""
    small = thumbnail(pixels).astype(np.float32)
    smooth = cv2.boxFilter(small, -1, (_WINDOW, _WINDOW), borderType=cv2.BORDER_REFLECT).reshape(-1, 3)
    return bool(np.ptp(smooth, axis=0).max() <= _LEVELS)
