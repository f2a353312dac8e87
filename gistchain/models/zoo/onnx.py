"""The bytes of an ONNX model -> an onnxruntime session.

One thread a session: the same input gives the same bits, whatever else the machine does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.models.zoo.weights import weights


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
            f"onnxruntime {onnxruntime.__version__} can't open {what} ({error}): the file is not an ONNX model, or one "
            "for a newer onnxruntime; pip install --upgrade onnxruntime, or export it again"
        ) from error
