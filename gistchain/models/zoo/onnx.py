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


def session_of(model: bytes | Path, what: str, *, keep: Path | None = None) -> Any:
    """An onnxruntime session of the bytes of a model; `what` names them where onnxruntime refuses them (ModelError).

    Or of a file that an earlier call has kept. keep: the file where the graph as it was optimised is kept.
    """
    import onnxruntime

    options = session_options()
    if isinstance(model, Path):  # it was optimised before
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if keep is not None:
        options.optimized_model_filepath = str(keep)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no class in common
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} can't open {what} ({error}): the file is not an ONNX model, or one "
            "for a newer onnxruntime; pip install --upgrade onnxruntime, or export it again"
        ) from error


def session_options() -> Any:
    """One thread, which sleeps where it waits: a thread that spins takes the time of a busy machine from others."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for name in ("session.intra_op.allow_spinning", "session.inter_op.allow_spinning"):
        options.add_session_config_entry(name, "0")
    # Weights are stored as int8 and used as float32: unpacked once, when the session is made, not at every run.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return options
