"""Writes gistchain/models/weights/nsfwjs-*.onnx and their cards from the npm package nsfwjs 4.3.0.

    npm pack nsfwjs@4.3.0 && tar -xzf nsfwjs-4.3.0.tgz
    python -m training.packaged.nsfwjs package

The package ships each network as scripts for a browser: the model as an object literal, the weights in base64. Its
weights are 8-bit numbers already, with a scale and a lowest value for each tensor; kernels keep exactly these, so that
nothing is lost. Both are MobileNetV2 (Sandler et al. 2018): mobilenet_v2 at width 1.0 as a model of Keras layers,
mobilenet_v2_mid at width 1.4 as a graph of TensorFlow's operations; both become ONNX that takes (n, 224, 224, 3) in
0..1.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.weights import minutes_since, write_weights

SIDE = 224
CARDS = {
    "nsfwjs-mobilenet-v2": ("mobilenet_v2", ["classes", "hidden"]),
    "nsfwjs-mobilenet-v2-mid": ("mobilenet_v2_mid", ["classes", "features"]),
}


def literal(script: str) -> Any:
    """What a minified script of the package exports: an object literal, or a string of base64."""
    start = re.search(r"\.exports=(?=[{\"])", script)
    assert start is not None
    text = script[start.end() :]
    # Bare keys, !0 and !1, and numbers without a leading zero are what JSON does not know; strings are matched whole.
    token = re.compile(r'"(?:[^"\\]|\\.)*"|![01]|void 0|(?<![\w.])\.\d|(?<=[{,])[A-Za-z_$][\w$]*(?=:)')
    words = {"!0": "true", "!1": "false", "void 0": "null"}

    def plain(found: re.Match[str]) -> str:
        word = found[0]
        if word[0] == '"':
            return word
        return words.get(word) or (f"0{word}" if word[0] == "." else f'"{word}"')

    value, _ = json.JSONDecoder().raw_decode(token.sub(plain, text))
    return value


def read(folder: Path) -> tuple[dict[str, Any], dict[str, tuple[NDArray[Any], float, float]]]:
    """The topology, and for each tensor its stored numbers, scale and lowest value (1 and 0 where it is float32)."""
    model = literal((folder / "model.min.js").read_text("utf-8"))
    (group,) = model["weightsManifest"]
    raw = b"".join(base64.b64decode(literal((folder / f"{path}.min.js").read_text("utf-8"))) for path in group["paths"])
    tensors, offset = {}, 0
    for weight in group["weights"]:
        quantised = weight.get("quantization")
        dtype = np.dtype(quantised["dtype"] if quantised else weight["dtype"])
        count = int(np.prod(weight["shape"], dtype=np.int64))
        stored = np.frombuffer(raw, dtype, count, offset).reshape(weight["shape"])
        tensors[weight["name"]] = (stored, *((quantised["scale"], quantised["min"]) if quantised else (1.0, 0.0)))
        offset += stored.nbytes
    assert offset == len(raw)
    return model["modelTopology"], tensors


class Graph:
    """An ONNX graph as it grows."""

    def __init__(self, tensors: dict[str, tuple[NDArray[Any], float, float]]) -> None:
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.kept: list[onnx.TensorProto] = []
        self.names = 0

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        self.names += 1
        self.nodes.append(helper.make_node(kind, inputs, [output or f"v{self.names}"], **attributes))
        return self.nodes[-1].output[0]

    def constant(self, values: Any) -> str:
        self.names += 1
        self.kept.append(numpy_helper.from_array(np.ascontiguousarray(values), f"c{self.names}"))
        return f"c{self.names}"

    def values(self, name: str) -> NDArray[np.float32]:
        stored, scale, low = self.tensors[name]
        return (stored.astype(np.float64) * scale + low).astype(np.float32)

    def weight(self, name: str, shaped: Callable[[NDArray[Any]], NDArray[Any]]) -> str:
        """The tensor as it was stored where 0 is one of its 256 levels, as float32 otherwise."""
        stored, scale, low = self.tensors[name]
        zero = round(-low / scale)
        if stored.dtype != np.uint8 or stored.size < 1024 or not 0 <= zero <= 255 or abs(zero * scale + low) > 1e-6:
            return self.constant(shaped(self.values(name)))
        parts = (shaped(stored), np.float32(scale), np.uint8(zero))
        return self.add("DequantizeLinear", [self.constant(part) for part in parts])

    def conv(self, x: str, kernel: str, bias: NDArray[np.float32] | None, *, depthwise: bool, **how: Any) -> str:
        """kernel: (height, width, in, out), of a depthwise one (height, width, in, 1)."""
        order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        inputs = [x, self.weight(kernel, lambda k: k.transpose(order))]
        groups = self.tensors[kernel][0].shape[2] if depthwise else 1
        return self.add("Conv", inputs + ([] if bias is None else [self.constant(bias)]), group=groups, **how)

    def activated(self, x: str, kind: str | None) -> str:
        if kind in (None, "linear"):
            return x
        if kind == "relu6":
            return self.add("Clip", [x, self.constant(np.float32(0)), self.constant(np.float32(6))])
        return self.add({"relu": "Relu", "softmax": "Softmax"}[str(kind)], [x])

    def dense(self, x: str, kernel: str, bias: str) -> str:
        product = self.add("MatMul", [x, self.weight(kernel, lambda k: k)])
        return self.add("Add", [product, self.constant(self.values(bias))])

    def model(self, outputs: dict[str, str]) -> onnx.ModelProto:
        for name, value in outputs.items():
            self.add("Identity", [value], name)
        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", SIDE, SIDE, 3])
        info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in outputs]
        made = helper.make_graph(self.nodes, "nsfwjs", [image], info, self.kept)
        model = helper.make_model(
            made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="gistchain"
        )
        onnx.checker.check_model(model)
        return model


def of_layers(topology: dict[str, Any], g: Graph) -> onnx.ModelProto:
    """mobilenet_v2: classes, and the 128 numbers of the dense layer before them."""
    made: dict[str, str] = {}
    hidden = ""
    for layer in topology["model_config"]["config"]["layers"]:
        config, name = layer["config"], layer["name"]
        inputs = [made[source[0]] for node in layer["inbound_nodes"] for source in node]
        if layer["class_name"] == "Dense" and config["activation"] == "softmax":
            hidden = inputs[0]
        made[name] = _layer(g, layer["class_name"], name, config, inputs)
    return g.model({"classes": made[name], "hidden": hidden})


def _layer(g: Graph, kind: str, name: str, config: dict[str, Any], inputs: list[str]) -> str:
    match kind:
        case "InputLayer":
            return g.add("Transpose", ["x"], perm=[0, 3, 1, 2])
        case "Conv2D" | "DepthwiseConv2D":
            assert not config["use_bias"]
            kernel = f"{name}/{'kernel' if kind == 'Conv2D' else 'depthwise_kernel'}"
            pad = {"same": "SAME_UPPER", "valid": "VALID"}[config["padding"]]
            y = g.conv(
                inputs[0], kernel, None, depthwise=kind != "Conv2D", strides=list(config["strides"]), auto_pad=pad
            )
            return g.activated(y, config["activation"])
        case "BatchNormalization":
            parts = [g.constant(g.values(f"{name}/{p}")) for p in ("gamma", "beta", "moving_mean", "moving_variance")]
            return g.add("BatchNormalization", [*inputs, *parts], epsilon=config["epsilon"])
        case "ReLU":
            assert config["max_value"] == 6
            return g.activated(inputs[0], "relu6")
        case "ZeroPadding2D":
            (top, bottom), (left, right) = config["padding"]
            return g.add("Pad", [*inputs, g.constant(np.array([0, 0, top, left, 0, 0, bottom, right]))])
        case "Add":
            return g.add("Add", inputs)
        case "AveragePooling2D":  # over all that is left
            return g.add("AveragePool", inputs, kernel_shape=config["pool_size"], strides=config["strides"])
        case "Flatten":
            return g.add("Flatten", inputs)
        case "Dense":
            return g.activated(g.dense(inputs[0], f"{name}/kernel", f"{name}/bias"), config["activation"])
        case "Dropout":
            return inputs[0]
    raise NotImplementedError(kind)


def of_operations(topology: dict[str, Any], g: Graph) -> onnx.ModelProto:
    """mobilenet_v2_mid: classes, and the 1792 numbers before them."""
    made: dict[str, str] = {}
    features = ""
    for node in topology["node"]:
        inputs = [name for name in node.get("input", []) if not name.startswith("^")]
        if node["op"] == "_FusedMatMul":
            features = made[inputs[0]]
        if node["op"] != "Const":
            made[node["name"]] = y = _operation(g, node, inputs, made)
    return g.model({"classes": y, "features": features})


def _operation(g: Graph, node: dict[str, Any], inputs: list[str], made: dict[str, str]) -> str:
    attributes = node.get("attr", {})

    def integers(key: str) -> list[int]:
        return [int(v) for v in attributes[key]["list"]["i"]][1:3]

    def words(key: str) -> list[str]:
        found = attributes.get(key, {}).get("list", {}).get("s", [])
        return [base64.b64decode(word).decode().lower() for word in found]

    def padding() -> str:
        return {"SAME": "SAME_UPPER"}.get(pad := base64.b64decode(attributes["padding"]["s"]).decode(), pad)

    def value(name: str) -> str:
        if name in made:
            return made[name]
        constant = g.values(name)
        return g.constant(constant.reshape(1, -1, 1, 1) if constant.ndim == 1 else constant)

    match node["op"]:
        case "Placeholder":
            return g.add("Transpose", ["x"], perm=[0, 3, 1, 2])
        case "_FusedConv2D" | "FusedDepthwiseConv2dNative" | "DepthwiseConv2dNative" | "Conv2D":
            x, kernel, *bias = inputs
            fused = words("fused_ops")
            y = g.conv(
                made[x], kernel, g.values(bias[0]).ravel() if bias else None, depthwise="Depthwise" in node["op"],
                strides=integers("strides"), auto_pad=padding(),
            )  # fmt: skip
            return g.activated(y, fused[1] if len(fused) > 1 else None)
        case "_FusedMatMul":
            assert words("fused_ops") == ["biasadd"]
            return g.dense(made[inputs[0]], inputs[1], inputs[2])
        case "AddV2" | "Mul" | "Sub":
            return g.add(node["op"].removesuffix("V2"), [value(name) for name in inputs])
        case "AvgPool":
            return g.add(
                "AveragePool", [made[inputs[0]]], kernel_shape=integers("ksize"), strides=integers("strides"),
                auto_pad=padding(),
            )  # fmt: skip
        case "Squeeze":
            return g.add("Flatten", [made[inputs[0]]])
        case "Softmax":
            return g.add("Softmax", [made[inputs[0]]])
        case "Identity":
            return made[inputs[0]]
    raise NotImplementedError(node["op"])


def write(name: str, package: Path) -> None:
    started = time.process_time()
    folder, outputs = CARDS[name]
    topology, tensors = read(package / "dist" / "models" / folder)
    graph = Graph(tensors)
    model = of_operations(topology, graph) if "node" in topology else of_layers(topology, graph)
    card = {
        "kind": "network", "data": "more than 60 GB of images that nsfw_data_scraper lists, by its makers' account",
        "licence": "MIT, Copyright (c) 2019 Infinite Red, Inc.",
        "licence_text": (package / "LICENSE").read_text("utf-8"),
        "recipe": "training/packaged/nsfwjs.py (converted; weights as npm nsfwjs 4.3.0 ships them, in 8 bits)",
        "side": SIDE, "outputs": outputs, "cpu_minutes": minutes_since(started),
    }  # fmt: skip
    write_weights(name, model.SerializeToString(), card)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("package", type=Path, help="the folder that npm pack and tar made")
    given = parser.parse_args().package
    for name in CARDS:
        write(name, given)
