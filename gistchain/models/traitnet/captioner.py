"""Image -> the caption of an NFT: the default captioner, a small CNN over 64x64 pixels with a head per trait type.

It knows the collections of weights/traits.json. The confidence is the chance that it gives to the whole caption: that
of the collection times that of the best value of each trait type; near 0 for any other image.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.models.zoo.onnx import session
from gistchain.models.zoo.weights import WEIGHTS, card
from gistchain.traits import Traits
from gistchain.types import Caption, Pixels

SIDE = 64
# An image with a longer side is first reduced by a whole factor: nearly the same average, far less memory.
_REDUCE_ABOVE = 1024


class TraitCaptioner:
    """Fulfils Captioner. name: 'captioner-default', or 'captioner-second', whose weights only score (T0.7)."""

    def __init__(self, name: str = "captioner-default") -> None:
        self.name = name

    def caption(self, image: Pixels) -> Caption:
        return self._read(self._logits(area_average(image)[None])[0])

    def _read(self, logits: NDArray[np.float32]) -> Caption:
        heads = np.split(logits, self._offsets)
        collection = _softmax(heads[0])
        best = int(collection.argmax())
        if best == len(self._collections):
            return Caption("", float(1 - collection[best]))
        traits = self._collections[best]
        first = 1 + sum(len(c.types) for c in self._collections[:best])
        values = [_softmax(h) for h in heads[first : first + len(traits.types)]]
        confidence = float(collection[best] * np.prod([v.max() for v in values]))
        return Caption(traits.caption([int(v.argmax()) for v in values]), confidence)

    def _logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._session.run(None, {"x": x})[0]
        return logits

    @functools.cached_property
    def _session(self) -> Any:
        return session(self.name)

    @functools.cached_property
    def _collections(self) -> list[Traits]:
        known = {t.collection: t for t in collections()}
        return [known[name] for name in card(self.name)["collections"]]

    @functools.cached_property
    def _offsets(self) -> list[int]:
        sizes = [len(self._collections) + 1, *(len(v) + 1 for c in self._collections for v in c.values.values())]
        return [int(end) for end in np.cumsum(sizes)[:-1]]


@functools.cache
def collections() -> tuple[Traits, ...]:
    """Every collection that the shipped models know."""
    table = json.loads((WEIGHTS / "traits.json").read_text("utf-8"))
    return tuple(
        Traits(name, entry["subject"], {t: tuple(v) for t, v in entry["traits"].items()})
        for name, entry in table.items()
    )


def area_average(image: Pixels, side: int = SIDE) -> NDArray[np.float32]:
    """uint8 (H, W, 3) of any size -> float32 (3, side, side) in [-1, 1], each pixel the mean of the area it covers."""
    height, width = image.shape[:2]
    factor = (max(1, width // _REDUCE_ABOVE), max(1, height // _REDUCE_ABOVE))
    if factor != (1, 1):
        from PIL import Image

        image = np.asarray(Image.fromarray(image).reduce(factor))
        height, width = image.shape[:2]
    rows, columns = _area_weights(height, side), _area_weights(width, side)
    small = np.tensordot(columns, np.tensordot(rows, image.astype(np.float32), (1, 0)), (1, 1))  # (x, y, 3)
    return np.ascontiguousarray(small.transpose(2, 1, 0) / 127.5 - 1, np.float32)


@functools.lru_cache(maxsize=8)
def _area_weights(size: int, side: int) -> NDArray[np.float32]:
    edges = np.linspace(0, size, side + 1)
    lower, upper = np.maximum(edges[:-1, None], np.arange(size)), np.minimum(edges[1:, None], np.arange(1, size + 1))
    weights: NDArray[np.float32] = (np.clip(upper - lower, 0, None) * side / size).astype(np.float32)
    return weights


def _softmax(x: NDArray[np.float32]) -> NDArray[np.float64]:
    e = np.exp(x.astype(np.float64) - x.max())
    probabilities: NDArray[np.float64] = e / e.sum()
    return probabilities
