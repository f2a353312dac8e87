"""Candidate, the registered images -> the candidate as it would look if one of them had another background.

    opaque, with a flat border    where transparent images are registered: they are seen on the candidate's own
                                  background, and the networks see the candidate on theirs
    transparent                   laid over the backgrounds of the registered images that it is like

Fingerprints depend little on a flat background (0.7 and more between any two, for emoji), so that the candidate's own
tells which registered images to try. Each rendition costs as much as a check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
_NEAREST = 5
"""Registered images whose backgrounds are tried."""
_ALIKE = 0.4
"""Least correlation of the fingerprints from which a registered image is worth it."""
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


def renditions(
    picture: Picture,
    fingerprint: NDArray[np.float32],
    turns: tuple[Hashes, ...],
    store: Store,
    networks: Fingerprinter,
) -> Iterator[Rendition]:
    """The renditions of a candidate, at most MOST, the likeliest first. fingerprint, turns: of the candidate."""
    own = picture.background
    if own is not None and picture.alpha is not None:
        alike = _alike(fingerprint, turns, store)
        return _of_transparent(picture.pixels, picture.alpha, own, _backgrounds(alike, store), networks)
    backgrounds = store.backgrounds()
    border = flat_border(thumbnail(picture.pixels)) if backgrounds else None
    if border is None:
        return iter(())
    alike = _alike(fingerprint, turns, store)
    likely = sorted((row for row in backgrounds if alike[row] >= _ALIKE), key=lambda row: -alike[row])
    return _of_opaque(picture.pixels, border, _distinct((backgrounds[row] for row in likely), border), networks)


def _of_opaque(
    pixels: Pixels, border: Colour, backgrounds: Iterable[Colour], networks: Fingerprinter
) -> Iterator[Rendition]:
    for wanted in backgrounds:

        def seen(image: Pixels, wanted: Colour = wanted) -> Pixels:
            return exchanged(image, border, wanted)

        looked_at = seen(_fitted(pixels))
        fingerprint, turns = networks.fingerprint([looked_at])[0], turned(looked_at)
        yield Rendition(thumbnail(pixels), border, fingerprint, turns, seen, True)


def _of_transparent(
    pixels: Pixels,
    opacity: NDArray[np.uint8],
    own: Colour,
    backgrounds: Iterable[Colour],
    networks: Fingerprinter,
) -> Iterator[Rendition]:
    for wanted in _distinct(backgrounds, own):
        looked_at = laid_on(_fitted(pixels), _fitted(opacity), own, wanted)
        fingerprint, turns = networks.fingerprint([looked_at])[0], turned(looked_at)
        image = laid_on(thumbnail(pixels), thumbnail_opacity(opacity), own, wanted)
        yield Rendition(image, wanted, fingerprint, turns, lambda image: image, False)


def _alike(fingerprint: NDArray[np.float32], turns: tuple[Hashes, ...], store: Store) -> NDArray[np.float32]:
    """How alike every registered image is: its correlation, 1 for a near hash. Shape (N,)."""
    alike = store.approximate(fingerprint)[0].copy()
    alike[[row for row, *_ in store.near(turns, THRESHOLDS)]] = 1
    return alike


def _backgrounds(alike: NDArray[np.float32], store: Store) -> list[Colour]:
    """The backgrounds of the most alike, as far as they have one: transparent, or with a flat border."""
    rows = [int(row) for row in np.argsort(-alike, kind="stable")[:_NEAREST] if alike[row] >= _ALIKE]
    found = (entry.background or flat_border(unpack(entry.thumbnail)) for entry in store.entries(rows))
    return [colour for colour in found if colour is not None]


def _distinct(colours: Iterable[Colour], own: Colour) -> list[Colour]:
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
