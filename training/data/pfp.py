"""Draws and caches the tokens of PFP-30: training/cache/pfp/{collection}.npz (images, labels).

python -m training.data.pfp [PROCESSES]        # 1,000 tokens of each training collection, about 25 CPU-minutes
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from gistchain.collection.known import pfp30
from gistchain.collection.tokens import Tokens
from gistchain.models.area import area_average
from gistchain.models.layered.model import SIDE, to_pixels
from training.places import CACHE

COUNT = 1000
FOLDER = CACHE / "pfp"
_AT_ONCE = 50


FINE = 512
"""Pixels a side that tokens are usually found with."""


def tokens(collection: str, part: str = "train", count: int = COUNT, *, fine: bool = False) -> Tokens:
    """part: train, or heldout (which nothing trains or tunes on). fine: drawn by `averaged`, else at 64 x 64."""
    path = FOLDER / f"{collection}-{part}-{count}{'-fine' if fine else ''}.npz"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        if fine and part == "train":
            made = averaged(collection, [f"train-{k}" for k in range(count)])
        else:
            made = pfp30.training(collection, count) if part == "train" else pfp30.held_out(collection, count)
        np.savez_compressed(path, images=made.images, labels=made.labels)
    with np.load(path) as kept:
        names = tuple(f"{collection}-{part}-{i}" for i in range(len(kept["labels"])))
        return Tokens(pfp30.traits(collection), names, kept["images"], kept["labels"])


def averaged(collection: str, seeds: Sequence[str]) -> Tokens:
    """Tokens at 64 x 64, drawn at FINE and averaged as captioners do: edges come out otherwise than drawn at 64."""
    images, labels = [], []
    for start in range(0, len(seeds), _AT_ONCE):
        drawn = pfp30.drawn(collection, seeds[start : start + _AT_ONCE], size=FINE)
        images += [to_pixels(area_average(image, SIDE).transpose(1, 2, 0)) for image in drawn.images]
        labels += list(drawn.labels)
    return Tokens(pfp30.traits(collection), tuple(seeds), np.stack(images), np.stack(labels))


if __name__ == "__main__":
    with ProcessPoolExecutor(int(sys.argv[1]) if len(sys.argv) > 1 else 2) as pool:
        for name, made in zip(pfp30.TRAINING, pool.map(tokens, pfp30.TRAINING), strict=True):
            print(name, made.images.shape, made.caption(0), flush=True)
