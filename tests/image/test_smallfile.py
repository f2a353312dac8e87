"""The best image file within so many bytes."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gistchain.image.smallfile import FileSearch, cells, enlarged, is_lossless
from gistchain.score.fidelity import psnr
from gistchain.types import Pixels


def drawn_large(small: Pixels, side: int) -> Pixels:
    """By the nearest pixel, exactly: Pillow's own is off by one where a middle lies on a border."""
    nearest = [Fraction(2 * k + 1, 2 * side) * len(small) // 1 for k in range(side)]
    return small[np.array(nearest, int)[:, None], nearest]


@settings(deadline=None, max_examples=40)
@given(st.integers(4, 40), st.integers(41, 300), st.integers(0, 99))
def test_a_token_drawn_large_is_found_to_be_small_whatever_the_sides(across: int, side: int, seed: int) -> None:
    small = np.random.default_rng(seed).integers(0, 256, (across, across, 3), dtype=np.uint8)
    large = drawn_large(small, side)
    found = cells(large)
    assert np.array_equal(enlarged(found, (side, side), lossless=True), large)
    if side >= 2 * across:
        assert np.array_equal(found, small)


def test_a_token_is_exact_in_few_bytes(punk: Pixels) -> None:
    found = FileSearch(drawn_large(punk, 512), psnr).within(1000)
    assert found is not None
    assert found.fidelity == 1
    assert len(found.file.data) < 300
    assert np.array_equal(found.back, drawn_large(punk, 512))
    assert is_lossless(found.file.data)


@pytest.fixture
def punk() -> Pixels:
    small: NDArray[np.uint8] = np.zeros((24, 24, 3), np.uint8)
    small[6:20, 8:16] = 200, 150, 120
    small[9, 9:11] = small[9, 13:15] = 0
    return small


def photo() -> Pixels:
    from skimage import data

    return np.asarray(Image.fromarray(data.astronaut()).resize((192, 192)))


def test_more_bytes_never_show_less_and_the_file_fits_and_is_what_it_says() -> None:
    pixels = photo()
    search = FileSearch(pixels, psnr)
    last = -np.inf
    for most in (60, 150, 400, 1000, 3000):
        found = search.within(most)
        assert found is not None
        assert len(found.file.data) <= most
        assert found.fidelity >= last
        last = found.fidelity
        with Image.open(io.BytesIO(found.file.data)) as image:
            assert image.size == found.size
            assert Image.MIME[image.format or ""] == found.file.media_type
            back = enlarged(np.asarray(image.convert("RGB")), (192, 192), lossless=is_lossless(found.file.data))
        assert np.array_equal(back, found.back)
        assert found.fidelity == psnr(pixels, found.back)


def test_no_file_is_that_small() -> None:
    assert FileSearch(photo(), psnr).within(20) is None


def test_heif_is_a_rival_where_it_is_installed() -> None:
    pytest.importorskip("pillow_heif")
    found = FileSearch(photo(), psnr, kinds=("HEIF",)).within(3000)
    assert found is not None
    assert found.file.media_type == "image/heif"
