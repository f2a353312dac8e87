"""Every collection whose layers are on the shelf: image -> caption, and caption -> image.

The shelf is what ships in weights/ and what `gistchain collection train` has put into the user's own folder.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError, RebuildError
from gistchain.models.layered.model import SIDE, Floats, Gate, Layers, small, to_pixels, unpack, unpack_gate
from gistchain.models.layered.read import Reader
from gistchain.models.traitnet.captioner import area_average
from gistchain.models.zoo.onnx import WEIGHTS, card, weights
from gistchain.traits import parts
from gistchain.types import Caption, Gist, Pixels, TextEmbedder

_CANDIDATES = 3
_TOO_FAR = 30.0  # a thumbnail this many times as far off as the collection's own is not worth reading
_ENOUGH = 0.5  # a candidate this sure ends the search
_TEMPERATURE = 0.5  # how much of what the labels leave open a seed varies
_NEAR_PHRASE = 0.6  # cosine from which other words are taken for a trait's
_THUMB_DEVIATION = 0.03  # what an 8 x 8 latent says of each of its numbers, in [-1, 1]


@dataclass(frozen=True, slots=True)
class OnShelf:
    """One collection's files: `name` is their stem, folder None for those that ship. sha256: that of the layers."""

    name: str
    folder: Path | None
    subject: str
    collection: str
    sha256: str


class Shelf:
    """The collections of the package and of one more folder; a user's own come first. Layers are opened when needed."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def collections(self) -> tuple[OnShelf, ...]:
        return self._looked_through[0]

    @property
    def damaged(self) -> tuple[str, ...]:
        """What is wrong with collections of the user's folder that are left out: it must not stop all others."""
        return self._looked_through[1]

    @functools.cached_property
    def _looked_through(self) -> tuple[tuple[OnShelf, ...], tuple[str, ...]]:
        found, damaged = {}, []
        for path in sorted(self._folder.glob("collection-*.json")) if self._folder else []:
            try:
                weights(path.stem, self._folder, suffix=".layers")
                found[path.stem] = _on_shelf(path.stem, self._folder)
            except ModelError as error:
                damaged.append(str(error))
        for path in sorted(WEIGHTS.glob("collection-*.json")):
            found.setdefault(path.stem, _on_shelf(path.stem, None))
        return tuple(found.values()), tuple(damaged)

    def layers(self, entry: OnShelf) -> Layers:
        return _layers(entry)

    def nearest(self, picture: Floats) -> list[OnShelf]:
        """The collections that a picture (P, 3) may belong to, the likeliest first."""
        thumbnail = small(picture[None])[0, :-1]
        distances = {entry: _gate(entry).distance(thumbnail) for entry in self.collections}
        near = [entry for entry in distances if distances[entry] < _TOO_FAR]
        return sorted(near, key=lambda entry: distances[entry])[:_CANDIDATES]

    def of_subject(self, subject: str) -> OnShelf | None:
        """The collection that a caption speaks of, by its subject or its name, in the singular or the plural."""
        wanted = subject.casefold().removesuffix(" avatar").strip()
        for entry in self.collections:
            names = {entry.subject.casefold(), entry.collection.casefold()}
            if wanted in names | {n.removesuffix("s") for n in names}:
                return entry
        return None


def _on_shelf(name: str, folder: Path | None) -> OnShelf:
    made = card(name, folder)
    try:
        return OnShelf(name, folder, *(str(made[key]) for key in ("subject", "collection", "sha256")))
    except KeyError as error:
        raise ModelError(f"{name}.json is no card of a collection: it has no {error}; train it again") from error


class CollectionCaptioner:
    """Fulfils Captioner for the collections of a shelf; nothing at all ("", 0) for anything else."""

    name = "collections"

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()

    def caption(self, image: Pixels) -> Caption:
        picture = area_average(image, SIDE).transpose(1, 2, 0).reshape(-1, 3)
        best = Caption("", 0.0)
        for entry in self._shelf.nearest(picture):
            reader = _reader(entry)
            reading = reader.read(picture)
            confidence = reader.confidence(reading)
            if confidence > best.confidence:
                best = Caption(reader.layers.traits.caption(reading.labels.tolist()), confidence)
            if confidence >= _ENOUGH:
                break
        return best


