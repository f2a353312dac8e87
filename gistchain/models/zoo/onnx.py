"""A model card and its weights -> an onnxruntime session: the file is held against the sha256 in its card first.

The weights are those that ship, or NAME.onnx and NAME.json in any folder, as `gistchain collection train` writes them.
One thread a session: the same input gives the same bits, whatever else the machine does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.safejson import parsed

WEIGHTS = Path(__file__).parents[1] / "weights"


def card(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The model card `{name}.json`: kind, data, licence, recipe, sha256 and what its code needs to know."""
    path = _path(name, ".json", folder)
    try:
        found = parsed(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"no model {name!r}: there is no {path.name} in {path.parent}; {_remedy(folder)}") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"the model card {path} is damaged ({error}): {_remedy(folder)}") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} is no model card: {_remedy(folder)}")
    return found


def weights(name: str, folder: Path | None = None, *, suffix: str = ".onnx") -> bytes:
    """The bytes of `{name}{suffix}`. Raises ModelError where the file is missing or not the one that its card names."""
    path, wanted = _path(name, suffix, folder), card(name, folder).get("sha256")
    if not isinstance(wanted, str):
        raise ModelError(f"the model card of {name!r} names no sha256: {_remedy(folder)}")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the weights of {name!r} can't be read ({error}): {_remedy(folder)}") from error
    if hashlib.sha256(raw).hexdigest() != wanted:
        raise ModelError(
            f"{path} is damaged, cut off or another file (its sha256 is not the card's): {_remedy(folder)}"
        )
    return raw


def session(name: str, folder: Path | None = None) -> Any:
    """Raises ModelError as `weights` does, and where onnxruntime can't run them."""
    return session_of(weights(name, folder), f"the weights of {name!r}")


def session_of(raw: bytes, what: str) -> Any:
    """An onnxruntime session of the bytes of a model; `what` names them where onnxruntime refuses them (ModelError)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Weights are stored as int8 and used as float32: unpacked once, when the session is made, not at every run.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no class in common
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} can't open {what} ({error}): they are no ONNX model, or one for a "
            "newer onnxruntime; pip install --upgrade onnxruntime, or export them anew"
        ) from error


def _path(name: str, suffix: str, folder: Path | None) -> Path:
    if not name or name != Path(name).name:
        raise ModelError(f"{name!r} is no name of a model: give one without folders")
    return (folder or WEIGHTS) / f"{name}{suffix}"


def _remedy(folder: Path | None) -> str:
    return "reinstall gistchain" if folder is None else "fetch it, or train and export it, anew"
