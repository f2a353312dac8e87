"""Shipped weights -> onnxruntime sessions: each file is held against the sha256 in its model card first.

One thread a session: the same input gives the same bits, whatever else the machine does.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"


def card(name: str) -> dict[str, Any]:
    """The model card of `weights/{name}.onnx`: kind, data, licence, recipe, sha256 and what its code needs to know."""
    path = WEIGHTS / f"{name}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"no model {name!r}: there is no {path.name} among the weights; reinstall gistchain"
        ) from error
    except ValueError as error:
        raise ModelError(f"the model card {path} is damaged ({error}): reinstall gistchain") from error
    return found


def session(name: str) -> Any:
    """Raises ModelError where the file is missing or is not the one that its card names."""
    import onnxruntime

    path = WEIGHTS / f"{name}.onnx"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the weights of {name!r} can't be read ({error}): reinstall gistchain") from error
    if hashlib.sha256(raw).hexdigest() != card(name)["sha256"]:
        raise ModelError(f"{path} is damaged or another file (its sha256 is not the card's): reinstall gistchain")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Weights are stored as int8 and used as float32: unpacked once, when the session is made, not at every run.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
