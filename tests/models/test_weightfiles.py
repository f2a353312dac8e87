"""Files of weights that are not what they should be: cut off, altered, another one's, pickled, not there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gistchain.errors import ModelError
from gistchain.models.zoo import onnx, weights
from gistchain.models.zoo.checkpointfiles import check_folder, refuse_pickle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A card and an ONNX file in a folder of the user's own."""
    for suffix in (".json", ".onnx"):
        shutil.copy(weights.WEIGHTS / f"captioner-second{suffix}", tmp_path / f"mine{suffix}")
    return tmp_path


def _set_card(folder: Path, **fields: object) -> None:
    path = folder / "mine.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


def test_weights_in_any_folder_are_run(folder: Path) -> None:
    session = onnx.session("mine", folder)
    assert session.run(None, {"x": np.zeros((1, 3, 64, 64), np.float32)})[0].shape[0] == 1
    assert weights.card("mine", folder)["kind"] == "captioner"


def test_a_truncated_onnx_file_is_reported(folder: Path) -> None:
    raw = (folder / "mine.onnx").read_bytes()
    for length in (0, 1, 1000, len(raw) - 1):
        (folder / "mine.onnx").write_bytes(raw[:length])
        with pytest.raises(ModelError, match="cut off"):
            onnx.session("mine", folder)
    (folder / "mine.onnx").unlink()
    with pytest.raises(ModelError, match="can't be read"):
        onnx.session("mine", folder)


@pytest.mark.parametrize("raw", [b"", b"not a network", b"\x08\x07" * 100])
def test_a_file_that_onnxruntime_refuses_is_reported(folder: Path, raw: bytes) -> None:
    (folder / "mine.onnx").write_bytes(raw)
    _set_card(folder, sha256=hashlib.sha256(raw).hexdigest())
    with pytest.raises(ModelError, match=r"onnxruntime .* can't open the weights of 'mine'"):
        onnx.session("mine", folder)


def test_a_wrong_card_is_reported(folder: Path) -> None:
    shutil.copy(weights.WEIGHTS / "captioner-default.json", folder / "mine.json")
    with pytest.raises(ModelError, match="sha256"):
        onnx.session("mine", folder)
    for text in ("[]", "{}", '{"sha256": 7}', "{", "", "[" * 100_000):
        (folder / "mine.json").write_text(text, "utf-8")
        with pytest.raises(ModelError, match="card"):
            onnx.session("mine", folder)
    (folder / "mine.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="card"):
        onnx.session("mine", folder)
    for name in ("../mine", "", "a/b", str(folder / "mine")):
        with pytest.raises(ModelError):
            weights.card(name, folder)


def _safetensors(path: Path, **tensors: list[float]) -> Path:
    """A whole file in the format, as its README describes it."""
    header, body = {}, b""
    for name, values in tensors.items():
        raw = np.array(values, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def test_a_folder_of_a_whole_model_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    _safetensors(tmp_path / "model.safetensors", a=[1.0, 2.0])
    (tmp_path / "pytorch_model.bin").write_bytes(b"not looked at: the other file is safe")
    check_folder(tmp_path, allow_pickle=False)


def test_pickled_weights_are_refused_unless_the_user_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "training_args.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="no weights"):
        check_folder(tmp_path, allow_pickle=True)
    for name in ("pytorch_model.bin", "model.PT", "weights.ckpt"):
        (tmp_path / name).write_bytes(b"\x80\x04.")
        with pytest.raises(ModelError, match=r"pickled.*allow_pickle"):
            check_folder(tmp_path, allow_pickle=False)
        check_folder(tmp_path, allow_pickle=True)
        (tmp_path / name).unlink()
    with pytest.raises(ModelError, match="allow_pickle"):
        refuse_pickle(tmp_path / "lora.pkl", allow=False)
    refuse_pickle(tmp_path / "lora.safetensors", allow=False)


def test_what_is_no_model_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a folder"):
        check_folder(tmp_path / "nowhere", allow_pickle=False)
    with pytest.raises(ModelError, match="not a model folder"):
        check_folder(tmp_path, allow_pickle=False)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no weights"):
        check_folder(tmp_path, allow_pickle=False)


def test_cut_off_safetensors_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    path = _safetensors(tmp_path / "model.safetensors", a=[1.0, 2.0])
    raw = path.read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 440\n"
    absurd = b'{"a": {"data_offsets": ["x", -1]}}'
    wrong = [raw[:n] for n in (0, 4, 8, 20, len(raw) - 1)]
    for content in (*wrong, raw + b"\0", pointer, len(absurd).to_bytes(8, "little") + absurd, b"\xff" * 64):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="fetch it again"):
            check_folder(tmp_path, allow_pickle=False)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    _safetensors(tmp_path / "model-00001-of-00002.safetensors", a=[1.0])
    shards = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(shards))
    with pytest.raises(ModelError, match="lacks model-00002-of-00002"):
        check_folder(tmp_path, allow_pickle=False)
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json"):
        check_folder(tmp_path, allow_pickle=False)


def test_json_that_is_nested_to_end_the_process_is_refused(tmp_path: Path) -> None:
    import py_ecc  # noqa: F401 - raises the recursion limit to 100,000: the parser would run off the stack

    bomb = b"[" * 100_000
    (tmp_path / "config.json").write_bytes(bomb)
    _safetensors(tmp_path / "model.safetensors", a=[1.0])
    with pytest.raises(ModelError, match="nested"):
        check_folder(tmp_path, allow_pickle=False)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(len(bomb).to_bytes(8, "little") + bomb)
    with pytest.raises(ModelError, match="not a safetensors file"):
        check_folder(tmp_path, allow_pickle=False)


def test_each_part_of_a_pipeline_is_looked_at(tmp_path: Path) -> None:
    parts = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    parts |= {"vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", "DDIMScheduler"]}
    (tmp_path / "model_index.json").write_text(json.dumps(parts))
    with pytest.raises(ModelError, match="none of the folders"):
        check_folder(tmp_path, allow_pickle=False)
    for part in ("unet", "vae"):
        _safetensors(tmp_path / part / "diffusion_pytorch_model.safetensors", a=[1.0])
        (tmp_path / part / "config.json").write_text("{}")
    check_folder(tmp_path, allow_pickle=False)
    (tmp_path / "vae" / "diffusion_pytorch_model.safetensors").rename(tmp_path / "vae" / "model.bin")
    with pytest.raises(ModelError, match="pickled"):
        check_folder(tmp_path, allow_pickle=False)
