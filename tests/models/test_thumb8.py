"""thumb8: the 8x8 sketch of an image."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.errors import ModelError, RebuildError
from gistchain.models.thumb8 import Thumb8, grid_of, grid_or_none
from gistchain.models.zoo.conformance import check
from gistchain.types import Latent

CODER = Thumb8()


def test_a_thumbnail_is_the_mean_of_each_cell() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    kept = CODER.encode(image, 192)
    assert (kept.coder, len(kept.data)) == ("thumb8", 192)
    assert CODER.encode(image, 4096) == kept
    means = image.reshape(8, 8, 8, 6, 3).mean(axis=(1, 3))
    assert np.abs(CODER.decode(kept, (8, 8)) - means).max() <= 1  # columns are rounded before rows


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 8, 3), (10, 20_000, 3)])
def test_an_image_of_any_size_has_a_thumbnail(shape: tuple[int, int, int]) -> None:
    decoded = CODER.decode(CODER.encode(np.full(shape, 77, np.uint8), 192), (30, 20))
    assert decoded.shape == (20, 30, 3)
    assert (decoded == 77).all()


@pytest.mark.parametrize(
    "foreign", [Latent("coder 7", bytes(192)), Latent("thumb8", bytes(191)), Latent("thumb8", b"")]
)
def test_a_foreign_or_cut_latent_is_refused(foreign: Latent) -> None:
    with pytest.raises(RebuildError, match=r"damaged|coder 7"):
        CODER.decode(foreign, (8, 8))
    with pytest.raises(RebuildError):
        grid_of(foreign)
    assert grid_or_none(foreign) is None


def test_a_coder_whose_latents_carry_another_name_is_found_out() -> None:
    class Misnamed(Thumb8):
        name = "other"

    image = np.zeros((9, 9, 3), np.uint8)
    assert check("latent-coder", CODER, image, "").startswith("coder 'thumb8', 192 bytes")
    with pytest.raises(ModelError, match="say coder 'thumb8', but its name is 'other'"):
        check("latent-coder", Misnamed(), image, "")


def test_sizes_that_can_not_be_made_are_refused() -> None:
    latent = CODER.encode(np.zeros((9, 9, 3), np.uint8), 192)
    with pytest.raises(ModelError, match="192 bytes, not 191"):
        CODER.encode(np.zeros((9, 9, 3), np.uint8), 191)
    with pytest.raises(RebuildError, match="0 x 5"):
        CODER.decode(latent, (0, 5))
