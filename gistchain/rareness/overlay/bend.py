"""Two aligned images -> the candidate with a wave or swirl undone, where that explains much of what differs.

A dense flow (Farneback, 2003), smoothed until it can't turn one hat into another.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gistchain.rareness.overlay.difference import luma
from gistchain.rareness.overlay.photometry import Fit, Mask, mean_error
from gistchain.rareness.overlay.views import Array, gradient_strength

_STIFF = 6.0
"""Sigma in pixels of the smoothing of the flow."""
_LEAST_LEFT = 1.0
"""Grey levels of error below which nothing is bent."""
_STRAIGHTER = 0.65
"""Largest share of the error that the flow may leave."""


@dataclass(frozen=True, slots=True, eq=False)
class Unbent:
    """The candidate's pixels after the flow, where they are then seen, and the mean shift in pixels."""

    pixels: Array
    visible: Mask
    shift: float


def unbent(fitted: Fit, pixels: Array, where: Mask) -> Unbent | None:
    """The candidate straightened; None unless that explains a third of what differs. pixels: the candidate's own."""
    before = _error(fitted.predicted, fitted.observed, where)
    if before < _LEAST_LEFT:
        return None
    flow = _flow(fitted, where)
    places = _places(flow)
    moved = cv2.remap(fitted.observed, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if _error(fitted.predicted, moved, where) > _STRAIGHTER * before:
        return None
    straight = cv2.remap(pixels, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    visible = cv2.remap(where.astype(np.float32), *places, cv2.INTER_LINEAR) > 0.98
    return Unbent(straight, visible, float(np.hypot(flow[:, :, 0], flow[:, :, 1])[where].mean()))


def _flow(fitted: Fit, where: Mask) -> Array:
    """From the registered image's pixels to the candidate's, (h, w, 2); in two steps, from where there are edges."""
    target = np.clip(luma(fitted.predicted), 0, 255).astype(np.uint8)
    trusted = (where & (gradient_strength(fitted.predicted) > 6)).astype(np.float32)
    weight = cv2.GaussianBlur(trusted, (0, 0), _STIFF) + 1e-3
    flow, moved = np.zeros((*where.shape, 2), np.float32), fitted.observed
    for _ in range(2):
        source = np.clip(luma(moved), 0, 255).astype(np.uint8)
        step = cv2.calcOpticalFlowFarneback(target, source, None, 0.5, 4, 15, 3, 5, 1.1, 0) * trusted[:, :, None]
        flow += cv2.GaussianBlur(step, (0, 0), _STIFF) / weight[:, :, None]
        moved = cv2.remap(fitted.observed, *_places(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return flow


def _places(flow: Array) -> tuple[Array, Array]:
    """x and y from which each pixel is taken."""
    height, width, _ = flow.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x + flow[:, :, 0], y + flow[:, :, 1]


def _error(predicted: Array, observed: Array, where: Mask) -> float:
    # Errors count up to 25 levels: pushing a sticker out of the picture is not undoing a bend.
    return float(np.minimum(mean_error(predicted, observed), 25)[where].mean())
