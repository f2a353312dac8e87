"""Images of strangers: read right, or refused with a reason."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gistchain.errors import ImageError
from gistchain.image import MAX_FILE_BYTES, read_image
from gistchain.image.reading import ONE_COLOUR_NOTE
from tests.support.pictures import encoded

RED = (255, 0, 0)


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = struct.pack(">I", 10) + b"IDAT" + bytes(14)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + pixels


def without_palette(data: bytes) -> bytes:
    at = data.index(b"PLTE") - 4
    return data[:at] + data[at + 12 + int.from_bytes(data[at : at + 4], "big") :]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG", "AVIF"])
def test_every_usual_format_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{kind.lower()}"
    path.write_bytes(encoded(Image.new("RGB", (7, 5), RED), kind))
    picture = read_image(path)
    assert picture.size == (7, 5)
    assert picture.pixels.shape == (5, 7, 3)
    assert picture.pixels.dtype == np.uint8
    assert np.abs(picture.pixels.astype(int) - RED).max() <= 6
    assert picture.sha3_256 == hashlib.sha3_256(path.read_bytes()).digest()
    assert picture.name == str(path)
    assert picture.notes == (ONE_COLOUR_NOTE,)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    grey = Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16))
    assert read_image(encoded(grey, kind)).pixels[0, :, 0].tolist() == [0, 100, 255]


def test_floating_point_grey_is_scaled() -> None:
    grey = Image.fromarray(np.array([[0.0, 0.2, 1.0, np.nan]], np.float32))
    assert read_image(encoded(grey, "TIFF")).pixels[0, :, 1].tolist() == [0, 51, 255, 0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_become_rgb(mode: str) -> None:
    picture = Image.new("RGB", (3, 3), (255, 255, 255)).convert(mode)
    assert (read_image(encoded(picture)).pixels == 255).all()


def test_cmyk_becomes_rgb() -> None:
    red = read_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")).pixels
    assert np.abs(red.astype(int) - RED).max() <= 6


def test_a_photo_taken_sideways_is_turned_upright() -> None:
    picture = Image.new("RGB", (6, 4))
    picture.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    upright = read_image(encoded(picture, exif=exif))
    assert upright.size == (4, 6)
    assert upright.pixels[0, 3].tolist() == list(RED)


@pytest.mark.parametrize("size", [(1, 1), (20_000, 10), (10, 20_000)])
def test_extreme_shapes_are_read(size: tuple[int, int]) -> None:
    assert read_image(encoded(Image.new("RGB", size, RED))).size == size


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello", "convert it to PNG"),
        (b"8BPS" + bytes(40), "but PSD"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "no SVG that can be read"),
        (b"%PDF-1.7", "but PDF"),
        (encoded(Image.new("RGB", (4, 4)), "ICO"), "but ICO"),
        (without_palette(encoded(Image.new("P", (4, 4)))), "broken"),
        (b"\x89PNG\r\n\x1a\n and no more", "begins like a PNG file but is broken"),
        (encoded(Image.new("RGB", (64, 64)))[:-30], "broken|cut short"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:400], "broken|cut short"),
        (encoded(Image.effect_noise((64, 64), 50), "WEBP")[:300], "broken|convert"),
        (png_header(30_000, 30_000), "too many pixels"),
        (png_header(20_000, 10_001), "too many pixels"),
        (png_header(0, 5), "broken|convert"),
    ],
)
def test_what_is_no_safe_image_is_refused_with_its_name(data: bytes, says: str) -> None:
    with pytest.raises(ImageError, match=f"cat.png.*({says})"):
        read_image(data, "cat.png")


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ImageError, match="make it smaller"):
        read_image(path)


def test_unreadable_paths_say_why(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="regular file"):
        read_image(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="can't read"):
        read_image(Path("a\0b"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(Image.new("RGB", (2, 2))))
    path.chmod(0)
    with pytest.raises(ImageError, match="Permission denied"):
        read_image(path)


SEEDS = [
    encoded(Image.effect_noise((16, 16), 50), kind)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF")
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(0, 500),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_broken_file_raises_image_error_or_is_read(seed: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(seed)
    for at, byte in changes:
        data[at % len(data)] = byte
    try:
        picture = read_image(bytes(data[: max(1, len(data) - cut // 2)]))
    except ImageError:
        return
    assert picture.pixels.shape == (picture.size[1], picture.size[0], 3)


def test_importing_does_not_load_pillow() -> None:
    modules = "gistchain.image, gistchain.models.thumb8, gistchain.rareness.hashes"
    code = f"import sys, {modules}; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
