"""The tokens that no training has seen, and how a benchmark's figures are written down."""

from __future__ import annotations

import functools
import io
import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gistchain.collection.known import dicebear, nouns, punks
from gistchain.collection.tokens import Tokens
from gistchain.models.zoo.weights import WEIGHTS, card
from gistchain.types import Pixels

RESULTS = Path(__file__).parent / "results"
COLLECTIONS = ("punks", "nouns")
"""Those with models of their own; benchmarks/collections.py has them all."""


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


def write(name: str, figures: dict[str, Any], *, models: list[str], data: str) -> None:
    """benchmarks/results/{name}.json: the figures with the command, data, models and machine that made them."""
    import onnxruntime

    RESULTS.mkdir(exist_ok=True)
    record = {
        "command": f"python -m benchmarks.{name} {' '.join(sys.argv[1:])}".strip(),
        "data": data,
        "models": {m: card(m)["sha256"][:16] for m in models},
        "machine": f"{platform.machine()}, Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}",
        "figures": figures,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def write_on_card(model: str, figures: dict[str, Any]) -> None:
    """Adds the held-out scores to the model's card; a new export starts a new card without any."""
    path = WEIGHTS / f"{model}.json"
    path.write_text(json.dumps(card(model) | {"held_out": figures}, indent=1) + "\n", "utf-8")
