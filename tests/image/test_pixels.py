"""What pictures are: the same, or nothing to see."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gistchain.image import pixels_sha3_256, read_image, shows_nothing
from gistchain.image.reading import ONE_COLOUR_NOTE
from tests.support.pictures import encoded

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))


def test_the_same_pixels_in_another_file_have_the_same_hash() -> None:
    files = [encoded(NOISE), encoded(NOISE, compress_level=0), encoded(NOISE, "BMP"), encoded(NOISE.convert("RGBA"))]
    pictures = [read_image(file) for file in files]
    assert len({picture.sha3_256 for picture in pictures}) == 4
    assert len({pixels_sha3_256(picture) for picture in pictures}) == 1


def test_another_pixel_another_shape_or_another_opacity_is_another_hash() -> None:
    changed = NOISE.copy()
    changed.putpixel((3, 4), (1, 2, 3))
    thinner = NOISE.convert("RGBA")
    thinner.putpixel((3, 4), (*thinner.getpixel((3, 4))[:3], 254))
    turned = Image.frombytes("RGB", (20, 30), NOISE.tobytes())
    hashes = [pixels_sha3_256(read_image(encoded(image))) for image in (NOISE, changed, thinner, turned)]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (3, 3, 3), (220, 20, 20)])
def test_one_colour_shows_nothing(colour: tuple[int, int, int]) -> None:
    for kind in ("PNG", "JPEG"):
        picture = read_image(encoded(Image.new("RGB", (160, 160), colour), kind))
        assert shows_nothing(picture.pixels)
        assert picture.notes == (ONE_COLOUR_NOTE,)


def test_a_few_marks_show_something() -> None:
    page = Image.new("RGB", (160, 160), (250, 250, 250))
    page.paste((200, 200, 200), (71, 73, 75, 75))
    assert not shows_nothing(read_image(encoded(page)).pixels)
    assert not shows_nothing(np.asarray(NOISE))
