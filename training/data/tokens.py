"""The training tokens of punks, Nouns and four DiceBear styles, as cached arrays.

    python -m training.data.tokens        # draws and caches the DiceBear tokens (about 10 CPU-minutes)

What is held out is never drawn here: punks 9000-9999, held-out pairs of Nouns, DiceBear seeds heldout-*.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.known import dicebear, nouns, punks
from gistchain.collection.tokens import Tokens
from training.places import CACHE

DICEBEAR_TOKENS = 5000


def punks_training() -> Tokens:
    path = CACHE / "punks.npz"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        every = punks.tokens()
        np.savez_compressed(path, images=every.images, labels=every.labels)
    with np.load(path) as kept:
        stop = punks.HELD_OUT.start
        names = tuple(f"punk-{i:04d}" for i in range(stop))
        return Tokens(punks.traits(), names, kept["images"][:stop], kept["labels"][:stop])


def dicebear_training(style: str, count: int = DICEBEAR_TOKENS) -> Tokens:
    path = CACHE / f"{style}.npz"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        drawn = dicebear.tokens(style, [f"train-{i}" for i in range(DICEBEAR_TOKENS)])
        np.savez_compressed(path, images=drawn.images, labels=drawn.labels)
    with np.load(path) as kept:
        names = tuple(f"{style}-train-{i}" for i in range(count))
        return Tokens(dicebear.traits(style), names, kept["images"][:count], kept["labels"][:count])


def rarity(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each row, 1 / sqrt(how many rows share its rarest value)."""
    shared = [np.where(c > 0, np.bincount(c, minlength=64)[c], len(labels)) for c in labels.T]
    weights: NDArray[np.float64] = 1 / np.sqrt(np.min(shared, axis=0))
    return weights


def nouns_training(count: int, rng: np.random.Generator) -> Tokens:
    return nouns.tokens(nouns.sample(count, rng=rng, held=False))


if __name__ == "__main__":
    with ProcessPoolExecutor(int(sys.argv[1]) if len(sys.argv) > 1 else 2) as pool:
        for style, drawn in zip(dicebear.STYLES, pool.map(dicebear_training, dicebear.STYLES), strict=True):
            print(style, drawn.images.shape, drawn.caption(0), flush=True)
    print("punks", punks_training().images.shape)
