"""Draws and caches the tokens of PFP-30: training/cache/pfp/{collection}.npz (images, labels).

python -m training.data.pfp [PROCESSES]        # 1,000 tokens of each training collection, about 25 CPU-minutes
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from gistchain.collection.known import pfp30
from gistchain.collection.tokens import Tokens
from training.places import CACHE

COUNT = 1000
FOLDER = CACHE / "pfp"


def tokens(collection: str, part: str = "train", count: int = COUNT) -> Tokens:
    """part: train, or heldout (which nothing trains or tunes on)."""
    path = FOLDER / f"{collection}-{part}-{count}.npz"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        made = pfp30.training(collection, count) if part == "train" else pfp30.held_out(collection, count)
        np.savez_compressed(path, images=made.images, labels=made.labels)
    with np.load(path) as kept:
        names = tuple(f"{collection}-{part}-{i}" for i in range(len(kept["labels"])))
        return Tokens(pfp30.traits(collection), names, kept["images"], kept["labels"])


if __name__ == "__main__":
    with ProcessPoolExecutor(int(sys.argv[1]) if len(sys.argv) > 1 else 2) as pool:
        for name, made in zip(pfp30.TRAINING, pool.map(tokens, pfp30.TRAINING), strict=True):
            print(name, made.images.shape, made.caption(0), flush=True)
