"""An image -> the items that it was made of: a crop, a mirrored or recoloured copy finds its source.

The likeliest by their looks are laid over the image (rareness/overlay/align.py); a crop does not look like the whole,
and is asked for at several places of one, all in one pass of the scan. A sibling in the same frame agrees in most of
its lines, so what is left of the colours counts too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from gistchain.errors import GistchainError
from gistchain.rareness.overlay.align import Alignment, align, covered, warped
from gistchain.rareness.overlay.verify import Candidate
from gistchain.rareness.overlay.views import View, view
from gistchain.search.pictures import Vectors
from gistchain.types import ImageEmbedder, Pixels

_LOOKED_AT = 48
"""Items that are laid over the image; each takes a twentieth of a second of a core."""
_SCALES = (0.85, 0.7)
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


def likeliest(image: Pixels, embedder: ImageEmbedder, vectors: Vectors) -> list[int]:
    """The items that look most like the image, or like it as a part of a whole picture, mirrored too."""
    asked = np.concatenate([embedder.embed([placed]) for placed in _placed(image)])
    scanned = vectors.scan(asked)
    best: list[int] = []
    orders = [scanned.items[np.argsort(-row, kind="stable")[: 4 * _LOOKED_AT]] for row in scanned.cosines]
    for ranked in zip(*orders, strict=True):  # the first of each, then the second of each
        best += [int(item) for item in ranked if item >= 0]
    return list(dict.fromkeys(best))[:_LOOKED_AT]


def _placed(image: Pixels) -> Iterator[Pixels]:
    """The image and its mirror image, whole and at five places of a larger one of the colour of its rim."""
    for one in (image, np.ascontiguousarray(image[:, ::-1])):
        yield one
        rim = np.concatenate([one[0], one[-1], one[:, 0], one[:, -1]])
        height, width, _ = one.shape
        for scale in _SCALES:
            canvas = np.empty((round(height / scale), round(width / scale), 3), np.uint8)
            down, right = canvas.shape[0] - height, canvas.shape[1] - width
            for y, x in ((0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)):
                canvas[:] = np.median(rim, axis=0)
                canvas[y : y + height, x : x + width] = one
                yield canvas.copy()


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
