"""Candidate, the registered images -> the candidate as it would look if one of them had another background.

    opaque, with a flat border    where transparent images are registered: they are seen on the candidate's own
                                  background, and the networks see the candidate on theirs
    transparent                   laid over the backgrounds of the registered images that it is like

Each is proposed only where a registered image is near it, because each is examined as a whole: that costs as much as a
check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.backgrounds import Colour, differ, exchanged, flat_border, laid_on
from gistchain.rareness.hashes import THRESHOLDS, turned
from gistchain.rareness.store.store import Store
from gistchain.rareness.store.thumbnail import thumbnail, thumbnail_opacity, unpack
from gistchain.types import Fingerprinter, Hashes, Picture, Pixels

MOST = 3
"""Renditions of one candidate."""
_USUAL: tuple[Colour, ...] = ((255, 255, 255), (0, 0, 0), (128, 128, 128))
"""Backgrounds on which a transparent candidate is looked up, to learn those of the images that it is like."""
_NEAREST = 5
"""Registered images whose backgrounds are asked for, of each look."""
_ALIKE = 0.5
"""Least correlation of the fingerprints from which an image is worth a comparison on its background."""
_SIDE = 640
"""Longest side in pixels of what the networks see of a rendition."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendition:
    """image: a thumbnail, which is laid over the registered images. background: on which the transparent ones of these
    are seen. fingerprint, turns: of the candidate with the background of registered images. seen: gives an image like
    `image` that background. transparent_only: whether it is compared with transparent images alone.
    """

    image: Pixels
    background: Colour
    fingerprint: NDArray[np.float32]
    turns: tuple[Hashes, ...]
    seen: Callable[[Pixels], Pixels]
    transparent_only: bool


def renditions(picture: Picture, store: Store, networks: Fingerprinter) -> Iterator[Rendition]:
    """The renditions of a candidate that some registered image is like, at most MOST."""
    if picture.background is not None and picture.alpha is not None:
        return _of_transparent(picture.pixels, picture.alpha, picture.background, store, networks)
    return _of_opaque(picture.pixels, store, networks)


def _of_opaque(pixels: Pixels, store: Store, networks: Fingerprinter) -> Iterator[Rendition]:
    small, backgrounds = thumbnail(pixels), store.backgrounds()
    border = flat_border(small) if backgrounds else None
    if border is None:
        return
    medium, transparent = _fitted(pixels), np.array(list(backgrounds))
    for wanted in _distinct([colour for colour, _ in Counter(backgrounds.values()).most_common()], border):

        def seen(image: Pixels, wanted: Colour = wanted) -> Pixels:
            return exchanged(image, border, wanted)

        fingerprint, turns, alike = _looked_up(seen(medium), store, networks)
        if max(alike[transparent]) >= _ALIKE:
            yield Rendition(small, border, fingerprint, turns, seen, True)


def _of_transparent(
    pixels: Pixels, opacity: NDArray[np.uint8], own: Colour, store: Store, networks: Fingerprinter
) -> Iterator[Rendition]:
    small, small_opacity = thumbnail(pixels), thumbnail_opacity(opacity)
    medium, medium_opacity = _fitted(pixels), _fitted(opacity)
    found: dict[Colour, float] = {}
    for usual in (own, *_USUAL):
        _, _, alike = _looked_up(laid_on(medium, medium_opacity, own, usual), store, networks)
        rows = np.argsort(-alike, kind="stable")[:_NEAREST]
        for row, entry in zip(rows, store.entries(rows.tolist()), strict=True):
            colour = entry.background or flat_border(unpack(entry.thumbnail))
            if colour is not None:
                found[colour] = max(found.get(colour, 0.0), float(alike[row]))
    for wanted in _distinct(sorted(found, key=lambda colour: -found[colour]), own):
        fingerprint, turns, alike = _looked_up(laid_on(medium, medium_opacity, own, wanted), store, networks)
        if max(alike) >= _ALIKE:
            image = laid_on(small, small_opacity, own, wanted)
            yield Rendition(image, wanted, fingerprint, turns, lambda image: image, False)


def _looked_up(
    image: Pixels, store: Store, networks: Fingerprinter
) -> tuple[NDArray[np.float32], tuple[Hashes, ...], NDArray[np.float32]]:
    """(fingerprint, hashes in eight turns, how alike every registered image is: its correlation, 1 for a near hash)."""
    fingerprint, turns = networks.fingerprint([image])[0], turned(image)
    alike = store.approximate(fingerprint)[0].copy()
    alike[[row for row, *_ in store.near(turns, THRESHOLDS)]] = 1
    return fingerprint, turns, alike


def _distinct(colours: Sequence[Colour], own: Colour) -> list[Colour]:
    """The first MOST that differ from each other and from one's own."""
    chosen: list[Colour] = []
    for colour in colours:
        if len(chosen) < MOST and all(differ(colour, other) for other in (own, *chosen)):
            chosen.append(colour)
    return chosen


def _fitted(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture or its opacity within _SIDE x _SIDE pixels."""
    height, width = plane.shape[:2]
    scale = _SIDE / max(height, width)
    if scale >= 1:
        return plane
    fitted: NDArray[np.uint8] = cv2.resize(
        plane, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    return fitted
