"""PFP-30: thirty real profile-picture collections with named traits, split by collection: training, validation, test.

What is tuned on some collections is scored on others (T3.2): no shipped weight has seen `TEST` or `VALIDATION`. Of the
training collections the seeds heldout-*, and what punks.py and nouns.py hold out, are not trained on either.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gistchain.collection.known import dicebear, nouns, punks, robohash
from gistchain.collection.tokens import Tokens
from gistchain.traits import Traits

TRAINING = (
    "punks", "nouns", "robohash-1", "big-smile", "clay", "critters", "cutouts", "dylan", "fun-emoji", "landscape",
    "line-face", "lorelei", "marbles", "moods", "notionists", "open-peeps", "personas", "pixel-art", "pixelbot",
    "shadows", "sprouts", "stack", "voxel-art", "voxel-bot",
)  # fmt: skip
VALIDATION = ("micah",)
TEST = ("toon-head", "planets", "miniavs", "cameo", "robohash-4")
ALL = TRAINING + VALIDATION + TEST


def traits(collection: str) -> Traits:
    if collection == "punks":
        return punks.traits()
    if collection == "nouns":
        return nouns.layers().traits
    return robohash.traits(collection) if collection in robohash.SETS else dicebear.traits(collection)


def drawn(collection: str, seeds: Sequence[str], *, size: int = 64) -> Tokens:
    """Tokens of a collection that is drawn from seeds: any but the punks and Nouns."""
    make = robohash.tokens if collection in robohash.SETS else dicebear.tokens
    return make(collection, seeds, size=size)


def training(collection: str, count: int) -> Tokens:
    """The first `count` tokens that may be trained on, at 64 x 64 or the collection's own size."""
    if collection == "punks":
        return _punks(0, min(count, punks.HELD_OUT.start))
    if collection == "nouns":
        return nouns.tokens(nouns.sample(count, rng=np.random.default_rng(1), held=False))
    return drawn(collection, [f"train-{i}" for i in range(count)])


def held_out(collection: str, count: int, *, size: int = 64, start: int = 0) -> Tokens:
    """Tokens that no training or tuning sees: punks 9000-9999, held-out pairs of Nouns, elsewhere seeds heldout-0 ..

    start: from the so manieth on, for those that nobody has looked at.
    """
    if collection == "punks":
        first = punks.HELD_OUT.start + start
        return _punks(first, first + count)
    if collection == "nouns":
        return nouns.tokens(nouns.sample(start + count, rng=np.random.default_rng(2026), held=True)[start:])
    return drawn(collection, dicebear.held_out_seeds(count, start), size=size)


def _punks(start: int, stop: int) -> Tokens:
    every, part = punks.tokens(), slice(start, stop)
    return Tokens(every.traits, every.names[part], every.images[part], every.labels[part])
