"""Real collections -> pictures for a new database of fingerprints, so that siblings are recognised (S1.10).

They are tokens that the default models were trained on; held-out ones are not in the database either. Pixel art is
enlarged by whole factors, as its makers show it. The hash of a picture is that of its PPM file, which has the same
bytes on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gistchain.collection.known import nouns, pfp30, punks
from gistchain.collection.tokens import Tokens
from gistchain.types import Picture, Pixels

SIDE = 256
EACH = 170
"""Pictures of every collection: 5,100 in all."""
_AT_A_TIME = 10


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """One picture for the database, with the name and the caption of its token."""

    picture: Picture
    collection: str
    caption: str


def seeds(collection: str, each: int = EACH) -> Iterator[Seed]:
    """`each` different tokens of one collection of PFP-30, the same at every call.

    Raises ModelError where the package that holds the collection is not installed.
    """
    for start in range(0, each, _AT_A_TIME):
        tokens = _tokens(collection, range(start, min(start + _AT_A_TIME, each)))
        for index, name in enumerate(tokens.names):
            yield Seed(_picture(tokens.image(index), name), collection, tokens.caption(index))


def _tokens(collection: str, numbers: range) -> Tokens:
    if collection not in ("punks", "nouns"):
        return pfp30.drawn(collection, [f"train-{n}" for n in numbers], size=SIDE)
    if collection == "nouns":
        # Always the whole sample: a smaller one would not consist of its first tokens.
        chosen = nouns.sample(EACH, rng=np.random.default_rng(1), held=False)
        return nouns.tokens(chosen[numbers.start : numbers.stop])
    every = punks.tokens()
    step = punks.HELD_OUT.start // EACH
    picked = [n * step for n in numbers]
    return Tokens(every.traits, tuple(every.names[n] for n in picked), every.images[picked], every.labels[picked])


def _picture(image: Pixels, name: str) -> Picture:
    times = max(1, -(-SIDE // max(image.shape[:2])))
    large: Pixels = np.ascontiguousarray(image.repeat(times, 0).repeat(times, 1))
    height, width, _ = large.shape
    data = b"P6 %d %d 255\n" % (width, height) + large.tobytes()
    return Picture(large, hashlib.sha3_256(data).digest(), (width, height), name)
