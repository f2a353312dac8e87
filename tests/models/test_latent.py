"""thumb8: the 8x8 sketch of an image."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.errors import PacketError
from gistchain.gist import latent
from gistchain.types import Latent


def test_a_thumbnail_is_the_mean_of_each_cell() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    kept = latent.encode(image)
    assert (kept.coder, len(kept.data)) == ("thumb8", 192)
    means = image.reshape(8, 8, 8, 6, 3).mean(axis=(1, 3))
    assert np.abs(latent.decode(kept) - means).max() <= 1  # columns are rounded before rows


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 8, 3), (10, 20_000, 3)])
def test_an_image_of_any_size_has_a_thumbnail(shape: tuple[int, int, int]) -> None:
    assert (latent.decode(latent.encode(np.full(shape, 77, np.uint8))) == 77).all()


@pytest.mark.parametrize(
    "foreign", [Latent("coder 7", bytes(192)), Latent("thumb8", bytes(191)), Latent("thumb8", b"")]
)
def test_a_foreign_or_cut_latent_is_refused(foreign: Latent) -> None:
    with pytest.raises(PacketError):
        latent.decode(foreign)