class CollectionPainter:
    """Fulfils Painter for captions of the collections of a shelf; RebuildError for any other."""

    name = "collections"

    def __init__(self, embedder: TextEmbedder, shelf: Shelf | None = None) -> None:
        self._embedder, self._shelf = embedder, shelf or Shelf()

    def knows(self, gist: Gist) -> bool:
        return bool(gist.captions) and self._shelf.of_subject(parts(gist.captions[0])[0]) is not None

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float = 1.0) -> list[Pixels]:
        if not 0 <= strength <= 1:
            raise RebuildError(
                f"strength is {strength}: give a number from 0 (decode the latent) to 1 (start from noise)"
            )
        subject, phrases = parts(gist.captions[0] if gist.captions else "")
        entry = self._shelf.of_subject(subject)
        if entry is None:
            known = ", ".join(e.subject for e in self._shelf.collections)
            raise RebuildError(
                f"no collection on the shelf is called {subject!r}; there are {known}. "
                "`gistchain collection train FOLDER` adds your own"
            )
        layers = self._shelf.layers(entry)
        fixed, thumb = self._labels(layers, phrases), _thumb_of(gist)
        return [_fit(_painted(layers, fixed, thumb, seed, strength), gist.size) for seed in seeds]

    def _labels(self, layers: Layers, phrases: Sequence[str]) -> NDArray[np.int64]:
        """(T,) the labels that the phrases name; -1 for a type that always shows and is not spoken of."""
        traits = layers.traits
        every = [
            (t, k + 1, f"{v} {name}") for t, (name, vs) in enumerate(traits.values.items()) for k, v in enumerate(vs)
        ]
        exact = {text.casefold(): (t, k) for t, k, text in every}
        labels = np.where(layers.prior[layers.first[:-1]] * 1000 < 1, -1, 0)
        others = []
        for phrase in phrases:
            if (found := exact.get(phrase.casefold())) is not None:
                labels[found[0]] = found[1]
            else:
                others.append(phrase)
        if others:
            vectors = self._embedder.embed([*others, *(text for _, _, text in every)])
            cosines = vectors[: len(others)] @ vectors[len(others) :].T
            for row in cosines:
                t, k, _ = every[int(row.argmax())]
                if row.max() >= _NEAR_PHRASE and labels[t] <= 0:
                    labels[t] = k
        return labels


def _painted(layers: Layers, fixed: NDArray[np.int64], thumb: Floats | None, seed: int, strength: float) -> Pixels:
    # RandomState's stream is frozen for ever: a seed means the same picture after any upgrade of numpy.
    noise = np.random.RandomState(seed % 2**32)
    labels = fixed.copy()
    for t in np.flatnonzero(fixed < 0):
        chances = layers.prior[layers.first[t] + 1 : layers.first[t + 1]].astype(np.float64)
        labels[t] = 1 + noise.choice(len(chances), p=chances / chances.sum())
    picture = layers.picture(labels)
    open_ = noise.standard_normal(len(layers.variation)) * _TEMPERATURE
    if thumb is not None:
        open_ = _steered(layers.variation, thumb - _eighths(picture), open_)
    picture = picture + (open_.astype(np.float32) @ layers.variation).reshape(-1, 3)
    if thumb is not None and strength < 1:
        picture = strength * picture + (1 - strength) * _enlarged(thumb)
    return to_pixels(picture)


def _steered(variation: Floats, wanted: Floats, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates of the variation given what an 8 x 8 latent shows of it: the Gaussian posterior, moved by `drawn`."""
    seen = np.stack([_eighths(v.reshape(-1, 3)) for v in variation]).astype(np.float64) / _THUMB_DEVIATION
    precision = seen @ seen.T + np.eye(len(seen))
    mean = np.linalg.solve(precision, seen @ (wanted.astype(np.float64) / _THUMB_DEVIATION))
    return np.asarray(mean + np.linalg.solve(np.linalg.cholesky(precision).T, drawn))


def _eighths(picture: Floats) -> Floats:
    """(P, 3) -> (192,): means of an 8 x 8 grid."""
    step = SIDE // 8
    means: Floats = picture.reshape(8, step, 8, step, 3).mean((1, 3)).reshape(-1)
    return means


def _enlarged(thumb: Floats) -> Floats:
    from PIL import Image

    small_image = Image.fromarray(((thumb.reshape(8, 8, 3) + 1) * 127.5).round().clip(0, 255).astype(np.uint8))
    large = small_image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return (np.asarray(large, np.float32) / 127.5 - 1).reshape(-1, 3)


def _thumb_of(gist: Gist) -> Floats | None:
    """(192,) in [-1, 1]: the gist's 8 x 8 colours, where it has that latent."""
    if gist.latent is None or gist.latent.coder != "thumb8" or len(gist.latent.data) != 192:
        return None
    return np.frombuffer(gist.latent.data, np.uint8).astype(np.float32) / 127.5 - 1


def _fit(image: Pixels, size: tuple[int, int]) -> Pixels:
    from PIL import Image

    if size == (SIDE, SIDE):
        return image
    how = Image.Resampling.BICUBIC if min(size) >= SIDE else Image.Resampling.BOX
    return np.asarray(Image.fromarray(image).resize(size, how))


@functools.lru_cache(maxsize=4)
def _layers(entry: OnShelf) -> Layers:
    return unpack(weights(entry.name, entry.folder, suffix=".layers"), entry.name)


@functools.lru_cache(maxsize=4)
def _reader(entry: OnShelf) -> Reader:
    return Reader(_layers(entry))


@functools.lru_cache(maxsize=256)
def _gate(entry: OnShelf) -> Gate:
    return unpack_gate(weights(entry.name, entry.folder, suffix=".layers"), entry.name)
