"""An image -> the items that it was made of: a crop, a mirrored or recoloured copy finds its source.

The likeliest by their looks are laid over the image (rareness/overlay/align.py). A sibling in the same frame agrees in
most of its lines, so what is left of the colours counts too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from gistchain.errors import GistchainError
from gistchain.rareness.overlay.align import Alignment, align, covered, warped
from gistchain.rareness.overlay.verify import Candidate
from gistchain.rareness.overlay.views import View, view
from gistchain.types import Pixels

LOOKED_AT = 48
"""Items that are laid over the image; each takes a twentieth of a second of a core."""
_THREADS = 2
_AGREES = 0.55
"""Correlation of gradients from which an item may be the source: siblings come to .85, strangers to .4."""
_WHOLE = 0.9


@dataclass(frozen=True, slots=True)
class Source:
    """An item that the image may be made of. agreement: correlation of gradients where both are seen, in 0..1. off:
    mean difference of colours there, in 0..1. share: of the item that the image shows."""

    item: int
    agreement: float
    off: float
    share: float
    mirrored: bool

    def __str__(self) -> str:
        seen = "all of it" if self.share >= _WHOLE else f"{self.share:.0%} of it"
        turned = ", mirrored" if self.mirrored else ""
        return f"picture: shows {seen}{turned}, lines agree by {self.agreement:.2f}, colours differ by {self.off:.2f}"


def sources(image: Pixels, items: Sequence[int], picture_of: Callable[[int], Pixels]) -> list[Source]:
    """Of these items those that the image may be made of, the likeliest first. One without a picture is left out."""
    candidate = Candidate.of(image)

    def laid_over(item: int) -> Source | None:
        try:
            registered = view(picture_of(item))
        except GistchainError:
            return None
        found = align(candidate.plain, candidate.flipped, registered)
        return _source(item, candidate, registered, found[0]) if found else None

    with ThreadPoolExecutor(_THREADS) as pool:
        found = [source for source in pool.map(laid_over, items) if source is not None]
    likely = [source for source in found if source.agreement >= _AGREES]
    return sorted(likely, key=lambda source: source.off - source.agreement)


def _source(item: int, candidate: Candidate, registered: View, alignment: Alignment) -> Source:
    theirs = candidate.view(alignment.mirrored)
    height, width = registered.pixels.shape[:2]
    seen = warped(theirs.pixels.astype(np.float32), alignment.matrix, (width, height))
    both = covered(theirs, alignment.matrix, (width, height)) > _WHOLE
    off = float(np.abs(seen - registered.pixels)[both].mean() / 255) if both.any() else 1.0
    return Source(item, alignment.agreement, off, alignment.overlap, alignment.mirrored)
