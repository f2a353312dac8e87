"""Stable Diffusion's autoencoder, tiny and random, as a coder of latents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from gistchain.errors import ModelError, RebuildError, SettingError
from gistchain.models.diffusers import SdVae, latentbytes
from gistchain.types import Latent
from tests.conformance.checks import check_latent_coder, shapes


@pytest.fixture(scope="module")
def coder(folder: Callable[[str], Path]) -> SdVae:
    return SdVae(str(folder("vae")))


def test_the_autoencoder_is_a_latent_coder(coder: SdVae) -> None:
    check_latent_coder(coder)


def test_it_is_found_inside_a_pipeline_too(folder: Callable[[str], Path]) -> None:
    check_latent_coder(SdVae(str(folder("stable-diffusion"))))


def test_decoding_is_diffusers_own_but_for_the_int8(folder: Callable[[str], Path], coder: SdVae) -> None:
    image = shapes(3, (64, 64))
    vae = diffusers.AutoencoderKL.from_pretrained(folder("vae")).eval()
    with torch.no_grad():
        mean = vae.encode(torch.from_numpy(image.transpose(2, 0, 1)[None] / 127.5 - 1).float()).latent_dist.mean
        own = (vae.decode(mean).sample[0].numpy().transpose(1, 2, 0) + 1) * 127.5
    apart = abs(coder.decode(coder.encode(image, 1024), (64, 64)) - own.clip(0, 255))
    assert apart.mean() < 1
    assert apart.max() < 10


def test_more_bytes_hold_a_larger_latent(coder: SdVae) -> None:
    image = shapes(3, (512, 256))
    sizes = [coder.values(coder.encode(image, n)).shape for n in (64, 256, 1024, 4096)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 4
    assert coder.values(coder.encode(image, 100_000)).shape == (4, 32, 64)
    with pytest.raises(ModelError, match="too few"):
        coder.encode(image, 20)


def test_a_latent_for_a_larger_image_than_is_decoded_is_refused(coder: SdVae) -> None:
    data = latentbytes.pack(np.zeros((4, 65, 2), np.float32))
    with pytest.raises(RebuildError, match="at most 512"):
        coder.decode(Latent("sd-vae", data), (64, 64))
    with pytest.raises(RebuildError, match="4 channels"):
        coder.decode(Latent("sd-vae", latentbytes.pack(np.zeros((16, 2, 2), np.float32))), (64, 64))
    with pytest.raises(RebuildError, match="can't be made"):
        coder.decode(Latent("sd-vae", latentbytes.pack(np.zeros((4, 2, 2), np.float32))), (0, 5))


def test_a_side_below_one_number_is_refused(folder: Callable[[str], Path]) -> None:
    with pytest.raises(SettingError, match="covers 8 pixels"):
        SdVae(str(folder("vae")), side=7)


def test_decoded_sizes_are_resized(coder: SdVae) -> None:
    latent = coder.encode(shapes(3, (64, 64)), 1024)
    whole = coder.decode(latent, (64, 64))
    assert (coder.decode(latent, (32, 96)) == np.asarray(Image.fromarray(whole).resize((32, 96), 1))).all()
