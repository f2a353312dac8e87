"""Scores against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.score.fidelity import psnr, ssim
from gistchain.score.storage import CODECS, decode, encode


def test_an_image_is_like_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    assert ssim(image, image) == pytest.approx(1)
    assert psnr(image, image) == float("inf")


def test_psnr_of_a_known_error() -> None:
    grey = np.full((16, 16, 3), 100, np.uint8)
    assert psnr(grey, grey + 1) == pytest.approx(48.13, abs=0.01)  # 20 log10(255)


def test_ssim_falls_with_noise() -> None:
    rng = np.random.default_rng(1)
    image = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    noisy = [np.clip(image + rng.normal(0, s, image.shape), 0, 255).astype(np.uint8) for s in (5, 20, 80)]
    scores = [ssim(image, n) for n in noisy]
    assert 1 > scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_gives_an_image_of_the_same_size_back(codec: str) -> None:
    y, x = np.mgrid[:96, :128]
    image = np.stack([x * 2, y * 2, (x + y)], -1).astype(np.uint8)
    again = decode(encode(image, codec))
    assert again.shape == image.shape
    assert (again == image).all() == (codec == "PNG")
    assert psnr(image, again) > 15


def test_quality_one_is_smaller_than_quality_75() -> None:
    image = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for kind in ("WebP", "JPEG"):
        assert len(encode(image, f"{kind} q1")) < len(encode(image, f"{kind} q75")) < len(encode(image, "PNG"))
