"""Captioned pictures that may be trained on -> the frozen numbers that the joint embedder's heads read, cached.

    python -m training.packaged.pictures      # after training.data.pfp and training.data.photos; about 6 CPU-minutes

Besides what those two fetch, npm's @lobehub/fluent-emoji-3d (its folder assets) and unicode-emoji-json (its file
data-by-emoji.json) are looked for in training/cache/emoji: npm pack, and unpack them there.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gistchain.collection.known import pfp30
from gistchain.colours import colour_name
from gistchain.models.packaged import joint
from gistchain.models.packaged.networks import network
from gistchain.traits import caption
from gistchain.types import Pixels
from training.data import pfp, photos
from training.places import CACHE

FOLDER = CACHE / "joint"
EMOJI = CACHE / "emoji"
TOKENS, CLIPART, AVATARS = 600, 3000, 2500
DATA = [
    f"PFP-30's training collections, {TOKENS} tokens each (docs/data.md)",
    "Fluent Emoji 3D by Microsoft, npm @lobehub/fluent-emoji-3d 1.1.0 (MIT); names: unicode-emoji-json 0.9.0 (MIT)",
    "training part of Debian's openclipart-png (public domain) and tuxpaint-stamps-default (GPL-2)",
    "training photos of training/data/photos.py (licences in training/data/photos.json)",
    f"{AVATARS} plain figures drawn by training/packaged/pictures.py",
]


@dataclass(frozen=True)
class Measured:
    """One source of pictures: what the heads read of them, and their captions."""

    name: str
    images: NDArray[np.float16]
    classes: NDArray[np.float16]
    captions: list[str]


def sources() -> dict[str, Iterator[tuple[Pixels, str]]]:
    found: dict[str, Iterator[tuple[Pixels, str]]] = {c: _tokens(c) for c in (*pfp30.TRAINING, *pfp30.VALIDATION)}
    drawings = photos.training_drawings()
    stamps = [d for d in drawings if d.source == "stamps"]
    clipart = sorted((d for d in drawings if d.source == "clipart" and _usual(d.path)), key=lambda d: _hash(d.name))
    return found | {
        "stamps": ((photos.over(photos.rgba(d, 256)), d.caption) for d in stamps if not _tuning(d.caption)),
        "stamps-tuning": ((photos.over(photos.rgba(d, 256)), d.caption) for d in stamps if _tuning(d.caption)),
        "clipart": ((photos.over(photos.rgba(d, 256)), d.caption) for d in clipart[:CLIPART]),
        "photos": ((photos.pixels(p, 320), p.title) for p in photos.training_photos()),
        "emoji": _emoji(),
        "avatars": _avatars(np.random.default_rng(5)),
    }


def _tokens(collection: str) -> Iterator[tuple[Pixels, str]]:
    if collection in pfp30.TRAINING:
        tokens = pfp.tokens(collection)
    else:  # for tuning: its own seeds, not those that the benchmarks hold out
        tokens = pfp30.drawn(collection, [f"train-{i}" for i in range(200)])
    for k in range(min(TOKENS, len(tokens))):
        yield tokens.image(k), tokens.caption(k)


def _emoji() -> Iterator[tuple[Pixels, str]]:
    """Fluent Emoji 3D with their Unicode names: npm @lobehub/fluent-emoji-3d, unicode-emoji-json, in the cache."""
    names = json.loads((EMOJI / "data-by-emoji.json").read_text("utf-8"))
    for character, about in names.items():
        path = EMOJI / "assets" / f"{'-'.join(f'{ord(c):x}' for c in character)}.webp"
        if about["group"] != "Flags" and path.exists():
            with Image.open(path) as image:
                yield photos.over(image.convert("RGBA")), about["name"]


def _avatars(rng: np.random.Generator) -> Iterator[tuple[Pixels, str]]:
    """Plain figures in any colours, which teach where a background, a face, hair and clothes are."""
    for _ in range(AVATARS):
        colour = _colour(rng)
        picture, phrases = Image.new("RGB", (256, 256), colour), [f"{colour_name(colour)} background color"]
        draw = ImageDraw.Draw(picture)
        at, wide, tall = 128 + rng.integers(-12, 13), int(rng.integers(48, 84)), int(rng.integers(52, 88))
        for part, words in (("body", "body clothes shirt"), ("hair", "hair hat fur"), ("skin", "skin face base head")):
            if part != "skin" and rng.random() < 0.25:
                continue
            colour, word = _colour(rng), rng.choice(words.split())
            if part == "body":
                draw.ellipse((at - wide * 1.4, 180, at + wide * 1.4, 340), fill=colour)
            elif part == "hair":
                draw.ellipse((at - wide * 1.1, 112 - tall * 1.15, at + wide * 1.1, 112 + tall * 0.4), fill=colour)
            else:
                draw.ellipse((at - wide, 118 - tall * 0.8, at + wide, 118 + tall), fill=colour)
            phrases.append(f"{colour_name(colour)} {word} color")
        for side in (-1, 1):
            draw.ellipse((at + side * 24 - 6, 110, at + side * 24 + 6, 122), fill=(20, 20, 20))
        yield np.asarray(picture), caption("Avatar", [phrases[k] for k in rng.permutation(len(phrases))])


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    grey = (red + green + blue) // 3
    pull = rng.random() * 0.7 if rng.random() < 0.5 else 0.0
    return tuple(int(v + (grey - v) * pull) for v in (red, green, blue))  # type: ignore[return-value]


def _usual(path: Path) -> bool:
    """Whether a PNG has at most four million pixels, by its header: a few drawings have hundreds of millions."""
    with path.open("rb") as file:
        width, height = struct.unpack(">2I", file.read(24)[16:])
    return bool(width * height <= 4_000_000)


def _hash(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def _tuning(text: str) -> bool:
    """A sixth of what may be trained on is kept for choices, by the hash of its caption."""
    return _hash("tuning " + text) % 6 == 0


def measure(name: str, pairs: Iterator[tuple[Pixels, str]]) -> Measured:
    """From the cache, or anew."""
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        images, classes, captions = [], [], []
        for image, text in pairs:
            seen = network().run(image)
            images.append(joint.image_numbers(image, seen).astype(np.float16))
            classes.append(joint.likeliest(seen.probabilities).astype(np.float16))
            captions.append(text)
        np.savez(path, images=np.stack(images), classes=np.stack(classes), captions=np.array(captions))
    with np.load(path) as kept:
        return Measured(name, kept["images"], kept["classes"], [str(c) for c in kept["captions"]])


if __name__ == "__main__":
    started = time.process_time()
    for name, pairs in sources().items():
        print(name, len(measure(name, pairs).captions), f"{time.process_time() - started:.0f} CPU s", flush=True)
