"""Image -> the caption of an NFT: a small CNN over 64 x 64 pixels, with a head for each trait type.

It knows the collections of weights/traits.json. The confidence is the chance that it gives to the whole caption: that
of the collection times that of the best value of each trait type; near 0 for any other image.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.models.area import area_average
from gistchain.models.zoo.onnx import session
from gistchain.models.zoo.weights import WEIGHTS, card
from gistchain.traits import Traits
from gistchain.types import Caption, Pixels

SIDE = 64


class TraitCaptioner:
    """Fulfils Captioner. name: 'captioner-default', or 'captioner-second', whose weights only score (T0.7)."""

    def __init__(self, name: str = "captioner-default") -> None:
        self.name = name

    def caption(self, image: Pixels) -> Caption:
        return self._read(self._logits(area_average(image, SIDE)[None])[0])

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


def _softmax(x: NDArray[np.float32]) -> NDArray[np.float64]:
    e = np.exp(x.astype(np.float64) - x.max())
    probabilities: NDArray[np.float64] = e / e.sum()
    return probabilities
