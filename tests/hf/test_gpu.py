"""The same adapters on a GPU in float16, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gistchain.models.diffusers import ImageToImage, TextToImage
from gistchain.models.transformers import Blip, Clip
from gistchain.types import Gist
from tests.conformance.checks import check_captioner, check_joint_embedder, check_painter, shapes

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU"),
]
GIST = Gist(("a red ball on a green meadow",), (64, 48))


def test_blip_captions_on_a_gpu(folder: Callable[[str], Path]) -> None:
    check_captioner(Blip(str(folder("blip")), device="cuda", dtype="float16", max_tokens=8))


def test_clip_embeds_on_a_gpu(folder: Callable[[str], Path]) -> None:
    check_joint_embedder(Clip(str(folder("clip")), device="cuda", dtype="float16"))


def test_stable_diffusion_paints_on_a_gpu(folder: Callable[[str], Path]) -> None:
    source = str(folder("stable-diffusion"))
    check_painter(TextToImage(source, steps=2, device="cuda", dtype="float16"), GIST)
    painter = ImageToImage(source, steps=4, device="cuda", dtype="float16")
    latent = painter.coder.encode(shapes(1, GIST.size), 2048)
    check_painter(painter, Gist(GIST.captions, GIST.size, latent=latent))


def test_a_seed_means_the_same_picture_on_the_cpu_and_on_a_gpu(folder: Callable[[str], Path]) -> None:
    source = str(folder("stable-diffusion"))
    cpu, gpu = (TextToImage(source, steps=2, device=device).paint(GIST, [3])[0] for device in ("cpu", "cuda"))
    assert abs(cpu.astype(float) - gpu).mean() < 2
