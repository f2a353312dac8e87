"""Image -> the 10,048 numbers that rareness compares (S1.1), from six packaged networks in nine blocks.

                      reduced below 1040 x 1040
                                 |
  efficientnet-lite0 ------ pooled 1280, peak 1280      after ReLU6: zeros are real zeros
  efficientnet-lite1 ------ pooled 1280, peak 1280
  efficientnet-lite2 ------ pooled 1280; mean 352 and deviation 352 of its last stage
  nsfwjs mobilenet-v2-mid - features 1792
  open-nsfw --------------- features 1024, and its score      -> Content
  nsfwjs mobilenet-v2 ----- hidden 128, and the five classes  -> Content

Each block is divided by its root mean square over training images (weights/fingerprint.json), so that none of them
dominates a correlation. Each network has the pre-processing that it was trained with; all of them see the whole image,
squashed to a square (Open-NSFW without its margin).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.packaged.content import NETWORK, PackagedRater, content
from gistchain.models.packaged.networks import network, reduced
from gistchain.models.packaged.nsfw import nsfwjs, open_nsfw
from gistchain.models.zoo.weights import card
from gistchain.types import Content, Pixels

CARD = "fingerprint"
# Sessions have one thread each, so images share the cores, and the bytes are those of one thread.
_THREADS = 2
_Blocks = dict[str, NDArray[np.float32]]


class PackagedFingerprinter:
    """Fulfils Fingerprinter. threads: how many images are looked at at a time; the bytes don't depend on it."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = threads

    @property
    def version(self) -> str:
        """Of the networks, their pre-processing and the scales together."""
        return str(card(CARD)["version"])

    def fingerprint(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        if not images:
            return np.zeros((0, sum(length for length, _ in _scales().values())), np.float32)
        with ThreadPoolExecutor(min(self._threads, len(images))) as pool:
            return np.stack([numbers for numbers, _ in pool.map(look, images)])


class PackagedLook(PackagedFingerprinter):
    """Fulfils Fingerprinter and ContentRater at the cost of the first: both come from the same passes."""

    def __init__(self, threads: int = _THREADS) -> None:
        super().__init__(threads)
        self._last: tuple[bytes, NDArray[np.float32], Content] | None = None

    def look(self, image: Pixels) -> tuple[NDArray[np.float32], Content]:
        """The fingerprint, shape (10048,), and the content of one image. The last image is remembered."""
        digest, last = _digest(image), self._last
        if last is None or last[0] != digest:
            self._last = last = (digest, *look(image))
        return last[1].copy(), last[2]

    def fingerprint(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        return super().fingerprint(images) if len(images) != 1 else self.look(images[0])[0][None]

    def rate(self, image: Pixels) -> Content:
        last = self._last
        # Two networks are enough for it, where the others have not run yet.
        return last[2] if last is not None and last[0] == _digest(image) else PackagedRater().rate(image)


def look(image: Pixels) -> tuple[NDArray[np.float32], Content]:
    """The fingerprint, shape (10048,), and the content of one image of any size: one pass of each network."""
    blocks, found = _passes(image)
    scaled = [blocks[name] / np.float32(scale) for name, (_, scale) in _scales().items()]
    numbers: NDArray[np.float32] = np.concatenate(scaled)
    if not np.isfinite(numbers).all():
        raise ModelError("a network gave numbers that are not finite: report the image and the onnxruntime version")
    return numbers, found


def _passes(image: Pixels) -> tuple[_Blocks, Content]:
    """What the networks gave, not scaled, by the names of the card's blocks."""
    small = reduced(image)
    blocks: _Blocks = {}
    for name in ("lite0", "lite1", "lite2"):
        seen = network(f"efficientnet-{name}").run(small)
        blocks |= {f"{name}-pooled": seen.pooled, f"{name}-peak": seen.peak}
    stage = seen.maps[-1]
    blocks |= {"lite2-stage-mean": stage.mean((1, 2)), "lite2-stage-deviation": stage.std((1, 2))}
    _, blocks["nsfwjs-mid"] = nsfwjs("nsfwjs-mobilenet-v2-mid").run(small)
    chance, blocks["open-nsfw"] = open_nsfw().run(small)
    classes, blocks["nsfwjs-hidden"] = nsfwjs(NETWORK).run(small)
    return blocks, content(chance, classes)


@functools.cache
def _scales() -> dict[str, tuple[int, float]]:
    """Block -> its length and what it is divided by, in the order of the fingerprint."""
    return {name: (int(about["length"]), float(about["rms"])) for name, about in card(CARD)["blocks"].items()}


def _digest(image: Pixels) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).digest()
