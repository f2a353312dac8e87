"""`gistchain collection train --lora` without torch: what is refused, and how a LoRA that is there is found."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gistchain.collection.folder import listed
from gistchain.collection.lora import _licence, examples, train_lora
from gistchain.errors import ModelError, SettingError
from gistchain.models.diffusers.loras import own_lora, own_loras

WEIGHTS = b"weights"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "lora-azuki"
    folder.mkdir()
    (folder / "pytorch_lora_weights.safetensors").write_bytes(WEIGHTS)
    (folder / "card.json").write_text(json.dumps({"sha256": hashlib.sha256(WEIGHTS).hexdigest()}))
    return tmp_path


def test_pictures_are_enlarged_pixel_by_pixel_and_captioned_by_the_template(tmp_path: Path) -> None:
    dotted = Image.new("RGB", (8, 8), (250, 250, 250))
    dotted.putpixel((3, 4), (10, 20, 30))
    for k in range(60):
        dotted.save(tmp_path / f"{k}.png")
        traits = [("Hat", "Red" if k % 2 else "Blue"), ("Eyes", "None" if k % 3 else "Big Eyes"), ("Serial", f"no {k}")]
        told = {"name": f"Ape #{k}", "attributes": [{"trait_type": t, "value": v} for t, v in traits]}
        (tmp_path / f"{k}.json").write_text(json.dumps(told))
    learnt, held = examples(listed(tmp_path, name="apes"))
    assert (len(learnt), len(held)) == (54, 6)
    said = {example.caption for example in (*learnt, *held)}
    assert said == {
        "A picture of Ape, containing Red Hat",
        "A picture of Ape, containing Red Hat, Big Eyes",
        "A picture of Ape, containing Blue Hat",
        "A picture of Ape, containing Blue Hat, Big Eyes",
    }
    picture = learnt[0].picture()
    assert picture.shape == (512, 512, 3)
    assert {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()} == {(250, 250, 250), (10, 20, 30)}


def test_a_lora_is_found_by_its_name(shelf: Path) -> None:
    assert own_lora(shelf, "azuki") == shelf / "lora-azuki" / "pytorch_lora_weights.safetensors"
    assert own_loras(shelf) == ["azuki"]
    assert own_loras(shelf / "nothing") == []


@pytest.mark.parametrize("name", ["bayc", "../lora-azuki", "azuki/../azuki", "/azuki", "", "Azuki", "azuki\n"])
def test_a_strangers_name_finds_nothing_else(shelf: Path, name: str) -> None:
    assert own_lora(shelf, name) is None


@pytest.mark.parametrize("broken", [b"{", b"[]", b"\xff", b'{"sha256": "00"}', b"{}"])
def test_a_damaged_card_is_named(shelf: Path, broken: bytes) -> None:
    (shelf / "lora-azuki" / "card.json").write_bytes(broken)
    with pytest.raises(ModelError, match=r"remove its folder and train it again .* --name azuki"):
        own_lora(shelf, "azuki")


def test_weights_that_are_gone_are_named(shelf: Path) -> None:
    (shelf / "lora-azuki" / "pytorch_lora_weights.safetensors").unlink()
    with pytest.raises(ModelError, match="is missing, damaged"):
        own_lora(shelf, "azuki")


def test_numbers_that_can_not_be_are_refused_before_the_folder_is_read(tmp_path: Path) -> None:
    def train(**asked: int) -> None:
        train_lora(tmp_path / "none", tmp_path, name="x", base="y", **asked)  # type: ignore[arg-type]

    with pytest.raises(SettingError, match="rank is -3: give 1 to 1024"):
        train(rank=-3)
    with pytest.raises(SettingError, match="rank is 2000"):
        train(rank=2000)
    with pytest.raises(SettingError, match="steps is 0"):
        train(steps=0)


@pytest.mark.parametrize("missing", ["torch", "diffusers", "peft", "accelerate"])
def test_a_missing_package_is_named(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else object())
    with pytest.raises(ModelError, match=rf"train --lora needs {missing}: pip install 'gistchain\[hf\]'"):
        train_lora(tmp_path / "none", tmp_path, name="x", base="y")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rank", "4"), "--rank is for a LoRA: give --lora BASE too"),
        (("--steps", "4"), "--steps is for a LoRA"),
        (("--seed", "4"), "--seed is for a LoRA"),
        (("--lora", ""), "--lora names no checkpoint"),
        (("--lora", "x", "--rank", "0"), "rank is 0: give 1 to 1024"),
    ],
)
def test_wrong_words_are_told_with_code_2(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "gistchain", "collection", "train", str(tmp_path), *words, "--home", str(tmp_path)]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert message in ended.stderr


def test_the_licence_is_read_of_a_card_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: openrail\n---\n")
    assert _licence(tmp_path) == "openrail"
    (tmp_path / "README.md").unlink()
    assert _licence(tmp_path) == "see its model card"
    os.mkfifo(tmp_path / "README.md")
    assert _licence(tmp_path) == "see its model card"
