"""Layers of CryptoPunks and Nouns, which have models of their own: could layers take their place?

    python -m benchmarks.own_models [--tokens 3000] [--count 200] [--collections punks,nouns]

Fitted to tokens that may be trained on, measured on held-out ones at 64 x 64: exact_match: the whole caption is right;
ssim: of what is painted from the true caption. wanted: what both must reach before layers replace the shipped models.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import held_out, report
from gistchain.collection.known import pfp30
from gistchain.collection.scores import scores
from gistchain.collection.tokens import Tokens
from gistchain.models.layered.learn import learn
from gistchain.models.layered.merge import relabelled
from gistchain.models.layered.model import SIDE, pack, to_floats, unpack

WANTED = {"punks": {"exact_match": 0.978, "ssim": 0.985}, "nouns": {"exact_match": 0.99, "ssim": 0.975}}


def one(collection: str, count: int, tokens: int) -> dict[str, Any]:
    seen, held = _at_side(pfp30.training(collection, tokens)), _at_side(pfp30.held_out(collection, count))
    start = time.process_time()
    raw = pack(learn(to_floats(seen.images), seen.labels, seen.traits))
    minutes = (time.process_time() - start) / 60
    layers = unpack(raw, collection)
    told = Tokens(layers.traits, held.names, held.images, relabelled(held.labels, held.traits, layers))
    judged = scores(layers, told, lambda share: None)
    return {
        "n": judged.tokens,
        "exact_match": judged.exact,
        "ssim": judged.ssim,
        "confident": judged.confident,
        "wrong_though_confident": judged.wrong_though_confident,
        "by_type": judged.by_type,
        "merged": layers.merged,
        "cpu_minutes": round(minutes, 2),
        "bytes": len(raw),
        "wanted": WANTED[collection],
    }


def _at_side(tokens: Tokens) -> Tokens:
    """As the captioner sees them: pixel art enlarged without smoothing, then averaged to SIDE."""
    large = [
        Image.fromarray(held_out.at_512(image)).resize((SIDE, SIDE), Image.Resampling.BOX) for image in tokens.images
    ]
    return Tokens(tokens.traits, tokens.names, np.stack([np.asarray(image) for image in large]), tokens.labels)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=3000)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--collections", default="punks,nouns")
    given = parser.parse_args()
    figures = {}
    for collection in given.collections.split(","):
        figures[collection] = one(collection, given.count, given.tokens)
        print(collection, {k: v for k, v in figures[collection].items() if k != "by_type"}, flush=True)
    data = f"{given.tokens} tokens that may be trained on, the first {given.count} held-out ones, at 64 x 64"
    report.write("own_models", figures=figures, data=data)


if __name__ == "__main__":
    main()
