"""Writes gistchain/models/weights/fingerprint.json: the blocks of the fingerprint and how large their numbers are.

    python -m training.packaged.fingerprint            # the card, then the golden fingerprint of tests/golden
    python -m training.packaged.fingerprint golden     # that only

The root mean square of each block over training images: tokens of the training collections of PFP-30, training photos
and training drawings. Whatever is held out is not looked at.
"""

from __future__ import annotations

import base64
import json
import sys
import time
import zlib
from collections.abc import Iterator

import numpy as np
import onnxruntime

from gistchain.collection.known import pfp30
from gistchain.models.packaged import fingerprint
from gistchain.rareness.fingerprint import quantised
from gistchain.types import Pixels
from training.data import photos
from training.packaged.networks import golden_image
from training.places import GOLDEN
from training.weights import minutes_since, write_card

VERSION = "1"
BLOCKS = {
    "lite0-pooled": 1280, "lite0-peak": 1280, "lite1-pooled": 1280, "lite1-peak": 1280, "lite2-pooled": 1280,
    "lite2-stage-mean": 352, "lite2-stage-deviation": 352, "nsfwjs-mid": 1792, "open-nsfw": 1024, "nsfwjs-hidden": 128,
}  # fmt: skip
A_COLLECTION, PHOTOS, DRAWINGS = 6, 100, 100


def images() -> Iterator[Pixels]:
    for collection in pfp30.TRAINING:
        yield from pfp30.training(collection, A_COLLECTION).images
    rng = np.random.default_rng(0)
    pictures, drawings = photos.training_photos(), photos.training_drawings()
    for photo in rng.choice(len(pictures), PHOTOS):
        yield photos.crop(pictures[photo], 384, rng=rng)
    for drawing in rng.choice(len(drawings), DRAWINGS, replace=False):
        yield photos.over(photos.rgba(drawings[drawing], 384))


def main() -> None:
    started = time.process_time()
    squares: dict[str, list[float]] = {name: [] for name in BLOCKS}
    largest, zeros = dict.fromkeys(BLOCKS, 0.0), dict.fromkeys(BLOCKS, 0.0)
    for image in images():
        passed, _ = fingerprint._passes(image)
        for name, length in BLOCKS.items():
            assert passed[name].shape == (length,), name
            squares[name].append(float((passed[name].astype(np.float64) ** 2).mean()))
            largest[name] = max(largest[name], float(np.abs(passed[name]).max()))
            zeros[name] += float((passed[name] == 0).mean())
    count = len(squares["lite0-pooled"])
    blocks = {
        name: {"length": length, "rms": round(float(np.sqrt(np.mean(squares[name]))), 5)}
        for name, length in BLOCKS.items()
    }
    card = {
        "kind": "fingerprint", "version": VERSION,
        "data": f"{count} images: {A_COLLECTION} training tokens of each of {len(pfp30.TRAINING)} collections of "
        f"PFP-30, {PHOTOS} crops of training photos, {DRAWINGS} training drawings (licences: docs/data.md)",
        "licence": "Apache-2.0", "recipe": "training/packaged/fingerprint.py", "blocks": blocks,
        "cpu_minutes": minutes_since(started),
    }  # fmt: skip
    write_card("fingerprint", card)
    for name, about in blocks.items():
        print(f"{name:24}{about} largest {largest[name] / about['rms']:.1f}, {zeros[name] / count:.0%} zeros")
    print(f"{count} images, {time.process_time() - started:.0f} CPU s")


def golden() -> None:
    """Writes the fingerprint of one image as this machine has it, which every other machine must agree with."""
    numbers, _ = fingerprint.look(golden_image(160))
    record = {
        "made by": "python -m training.packaged.fingerprint golden",
        "onnxruntime": onnxruntime.__version__,
        "quantised": base64.b64encode(zlib.compress(quantised(numbers).tobytes(), 9)).decode(),
    }
    (GOLDEN / "fingerprint.json").write_text(json.dumps(record) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["golden"]:
        main()
    golden()
