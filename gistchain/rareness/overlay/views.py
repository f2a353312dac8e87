"""Image -> what is compared of it: pixels, gradients, borders, points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels

SIDE = 144
"""Pixels of the longer side at which images are compared."""
SEARCH = 48
"""Pixels of the longer side at which places are searched for."""
Array = NDArray[np.float32]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """SIFT points: (n, 2) places in pixels, (n, 128) RootSIFT descriptors (Arandjelovic & Zisserman, 2012)."""

    places: Array
    descriptors: Array


class View:
    """An image scaled to SIDE: pixels (h, w, 3) in 0..255. Everything else is computed at its first use."""

    def __init__(self, pixels: Array) -> None:
        self.pixels = pixels

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @cached_property
    def gradients(self) -> Array:
        """Gradient strength, (h, w)."""
        return gradient_strength(self.pixels)

    @cached_property
    def smooth(self) -> Array:
        """The gradients, blurred."""
        return blurred(self.gradients, 1.5)

    @cached_property
    def half(self) -> Array:
        """`smooth` at half the size."""
        halved: Array = cv2.resize(self.smooth, self._half_size, interpolation=cv2.INTER_AREA)
        return halved

    @cached_property
    def half_pixels(self) -> Array:
        """The pixels at half the size."""
        halved: Array = cv2.resize(self.pixels, self._half_size, interpolation=cv2.INTER_AREA)
        return halved

    @cached_property
    def small(self) -> Array:
        """The gradients within SEARCH x SEARCH pixels, for searches."""
        width, height = self.size
        size = (max(8, width * SEARCH // SIDE), max(8, height * SEARCH // SIDE))
        return blurred(cv2.resize(self.gradients, size, interpolation=cv2.INTER_AREA), 0.7)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """What uniform borders enclose, the outermost first; at most three."""
        return _inner_boxes(self.pixels)

    @cached_property
    def points(self) -> Points | None:
        """SIFT points; None where there are fewer than four."""
        return _points(self.pixels.astype(np.uint8))

    @property
    def _half_size(self) -> tuple[int, int]:
        return self.pixels.shape[1] // 2, self.pixels.shape[0] // 2


def blurred(image: Array, sigma: float) -> Array:
    """The image under a Gaussian of this standard deviation in pixels; the image itself for 0."""
    if sigma <= 0:
        return image
    soft: Array = cv2.GaussianBlur(image, (0, 0), sigma)
    return soft


def gradient_strength(image: Array) -> Array:
    """The strongest gradient of any channel at every pixel of an (h, w, 3) image, (h, w)."""
    smooth = blurred(image, 1.0)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    return np.sqrt(strongest(across * across + down * down))


def strongest(image: Array) -> Array:
    """The largest of the three channels at every pixel; numpy's own reduction takes ten times as long."""
    red, green, blue = cv2.split(image)
    largest: Array = cv2.max(cv2.max(red, green), blue)
    return largest


def view(image: Pixels) -> View:
    """The view of an image of any size, (h, w, 3) in 0..255."""
    height, width, _ = image.shape
    scale = SIDE / max(height, width)
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return View(cv2.resize(np.ascontiguousarray(image), size, interpolation=interpolation).astype(np.float32))


def mirrored(original: View) -> View:
    """The same image with left and right exchanged."""
    return View(np.ascontiguousarray(original.pixels[:, ::-1]))


def _points(fitted: Pixels) -> Points | None:
    grey = cv2.cvtColor(fitted, cv2.COLOR_RGB2GRAY)  # SIFT itself begins at twice the size
    # A new detector each time: threads that share one would need a lock.
    keypoints, descriptors = cv2.SIFT_create(300, contrastThreshold=0.015).detectAndCompute(grey, None)
    if descriptors is None or len(keypoints) < 4:
        return None
    rooted = np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-6))
    return Points(np.array([point.pt for point in keypoints], np.float32), rooted.astype(np.float32))


def _inner_boxes(pixels: Array) -> tuple[Box, ...]:
    """Boxes left when uniform rows and columns are peeled off; one inside the other, at most three."""
    smooth = blurred(pixels, 0.6)
    height, width, _ = smooth.shape
    outer: Box = (0, 0, width, height)
    boxes: list[Box] = []
    for _ in range(3):
        box = _peeled(smooth, outer)
        if box == outer:
            break
        boxes.append(box)
        left, top, right, bottom = outer = box
        if min(right - left, bottom - top) > 30:  # the next border begins behind the soft edge of this one
            outer = left + 1, top + 1, right - 1, bottom - 1
    return tuple(boxes)


def _peeled(smooth: Array, box: Box) -> Box:
    """The box without the rows and columns at its sides that have one colour, that of the side's first line."""
    left, top, right, bottom = box
    first, last = smooth[top, left:right].mean(axis=0), smooth[bottom - 1, left:right].mean(axis=0)
    west, east = smooth[top:bottom, left].mean(axis=0), smooth[top:bottom, right - 1].mean(axis=0)
    while bottom - top > 24 and _is_plain(smooth[top, left:right], first):
        top += 1
    while bottom - top > 24 and _is_plain(smooth[bottom - 1, left:right], last):
        bottom -= 1
    while right - left > 24 and _is_plain(smooth[top:bottom, left], west):
        left += 1
    while right - left > 24 and _is_plain(smooth[top:bottom, right - 1], east):
        right -= 1
    return left, top, right, bottom


def _is_plain(line: Array, colour: Array) -> bool:
    return bool(np.abs(line - colour).max(axis=1).mean() < 9)
