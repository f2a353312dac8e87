"""Pictures that show nothing, the same pixels in another file, and one drawing on several backgrounds.

Real networks and classifiers. The pictures are drawn here, or come with scikit-image.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from gistchain import systems
from gistchain.image import read_image
from gistchain.rareness.check import Checker
from gistchain.settings import load
from gistchain.types import Picture, Rareness
from tests.support.pictures import encoded

Check = Callable[..., Rareness]

WHITE, BLACK, BLUE = (255, 255, 255), (0, 0, 0), (40, 60, 200)


def plain(colour: tuple[int, int, int], side: int = 160) -> bytes:
    return encoded(Image.new("RGB", (side, side), colour))


def logo(draw: Callable[[ImageDraw.ImageDraw], None]) -> bytes:
    """A white drawing on a transparent ground, whose hidden colour is white too."""
    image = Image.new("RGBA", (160, 160), (*WHITE, 0))
    draw(ImageDraw.Draw(image))
    return encoded(image)


def disc(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((30, 30, 130, 130), fill=(*WHITE, 255))


def bars(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((20, 60, 140, 100), fill=(*WHITE, 255))
    draw.line((20, 20, 140, 140), fill=(*WHITE, 255), width=14)


@functools.cache
def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()).resize((224, 150), Image.Resampling.BOX)


def sticker(hidden: tuple[int, int, int] = BLACK) -> Image.Image:
    """A round piece of a photo on a transparent ground."""
    image = Image.new("RGBA", (160, 106), (*hidden, 0))
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((30, 5, 130, 105), fill=255)
    image.paste(photo("chelsea").resize(image.size), mask=mask)
    return image


def flattened(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, (*colour, 255)), image).convert("RGB")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return systems.checker(load({"home": tmp_path_factory.mktemp("models")}, {}))


@pytest.fixture
def checked(models: Checker, tmp_path: Path) -> Check:
    """checked(candidate, name=registered ...) -> how rare it is among the registered ones; all are bytes of files."""
    from gistchain.rareness.store.store import Store

    checker = models.beside(Store(tmp_path, version=models.fingerprint_version), "registered")

    def call(candidate: bytes, **registered: bytes) -> Rareness:
        for name, file in registered.items():
            checker.remember(read_image(file, name), None, name=name, collection="", caption="", seed=True)
        return checker.check(read_image(candidate, "candidate"))

    return call


@pytest.mark.parametrize("colour", [BLACK, (2, 2, 2), (255, 0, 0)])
def test_one_colour_is_nothing_to_compare(checked: Check, colour: tuple[int, int, int]) -> None:
    found = checked(plain(colour), logo=logo(disc), white=plain(WHITE))
    assert (found.verdict, found.nearest, found.score, found.interval) == ("blank", None, 0.5, (0.0, 1.0))


def test_one_colour_with_the_noise_of_a_camera_is_nothing_to_compare(checked: Check) -> None:
    noise = np.random.default_rng(1).normal(20, 2, (160, 160, 3)).clip(0, 255).astype(np.uint8)
    assert checked(encoded(Image.fromarray(noise)), white=plain(WHITE)).verdict == "blank"


def test_the_very_file_of_one_colour_is_known_and_the_same_colour_in_another_file_is_not(checked: Check) -> None:
    assert "very same file" in checked(plain(WHITE), white=plain(WHITE)).reason
    again = encoded(Image.new("RGB", (160, 160), WHITE), "BMP")
    assert checked(again).verdict == "blank"


def test_a_blank_picture_is_nobodys_source(checked: Check) -> None:
    almost = Image.new("RGB", (160, 160), WHITE)
    ImageDraw.Draw(almost).rectangle((60, 60, 90, 80), fill=(225, 225, 225))
    found = checked(encoded(almost), white=plain(WHITE))
    assert (found.verdict, found.nearest) == ("original", None)


def test_a_faint_drawing_is_something_to_compare(checked: Check) -> None:
    faint = Image.new("RGB", (160, 160), WHITE)
    ImageDraw.Draw(faint).line((20, 20, 140, 90), fill=(200, 200, 200), width=3)
    assert checked(encoded(faint), rocket=encoded(photo("rocket"))).verdict == "original"


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_the_same_pixels_in_another_file_are_answered_at_once(checked: Check, kind: str) -> None:
    found = checked(encoded(photo("coffee"), kind), cup=encoded(photo("coffee")))
    assert (found.verdict, found.score, found.interval) == ("copy", 0.0, (0.0, 0.0))
    assert "same pixels" in found.reason
    assert found.nearest is not None
    assert found.nearest.transform.words == ()


def test_one_other_pixel_is_not_the_same_pixels(checked: Check) -> None:
    other = photo("coffee").copy()
    other.putpixel((3, 3), (255, 0, 255))
    found = checked(encoded(other), cup=encoded(photo("coffee")))
    assert found.verdict == "copy"
    assert "same pixels" not in found.reason


def test_two_white_logos_are_two_pictures(checked: Check) -> None:
    found = checked(logo(bars), a=logo(disc))
    assert found.verdict in ("original", "sibling")
    assert found.score > 0.5


def test_hidden_colours_do_not_count(checked: Check) -> None:
    found = checked(encoded(sticker((255, 0, 255))), sticker=encoded(sticker()))
    assert (found.verdict, found.score) == ("copy", 0.0)
    assert "same pixels" in found.reason


@pytest.mark.parametrize("colour", [BLACK, BLUE])
def test_a_flattened_sticker_is_a_copy_of_the_transparent_one(checked: Check, colour: tuple[int, int, int]) -> None:
    found = checked(
        encoded(flattened(sticker(), colour)), other=encoded(photo("rocket")), sticker=encoded(sticker()), a=logo(disc)
    )
    assert found.verdict == "copy"
    assert found.nearest is not None
    assert found.nearest.name == "sticker"
    # It is shown as it was compared: on the candidate's background.
    assert np.abs(found.nearest.registered[2, 2].astype(int) - colour).max() <= 3


@pytest.mark.parametrize("colour", [BLACK, BLUE])
def test_a_transparent_sticker_is_a_copy_of_the_flattened_one(checked: Check, colour: tuple[int, int, int]) -> None:
    found = checked(encoded(sticker()), other=encoded(photo("rocket")), flat=encoded(flattened(sticker(), colour)))
    assert found.verdict == "copy"
    assert found.nearest is not None
    assert found.nearest.name == "flat"


def test_another_drawing_on_the_same_flat_background_is_no_copy(checked: Check) -> None:
    drawing = Image.new("RGB", (160, 106), BLACK)
    drawing.paste(photo("rocket").resize((90, 90)), (40, 8))
    assert checked(encoded(drawing), sticker=encoded(sticker())).verdict in ("original", "sibling")


def test_what_is_kept_of_a_transparent_picture_comes_back(models: Checker, tmp_path: Path) -> None:
    from gistchain.rareness.store.store import Store
    from gistchain.rareness.store.thumbnail import thumbnail, thumbnail_opacity, unpack, unpack_opacity

    store = Store(tmp_path, version=models.fingerprint_version)
    pictures: list[Picture] = [
        read_image(encoded(sticker()), "s"), read_image(plain(WHITE), "w"), read_image(encoded(photo("coffee")), "p"),
    ]  # fmt: skip
    checker = models.beside(store, "registered")
    for picture in pictures:
        checker.remember(picture, None, name=picture.name, collection="", caption="", seed=True)
    clear, white, opaque = store.entries([0, 1, 2])
    assert [entry.blank for entry in (clear, white, opaque)] == [False, True, False]
    assert [entry.background for entry in (clear, white, opaque)] == [pictures[0].background, None, None]
    assert store.backgrounds() == {0: pictures[0].background}
    assert store.with_pixels(opaque.pixels) == [2]
    assert store.with_pixels(bytes(32)) == []
    assert pictures[0].alpha is not None
    kept = unpack(clear.thumbnail).astype(int)
    assert np.abs(kept - thumbnail(pictures[0].pixels)).max() <= 40  # a lossy WebP
    assert np.abs(kept - thumbnail(pictures[0].pixels)).mean() <= 3
    assert np.array_equal(unpack_opacity(clear.thumbnail), thumbnail_opacity(pictures[0].alpha))
    assert (unpack_opacity(opaque.thumbnail) == 255).all()
