"""The bytes of a token's media -> its standard form: PNG, 512 pixels wide, the height to scale (S3.5)."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from gistchain.errors import ImageError
from gistchain.image import read_image
from gistchain.image.kinds import HEAD_BYTES, kind_of
from gistchain.types import Pixels

WIDTH = 512
MOST_HEIGHT = 8 * WIDTH
_PIXEL_ART = 256
"""So many colours at most, and less than WIDTH wide: enlarged pixel by pixel, as its makers show it."""


@dataclass(frozen=True, slots=True)
class Standard:
    """png: the file. kind: what the media was, by its first bytes. notes: what was done to read it."""

    png: bytes
    width: int
    height: int
    kind: str
    notes: tuple[str, ...]


def standard_form(media: bytes, name: str) -> Standard:
    """Decoded in a process of its own. Raises ImageError, also for what shows nothing that can be read."""
    picture = read_image(media, name)
    png, (width, height) = of_pixels(picture.pixels, name)
    return Standard(png, width, height, kind_of(media[:HEAD_BYTES]) or "", picture.notes)


def of_pixels(pixels: Pixels, name: str) -> tuple[bytes, tuple[int, int]]:
    """(PNG, (width, height)). Raises ImageError as `scaled` does."""
    image = scaled(pixels, name)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue(), image.size


def scaled(pixels: Pixels, name: str) -> Image.Image:
    """WIDTH pixels wide. Raises ImageError for a picture that would be more than MOST_HEIGHT high."""
    height, width, _ = pixels.shape
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    if size[1] > MOST_HEIGHT:
        raise ImageError(f"{name} is {width} x {height}: {WIDTH} wide it would be more than {MOST_HEIGHT} high")
    image = Image.fromarray(pixels)
    if image.size != size:
        few = image.width < WIDTH and image.getcolors(_PIXEL_ART) is not None
        image = image.resize(size, Image.Resampling.NEAREST if few else Image.Resampling.LANCZOS)
    return image
