"""Learns the shipped collections: tokens train-0 .. train-999 of each -> gistchain/models/weights/collection-*.layers.

    python -m training.collections [NAME ...]     # about 40 CPU-seconds each; punks and Nouns have their own models

The code is what `gistchain collection train` runs; only the tokens come from the drawing packages instead of a folder.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

import numpy as np

from gistchain.collection.known import dicebear, pfp30, robohash
from gistchain.models.layered.learn import learn
from gistchain.models.layered.model import pack
from training import pfp
from training.traits import WEIGHTS

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
        "recipe": "training/collections.py",
        "tokens": len(tokens),
        "cpu_minutes": round((time.process_time() - start) / 60, 2),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    (WEIGHTS / f"collection-{name}.layers").write_bytes(raw)
    (WEIGHTS / f"collection-{name}.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    print(name, f"{card['cpu_minutes']} CPU-minutes, {len(raw) / 1e6:.2f} MB", flush=True)


def credit(name: str) -> str:
    if name in robohash.SETS:
        return f"RoboHash {robohash.credit(name)}, seeds train-0 .. train-999"
    return f"DiceBear {dicebear.credit(name)}, seeds train-0 .. train-999"


if __name__ == "__main__":
    for given in sys.argv[1:] or [n for n in pfp30.TRAINING if n not in OWN_MODELS]:
        make(given)
