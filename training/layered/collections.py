"""Learns the shipped collections: tokens train-0 .. train-999 of each -> gistchain/models/weights/collection-*.layers.

    python -m training.layered.collections [NAME ...]     # about 40 CPU-seconds each

Punks and Nouns are left out: training/traitnet makes their models.
The code is what `gistchain collection train` runs; only the tokens come from the drawing packages instead of a folder.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from gistchain.collection.known import dicebear, pfp30, robohash
from gistchain.models.layered.learn import learn
from gistchain.models.layered.model import pack
from training.data import pfp
from training.weights import minutes_since, write_weights

OWN_MODELS = ("punks", "nouns")


def make(name: str) -> None:
    tokens = pfp.tokens(name)
    images = (tokens.images.astype(np.float32) / 127.5 - 1).reshape(len(tokens), -1, 3)
    start = time.process_time()
    raw = pack(learn(images, tokens.labels, tokens.traits))
    card = {
        "kind": "collection",
        "collection": name,
        "subject": tokens.traits.subject,
        "data": credit(name),
        "licence": "Apache-2.0 (weights); art: see data",
        "recipe": "training/layered/collections.py",
        "tokens": len(tokens),
        "cpu_minutes": minutes_since(start),
    }
    write_weights(f"collection-{name}", raw, card, suffix="layers")


def credit(name: str) -> str:
    if name in robohash.SETS:
        return f"RoboHash {robohash.credit(name)}, seeds train-0 .. train-999"
    return f"DiceBear {dicebear.credit(name)}, seeds train-0 .. train-999"


if __name__ == "__main__":
    for given in sys.argv[1:] or [n for n in pfp30.TRAINING if n not in OWN_MODELS]:
        make(given)
