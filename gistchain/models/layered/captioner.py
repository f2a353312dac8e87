"""Image -> the caption of a token of any collection on the shelf, by reading the layers backwards (read.py)."""

from __future__ import annotations

import functools

from gistchain.models.area import area_average
from gistchain.models.layered.model import SIDE
from gistchain.models.layered.read import Reader
from gistchain.models.layered.shelf import OnShelf, Shelf
from gistchain.types import Caption, Pixels

_ENOUGH = 0.5  # a candidate this sure ends the search


class CollectionCaptioner:
    """Fulfils Captioner for the collections of a shelf; an empty caption with confidence 0 for any other image."""

    name = "collections"

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()

    def caption(self, image: Pixels) -> Caption:
        picture = area_average(image, SIDE).transpose(1, 2, 0).reshape(-1, 3)
        best = Caption("", 0.0)
        for collection in self._shelf.nearest(picture):
            reader = _reader(collection)
            reading = reader.read(picture)
            confidence = reader.confidence(reading)
            if confidence > best.confidence:
                best = Caption(reader.layers.traits.caption(reading.labels.tolist()), confidence)
            if confidence >= _ENOUGH:
                break
        return best


@functools.lru_cache(maxsize=4)
def _reader(collection: OnShelf) -> Reader:
    return Reader(collection.layers())
