"""Image -> the 10,048 numbers that rareness compares (S1.1), from six packaged networks in nine blocks.

                      reduced below 1040 x 1040
                                 |
  efficientnet-lite0 ------ pooled 1280, peak 1280      after ReLU6: zeros are real zeros
  efficientnet-lite1 ------ pooled 1280, peak 1280
  efficientnet-lite2 ------ pooled 1280; mean 352 and deviation 352 of its last stage
  nsfwjs mobilenet-v2-mid - features 1792
  open-nsfw --------------- features 1024, and its score      -> Content
  nsfwjs mobilenet-v2 ----- hidden 128, and the five classes  -> Content

Each block is divided by its root mean square over training images (weights/fingerprint.json), so that none dominates a
correlation. Each network gets the pre-processing that it was trained with; all of them see the whole image, squashed to
a square (Open-NSFW without its margin).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ImageError
from gistchain.models.packaged.content import NETWORK, PackagedRater, content
from gistchain.models.packaged.networks import network, reduced
from gistchain.models.packaged.nsfw import nsfwjs, open_nsfw
from gistchain.models.zoo.weights import card
from gistchain.types import Content, Pixels

CARD = "fingerprint"
# Sessions have one thread each: images share the cores, and the bytes are always those of one thread.
_THREADS = 2
_Blocks = dict[str, NDArray[np.float32]]


class PackagedFingerprinter:
    """Fulfils Fingerprinter and ContentRater. threads: how many images run at a time; the bytes don't depend on it."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = threads

    @property
    def version(self) -> str:
        """The version of the networks, their pre-processing and the scales together."""
        return str(card(CARD)["version"])

    def fingerprint(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        if not images:
            return np.zeros((0, sum(length for length, _ in _scales().values())), np.float32)
        with ThreadPoolExecutor(min(self._threads, len(images))) as pool:
            return np.stack([fingerprint for fingerprint, _ in pool.map(look, images)])

    def rate(self, image: Pixels) -> Content:
        # Two of the networks are enough for it.
        return PackagedRater().rate(image)

    def look(self, image: Pixels) -> tuple[NDArray[np.float32], Content]:
        """The fingerprint, shape (10048,), and the content of one image, at the cost of the first."""
        return look(image)


def warm() -> ExitStack:
    """Begin to load the networks, in two threads of their own; a network that fails tells it where it is used.

    While they read and unpack weights, Python's lock is free: the caller imports what else it needs meanwhile.
    Networks that are not begun by the end of a `with` over what is returned are left: the program would wait for them.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="weights")
    for load in _LOADS:
        pool.submit(load)
    loading = ExitStack()
    loading.callback(pool.shutdown, wait=False, cancel_futures=True)
    return loading


def look(image: Pixels) -> tuple[NDArray[np.float32], Content]:
    """The fingerprint, shape (10048,), and the content of one image of any size: one pass of each network."""
    blocks, rated = _passes(image)
    scaled = [blocks[name] / np.float32(scale) for name, (_, scale) in _scales().items()]
    fingerprint: NDArray[np.float32] = np.concatenate(scaled)
    if not np.isfinite(fingerprint).all():
        raise ImageError("a network gave numbers that are not finite: report the image and the onnxruntime version")
    return fingerprint, rated


# The one that takes longest first.
_LOADS: tuple[Callable[[], object], ...] = (
    open_nsfw,
    lambda: network("efficientnet-lite2"),
    lambda: network("efficientnet-lite1"),
    lambda: network("efficientnet-lite0"),
    lambda: nsfwjs("nsfwjs-mobilenet-v2-mid"),
    lambda: nsfwjs(NETWORK),
)


def _passes(image: Pixels) -> tuple[_Blocks, Content]:
    """(what the networks gave, not scaled, by the names of the card's blocks; the content)."""
    small = reduced(image)
    blocks: _Blocks = {}
    for name in ("lite0", "lite1", "lite2"):
        features = network(f"efficientnet-{name}").run(small)
        blocks |= {f"{name}-pooled": features.pooled, f"{name}-peak": features.peak}
    stage = features.maps[-1]
    blocks |= {"lite2-stage-mean": stage.mean((1, 2)), "lite2-stage-deviation": stage.std((1, 2))}
    _, blocks["nsfwjs-mid"] = nsfwjs("nsfwjs-mobilenet-v2-mid").run(small)
    chance, blocks["open-nsfw"] = open_nsfw().run(small)
    classes, blocks["nsfwjs-hidden"] = nsfwjs(NETWORK).run(small)
    return blocks, content(chance, classes)


@functools.cache
def _scales() -> dict[str, tuple[int, float]]:
    """Block -> its length and what it is divided by, in the order of the fingerprint."""
    return {name: (int(about["length"]), float(about["rms"])) for name, about in card(CARD)["blocks"].items()}
