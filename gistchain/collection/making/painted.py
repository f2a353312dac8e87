"""A trained collection of the shelf -> trait types with their natural weights, and a picture for each row of values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.making.rules import NONE, TraitType, Value
from gistchain.errors import CollectionError, ModelError
from gistchain.models.layered.model import SIDE, to_pixels
from gistchain.models.layered.shelf import OnShelf, Shelf
from gistchain.traits import is_called
from gistchain.types import Pixels

_LEAST_SHARE = 0.001


def types_of(called: str, shelf: Path) -> tuple[str, list[TraitType], str]:
    """(name, trait types in the order of the captions, sha256 of the layers) of a collection of the shelf.

    The weights are how common each value is in the collection. Raises CollectionError where there is none of the name.
    """
    found = _found(called, shelf)
    try:
        layers = found.layers()
    except ModelError as error:
        raise CollectionError(f"the collection {called!r} can't paint: {error}") from error
    types = []
    for t, (name, values) in enumerate(layers.traits.values.items()):
        prior = layers.of_values(layers.prior[layers.first[t] : layers.first[t + 1]].astype(np.float64), t)
        named = [Value(value, weight=max(_LEAST_SHARE, share)) for value, share in zip(values, prior[1:], strict=True)]
        none = [Value(NONE, weight=prior[0])] if prior[0] >= _LEAST_SHARE else []
        types.append(TraitType(name, (*named, *none)))
    return found.collection, types, found.sha256


class Painted:
    """The pictures of a trained collection, side x side, what its labels leave open at its mean."""

    def __init__(self, collection: str, types: tuple[TraitType, ...], shelf: Path, side: int) -> None:
        self._layers, self._side = _found(collection, shelf).layers(), side
        values = list(self._layers.traits.values.values())
        self._labels = [
            [0 if value.name == NONE else values[t].index(value.name) + 1 for value in type_.values]
            for t, type_ in enumerate(types)
        ]

    def look(self, row: tuple[int, ...]) -> tuple[int, ...]:
        """What tells its picture: its labels."""
        return tuple(labels[value] for labels, value in zip(self._labels, row, strict=True))

    def picture(self, row: tuple[int, ...]) -> NDArray[np.uint8]:
        """(side, side, 3)."""
        from PIL import Image

        states = self._layers.states(np.array(self.look(row), np.int64))
        pixels: Pixels = to_pixels(self._layers.picture(states))
        if self._side == SIDE:
            return pixels
        how = Image.Resampling.BICUBIC if self._side > SIDE else Image.Resampling.BOX
        return np.asarray(Image.fromarray(pixels).resize((self._side, self._side), how))


def _found(called: str, shelf: Path) -> OnShelf:
    there = Shelf(shelf).collections
    exact = [one for one in there if one.collection == called]
    fits = exact or [one for one in there if is_called(called, one.subject, one.collection)]
    if not fits:
        raise CollectionError(
            f"[painter]: no trained collection is called {called!r}: `gistchain collection list` shows which there are"
        )
    return fits[0]
