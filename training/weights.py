"""A trained model -> gistchain/models/weights/NAME.onnx (or another suffix) and its card, NAME.json.

A card says what a weight file is and where it comes from: kind, data, licence, recipe (the script), cpu_minutes, and
the numbers that the model reads from it. The sha256 of the weight file is added here.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from training.places import WEIGHTS


def write_weights(name: str, raw: bytes, card: dict[str, Any], *, suffix: str = "onnx") -> None:
    """Writes the weight file and its card."""
    (WEIGHTS / f"{name}.{suffix}").write_bytes(raw)
    write_card(name, card | {"sha256": hashlib.sha256(raw).hexdigest()})
    print(f"{name}: {len(raw) / 1e6:.2f} MB", flush=True)


def write_card(name: str, card: dict[str, Any]) -> None:
    """Writes the card alone. For a model of a few numbers, such as photo-captioner, that is all there is."""
    (WEIGHTS / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")


def add_to_card(name: str, more: dict[str, Any]) -> None:
    """Adds what is measured after the weights were written; the next `write_weights` starts without it."""
    card = json.loads((WEIGHTS / f"{name}.json").read_text("utf-8"))
    write_card(name, card | more)


def minutes_since(started: float) -> float:
    """CPU-minutes of this process since `started`, a value of time.process_time()."""
    return round((time.process_time() - started) / 60, 2)
