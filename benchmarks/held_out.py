"""The tokens that no training has seen, and what is done to their images before a model sees them."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image

from gistchain.collection.known import dicebear, nouns, punks
from gistchain.collection.tokens import Tokens
from gistchain.types import Pixels

COLLECTIONS = ("punks", "nouns")
"""Those with neural models of their own; benchmarks/collections.py measures all."""


@functools.cache
def tokens(collection: str, count: int) -> Tokens:
    """The first `count` held-out tokens."""
    if collection == "punks":
        every = punks.tokens()
        part = slice(punks.HELD_OUT.start, punks.HELD_OUT.start + count)
        return Tokens(every.traits, every.names[part], every.images[part], every.labels[part])
    if collection == "nouns":
        return nouns.tokens(nouns.sample(count, rng=np.random.default_rng(2026), held=True))
    return dicebear.tokens(collection, dicebear.held_out_seeds(count), size=512)


def at_512(image: Pixels) -> Pixels:
    """As marketplaces show it: pixel art enlarged without smoothing."""
    return (
        image
        if image.shape[0] == 512
        else np.asarray(Image.fromarray(image).resize((512, 512), Image.Resampling.NEAREST))
    )


def jpeg(image: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as again:
        return np.asarray(again.convert("RGB"))


def noisy(image: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    return (image + rng.normal(0, sigma, image.shape)).round().clip(0, 255).astype(np.uint8)
