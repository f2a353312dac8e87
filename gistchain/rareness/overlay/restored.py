"""Candidate, a registered image that it may be laid over -> the candidate as it was before it was turned and cropped.

Which transform was applied can be seen with any sibling, for they share their frame. With it undone, and what a crop
cut away filled with what is usual in the series, the networks see the candidate as they saw its source.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gistchain.rareness.overlay.align import Alignment, covered, warped
from gistchain.rareness.overlay.verify import Candidate
from gistchain.rareness.overlay.views import View
from gistchain.types import Pixels

_USUAL = 9
"""Of so many of the series the median is taken."""


def restored(checked: Candidate, guide: View, one: Alignment, series: Sequence[View]) -> Pixels:
    """The candidate in the guide's frame, (h, w, 3). series: registered images like the guide, the nearest first."""
    alike = [other.pixels for other in series if other.size == guide.size][:_USUAL] or [guide.pixels]
    usual = np.median(alike, axis=0).astype(np.float32)
    seen = checked.seen(one.mirrored)
    where = covered(seen, one.matrix, guide.size) > 0.98
    pixels = np.where(where[:, :, None], warped(seen.pixels, one.matrix, guide.size), usual)
    return np.clip(pixels, 0, 255).round().astype(np.uint8)
