"""RGB pixels <-> the wavelet coefficients of three planes, Y, Cb and Cr.

Cohen-Daubechies-Feauveau 9/7 by lifting, scaled so that the basis is nearly orthonormal: an error in any coefficient
weighs about the same in the picture. Each lifting step is one multiplication and one addition of float32 arrays, which
every machine rounds alike, so the same coefficients give the same pixels everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels

Plane = NDArray[np.float32]

COARSEST = 4  # planes are halved until neither side is longer
CHROMA_GAIN = 0.65  # colour errors are seen less than errors of brightness
# Daubechies & Sweldens, Factoring wavelet transforms into lifting steps (1998), section 7.7.
_STEPS = (-1.586134342, -0.052980118, 0.882911076, 0.443506852)
_LOW = 1.149604398


@dataclass(frozen=True, slots=True)
class Subbands:
    """Coefficients of one plane. details[0] is the finest level: (high columns, high rows, both), each (h, w)."""

    low: Plane
    details: tuple[tuple[Plane, Plane, Plane], ...]


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of the picture, then of its low band after each level."""
    halved = [(height, width)]
    while max(halved[-1]) > COARSEST:
        halved.append(((halved[-1][0] + 1) // 2, (halved[-1][1] + 1) // 2))
    return halved


def analyse(plane: Plane) -> Subbands:
    """The coefficients of a plane of any size."""
    details = []
    for _ in sizes(*plane.shape)[1:]:
        low, high = _split(plane)
        plane, rows = (np.ascontiguousarray(part.T) for part in _split(np.ascontiguousarray(low.T)))
        columns, both = (np.ascontiguousarray(part.T) for part in _split(np.ascontiguousarray(high.T)))
        details.append((columns, rows, both))
    return Subbands(plane, tuple(details))


def synthesise(bands: Subbands, levels: int = 0) -> Plane:
    """The plane, or its picture halved `levels` times (then 2**levels times as bright)."""
    plane = bands.low
    for columns, rows, both in reversed(bands.details[levels:]):
        low = _join(np.ascontiguousarray(plane.T), np.ascontiguousarray(rows.T)).T
        high = _join(np.ascontiguousarray(columns.T), np.ascontiguousarray(both.T)).T
        plane = _join(np.ascontiguousarray(low), np.ascontiguousarray(high))
    return plane


def _split(x: Plane) -> tuple[Plane, Plane]:
    """Low and high half of the columns."""
    even, odd = x[:, 0::2].copy(), x[:, 1::2].copy()
    if odd.shape[1] == 0:
        return even, odd
    for turn, weight in enumerate(_STEPS):
        _lift(even, odd, turn, np.float32(weight))
    return even * np.float32(_LOW), odd * np.float32(1 / _LOW)


def _join(low: Plane, high: Plane) -> Plane:
    out = np.empty((low.shape[0], low.shape[1] + high.shape[1]), np.float32)
    if high.shape[1] == 0:
        out[:] = low
        return out
    even, odd = low * np.float32(1 / _LOW), high * np.float32(_LOW)
    for turn, weight in reversed(tuple(enumerate(_STEPS))):
        _lift(even, odd, turn, np.float32(-weight))
    out[:, 0::2], out[:, 1::2] = even, odd
    return out


def _lift(even: Plane, odd: Plane, turn: int, weight: np.float32) -> None:
    """Adds the weighted sum of both neighbours to the odd (turn 0, 2) or even columns; the border is mirrored."""
    if turn % 2 == 0:
        following = np.concatenate([even[:, 1:], even[:, -1:]], axis=1)[:, : odd.shape[1]]
        odd += (even[:, : odd.shape[1]] + following) * weight
    else:
        before = np.concatenate([odd[:, :1], odd], axis=1)[:, : even.shape[1]]
        after = odd if odd.shape[1] == even.shape[1] else np.concatenate([odd, odd[:, -1:]], axis=1)
        even += (before + after) * weight


def to_planes(image: Pixels) -> tuple[Plane, Plane, Plane]:
    """Y - 128, Cb and Cr of ITU-R BT.601; the colours multiplied by CHROMA_GAIN."""
    r, g, b = (image[..., c].astype(np.float32) for c in range(3))
    y = r * np.float32(0.299) + g * np.float32(0.587) + b * np.float32(0.114)
    cb = (b - y) * np.float32(CHROMA_GAIN / 1.772)
    cr = (r - y) * np.float32(CHROMA_GAIN / 1.402)
    return y - np.float32(128), cb, cr


def to_pixels(y: Plane, cb: Plane, cr: Plane) -> Pixels:
    """The inverse of `to_planes`, rounded and clipped."""
    y = y + np.float32(128)
    r = y + cr * np.float32(1.402 / CHROMA_GAIN)
    b = y + cb * np.float32(1.772 / CHROMA_GAIN)
    g = (y - r * np.float32(0.299) - b * np.float32(0.114)) * np.float32(1 / 0.587)
    pixels: Pixels = np.clip(np.rint(np.stack([r, g, b], axis=-1)), 0, 255).astype(np.uint8)
    return pixels
