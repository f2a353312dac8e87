"""Learns the shipped collections: tokens train-0 .. train-999 of each -> gistchain/models/weights/collection-*.layers.

    python -m training.layered.collections [NAME ...]          # about 40 CPU-seconds each, those of SCARCE 200 to 330
    python -m training.layered.collections --judge NAME ...    # the layers that are there, judged by other tokens

Punks and Nouns are left out: training/traitnet makes their models.
The code is what `gistchain collection train` runs; only the tokens come from the drawing packages instead of a folder.
A fit that was begun is continued from training/cache.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.known import dicebear, pfp30, robohash
from gistchain.models.layered.judge import Part, judged
from gistchain.models.layered.learn import learn
from gistchain.models.layered.merge import relabelled
from gistchain.models.layered.model import SIDE, Floats, Layers, pack, to_floats, unpack
from training.data import pfp
from training.places import CACHE, WEIGHTS
from training.weights import minutes_since, write_weights

OWN_MODELS = ("punks", "nouns")
MANY = 3000
SCARCE = (
    *("voxel-art", "cutouts", "critters", "personas", "notionists", "pixel-art", "lorelei", "sprouts"),
    *("moods", "stack"),
)
"""Collections with traits so rare, or parts that move so much, that 1,000 tokens hardly show them: MANY are learnt."""
FINE = ("voxel-art",)
"""Collections that are learnt from tokens drawn large and averaged: at 64 x 64 their edges are drawn otherwise."""
_JUDGES = 600


def make(name: str) -> None:
    fine = name in FINE
    tokens = pfp.tokens(name, count=MANY if name in SCARCE else pfp.COUNT, fine=fine)
    start = time.process_time()
    checkpoint = CACHE / "layers" / f"{name}-{len(tokens)}{'-fine' if fine else ''}.npz"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    resumed = {"resumed": True} if checkpoint.exists() else {}
    layers = learn(to_floats(tokens.images), tokens.labels, tokens.traits, checkpoint=checkpoint)
    card = {
        "kind": "collection",
        "collection": name,
        "subject": tokens.traits.subject,
        "data": credit(name, len(tokens)),
        "licence": "Apache-2.0 (weights); art: see data",
        "recipe": "training/layered/collections.py",
        "tokens": len(tokens),
        "drawn_at": pfp.FINE if fine else SIDE,
        "cpu_minutes": minutes_since(start),
        **resumed,
    }
    _write(name, layers, card)


def judge(name: str) -> None:
    """Measures the shipped layers anew on the seeds after those that they were learnt from, drawn large."""
    stem = WEIGHTS / f"collection-{name}"
    layers = unpack(stem.with_suffix(".layers").read_bytes(), name)
    card = json.loads(stem.with_suffix(".json").read_text("utf-8"))
    start = int(card["tokens"])
    others = pfp.averaged(name, [f"train-{k}" for k in range(start, start + _JUDGES)])
    images, labels = to_floats(others.images), relabelled(others.labels, others.traits, layers)
    halves = [_part(layers, images[k::2], labels[k::2]) for k in (0, 1)]
    _write(
        name,
        judged(layers, halves, merging=not layers.merged),
        card | {"judged": f"seeds train-{start} .. train-{start + _JUDGES - 1}, drawn at {pfp.FINE}"},
    )


def _part(layers: Layers, images: Floats, labels: NDArray[np.int64]) -> Part:
    return Part(layers, images, labels, np.ones(labels.shape, bool))


def _write(name: str, layers: Layers, card: dict[str, Any]) -> None:
    merged = {"merged": layers.merged} if layers.merged else {}
    write_weights(f"collection-{name}", pack(layers), card | merged, suffix="layers")


def credit(name: str, count: int) -> str:
    if name in robohash.SETS:
        return f"RoboHash {robohash.credit(name)}, seeds train-0 .. train-{count - 1}"
    return f"DiceBear {dicebear.credit(name)}, seeds train-0 .. train-{count - 1}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=[n for n in pfp30.TRAINING if n not in OWN_MODELS])
    parser.add_argument("--judge", action="store_true")
    given = parser.parse_args()
    for each in given.names:
        (judge if given.judge else make)(each)
