"""One image -> the bytes that each classical codec would put on the chain, and back: the rivals of S0.9."""

from __future__ import annotations

import io

import numpy as np

from gistchain.types import Pixels

# Name -> (Pillow format, options). PNG stands for storing the original itself, losslessly.
CODECS: dict[str, tuple[str, dict[str, int | bool]]] = {
    "PNG": ("PNG", {"optimize": True}),
    "WebP q75": ("WEBP", {"quality": 75}),
    "WebP q1": ("WEBP", {"quality": 1}),
    "JPEG q75": ("JPEG", {"quality": 75}),
    "JPEG q1": ("JPEG", {"quality": 1}),
    "AVIF q50": ("AVIF", {"quality": 50}),
}


def encode(image: Pixels, codec: str) -> bytes:
    """The image file. codec: a name of CODECS."""
    from PIL import Image

    name, options = CODECS[codec]
    file = io.BytesIO()
    Image.fromarray(image).save(file, name, **options)
    return file.getvalue()


def decode(data: bytes) -> Pixels:
    """The pixels of an image file that `encode` made."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
