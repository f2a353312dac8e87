"""Transparent pictures and flat backgrounds: what stands on which colour, and the same on another one.

A drawing on a transparent ground is read on a background that was chosen for it. Someone else may have laid the same
drawing on another colour. To compare the two, the one whose opacity is known is moved to the other's background.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels

Colour = tuple[int, int, int]
"""sRGB, each in 0..255."""
Opacity = NDArray[np.uint8]
"""Shape (height, width), 255 = opaque."""

_FLAT_LEVELS = 12
"""Levels by which the pixels of a flat border may differ from its colour: what a strong JPEG leaves."""
_FLAT_SHARE = 0.7
"""Share of the border that has its colour: a drawing may reach it."""
_APART = 24
"""Levels, in one channel at least, from which two backgrounds are two."""


def laid_on(pixels: Pixels, opacity: Opacity, background: Colour, wanted: Colour) -> Pixels:
    """Pixels (h, w, 3) that were laid over one background, laid over another; exact but for rounding."""
    moved = np.array(wanted, np.float32) - np.array(background, np.float32)
    through = (255 - opacity.astype(np.float32))[:, :, None] / 255
    return np.clip(pixels + through * moved, 0, 255).round().astype(np.uint8)


def flat_border(pixels: Pixels) -> Colour | None:
    """The one colour of a picture's outermost pixels; None where they have several."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(border, axis=0)
    same = np.abs(border - colour).max(axis=1) <= _FLAT_LEVELS
    return _colour(colour.round()) if same.mean() >= _FLAT_SHARE else None


def exchanged(pixels: Pixels, background: Colour, wanted: Colour) -> Pixels:
    """The picture with another background: all that has its colour and reaches the border.

    At the rim of the drawing, where the two are mixed, the mixture is estimated from how far a pixel is from the
    background.
    """
    apart = np.abs(pixels.astype(np.float32) - np.array(background, np.float32)).max(axis=2)
    ground = _reaching_border(apart <= _FLAT_LEVELS)
    # What touches the background shows as much of it as it is nearer to it than what lies further in.
    inner = cv2.dilate(apart, np.ones((5, 5), np.uint8))
    rim = cv2.dilate(ground.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    opacity = np.where(rim, np.clip(apart / np.maximum(inner, 1), 0, 1), 1)
    opacity[ground] = 0
    return laid_on(pixels, (255 * opacity).round().astype(np.uint8), background, wanted)


def differ(one: Colour, other: Colour) -> bool:
    """Whether two backgrounds are so far apart that a picture looks another on each."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > _APART


def _reaching_border(ground: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of a mask, (h, w), that touch the border."""
    count, labels = cv2.connectedComponents(ground.astype(np.uint8), connectivity=4)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    reached = np.zeros(count, bool)
    reached[border] = True
    reached[0] = False  # what is not in the mask
    found: NDArray[np.bool_] = reached[labels]
    return found


def _colour(values: NDArray[np.generic]) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue
