"""A folder of weights -> nothing, or a ModelError that says why it is refused, before any framework opens it.

Unpickling a file runs what its author wrote into it, so weights that are pickled are refused unless the user says that
they trust the author. safetensors files hold numbers only, and their header shows whether they are complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.safejson import parsed

PICKLED = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"})
SAFE = ".safetensors"
# Pickled files that lie beside the weights in many folders, and are never opened.
_NOT_WEIGHTS = ("training_args", "optimizer", "scheduler", "scaler", "rng_state", "random_states")
_LARGEST_HEADER = 100 * 2**20  # the format's own limit


def refuse_pickle(path: Path, *, allow: bool) -> None:
    """Raises ModelError where `path` is a pickle by its name and `allow` is not given."""
    if path.suffix.lower() in PICKLED and not allow:
        raise ModelError(
            f"{path} is pickled: opening it runs code that its author chose. Get the same weights as safetensors, or, "
            "if you trust the author, set allow_pickle (--allow-pickle)"
        )


def check_folder(folder: Path, *, allow_pickle: bool) -> None:
    """Raises ModelError unless `folder` is that of a transformers model (config.json) or of a diffusers pipeline
    (model_index.json) with its weights, whole and not pickled (pickled ones with `allow_pickle`)."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder: give that of a model, with its config.json and safetensors")
    if (folder / "model_index.json").is_file():
        parts = [folder / name for name in _read_json(folder / "model_index.json") if not name.startswith("_")]
        parts = [part for part in parts if (part / "config.json").is_file()]
        if not parts:
            raise ModelError(f"{folder} has a model_index.json but none of the folders that it names: fetch it again")
    elif (folder / "config.json").is_file():
        parts = [folder]
    else:
        raise ModelError(f"{folder} is not a model folder: there is neither a config.json nor a model_index.json in it")
    for part in parts:
        _read_json(part / "config.json")
        _check_weights(part, allow_pickle)


def check_safetensors(path: Path) -> None:
    """Raises ModelError where a safetensors file is not as long as its own header says, or has none.

    The format, of the safetensors README: 8 bytes of length, little-endian, a JSON header, the numbers.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        raw = file.read(length) if 2 <= length <= min(size, _LARGEST_HEADER) else b""
    try:
        header = parsed(raw)
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ModelError(
            f"{path} is not a safetensors file, or cut off in its header ({size} bytes): fetch it again"
        ) from error
    wanted = 8 + length + max(ends, default=0)
    if size != wanted:
        raise ModelError(f"{path} has {size} bytes where its header says {wanted}: fetch it again")


def _check_weights(part: Path, allow_pickle: bool) -> None:
    safe = sorted(part.glob(f"*{SAFE}"))
    pickled = sorted(p for p in part.iterdir() if p.suffix.lower() in PICKLED and not p.name.startswith(_NOT_WEIGHTS))
    if not safe and not pickled:
        raise ModelError(f"there are no weights in {part}: no *{SAFE} file lies beside its config.json; fetch it again")
    for path in safe:
        check_safetensors(path)
    for index in part.glob(f"*{SAFE}.index.json"):
        shards = _read_json(index).get("weight_map")
        if not isinstance(shards, dict):
            raise ModelError(f"{index} names no files of weights: fetch it again")
        for name in sorted({str(shard) for shard in shards.values()} - {path.name for path in safe}):
            raise ModelError(f"{part} lacks {name}, one of the files that {index.name} names: fetch it again")
    if not safe:
        refuse_pickle(pickled[0], allow=allow_pickle)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = parsed(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read as JSON ({error}): fetch the model again") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not the description of a model: fetch it again")
    return content
