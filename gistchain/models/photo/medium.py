"""Image -> the chance that it is a photograph and not a drawing.

A photograph has noise and soft edges nearly everywhere, a drawing areas of exactly one colour and edges between: eleven
numbers measured on the pixels, and how the first two stages of the packaged network answer, weighed by a logistic
regression (training/photo/captioner.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.models.zoo.weights import card
from gistchain.types import Pixels

_LARGEST = 384


def photo_chance(image: Pixels, maps: Sequence[NDArray[np.float32]]) -> float:
    """0..1. maps: the packaged network's stage maps of the image."""
    fitted = card("photo-captioner")["medium"]
    standard = (medium_features(image, maps) - np.array(fitted["mean"])) / np.array(fitted["scale"])
    # Scores far outside those of training (a single pixel, a bar code) are not trusted any further.
    x = float(standard.clip(-4, 4) @ np.array(fitted["weights"]) + fitted["bias"])
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def medium_features(image: Pixels, maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """float64 (91,): what is measured on the pixels, then mean and deviation of each channel of the first two maps."""
    stages = [np.concatenate([m.mean((1, 2)), m.std((1, 2))]) for m in maps[:2]]
    return np.concatenate([_measured(image), *stages]).astype(np.float64)


def _measured(image: Pixels) -> NDArray[np.float64]:
    pixels = _reduced(image).astype(np.int32)
    right, down = _steps(pixels, 1), _steps(pixels, 0)
    step = np.maximum(right, down)  # the largest change of a channel to the next pixel
    moving = step[step > 2]
    grey = pixels.mean(-1)
    quiet = np.abs(4 * grey - sum(np.roll(grey, s, a) for s in (-1, 1) for a in (0, 1)))[1:-1, 1:-1]
    codes = (pixels >> 4) @ np.array([256, 16, 1])
    shares = np.sort(np.bincount(codes.ravel(), minlength=1))[::-1] / codes.size
    most, least = pixels.max(-1), pixels.min(-1)
    dark_edge = (step > 60) & (grey < 70)
    return np.array(  # flat, soft, sharp, grainy, of few colours, saturated, outlined in black, steep
        [
            float((step == 0).mean()),
            float((step <= 2).mean()),
            float(((step > 2) & (step <= 20)).mean()),
            float((step > 60).mean()),
            float(np.log1p(np.median(quiet)) / 4) if quiet.size else 0.0,
            float(np.log2(1 + (shares > 0).sum()) / 12),
            float(shares[0]),
            float(shares[1:4].sum()),
            float(((most - least) / np.maximum(most, 1)).mean()),
            float(dark_edge.mean() / max(float((step > 60).mean()), 1e-3)),
            float(np.log1p(np.median(moving)) / 5) if moving.size else 0.0,
        ]
    )


def _steps(pixels: NDArray[np.int32], axis: int) -> NDArray[np.int32]:
    """The largest change of any channel from each pixel to the next along the axis; 0 at the end."""
    last = np.take(pixels, [-1], axis)
    change: NDArray[np.int32] = np.abs(np.diff(pixels, axis=axis, append=last)).max(-1)
    return change


def _reduced(image: Pixels) -> Pixels:
    """At most _LARGEST pixels a side; smaller images stay as they are, because resampling blurs what is measured."""
    from PIL import Image

    height, width = image.shape[:2]
    scale = _LARGEST / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
