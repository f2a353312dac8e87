"""The outline of a subject that a mask is unsure of."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.errors import ModelError
from gistchain.gist.outline import outline


def disc(size: tuple[int, int], share: float) -> np.ndarray:
    width, height = size
    y, x = np.mgrid[:height, :width]
    return ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) < share**2


def test_a_mask_that_is_sure_of_the_middle_alone_grows_to_the_whole_object() -> None:
    size = 200, 120
    subject, seen = disc(size, 0.3), disc(size, 0.12)
    rng = np.random.default_rng(0)
    image = np.where(subject[..., None], (200, 40, 30), (30, 60, 160)) + rng.integers(-12, 13, (120, 200, 3))
    mask = np.where(seen, 0.9, np.where(subject, 0.2, 0.0)).astype(np.float32)
    found = outline(image.clip(0, 255).astype(np.uint8), mask)
    assert found is not None
    assert found.shape == (120, 200)
    inside = found >= 0.5
    assert (inside & subject).sum() / (inside | subject).sum() > 0.9
    assert np.array_equal(found, outline(image.clip(0, 255).astype(np.uint8), mask))


def test_a_mask_that_shows_nothing_gives_none() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    assert outline(image, np.full((40, 40), 0.4, np.float32)) is None
    assert outline(image, np.full((40, 40), np.nan, np.float32)) is None
    speck = np.full((2000, 2000), 0.004, np.float32)
    speck[7, 7] = 0.9
    assert outline(np.zeros((2000, 2000, 3), np.uint8), speck) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (24, 24), (3000, 20)])
def test_any_size_has_an_outline_of_its_own_size(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    found = outline(image, np.ones((size[1], size[0]), np.float32))
    assert found is None or found.shape == (size[1], size[0])


@pytest.mark.parametrize("shape", [(80, 60), (60, 80, 1), (0, 0)])
def test_a_mask_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="is not that of a picture"):
        outline(np.zeros((60, 80, 3), np.uint8), np.ones(shape, np.float32))
