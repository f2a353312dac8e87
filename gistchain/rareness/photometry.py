"""Registered image, candidate in its frame -> the registered image as blur and colours would have made it that way.

A copy may be greyed, inverted, tinted, blurred, full of noise: what its maker did to every pixel alike is fitted here
and undone, so that only what was done to some places is left to look at.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.align import Array, blurred

BLURS = (0.0, 0.8, 1.5, 2.5, 4.0)
"""Standard deviations in pixels of a view that are tried on the registered image."""
_SMOOTHINGS = (1.2, 2.2, 3.5)
"""And on both, where they make them agree much better: noise, pixelation and blocks of JPEG go with it."""
COLOURS = 10
_SAMPLES = 3000
"""Pixels that a fit of twelve numbers looks at."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """predicted, seen: (h, w, 3), made alike in all but content. colours: (4, 3), rows R, G, B, 1 -> seen colour.

    blur: sigma put on the registered image. smoothing: sigma put on both. noise: median of the candidate's finest
    detail, in grey levels.
    """

    predicted: Array
    seen: Array
    colours: Array
    blur: float
    smoothing: float
    noise: float


def colour_map(source: Array, target: Array, where: Mask, iterations: int = 3) -> Array:
    """The (4, 3) affine map of colours under which `source` predicts `target` best at the chosen pixels, robustly.

    Iteratively reweighted least squares with Huber-like weights: what differs in one place (another hat) must not
    tint the rest. Slightly drawn to no change, which decides what the pixels leave open (a grey image's hues).
    """
    chosen = np.flatnonzero(where)
    chosen = chosen[:: max(1, len(chosen) // _SAMPLES)]
    x = np.c_[source.reshape(-1, 3)[chosen], np.full(len(chosen), 64, np.float32)]
    y = target.reshape(-1, 3)[chosen] - x[:, :3]
    weights = np.ones(len(x), np.float32)
    ridge = np.eye(4, dtype=np.float32) * 0.6 * max(1, len(x))
    fitted = np.zeros((4, 3), np.float32)
    for _ in range(iterations):
        weighted = x * weights[:, None]
        fitted = np.linalg.solve(weighted.T @ x + ridge, weighted.T @ y).astype(np.float32)
        errors = np.abs(y - x @ fitted).max(axis=1)
        weights = 1 / np.maximum(1, errors / (1.5 * (np.median(errors) + 2)))
    fitted[3] *= 64
    fitted[:3] += np.eye(3, dtype=np.float32)
    return fitted


def recoloured(image: Array, colours: Array) -> Array:
    made: Array = cv2.transform(image, np.ascontiguousarray(colours.T))
    return made


def mean_error(a: Array, b: Array) -> Array:
    """Mean absolute difference of the channels at every pixel."""
    mean: Array = cv2.transform(cv2.absdiff(a, b), np.full((1, 3), 1 / 3, np.float32))
    return mean


def fit(registered: Array, seen: Array, where: Mask) -> Fit:
    """The registered image made like the candidate, and the candidate smoothed as far as that helps both agree."""
    blur = min(BLURS, key=lambda sigma: _error(blurred(registered, sigma), seen, where, 2) + 0.05 * BLURS.index(sigma))
    colours = colour_map(blurred(registered, blur), seen, where, 3)
    predicted = recoloured(blurred(registered, blur), colours)
    smoothing, least = 0.0, _relative(predicted, seen, where)
    for sigma in _SMOOTHINGS:
        smooth, soft = blurred(seen, sigma), blurred(registered, max(sigma, blur))
        error = _relative(recoloured(soft, colour_map(soft, smooth, where, 2)), smooth, where)
        # Much better, or a twin's difference would be smoothed away.
        if error < 0.62 * least - 0.004:
            least, smoothing = error, sigma
    filled = np.where(where[:, :, None], seen, predicted)  # black outside would bleed into the border
    noise = float(np.median(mean_error(filled, blurred(filled, 1.0))[where]))
    both = max(smoothing, 0.8 if noise > 2 else 0.0)
    if both:
        filled = blurred(filled, both)
        soft = blurred(registered, float(np.hypot(blur if blur > both else 0.0, both)))
        colours = colour_map(soft, filled, where, 4)
        predicted = recoloured(soft, colours)
        filled = np.where(where[:, :, None], filled, predicted)
    return Fit(predicted, filled, colours, blur, smoothing, noise)


def _error(source: Array, target: Array, where: Mask, iterations: int) -> float:
    predicted = recoloured(source, colour_map(source, target, where, iterations))
    return float(np.minimum(mean_error(target, predicted)[where], 40).mean())


def _relative(predicted: Array, seen: Array, where: Mask) -> float:
    error = np.minimum(mean_error(seen, predicted)[where], 60).mean()
    return float(error / (seen[where].std() + 3))


def palette(image: Array) -> NDArray[np.int32]:
    """For each pixel, which of the image's COLOURS main colours it has; the same image gives the same."""
    flat = image.reshape(-1, 3)
    cv2.setRNGSeed(1)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 6, 1.0)
    _, _, centres = cv2.kmeans(np.ascontiguousarray(flat[::9]), COLOURS, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    nearest = ((flat**2).sum(axis=1)[:, None] - 2 * flat @ centres.T + (centres**2).sum(axis=1)).argmin(axis=1)
    labels: NDArray[np.int32] = nearest.reshape(image.shape[:2]).astype(np.int32)
    return labels


def palette_predicted(labels: NDArray[np.int32], target: Array, where: Mask) -> Array:
    """Each colour of a palette replaced by the median colour that `target` has at its pixels."""
    made = np.zeros_like(target)
    for label in range(COLOURS):
        own = labels == label
        seen = own & where
        if seen.any():
            made[own] = np.median(target[seen], axis=0) if seen.sum() >= 12 else target[seen].mean(axis=0)
    return made
