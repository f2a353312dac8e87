"""Multi-SC with the classes of the paper on tiny random checkpoints: LLaVA with Qwen, IP-Adapter, BART (S4.1-S4.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import diffusers
import numpy as np
import pytest

from gistchain.errors import CaptionError, SettingError
from gistchain.gist.painted import LayerPainter
from gistchain.link.channel import Awgn
from gistchain.models.diffusers import IpAdapter, TextToImage
from gistchain.models.transformers import Llava
from gistchain.senders import TextOptions, sender
from gistchain.sending.multi import MultiText
from gistchain.settings import Settings
from gistchain.systems import Rosis, rosis
from gistchain.types import Conditions, Picture, Pixels, Sent
from tests.hf import checkpoints
from tests.support.pictures import picture

LINK, CONDITIONS = Awgn(10.0), Conditions("awgn", 10.0, 8192)


@pytest.fixture(scope="module")
def sd(folder: Callable[[str], Path]) -> str:
    return str(folder("stable-diffusion"))


@pytest.fixture(scope="module")
def adapter(sd: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    unet = diffusers.UNet2DConditionModel.from_pretrained(sd, subfolder="unet")
    return str(checkpoints.ip_adapter(tmp_path_factory.mktemp("adapter"), unet))


@pytest.fixture(scope="module")
def models(folder: Callable[[str], Path], sd: str, adapter: str) -> Rosis:
    captioner = Llava(str(folder("llava-qwen")), max_tokens=6)
    painter = LayerPainter(IpAdapter(sd, adapter=adapter, steps=2), subjects=False)
    return replace(rosis(), captioner=captioner, painter=painter, min_confidence=0.0)


@pytest.fixture(scope="module")
def scene() -> Picture:
    return picture(2)


def middle(image: Pixels) -> np.ndarray:
    mask = np.zeros(image.shape[:2], np.float32)
    mask[len(mask) // 4 : -len(mask) // 4, len(mask[0]) // 4 : -len(mask[0]) // 4] = 1
    return mask


def sent(models: Rosis, scene: Picture, options: TextOptions, settings: Settings | None = None) -> Sent:
    made = sender("multi_sc", settings, texts=options, system=models)
    assert isinstance(made, MultiText)
    return replace(made, mask=middle).prepare(scene).send(LINK, CONDITIONS, seed=(1,))


def test_llava_tells_of_four_quarters_and_ip_adapter_paints_from_them_and_the_slice(
    models: Rosis, scene: Picture
) -> None:
    came = sent(models, scene, TextOptions())
    assert [block.layers for block in came.blocks] == ["caption", "caption 2", "caption 3", "caption 4", "subject"]
    assert came.certain
    assert came.picture is not None
    assert came.picture.shape == scene.pixels.shape
    assert came.gist is not None
    assert all(text in came.caption or ", " in text or ". " in text for text in came.gist.captions)


def test_lambda_zero_is_plain_text_to_image(models: Rosis, scene: Picture, sd: str) -> None:
    looked, other = (sent(models, scene, TextOptions(weight=weight)) for weight in (1.0, 0.25))
    assert looked.picture is not None
    assert other.picture is not None
    assert not np.array_equal(looked.picture, other.picture)
    came = sent(models, scene, TextOptions(weight=0.0))
    assert came.gist is not None
    assert came.gist.subject is not None
    plain = TextToImage(sd, steps=2).paint(replace(came.gist, captions=(came.caption,), subject=None), [0])[0]
    assert came.picture is not None
    assert np.array_equal(came.picture, plain)


def test_bart_corrects_uncoded_texts(models: Rosis, scene: Picture, folder: Callable[[str], Path]) -> None:
    options = TextOptions(coded=False, corrector=f"bart={folder('bart')}")
    with pytest.raises(CaptionError, match="ASCII can't write"):  # what a random network says
        sent(models, scene, options)
    came = sent(replace(models, captioner=rosis().captioner), scene, options)
    assert not came.certain
    assert came.picture is not None


def test_a_query_is_asked_in_any_language_and_of_captioners_alone_that_can_be_asked(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    captioner = f"llava-qwen={folder('llava-qwen')}"
    asked = rosis(Settings(home=home, captioner=captioner, query="Beschreibe das Bild kurz."))
    plain = rosis(Settings(home=home, captioner=captioner))
    scene = picture(2)
    assert asked.captioner.caption(scene.pixels) == asked.captioner.caption(scene.pixels)
    assert plain.captioner.caption(scene.pixels).text
    with pytest.raises(SettingError, match="is asked nothing"):
        rosis(Settings(home=home, query="What is it?"))
