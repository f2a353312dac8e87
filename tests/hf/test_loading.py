"""What must not be loaded is refused with a reason: every adapter, every kind of bad checkpoint, device and dtype."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from gistchain.errors import ModelError, SettingError
from gistchain.models.diffusers import ImageToImage, IpAdapter, SdVae, TextToImage
from gistchain.models.transformers import (
    BartCorrector,
    Blip,
    Clip,
    ClipImage,
    ClipText,
    HfSegmenter,
    Llava,
    SentenceEmbedder,
)
from gistchain.models.zoo import registry
from gistchain.models.zoo.conformance import check
from gistchain.models.zoo.table import TABLE
from gistchain.types import Gist
from tests.conformance.checks import shapes

ADAPTERS = {
    "blip": Blip,
    "llava": Llava,
    "minilm": SentenceEmbedder,
    "clip": Clip,
    "bart": BartCorrector,
    "segformer": HfSegmenter,
    "stable-diffusion": TextToImage,
    "vae": SdVae,
}
"""Name of a checkpoint -> who reads it."""
EVERY = [*ADAPTERS.items(), ("clip", ClipText), ("clip", ClipImage), ("stable-diffusion", ImageToImage)]
MADE = [row for row in TABLE if row.extra == "hf"]


@pytest.fixture
def copied(folder: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: shutil.copytree(folder(name), tmp_path / "copy")


@pytest.mark.parametrize(("name", "made"), EVERY)
def test_dtypes_and_devices_that_cannot_be_are_refused(
    folder: Callable[[str], Path], name: str, made: Callable[..., Any]
) -> None:
    source = str(folder(name))
    with pytest.raises(SettingError, match=r"float64.*float32, float16, bfloat16"):
        made(source, dtype="float64")
    with pytest.raises(SettingError, match="float16 is for GPUs"):
        made(source, dtype="float16")
    with pytest.raises(SettingError, match="choose cpu"):
        made(source, device="toaster")
    if not torch.cuda.is_available():
        with pytest.raises(SettingError, match="finds no CUDA GPU"):
            made(source, device="cuda")


@pytest.mark.parametrize(("name", "made"), EVERY)
def test_a_hub_id_while_offline_says_how_to_get_the_model(name: str, made: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match=r"neither a folder here nor a model that.*--allow-download"):
        made("gistchain/no-such-model")


@pytest.mark.parametrize(("name", "made"), EVERY)
def test_missing_weights_are_told(copied: Callable[[str], Path], name: str, made: Callable[..., Any]) -> None:
    copy = copied(name)
    for path in copy.rglob("*.safetensors"):
        path.unlink()
    with pytest.raises(ModelError, match="no weights in"):
        made(str(copy))


@pytest.mark.parametrize(("name", "made"), EVERY)
def test_weights_that_lack_a_layer_are_not_made_up(
    copied: Callable[[str], Path], name: str, made: Callable[..., Any]
) -> None:
    """Frameworks fill a missing layer with noise and warn at most."""
    copy = copied(name)
    for path in copy.rglob("*.safetensors"):
        tensors = load_file(path)
        lost = sorted(n for n in tensors if n.endswith("weight") and "pooler" not in n)[len(tensors) // 4]
        save_file({n: t for n, t in tensors.items() if n != lost}, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 of the weights|missing"):
        made(str(copy))


@pytest.mark.parametrize("part", ["text_encoder", "unet", "vae"])
def test_no_part_of_a_pipeline_is_made_up(copied: Callable[[str], Path], part: str) -> None:
    copy = copied("stable-diffusion")
    (path,) = (copy / part).glob("*.safetensors")
    tensors = load_file(path)
    lost = sorted(n for n in tensors if n.endswith("weight"))[5]
    save_file({n: t for n, t in tensors.items() if n != lost}, path, metadata={"format": "pt"})
    with pytest.raises(ModelError):
        TextToImage(str(copy))


@pytest.mark.parametrize(("name", "made"), EVERY)
def test_a_checkpoint_of_another_kind_is_named(
    folder: Callable[[str], Path], name: str, made: Callable[..., Any]
) -> None:
    other = "minilm" if name != "minilm" else "stable-diffusion"
    with pytest.raises(ModelError, match=r"is bert|wants a pipeline|pipeline of diffusers"):
        made(str(folder(other)))


@pytest.mark.parametrize(("name", "made"), ADAPTERS.items())
def test_pickled_weights_are_refused_unless_allowed(
    copied: Callable[[str], Path], name: str, made: Callable[..., Any]
) -> None:
    copy = copied(name)
    for path in list(copy.rglob("*.safetensors")):
        stem = "pytorch_model" if path.stem == "model" else path.stem
        torch.save(load_file(path), path.with_name(stem + ".bin"))
        path.unlink()
    with pytest.raises(ModelError, match=r"pickled.*--allow-pickle"):
        made(str(copy))
    made(str(copy), allow_pickle=True)


@pytest.mark.parametrize(("name", "made"), ADAPTERS.items())
def test_cut_off_weights_are_told(copied: Callable[[str], Path], name: str, made: Callable[..., Any]) -> None:
    copy = copied(name)
    path = next(copy.rglob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="fetch it again"):
        made(str(copy))


@pytest.mark.parametrize(("name", "made"), ADAPTERS.items())
def test_a_checkpoint_without_its_tokenizer_or_settings_is_refused(
    copied: Callable[[str], Path], name: str, made: Callable[..., Any]
) -> None:
    copy = copied(name)
    for path in [*copy.rglob("*.json")]:
        path.write_text("{", "utf-8")
    with pytest.raises(ModelError):
        made(str(copy))


def test_code_that_comes_with_a_checkpoint_is_not_run(copied: Callable[[str], Path], tmp_path: Path) -> None:
    copy = copied("minilm")
    config = copy / "config.json"
    own = '{"auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}, "model_type": "evil", '
    config.write_text(config.read_text("utf-8").replace("{", own, 1).replace('"bert"', '"evil"'), "utf-8")
    (copy / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
    with pytest.raises(ModelError):
        SentenceEmbedder(str(copy))
    assert not (tmp_path / "ran").exists()


def test_running_out_of_memory_says_what_to_lower(folder: Callable[[str], Path]) -> None:
    """A real allocation of an exbibyte, which no machine has, in the middle of a real run."""
    too_much = lambda *_: torch.empty(2**60, dtype=torch.uint8)  # noqa: E731
    blip, sd = Blip(str(folder("blip"))), TextToImage(str(folder("stable-diffusion")), steps=1)
    clip, bart = Clip(str(folder("clip"))), BartCorrector(str(folder("bart")))
    for network, run, hint in (
        (blip._model.vision_model, lambda: blip.caption(shapes()), "a smaller batch or dtype, or fewer beams"),
        (sd._pipe.unet, lambda: sd.paint(Gist(("a",), (64, 64)), [1]), "a smaller batch, side or dtype"),
        (clip.image._clip.model.vision_model, lambda: clip.image.embed([shapes()]), "a smaller batch or dtype"),
        (bart._model, lambda: bart.correct("a"), "a smaller dtype, fewer beams or a shorter text"),
    ):
        hook = network.register_forward_hook(too_much)
        with pytest.raises(ModelError, match=f"out of memory on cpu: choose {hint}"):
            run()
        hook.remove()
        run()


def test_what_a_gpu_raises_without_memory_is_understood(folder: Callable[[str], Path]) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    blip = Blip(str(folder("blip")))
    blip._model.vision_model.register_forward_hook(refuse)
    with pytest.raises(ModelError, match="out of memory"):
        blip.caption(shapes())


@pytest.mark.parametrize("row", MADE, ids=lambda row: f"{row.kind}-{row.name}")
def test_every_row_of_the_table_names_a_class_that_is_there(row: Any) -> None:
    """By its own error when it is made from a folder without weights; loading works by the test below."""
    with pytest.raises(ModelError):
        registry.load(row.kind, row.name, source="gistchain/no-such-model")


@pytest.mark.parametrize(
    ("kind", "name", "checkpoint"),
    [
        ("captioner", "blip", "blip"),
        ("captioner", "blip-large", "blip"),
        ("captioner", "llava", "llava"),
        ("painter", "stable-diffusion", "stable-diffusion"),
        ("painter", "img2img", "stable-diffusion"),
        ("text-embedder", "minilm-hf", "minilm"),
        ("text-embedder", "clip", "clip"),
        ("image-embedder", "clip", "clip"),
        ("joint-embedder", "clip", "clip"),
        ("latent-coder", "sd-vae", "vae"),
        ("segmenter", "segformer", "segformer"),
        ("corrector", "bart", "bart"),
    ],
)
def test_the_registry_loads_it_from_a_folder(
    folder: Callable[[str], Path], kind: str, name: str, checkpoint: str
) -> None:
    model = registry.load(kind, name, source=str(folder(checkpoint)), dtype="bfloat16")
    assert check(kind, model, shapes(), "a red ball on a green meadow")


ALONE = """
import socket
def network(*where, **_):
    print("asked the network for", where)
    raise OSError("no network")
