"""The pictures that the latent coder learns from, and a picture as the coder starts on it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gistchain.models.photo.latent.pyramid import Pyramid
from gistchain.models.photo.latent.wavelet import analyse, to_planes
from gistchain.types import Pixels
from training.data import photos
from training.places import CACHE

SIDE = 256


def training_pictures(per_photo: int, seed: int) -> list[Pixels]:
    """Crops of the large photos, the small ones whole, cut-out drawings over a flat colour, and avatars."""
    rng = np.random.default_rng(seed)
    found: list[Pixels] = []
    for photo in photos.training_photos():
        if min(photo.size) >= 400:
            found += [photos.crop(photo, SIDE, rng=rng) for _ in range(per_photo)]
        else:
            found.append(photos.pixels(photo, SIDE))
    drawings = photos.training_drawings()
    for k in rng.choice(len(drawings), 70 * per_photo, replace=False):
        found.append(_over_colour(photos.rgba(drawings[k], int(rng.integers(96, SIDE + 1))), rng))
    for style in ("big-smile", "fun-emoji"):
        with np.load(CACHE / f"{style}.npz") as kept:
            found += list(kept["images"][:15])
    return found


def _over_colour(drawing: Image.Image, rng: np.random.Generator) -> Pixels:
    if rng.random() < 0.6:
        return photos.over(drawing)
    red, green, blue = map(int, rng.integers(0, 256, 3))
    return photos.over(drawing, (red, green, blue))


def started(image: Pixels) -> tuple[Pyramid, int]:
    pyramid = Pyramid(*image.shape[:2], grey=False)
    return pyramid, pyramid.take([analyse(plane) for plane in to_planes(image)])
