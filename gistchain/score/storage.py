"""The classical rivals of S0.9: one image -> the bytes that each codec would put on the chain, and back."""

from __future__ import annotations

import io

import numpy as np

from gistchain.types import Pixels

# Name -> (Pillow format, options). PNG is the original itself, losslessly packed.
CODECS: dict[str, tuple[str, dict[str, int | bool]]] = {
    "PNG": ("PNG", {"optimize": True}),
    "WebP q75": ("WEBP", {"quality": 75}),
    "WebP q1": ("WEBP", {"quality": 1}),
    "JPEG q75": ("JPEG", {"quality": 75}),
    "JPEG q1": ("JPEG", {"quality": 1}),
    "AVIF q50": ("AVIF", {"quality": 50}),
}


def encode(image: Pixels, codec: str) -> bytes:
    from PIL import Image

    name, options = CODECS[codec]
    file = io.BytesIO()
    Image.fromarray(image).save(file, name, **options)
    return file.getvalue()


def decode(data: bytes) -> Pixels:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