socket.getaddrinfo = socket.socket.connect = network
import numpy as np
from gistchain.models.diffusers import ImageToImage, SdVae, TextToImage
from gistchain.models.transformers import BartCorrector, Blip, Clip, HfSegmenter, Llava, SentenceEmbedder
from gistchain.types import Gist
image = np.zeros((32, 32, 3), np.uint8)
"""


def test_loading_and_running_say_nothing_and_ask_no_network(folder: Callable[[str], Path]) -> None:
    """In a process of its own, where nothing was silenced before."""
    code = f"""{ALONE}
Blip({str(folder("blip"))!r}, max_tokens=3).caption(image)
Llava({str(folder("llava"))!r}, max_tokens=3).caption(image)
SentenceEmbedder({str(folder("minilm"))!r}).embed(["a dog"])
TextToImage({str(folder("stable-diffusion"))!r}, steps=1).paint(Gist(("a dog",), (32, 32)), [1])
"""
    _says(code, "")


def test_models_that_were_fetched_before_are_found_by_their_id_without_a_network(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in ADAPTERS:
        kept, commit = tmp_path / "hub" / f"models--org--{name}", "0" * 40
        shutil.copytree(folder(name), kept / "snapshots" / commit)
        (kept / "refs").mkdir()
        (kept / "refs" / "main").write_text(commit, "utf-8")
    made = "".join(f"{made.__name__}('org/{name}')\n" for name, made in ADAPTERS.items())
    _says(ALONE + made + "SdVae('org/stable-diffusion')\nprint('all')", "all\n", HF_HOME=str(tmp_path))


def _says(code: str, expected: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_the_voice_of_transformers_is_as_it_was(folder: Callable[[str], Path]) -> None:
    logging = transformers.utils.logging
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    Blip(str(folder("blip"))).caption(shapes())
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_an_adapter_of_images_is_refused_where_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
        Blip(str(tmp_path))
    with pytest.raises(ModelError, match="not a model folder"):
        IpAdapter(str(tmp_path))
