"""Of an animation the frame that shows something stands for it; of a file of pages the first that does."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from gistchain.image import pixels_sha3_256, read_image
from gistchain.image.frames import BROKEN, Frame, chosen
from gistchain.image.reading import ONE_COLOUR_NOTE
from tests.support.pictures import encoded

RED, WHITE = (255, 0, 0), (255, 255, 255)
LOSSLESS = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}


def drawing(seed: int, strength: float = 1.0) -> Image.Image:
    """Blocks of colours, or as much of them as a fade-in has reached, over white."""
    colours = np.random.default_rng(seed).integers(0, 256, (8, 8, 3))
    blocks = (255 + strength * (colours - 255)).round().astype(np.uint8)
    return Image.fromarray(blocks).resize((64, 64), Image.Resampling.NEAREST)


def animated(frames: list[Image.Image], kind: str) -> bytes:
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], **LOSSLESS.get(kind, {}))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_a_fade_in_the_full_picture_is_read(kind: str) -> None:
    frames = [drawing(1, strength) for strength in (0, 0.02, 0.2, 0.5, 1)]
    picture = read_image(animated(frames, kind))
    assert np.abs(picture.pixels.astype(int) - np.asarray(frames[4])).mean() < 4
    assert picture.notes == ("frame 5 of 5 is read: chosen for its detail",)


def test_two_animations_that_share_a_blank_frame_are_different_pictures() -> None:
    blank = Image.new("RGB", (64, 64), WHITE)
    one, other = (read_image(animated([blank, drawing(seed)], "GIF")) for seed in (1, 2))
    assert np.abs(one.pixels.astype(int) - other.pixels).mean() > 30
    assert pixels_sha3_256(one) != pixels_sha3_256(other)


def test_of_frames_alike_the_first_is_read() -> None:
    frames = [drawing(1), drawing(1).rotate(90), drawing(1).rotate(180)]
    picture = read_image(animated(frames, "GIF"))
    assert picture.notes == ("frame 1 of 3 is read: chosen for its detail",)


def test_a_drawing_on_transparent_frames_counts_as_one() -> None:
    empty = Image.new("RGBA", (64, 64))
    shape = empty.copy()
    shape.paste((128, 128, 128, 255), (16, 16, 48, 40))  # the very grey that frames are compared over
    picture = read_image(animated([empty, shape], "PNG"))
    assert picture.notes[0] == "frame 2 of 2 is read: chosen for its detail"
    assert picture.pixels[30, 30].tolist() == [128, 128, 128]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_frames_that_all_show_nothing_the_first_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    picture = read_image(animated(frames, kind))
    assert (picture.pixels == RED).all()
    what = "page" if kind == "TIFF" else "frame"
    assert picture.notes == (f"{what} 1 of 3 is read: none that was looked at shows anything", ONE_COLOUR_NOTE)


def test_the_first_page_that_shows_something_is_read() -> None:
    pages = [Image.new("RGB", (64, 64), WHITE), drawing(1), drawing(2)]
    picture = read_image(animated(pages, "TIFF"))
    assert (picture.pixels == np.asarray(pages[1])).all()
    assert picture.notes == ("page 2 of at least 3 is read: the first page that shows something",)


def test_a_picture_of_one_frame_has_no_note() -> None:
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        assert read_image(encoded(drawing(1), kind)).notes == ()


def test_of_a_long_animation_a_bounded_number_of_frames_is_looked_at() -> None:
    blank = [Image.new("L", (4, 4), k % 2 * 255) for k in range(150)]
    picture = read_image(animated([*blank, drawing(1).convert("L").resize((4, 4))], "GIF"))
    assert picture.notes[:1] == ("frame 1 of at least 101 is read: none that was looked at shows anything",)


def test_an_animation_that_is_cut_off_is_read_as_far_as_it_goes() -> None:
    whole = animated([Image.new("RGB", (64, 64), WHITE), drawing(1), drawing(2)], "GIF")
    assert read_image(whole[: len(whole) - 400]).notes[0].startswith("frame 2 of ")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_a_second_frame_that_is_broken_leaves_the_first(kind: str) -> None:
    frames = [drawing(1), drawing(2)]
    whole = bytearray(animated(frames, kind))
    third = len(whole) // 3
    whole[-third:-40] = bytes(third - 40)
    picture = read_image(bytes(whole))
    assert np.abs(picture.pixels.astype(int) - np.asarray(frames[0])).mean() < 4
    assert picture.notes == ()


@pytest.mark.parametrize("kept", range(1, 9))
def test_a_gif_that_is_cut_off_within_the_header_of_its_second_frame_shows_the_first(kept: int) -> None:
    whole = animated([drawing(1), drawing(2)], "GIF")
    second = whole.rindex(b"\x2c\0\0\0\0\x40\0\x40\0")  # its image descriptor: at 0, 0, 64 x 64
    picture = read_image(whole[: second + kept])
    assert np.abs(picture.pixels.astype(int) - np.asarray(drawing(1))).mean() < 4


def test_what_pillow_may_raise_of_a_frame_ends_the_frames_and_no_more() -> None:
    frames = animated([drawing(1), drawing(2), drawing(3)], "GIF")
    for error in BROKEN:

        class Breaking(GifImageFile):
            def load(self, error: type[Exception] = error) -> Any:
                if self.tell() == 2:
                    raise error
                return super().load()

        assert chosen(Breaking(io.BytesIO(frames)), "GIF") == Frame(0, "frame 1 of 2 is read: chosen for its detail")
