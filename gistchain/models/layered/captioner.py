"""Image -> the caption of a token of any collection on the shelf, by reading the layers backwards (read.py).

    picture ── each collection's gate ── at 16 x 16, then 32 x 32 pixels: far from anything it paints? ── reading

The few pixels cost a fiftieth of a reading, and turn most pictures away that are of no collection.
"""

from __future__ import annotations

import functools

from gistchain.models.area import area_average
from gistchain.models.layered.model import SIDE, Floats, grid
from gistchain.models.layered.read import Reader
from gistchain.models.layered.shelf import OnShelf, Shelf
from gistchain.types import Caption, Pixels

_ENOUGH = 0.5  # a candidate this sure ends the search
# (side, misfit from which a picture surely isn't a token): tokens came to at most 5.6 and 3.0, and the confidence of a
# reading with a misfit of 4 is below 0.01.
_SURELY_NOT = ((16, 8.0), (32, 4.0))
_SWEEPS = 3


class CollectionCaptioner:
    """Fulfils Captioner for the collections of a shelf; an empty caption with confidence 0 for any other image."""

    name = "collections"

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()

    def caption(self, image: Pixels) -> Caption:
        picture = area_average(image, SIDE).transpose(1, 2, 0).reshape(-1, 3)
        best = Caption("", 0.0)
        for collection in self._shelf.nearest(picture):
            if not _may_be(collection, picture):
                continue
            reader = _reader(collection)
            reading = reader.read(picture)
            confidence = reader.confidence(reading)
            if confidence > best.confidence:
                best = Caption(reader.layers.traits.caption(reading.labels.tolist()), confidence)
            if confidence >= _ENOUGH:
                break
        return best


def _may_be(collection: OnShelf, picture: Floats) -> bool:
    """Whether the picture (P, 3) may be a token; whatever passes is read, so that a wrong yes costs time alone."""
    for side, most in _SURELY_NOT:
        reader = _thin_reader(collection, side)
        if reader.misfit(picture[grid(side)], reader.guessed(picture), _SWEEPS) > most:
            return False
    return True


@functools.lru_cache(maxsize=64)
def _thin_reader(collection: OnShelf, side: int) -> Reader:
    return Reader(collection.thin_layers(side))


@functools.lru_cache(maxsize=4)
def _reader(collection: OnShelf) -> Reader:
    return Reader(collection.layers())
