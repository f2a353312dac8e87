"""Small files in every format that is read, as seeds: with and without transparency, EXIF, animation, 16 bits."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
from PIL import Image

from fuzz.mutate import mutated, with_png_checksums

_TIFF = ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg", "tiff_adobe_deflate")


def seeds() -> list[bytes]:
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (24, 33, 3), np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (9, 9), np.uint16))
    exif = Image.Exif()
    exif[274], exif[270] = 6, "x" * 40
    moving: dict[str, Any] = {"save_all": True, "append_images": [image.rotate(9), image.rotate(19)]}
    files = [
        _file(image, "PNG", exif=exif),
        _file(image.quantize(16), "PNG", transparency=3),
        _file(deep, "PNG"),
        _file(image, "PNG", **moving),
        _file(image, "JPEG", exif=exif),
        _file(image, "JPEG", progressive=True),
        _file(image.convert("CMYK"), "JPEG"),
        _file(image, "MPO", **moving),
        _file(image, "WEBP", exif=exif),
        _file(image.convert("RGBA"), "WEBP", lossless=True),
        _file(image, "WEBP", **moving),
        _file(image, "GIF", **moving),
        _file(image, "BMP"),
        _file(image.quantize(9), "BMP"),
        *(_file(image, "TIFF", compression=kind) for kind in _TIFF),
        _file(image.convert("1"), "TIFF", compression="group4"),
        _file(image.convert("F"), "TIFF"),
        _file(deep, "TIFF"),
        _file(image, "TIFF", **moving),
        _file(image, "PPM"),
        _file(image, "AVIF", exif=exif),
        b"P3 3 2 255\n" + b" ".join(b"%d" % n for n in range(18)),
        b"P1 4 2\n10100101",
        b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(16),
        b"Pf\n2 2\n-1.0\n" + bytes(16),
    ]
    return files


def picture(files: list[bytes], rng: random.Random) -> bytes:
    """One of them, changed."""
    changed = mutated(rng.choice(files), rng)
    return with_png_checksums(changed) if changed.startswith(b"\x89PNG") and rng.random() < 0.7 else changed


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    options["append_images"] = [frame.copy() for frame in options.get("append_images", ())]
    # Copies: a save leaves the options of its encoder behind.
    image.copy().save(file, kind, **options)
    return file.getvalue()
