"""Checkpoints laid out as the hub has them: older names of weights, buffers among them, older names of files.

transformers saves differently today; what people will load was saved years ago. The names are those of
Salesforce/blip-image-captioning-base, llava-hf/llava-1.5-7b-hf, llava-hf/llava-interleave-qwen-0.5b-hf,
openai/clip-vit-base-patch32, stable-diffusion-v1-5 and h94/IP-Adapter.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gistchain.models.diffusers import IpAdapter, TextToImage
from gistchain.models.transformers import Blip, Clip, Llava
from gistchain.types import Gist
from tests.conformance.checks import shapes
from tests.hf import checkpoints

GIST = Gist(("a red ball",), (64, 64))


@pytest.fixture
def copied(folder: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: shutil.copytree(folder(name), tmp_path / name)


def test_blip(folder: Callable[[str], Path], copied: Callable[[str], Path]) -> None:
    old = copied("blip")
    extra = {"text_decoder.bert.embeddings.position_ids": torch.arange(64)[None]}
    _rename(old / "model.safetensors", {}, extra)
    _split_processor(old, "BlipImageProcessor", {"height": 32, "width": 32})
    assert Blip(str(old), max_tokens=5).caption(shapes()) == Blip(str(folder("blip")), max_tokens=5).caption(shapes())


def test_llava(folder: Callable[[str], Path], copied: Callable[[str], Path]) -> None:
    old = copied("llava")
    _rename(old / "model.safetensors", {"vision_tower.": "vision_tower.vision_model."}, {})
    processor = json.loads((old / "processor_config.json").read_text("utf-8"))
    _split_processor(old, "CLIPImageProcessor", {"shortest_edge": 32})
    kept = {name: value for name, value in processor.items() if name != "image_processor"}
    (old / "processor_config.json").write_text(json.dumps(kept), "utf-8")
    said = [Llava(str(where), max_tokens=5).caption(shapes()) for where in (old, folder("llava"))]
    assert said[0] == said[1]


@pytest.mark.parametrize("strategy", ["full", "default"])
def test_llava_with_qwen(strategy: str, folder: Callable[[str], Path], copied: Callable[[str], Path]) -> None:
    """default: as the processor's file had it until 2025, against the network's."""
    old = copied("llava-qwen")
    _rename(old / "model.safetensors", {"vision_tower.": "vision_tower.vision_model."}, {})
    assert not any("lm_head" in name for name in load_file(old / "model.safetensors")), "it is tied, and saved once"
    processor = json.loads((old / "processor_config.json").read_text("utf-8"))
    _split_processor(old, "SiglipImageProcessor", processor.pop("image_processor")["size"])
    processor["vision_feature_select_strategy"] = strategy
    (old / "processor_config.json").write_text(json.dumps(processor), "utf-8")
    template = (old / "chat_template.jinja").read_text("utf-8")
    (old / "chat_template.jinja").unlink()
    (old / "chat_template.json").write_text(json.dumps({"chat_template": template}), "utf-8")
    made, today = (Llava(str(where), max_tokens=5) for where in (old, folder("llava-qwen")))
    assert made._prompt == today._prompt
    assert made.caption(shapes()) == today.caption(shapes())


def test_clip(folder: Callable[[str], Path], copied: Callable[[str], Path]) -> None:
    old = copied("clip")
    extra = {
        f"{side}_model.embeddings.position_ids": torch.arange(n)[None] for side, n in (("text", 77), ("vision", 17))
    }
    _rename(old / "model.safetensors", {}, extra)
    # As CLIPFeatureExtractor wrote it: sizes were single numbers.
    _split_processor(old, "", 32)
    first, second = Clip(str(old)), Clip(str(folder("clip")))
    np.testing.assert_allclose(first.image.embed([shapes()]), second.image.embed([shapes()]), atol=1e-6)
    np.testing.assert_allclose(first.text.embed(["a dog"]), second.text.embed(["a dog"]), atol=1e-6)


def test_stable_diffusion(folder: Callable[[str], Path], copied: Callable[[str], Path]) -> None:
    old = copied("stable-diffusion")
    extra = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    _rename(old / "text_encoder" / "model.safetensors", {"": "text_model."}, extra)
    made = json.loads((old / "tokenizer" / "tokenizer.json").read_text("utf-8"))["model"]
    (old / "tokenizer" / "tokenizer.json").unlink()
    (old / "tokenizer" / "vocab.json").write_text(json.dumps(made["vocab"]), "utf-8")
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in made["merges"]]
    (old / "tokenizer" / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges), "utf-8")
    painted = [TextToImage(str(where), steps=2).paint(GIST, [1])[0] for where in (old, folder("stable-diffusion"))]
    assert (painted[0] == painted[1]).all()


def test_ip_adapter(folder: Callable[[str], Path], tmp_path: Path) -> None:
    sd = str(folder("stable-diffusion"))
    adapter = checkpoints.ip_adapter(tmp_path, diffusers.UNet2DConditionModel.from_pretrained(sd, subfolder="unet"))
    weights = adapter / "models" / "image_encoder" / "model.safetensors"
    names = load_file(weights)
    if not any(name.startswith("vision_model.") for name in names):
        _rename(weights, {name: "vision_model." + name for name in names if name != "visual_projection.weight"}, {})
    _rename(weights, {}, {"vision_model.embeddings.position_ids": torch.arange(17)[None]})
    assert IpAdapter(sd, adapter=str(adapter), steps=1).paint(GIST, [1])[0].shape == (64, 64, 3)


def _rename(path: Path, starts: dict[str, str], extra: dict[str, torch.Tensor]) -> None:
    tensors = {}
    for name, tensor in load_file(path).items():
        old = next((start for start in starts if name.startswith(start)), None)
        tensors[name if old is None else starts[old] + name.removeprefix(old)] = tensor
    save_file({**tensors, **extra}, path, metadata={"format": "pt"})


def _split_processor(where: Path, kind: str, size: object) -> None:
    """preprocessor_config.json in place of processor_config.json."""
    images = json.loads((where / "processor_config.json").read_text("utf-8"))["image_processor"]
    images = {name: value for name, value in images.items() if name not in ("image_processor_type", "size")}
    if isinstance(size, int):
        images |= {"crop_size": size, "feature_extractor_type": "CLIPFeatureExtractor"}
    else:
        images["image_processor_type"] = kind
    (where / "preprocessor_config.json").write_text(json.dumps({**images, "size": size}), "utf-8")
    (where / "processor_config.json").unlink()
