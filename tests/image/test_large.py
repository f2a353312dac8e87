"""Pictures of very many pixels are read smaller and upright, and say so; what is larger still is refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from gistchain.errors import ImageError
from gistchain.image import read_image
from gistchain.image.large import LARGEST, LARGEST_JPEG, MOST_PIXELS, divisor
from tests.support.pictures import encoded

QUARTERS = Image.new("RGB", (2, 2))
for at, colour in enumerate(((200, 20, 20), (20, 180, 20), (20, 20, 200), (230, 230, 230))):
    QUARTERS.putpixel((at % 2, at // 2), colour)


def large(width: int, height: int) -> Image.Image:
    return QUARTERS.resize((width, height), Image.Resampling.NEAREST)


def corners(pixels: np.ndarray) -> np.ndarray:
    height, width, _ = pixels.shape
    return np.array([pixels[y, x] for y in (height // 4, -height // 4) for x in (width // 4, -width // 4)]).astype(int)


@pytest.mark.parametrize(
    ("size", "by"), [((8000, 8000), 1), ((12000, 9000), 2), ((20000, 12000), 2), ((25000, 20000), 4), ((1, 100), 1)]
)
def test_sides_are_halved_until_the_pixels_fit(size: tuple[int, int], by: int) -> None:
    assert divisor(size) == by
    assert (size[0] // by) * (size[1] // by) <= MOST_PIXELS


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_of_108_megapixels_is_read_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_image(encoded(large(12_000, 9_000), "JPEG", exif=exif, quality=30))
    upright = np.asarray(QUARTERS) if orientation == 1 else np.rot90(np.asarray(QUARTERS), -1)
    assert picture.size == ((6_000, 4_500) if orientation == 1 else (4_500, 6_000))
    assert picture.pixels.shape == (picture.size[1], picture.size[0], 3)
    assert np.abs(corners(picture.pixels) - upright.reshape(4, 3)).max() <= 12
    was = "12000 x 9000" if orientation == 1 else "9000 x 12000"
    assert picture.notes == (
        f"read at {picture.size[0]} x {picture.size[1]} pixels: the file's {was} are more than are worked with",
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda image: image.quantize(4),
        lambda image: image.convert("L"),
        lambda image: Image.merge("RGBA", (*image.split(), Image.new("L", image.size, 255))),
    ],
    ids=["palette", "grey", "with opacity"],
)
def test_other_formats_are_averaged(make: Callable[[Image.Image], Image.Image]) -> None:
    image = make(large(9_000, 8_000))
    picture = read_image(encoded(image, compress_level=1))
    assert picture.size == (4_500, 4_000)
    assert np.abs(corners(picture.pixels) - corners(np.asarray(image.convert("RGB")))).max() <= 1


def test_hidden_colours_do_not_bleed_into_the_edges_of_a_drawing_made_smaller() -> None:
    drawn = np.zeros((8_000, 9_000), np.uint8)
    drawn[1_001:7_001, 1_001:8_001] = 1
    image = Image.fromarray(drawn, "P")
    image.putpalette([0, 255, 0, 200, 30, 30])
    picture = read_image(encoded(image, compress_level=1, transparency=0))  # hidden green
    assert picture.colours is not None
    assert picture.alpha is not None
    edge = picture.colours[500, 500:4000][picture.alpha[500, 500:4000] > 0]
    assert np.abs(edge.astype(int) - (200, 30, 30)).max() <= 2


def test_a_file_of_two_photos_is_its_first() -> None:
    first, second = large(64, 48), Image.new("RGB", (64, 48))
    picture = read_image(encoded(first, "MPO", save_all=True, append_images=[second]))
    assert picture.size == (64, 48)
    assert np.abs(corners(picture.pixels) - np.asarray(QUARTERS).reshape(4, 3)).max() <= 12


def test_a_progressive_photo_is_read() -> None:
    picture = read_image(encoded(large(640, 480), "JPEG", progressive=True))
    assert np.abs(corners(picture.pixels) - np.asarray(QUARTERS).reshape(4, 3)).max() <= 12


def _png(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + b"\0\0\0\0IDAT"


def _jpeg(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("L", (8, 8)), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_png(20_000, 10_001), f"at most {LARGEST:,} pixels are decoded"),
        (_jpeg(25_000, 20_001), f"a JPEG of at most {LARGEST_JPEG:,} pixels is decoded"),
        (_png(9, 9_764_873), "a side has at most 200,000 pixels"),
    ],
)
def test_what_is_too_large_is_refused_with_the_limit(data: bytes, says: str) -> None:
    with pytest.raises(ImageError, match=f"^huge is .*{says}"):
        read_image(data, "huge")
