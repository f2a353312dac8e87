"""A torch network -> weights/NAME.onnx and its card: weights in int8, one scale for each output channel."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.weights import write_weights


def write_onnx(
    name: str, net: nn.Module, inputs: dict[str, Tensor], outputs: list[str], axes: dict[str, Any], card: dict[str, Any]
) -> None:
    """Exports the network, stores its large weights in int8, and writes file and card (training.weights).

    inputs: an example of each; axes: the dimensions of inputs and outputs that may change, as torch.onnx.export takes
    them.
    """
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
    write_weights(name, model.SerializeToString(), card)


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
