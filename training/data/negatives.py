"""Images of no trained collection, which the captioner learns to call unknown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.known import dicebear
from training.places import CACHE

# PFP-30's test and validation collections (toon-head, planets, miniavs, cameo, micah) are not among them.
OTHER_STYLES = (
    "adventurer", "avataaars", "bottts", "clay", "cutouts", "dylan", "icons", "identicon", "landscape", "line-face",
    "lorelei", "marbles", "moods", "notionists", "open-peeps", "personas", "pixel-art", "pixelbot", "shapes", "sprouts",
    "stack", "thumbs", "voxel-art",
)  # fmt: skip
EACH = 60


def other_styles() -> NDArray[np.uint8]:
    path = CACHE / "other-styles.npz"
    if not path.exists():
        drawn = [dicebear.avatar(name, {"seed": f"train-{i}"}, 64) for name in OTHER_STYLES for i in range(EACH)]
        np.savez_compressed(path, images=np.stack(drawn))
    with np.load(path) as kept:
        return kept["images"]


def dead_leaves(rng: np.random.Generator, side: int = 64) -> NDArray[np.float32]:
    """(3, side, side) in -1..1: overlapping discs whose radii follow a power law.

    They have the statistics of natural images (Lee, Mumford, Huang 2001).
    """
    y, x = np.mgrid[:side, :side]
    image = np.broadcast_to(rng.uniform(-1, 1, 3)[:, None, None], (3, side, side)).copy()
    base = rng.uniform(-1, 1, 3)
    for _ in range(int(rng.integers(20, 80))):
        radius = 2.0 / rng.random() ** 0.7
        centre = rng.uniform(0, side, 2)
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
        image[:, inside] = np.clip(base + rng.normal(0, 0.5, 3), -1, 1)[:, None]
    image += rng.normal(0, rng.uniform(0, 0.15), image.shape)
    return image.clip(-1, 1).astype(np.float32)


def plain(rng: np.random.Generator, side: int = 64) -> NDArray[np.float32]:
    """(3, side, side) in -1..1: a single colour, a gradient, coloured noise with a 1/f spectrum, or white noise."""
    colour = rng.uniform(-1, 1, (3, 1, 1))
    kind = rng.integers(4)
    if kind == 0:
        image = np.broadcast_to(colour, (3, side, side))
    elif kind == 1:
        y, x = np.mgrid[:side, :side] / side
        image = colour + rng.uniform(-1, 1, (3, 1, 1)) * x + rng.uniform(-1, 1, (3, 1, 1)) * y
    elif kind == 2:
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None]) + 1 / side
        spectrum = np.fft.fft2(rng.normal(size=(3, side, side))) / frequency ** rng.uniform(0.7, 1.6)
        image = np.real(np.fft.ifft2(spectrum))
        image = colour + image / image.std() * rng.uniform(0.1, 0.6)
    else:
        image = colour * 0.5 + rng.normal(0, rng.uniform(0.1, 1), (3, side, side))
    return np.clip(image, -1, 1).astype(np.float32)
