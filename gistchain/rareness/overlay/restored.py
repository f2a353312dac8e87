"""Candidate, a registered image over which it may be laid -> the candidate before it was turned and cropped.

Any sibling shows which transform was applied, for siblings share their frame. With the transform undone, and what a
crop cut away filled with what is usual in the series, the networks see the candidate as they saw its source.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gistchain.rareness.overlay.align import Alignment, covered, warped
from gistchain.rareness.overlay.verify import Candidate
from gistchain.rareness.overlay.views import View
from gistchain.types import Pixels

_USUAL = 9
"""Images of the series whose median fills the gaps."""


def restored(candidate: Candidate, guide: View, alignment: Alignment, series: Sequence[View]) -> Pixels:
    """The candidate in the guide's frame, (h, w, 3). series: registered images like the guide, the nearest first."""
    alike = [other.pixels for other in series if other.size == guide.size][:_USUAL] or [guide.pixels]
    usual = np.median(alike, axis=0).astype(np.float32)
    view, matrix = candidate.view(alignment.mirrored), alignment.matrix
    where = covered(view, matrix, guide.size) > 0.98
    pixels = np.where(where[:, :, None], warped(view.pixels, matrix, guide.size), usual)
    return np.clip(pixels, 0, 255).round().astype(np.uint8)
