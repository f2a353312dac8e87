"""The collections whose layers are on this machine: those in weights/, and those of the user's own folder.

    picture ──> thumbnail ──> each collection's gate ──> the few that are near
    subject of a caption ──> the collection that is called so

`gistchain collection train` puts a collection into the user's folder. Layers are opened when they are needed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gistchain.disk.kept import kept
from gistchain.errors import ModelError
from gistchain.models.layered.model import (
    FORMAT,
    Floats,
    Gate,
    Layers,
    built,
    opened,
    small,
    thinned,
    unpack,
    unpack_gate,
)
from gistchain.models.zoo.weights import WEIGHTS, card, weights
from gistchain.traits import is_called

_CANDIDATES = 3
_TOO_FAR = 30.0  # a thumbnail this many times as far off as the collection's own is not worth reading


@dataclass(frozen=True, slots=True)
class OnShelf:
    """One collection's files: `name` is their stem, folder None for those that ship. sha256: that of the layers."""

    name: str
    folder: Path | None
    subject: str
    collection: str
    sha256: str

    def layers(self) -> Layers:
        """Raises ModelError where the file is missing, damaged or another one than its card names."""
        return _layers(self)

    def thin_layers(self, side: int) -> Layers:
        """The layers at side x side pixels, one of THIN; otherwise as `layers`, in a hundredth of the time."""
        return _thin_layers(self, side)


class Shelf:
    """The collections of the package and of one more folder; of two with the same name the user's own counts."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def collections(self) -> tuple[OnShelf, ...]:
        """The user's own first, each group by name."""
        return self._listing[0]

    @property
    def damaged(self) -> tuple[str, ...]:
        """What is wrong with the collections of the user's folder that are left out: they must not stop the others."""
        return self._listing[1]

    @functools.cached_property
    def _listing(self) -> tuple[tuple[OnShelf, ...], tuple[str, ...]]:
        by_stem, damaged = {}, []
        for path in sorted(self._folder.glob("collection-*.json")) if self._folder else []:
            try:
                weights(path.stem, self._folder, suffix=".layers")
                by_stem[path.stem] = _on_shelf(path.stem, self._folder)
            except ModelError as error:
                damaged.append(str(error))
        for path in sorted(WEIGHTS.glob("collection-*.json")):
            by_stem.setdefault(path.stem, _on_shelf(path.stem, None))
        return tuple(by_stem.values()), tuple(damaged)

    def nearest(self, picture: Floats) -> list[OnShelf]:
        """The collections that a picture (P, 3) may belong to, the likeliest first."""
        thumbnail = small(picture[None])[0, :-1]
        distances = {collection: _gate(collection).distance(thumbnail) for collection in self.collections}
        near = [collection for collection in distances if distances[collection] < _TOO_FAR]
        return sorted(near, key=lambda collection: distances[collection])[:_CANDIDATES]

    def of_subject(self, subject: str) -> OnShelf | None:
        """The collection that a caption speaks of, by its subject or its name, in the singular or the plural."""
        return next((c for c in self.collections if is_called(subject, c.subject, c.collection)), None)


def _on_shelf(name: str, folder: Path | None) -> OnShelf:
    told = card(name, folder)
    try:
        return OnShelf(name, folder, *(str(told[key]) for key in ("subject", "collection", "sha256")))
    except KeyError as error:
        raise ModelError(f"{name}.json is not the card of a collection: it lacks {error}; train it again") from error


def _raw(collection: OnShelf) -> bytes:
    return weights(collection.name, collection.folder, suffix=".layers")


@functools.lru_cache(maxsize=4)
def _layers(collection: OnShelf) -> Layers:
    return unpack(_raw(collection), collection.name)


@functools.lru_cache(maxsize=64)
def _thin_layers(collection: OnShelf, side: int) -> Layers:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **thinned(opened(_raw(collection), collection.name), side))

    path = kept(f"thin-{side}", f"{FORMAT} {collection.sha256}", write, beside=WEIGHTS)
    if path is None:
        arrays = thinned(opened(_raw(collection), collection.name), side)
    else:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    return built(arrays, _gate(collection), collection.name)


@functools.lru_cache(maxsize=256)
def _gate(collection: OnShelf) -> Gate:
    return unpack_gate(_raw(collection), collection.name)
