"""`gistchain collection train --lora` on a tiny random checkpoint of Stable Diffusion and a small drawn collection."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from gistchain.answers.lora import lora_text
from gistchain.collection.lora import TrainedLora, train_lora
from gistchain.collection.making.make import make
from gistchain.errors import CollectionError, ModelError, RebuildError, SettingError
from gistchain.models.diffusers import ImageToImage, IpAdapter, TextToImage
from gistchain.models.diffusers.lora_training import LEARNING_RATE, Example, LoraTraining
from gistchain.models.diffusers.loras import own_lora, own_loras
from gistchain.models.zoo import registry
from gistchain.types import Gist, Pixels
from tests.collection.making.drawings import grid, layers, rules
from tests.hf import checkpoints
from tests.support.commands import Command
from tests.support.kills import Appeared

COLOURS = {"Red": (220, 30, 30), "Green": (20, 200, 60), "Blue": (40, 60, 230), "Sand": (230, 210, 150)}
FEW = 30
RATE = 0.01


@pytest.fixture(scope="module")
def sd(folder: Callable[[str], Path]) -> str:
    return str(folder("stable-diffusion"))


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty tokens: a square of a colour on a ground of another."""
    where = tmp_path_factory.mktemp("blobs") / "blobs"
    where.mkdir()
    names = list(COLOURS)
    for k in range(60):
        ground, square = names[k % 4], names[(k // 4 + k) % 4]
        image = Image.new("RGB", (32, 32), COLOURS[ground])
        image.paste(COLOURS[square], (8, 8 + k % 5, 24, 20 + k % 5))
        image.save(where / f"{k}.png")
        traits = [{"trait_type": "Ground", "value": ground}, {"trait_type": "Square", "value": square}]
        (where / f"{k}.json").write_text(json.dumps({"name": f"Blob #{k}", "attributes": traits}))
    return where


def learn(blobs: Path, home: Path, base: str, **more: object) -> TrainedLora:
    asked: dict[str, object] = {"name": "blobs", "steps": FEW, "rank": 4, "learning_rate": RATE, **more}
    return train_lora(blobs, home / "collections", base=base, **asked)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def learnt(blobs: Path, sd: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainedLora]:
    home = tmp_path_factory.mktemp("home")
    return home, learn(blobs, home, sd)


def painted(painter: TextToImage, prompt: str) -> Pixels:
    return painter.paint(Gist((prompt,), (64, 64)), [1])[0]


def call(*words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "gistchain", "collection", "train", *map(str, words), "--json"]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)


def test_the_denoiser_gets_better_at_the_pictures(blobs: Path, sd: str, tmp_path: Path) -> None:
    done = learn(blobs, tmp_path, sd, steps=150)
    assert done.learnt[1] < 0.95 * done.learnt[0]
    assert done.held_out[1] < done.held_out[0]
    assert (done.tokens, done.resumed_at, done.new) == (54, 0, True)


def test_captions_count(sd: str) -> None:
    """With the wrong words the error of what was learnt differs: the text reaches the network."""
    picture = np.full((32, 32, 3), 200, np.uint8)
    right, wrong = (
        LoraTraining(sd, rank=4, learning_rate=RATE).learn([Example(words, lambda: picture)], steps=2).weights
        for words in ("A picture of Blob, containing Red Ground", "A picture of Blob, containing Blue Ground")
    )
    assert right != wrong


def test_diffusers_loads_the_file_and_paints_another_picture(sd: str, learnt: tuple[Path, TrainedLora]) -> None:
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(sd, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)

    def picture() -> Pixels:
        chance = torch.Generator().manual_seed(3)
        return np.asarray(pipe("a blob", num_inference_steps=4, generator=chance).images[0])

    bare = picture()
    pipe.load_lora_weights(str(learnt[1].weights.parent))
    assert (picture() != bare).any()
    names = set(load_file(learnt[1].weights))
    for target in ("to_q", "to_k", "to_v", "to_out.0"):
        assert any(f"attn2.{target}." in name for name in names), target
    assert all(name.startswith("unet.") for name in names)


def test_the_card_says_what_it_was_made_of(sd: str, learnt: tuple[Path, TrainedLora]) -> None:
    home, done = learnt
    assert {path.name for path in (home / "collections").iterdir()} == {"lora-blobs", ".training-blobs.lora.lock"}
    assert {path.name for path in done.weights.parent.iterdir()} == {"pytorch_lora_weights.safetensors", "card.json"}
    card = json.loads(done.card.read_text("utf-8"))
    assert (card["base"], card["rank"], card["steps"], card["tokens"], card["seed"]) == (sd, 4, FEW, 54, 0)
    assert len(card["sha256"]) == len(card["base_sha256"]) == 64
    assert "see its model card" in card["licence"]


def test_the_same_again_gives_the_same_bytes_and_another_seed_others(
    blobs: Path, sd: str, learnt: tuple[Path, TrainedLora], tmp_path: Path
) -> None:
    torch.rand(3)  # what else draws in this process counts for nothing
    assert learn(blobs, tmp_path, sd).weights.read_bytes() == learnt[1].weights.read_bytes()
    other = learn(blobs, tmp_path, sd, name="other", seed=1)
    assert other.weights.read_bytes() != learnt[1].weights.read_bytes()


def test_what_is_there_is_not_learnt_again_and_not_replaced_unasked(
    blobs: Path, sd: str, learnt: tuple[Path, TrainedLora], tmp_path: Path
) -> None:
    home = Path(shutil.copytree(learnt[0], tmp_path / "home"))
    before = (home / "collections/lora-blobs/card.json").stat().st_mtime_ns
    again = learn(blobs, home, sd)
    assert (again.new, again.learnt) == (False, learnt[1].learnt)
    assert (home / "collections/lora-blobs/card.json").stat().st_mtime_ns == before
    assert "--replace learns it again" in lora_text(again)
    anew = learn(blobs, home, sd, replace=True)
    assert (anew.new, anew.weights.read_bytes()) == (True, learnt[1].weights.read_bytes())
    with pytest.raises(CollectionError, match=r"there is a LoRA 'blobs' already.*--replace"):
        learn(blobs, home, sd, rank=2)
    assert learn(blobs, home, sd, rank=2, replace=True).rank == 2


@pytest.mark.parametrize("at", [26, 29])
def test_an_interrupted_training_goes_on_and_gives_the_same_bytes(
    at: int, blobs: Path, sd: str, learnt: tuple[Path, TrainedLora], tmp_path: Path
) -> None:
    def stop(what: str, share: float) -> None:
        if what == "training the LoRA" and round(share * FEW) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(blobs, tmp_path, sd, progress=stop)
    assert own_loras(tmp_path / "collections") == []
    told: list[str] = []
    done = learn(blobs, tmp_path, sd, progress=lambda what, share: told.append(what))
    assert done.resumed_at == 25
    assert "continuing where an earlier run was interrupted" in told
    assert done.weights.read_bytes() == learnt[1].weights.read_bytes()
    assert (done.learnt, done.held_out) == (learnt[1].learnt, learnt[1].held_out)
    assert {path.name for path in (tmp_path / "collections").iterdir()} == {"lora-blobs", ".training-blobs.lora.lock"}


@pytest.mark.parametrize("kill", [True, False])
def test_a_command_that_is_killed_or_interrupted_goes_on(
    kill: bool, blobs: Path, sd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as here: the last bits hang on it
    home = tmp_path / "home"
    begun = Appeared(f"{home}/collections/.training-*/lora.checkpoint")
    words = "--lora", sd, "--steps", FEW, "--rank", 4
    command = Command(tmp_path / "said", "collection", "train", blobs, *words, "--home", home, aim=begun)
    command.child.wait()
    if kill:
        command.child.kill()
    else:
        command.child.interrupt()
        assert command.child.finish() == 130
        assert "the same command goes on from here" in command.err
    assert own_loras(home / "collections") == []
    done = learn(blobs, home, sd, learning_rate=LEARNING_RATE)
    assert done.resumed_at == 25
    whole = learn(blobs, tmp_path / "other", sd, learning_rate=LEARNING_RATE)
    assert done.weights.read_bytes() == whole.weights.read_bytes()


def test_a_damaged_checkpoint_is_thrown_away(
    blobs: Path, sd: str, learnt: tuple[Path, TrainedLora], tmp_path: Path
) -> None:
    def stop(what: str, share: float) -> None:
        if what == "training the LoRA" and share > 0.9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(blobs, tmp_path, sd, progress=stop)
    (left,) = (tmp_path / "collections").glob(".training-*/lora.checkpoint")
    left.write_bytes(left.read_bytes()[:-9])
    told: list[str] = []
    done = learn(blobs, tmp_path, sd, progress=lambda what, share: told.append(what))
    assert any("is damaged" in what for what in told)
    assert done.resumed_at == 0
    assert done.weights.read_bytes() == learnt[1].weights.read_bytes()


def test_a_prompt_of_mint_plan_is_painted_with_it(sd: str, learnt: tuple[Path, TrainedLora], tmp_path: Path) -> None:
    layers(tmp_path / "layers", grid(3, 3))
    path = rules(tmp_path, 8, '[prompts]\nlora = "blobs"\nrare_weight = 1.0\n')
    make(path, tmp_path / "plan", shelf=tmp_path / "shelf", jobs=1)
    prompt = (tmp_path / "plan" / "prompts.txt").read_text("utf-8").splitlines()[0]
    assert prompt.endswith(", <lora:blobs:1>")
    shelf = learnt[0] / "collections"
    painter = registry.load("painter", "stable-diffusion", source=sd, folder=shelf)
    words = prompt.removesuffix(", <lora:blobs:1>")
    bare = painted(TextToImage(sd), words)
    assert (painted(painter, words) == bare).all()
    with_lora = painted(painter, prompt)
    assert (with_lora != bare).any()
    assert (with_lora == painted(TextToImage(sd, lora=str(learnt[1].weights)), words)).all()
    assert (painted(painter, words) == bare).all(), "a prompt that names no LoRA is painted without"


def test_the_other_painters_find_it_too(
    sd: str, learnt: tuple[Path, TrainedLora], tmp_path_factory: pytest.TempPathFactory
) -> None:
    shelf, prompt = learnt[0] / "collections", "a blob, <lora:blobs:1>"
    unet = diffusers.UNet2DConditionModel.from_pretrained(sd, subfolder="unet")
    adapter = str(checkpoints.ip_adapter(tmp_path_factory.mktemp("adapter"), unet))
    image = ImageToImage(sd, steps=4, folder=shelf)
    latent = image.coder.encode(np.full((64, 64, 3), 120, np.uint8), 2048)
    for painter, gist in (
        (image, Gist((prompt,), (64, 64), latent)),
        (IpAdapter(sd, adapter=adapter, steps=4, folder=shelf), Gist((prompt,), (64, 64))),
    ):
        without = replace(gist, captions=("a blob",))
        bare = painter.paint(without, [1], 0.5)[0]
        assert (painter.paint(gist, [1], 0.5)[0] != bare).any()
        assert (painter.paint(without, [1], 0.5)[0] == bare).all()


def test_a_lora_that_was_not_trained_here_or_is_damaged_is_not_painted_with(
    sd: str, learnt: tuple[Path, TrainedLora], tmp_path: Path
) -> None:
    shelf = Path(shutil.copytree(learnt[0] / "collections", tmp_path / "collections"))
    painter = TextToImage(sd, steps=2, folder=shelf)
    with pytest.raises(RebuildError, match=r"asks for the LoRA 'apes'.*trained here are blobs"):
        painted(painter, "a blob, <lora:apes:1>")
    with pytest.raises(RebuildError, match="asks for the LoRA"):
        painted(painter, "a blob, <lora:../collections/lora-blobs:1>")
    weights = shelf / "lora-blobs" / "pytorch_lora_weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    with pytest.raises(ModelError, match=r"not the file that its card names.*train it again"):
        painted(painter, "a blob, <lora:blobs:1>")
    shutil.rmtree(shelf / "lora-blobs")
    assert own_lora(shelf, "blobs") is None


def test_weights_that_a_killed_run_left_without_their_card_are_learnt_again(
    blobs: Path, sd: str, learnt: tuple[Path, TrainedLora], tmp_path: Path
) -> None:
    left = tmp_path / "collections" / "lora-blobs"
    left.mkdir(parents=True)
    (left / "pytorch_lora_weights.safetensors").write_bytes(b"something")
    assert learn(blobs, tmp_path, sd).weights.read_bytes() == learnt[1].weights.read_bytes()


def test_another_target_of_the_network_is_learnt_too(folder: Callable[[str], Path], tmp_path: Path) -> None:
    """Stable Diffusion 2 at 768 predicts the velocity."""
    base = Path(shutil.copytree(folder("stable-diffusion"), tmp_path / "base"))
    config = json.loads((base / "scheduler" / "scheduler_config.json").read_text())
    picture, results = np.full((64, 32, 3), 120, np.uint8), set()
    for kind in ("epsilon", "v_prediction"):
        (base / "scheduler" / "scheduler_config.json").write_text(json.dumps({**config, "prediction_type": kind}))
        results.add(LoraTraining(str(base), rank=2).learn([Example("a blob", lambda: picture)], steps=1).learnt[0])
    assert len(results) == 2


def test_narrow_weights_are_trained_too(sd: str) -> None:
    picture = np.full((32, 32, 3), 120, np.uint8)
    training = LoraTraining(sd, rank=2, learning_rate=RATE, dtype="bfloat16")
    done = training.learn([Example("a blob", lambda: picture)], steps=20)
    assert done.learnt[1] < done.learnt[0]


def test_long_captions_are_learnt_as_they_are_painted(sd: str) -> None:
    picture, long = np.full((32, 32, 3), 120, np.uint8), "ball " * 90
    first, second = (
        LoraTraining(sd, rank=2, learning_rate=RATE).learn([Example(long + end, lambda: picture)], steps=2).weights
        for end in ("dog", "ship")
    )
    assert first != second


def test_what_can_not_be_trained_is_refused_before_anything_is_written(
    blobs: Path, sd: str, folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="rank is 0: give 1 to 1024"):
        learn(blobs, tmp_path, sd, rank=0)
    with pytest.raises(SettingError, match="steps is 0: give 1 or more"):
        learn(blobs, tmp_path, sd, steps=0)
    with pytest.raises(SettingError, match="seed is -1"):
        learn(blobs, tmp_path, sd, seed=-1)
    with pytest.raises(SettingError, match="not trained in float16"):
        LoraTraining(sd, dtype="float16")
    with pytest.raises(ModelError, match=r"nowhere is neither a folder here nor a model.*--allow-download"):
        learn(blobs, tmp_path, "nowhere")
    with pytest.raises(ModelError, match="wants a pipeline of diffusers"):
        learn(blobs, tmp_path, str(folder("clip")))
    with pytest.raises(ModelError, match=r"is a StableDiffusionXLPipeline; .* Stable Diffusion 1 or 2"):
        learn(blobs, tmp_path, str(folder("stable-diffusion-xl")))
    few = Path(shutil.copytree(blobs, tmp_path / "few"))
    for path in few.glob("?.*"):
        path.unlink()
    for k in range(10, 15):
        for path in few.glob(f"{k}.*"):
            path.unlink()
    with pytest.raises(CollectionError, match="has 45 tokens with image and metadata: at least 50 are needed"):
        learn(few, tmp_path, sd)
    assert not (tmp_path / "collections").exists()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "peft" else object())
    with pytest.raises(ModelError, match=r"collection train --lora needs peft: pip install 'gistchain\[hf\]'"):
        learn(blobs, tmp_path, sd)


def test_a_checkpoint_that_computes_no_numbers_is_refused(blobs: Path, sd: str, tmp_path: Path) -> None:
    base = Path(shutil.copytree(sd, tmp_path / "base"))
    (file,) = (base / "unet").glob("*.safetensors")
    weights = load_file(file)
    weights["conv_out.bias"][0] = float("nan")
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ModelError, match="computed nan: its weights are broken"):
        learn(blobs, tmp_path, str(base))
    assert own_loras(tmp_path / "collections") == []


def test_the_command_trains_and_says_how_to_use_it(blobs: Path, sd: str, tmp_path: Path) -> None:
    ended = call(blobs, "--lora", sd, "--rank", 2, "--steps", 3, "--home", tmp_path)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert (said["prompt"], said["rank"], said["steps"], said["new"]) == ("<lora:blobs:1>", 2, 3, True)
    assert Path(said["model"]) == tmp_path / "collections/lora-blobs/pytorch_lora_weights.safetensors"
    ended = call(blobs, "--lora", sd, "--rank", 2, "--steps", 3, "--home", tmp_path)
    assert json.loads(ended.stdout)["new"] is False
