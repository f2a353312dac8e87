"""The default segmenter."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from gistchain.models.packaged.segment import DefaultSegmenter
from gistchain.types import Pixels

SEGMENTER = DefaultSegmenter()


def iou(mask: NDArray[np.float32], true: NDArray[np.bool_]) -> float:
    found = mask > 0.5
    return float((found & true).sum() / max((found | true).sum(), 1))


def scene(size: tuple[int, int] = (300, 240)) -> tuple[Pixels, NDArray[np.bool_]]:
    """A shaded red ball before blurred grass, and where it is."""
    width, height = size
    grass = Image.effect_noise(size, 60).filter(ImageFilter.GaussianBlur(4))
    image = Image.merge("RGB", [grass.point(lambda g: g // 3), grass, grass.point(lambda g: g // 4)])
    box = (int(width * 0.3), int(height * 0.25), int(width * 0.7), int(height * 0.75))
    where = Image.new("L", size)
    ImageDraw.Draw(where).ellipse(box, fill=255)
    light = Image.radial_gradient("L").resize(size).point(lambda g: 255 - g // 2)
    image.paste(Image.merge("RGB", [light, light.point(lambda g: g // 6), light.point(lambda g: g // 5)]), mask=where)
    return np.asarray(image), np.asarray(where) > 127


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (64, 64), (500, 333), (3000, 5)])
def test_any_image_gets_a_mask_of_its_size(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = SEGMENTER.mask(image)
    assert mask.shape == shape
    assert mask.dtype == np.float32
    assert np.isfinite(mask).all()
    assert mask.min() >= 0
    assert mask.max() <= 1
    assert (mask == DefaultSegmenter().mask(image)).all()


def test_one_colour_has_no_sharp_subject() -> None:
    for grey in (0, 128, 255):
        mask = SEGMENTER.mask(np.full((90, 120, 3), grey, np.uint8))
        assert np.isfinite(mask).all()


def test_a_ball_on_grass_is_found_at_any_size() -> None:
    for size in ((300, 240), (900, 720), (100, 80)):
        image, true = scene(size)
        assert iou(SEGMENTER.mask(image), true) > 0.8


def test_the_mask_follows_the_subject() -> None:
    image, true = scene()
    mirrored = np.ascontiguousarray(np.roll(image, 50, axis=1)[:, ::-1])
    assert iou(SEGMENTER.mask(mirrored), np.roll(true, 50, axis=1)[:, ::-1]) > 0.7


def test_a_landscape_without_a_subject_marks_little() -> None:
    height, width = 240, 320
    rows = np.linspace(0, 1, height)[:, None, None]
    sky, ground = np.array([150, 190, 235.0]), np.array([60, 110, 50.0])
    rng = np.random.default_rng(0)
    image = np.where(rows < 0.5, sky, ground) + rng.normal(0, 6, (height, width, 3))
    assert SEGMENTER.mask(image.clip(0, 255).astype(np.uint8)).mean() < 0.25
