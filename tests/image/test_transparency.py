"""A transparent drawing lies over a colour that shows it; what it hides does not count."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gistchain.image import flatten, pixels_sha3_256, read_image, shows_nothing
from gistchain.image.reading import ONE_COLOUR_NOTE
from gistchain.types import Picture
from tests.support.pictures import encoded


def logo(colour: tuple[int, int, int], corner: int = 20, hidden: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    image = Image.new("RGBA", (100, 100), (*hidden, 0))
    ImageDraw.Draw(image).ellipse((corner, 20, 80, 80), fill=(*colour, 255))
    return image


def read(image: Image.Image) -> Picture:
    return read_image(encoded(image))


@pytest.mark.parametrize(
    ("colour", "background"),
    [
        ((255, 255, 255), (0, 0, 0)),
        ((240, 240, 240), (0, 0, 0)),
        ((0, 0, 0), (255, 255, 255)),
        ((255, 255, 0), (255, 255, 255)),
        ((128, 128, 128), (255, 255, 255)),
    ],
)
def test_the_background_is_one_that_shows_the_drawing(
    colour: tuple[int, int, int], background: tuple[int, int, int]
) -> None:
    picture = read(logo(colour))
    assert picture.background == background
    assert picture.pixels[0, 0].tolist() == list(background)
    assert picture.pixels[50, 50].tolist() == list(colour)
    assert not shows_nothing(picture.pixels)


def test_a_white_drawing_with_a_dark_outline_stays_on_white() -> None:
    image = Image.new("RGBA", (100, 100))
    ImageDraw.Draw(image).ellipse((20, 20, 80, 80), fill=(255, 255, 255, 255), outline=(10, 10, 10, 255), width=4)
    assert read(image).background == (255, 255, 255)


def test_a_drawing_of_black_and_white_halves_is_laid_over_what_shows_both() -> None:
    image = logo((255, 255, 255))
    ImageDraw.Draw(image).rectangle((40, 40, 60, 60), fill=(0, 0, 0, 255))
    assert read(image).background == (0, 0, 0)  # the black square stands inside the white
    assert "black" in read(image).notes[0]


def test_two_white_logos_are_different_pictures() -> None:
    one, other = read(logo((255, 255, 255), 20)), read(logo((255, 255, 255), 60))
    assert np.abs(one.pixels.astype(int) - other.pixels).mean() > 20


def test_hidden_colours_change_nothing() -> None:
    plain, pink = (read(logo((30, 90, 200), hidden=hidden)) for hidden in ((0, 0, 0), (255, 60, 180)))
    assert (plain.pixels == pink.pixels).all()
    assert plain.colours is not None
    assert pink.colours is not None
    assert (plain.colours == pink.colours).all()
    assert plain.sha3_256 != pink.sha3_256
    assert pixels_sha3_256(plain) == pixels_sha3_256(pink)


@pytest.mark.parametrize("background", [(0, 0, 0), (255, 255, 255), (12, 200, 99)])
def test_a_picture_can_be_laid_over_any_colour(background: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(5)
    image = Image.fromarray(rng.integers(0, 256, (40, 30, 4), dtype=np.uint8))
    wanted = Image.alpha_composite(Image.new("RGBA", image.size, background), image).convert("RGB")
    assert np.abs(flatten(read(image), background).astype(int) - np.asarray(wanted)).max() <= 1


def test_an_opaque_picture_is_the_same_over_anything() -> None:
    picture = read(Image.fromarray(np.full((5, 4, 4), 255, np.uint8)))
    assert (picture.alpha, picture.colours, picture.background) == (None, None, None)
    assert flatten(picture, (1, 2, 3)) is picture.pixels


def test_what_is_fully_transparent_shows_nothing_and_says_so() -> None:
    picture = read(Image.new("RGBA", (8, 8), (200, 10, 10, 0)))
    assert (picture.pixels == 255).all()
    assert shows_nothing(picture.pixels)
    assert picture.notes == ("fully transparent: laid over white", ONE_COLOUR_NOTE)


def test_pixels_between_lie_over_the_background() -> None:
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 128))
    assert read(picture).pixels.tolist() == [[[255] * 3, [127] * 3]]
    assert read(picture).notes == ("transparent: laid over white",)


def test_a_transparent_palette_entry_lies_over_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    assert read_image(encoded(picture, transparency=0)).pixels.tolist() == [[[255, 255, 255], [0, 0, 255]]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_opacity_is_read_from_every_format_that_has_one(kind: str) -> None:
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(kind, {})
    picture = read_image(encoded(logo((200, 30, 30)), kind, **options))
    assert picture.alpha is not None
    assert picture.alpha.shape == (100, 100)
    assert (picture.alpha[0, 0], picture.alpha[50, 50]) == (0, 255)
    assert np.abs(picture.pixels[50, 50].astype(int) - (200, 30, 30)).max() <= 6
