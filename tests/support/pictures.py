"""Pictures for tests, and their files."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from gistchain.collection.known import nouns
from gistchain.image import read_image
from gistchain.types import Picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of its file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def scene(seed: int, path: Path) -> Path:
    """A PNG file of soft coloured blobs, 96 x 96 pixels."""
    path.write_bytes(_scene(seed))
    return path


def picture(seed: int = 1) -> Picture:
    """The same, as it was read from a file named after the seed."""
    return read_image(_scene(seed), f"{seed}.png")


def noun(seed: int, path: Path, size: int = 320) -> Path:
    """A random Noun, none of those held out of training, as a file of the kind that the path names."""
    tokens = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(1000 + seed), held=False))
    Image.fromarray(tokens.image(0)).resize((size, size), Image.Resampling.NEAREST).save(path)
    return path


def sha3(path: Path) -> str:
    return hashlib.sha3_256(path.read_bytes()).hexdigest()


def _scene(seed: int) -> bytes:
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return encoded(Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC))
