"""Gist -> pictures of a token of any collection on the shelf.

caption ──> labels ──> layers.picture ──┐
seed ────> what the labels leave open ──┼──> picture ──> size of the gist
thumb8 ──> steers what is left open ────┘
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RebuildError
from gistchain.models.layered.model import SIDE, Floats, Layers, to_pixels
from gistchain.models.layered.shelf import Shelf
from gistchain.models.strength import strength_or
from gistchain.models.thumb8 import enlarged, grid_or_none
from gistchain.traits import parts
from gistchain.types import Gist, Pixels, TextEmbedder

_TEMPERATURE = 0.5  # how much of what the labels leave open a seed varies
_SHOWN = 0.5  # share of the commonest pose's tokens that one must have to be painted: rarer ones are good for reading
_NEAR_PHRASE = 0.6  # cosine from which other words are taken for a trait's
_GRID_DEVIATION = 0.03  # of each of the numbers of an 8 x 8 latent, in [-1, 1]


class CollectionPainter:
    """Fulfils Painter for captions of the collections of a shelf; RebuildError for any other."""

    name = "collections"

    def __init__(self, embedder: TextEmbedder, shelf: Shelf | None = None) -> None:
        self._embedder, self._shelf = embedder, shelf or Shelf()

    def knows(self, gist: Gist) -> bool:
        return self._shelf.of_subject(parts(gist.caption)[0]) is not None

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        if strength == 0 and grid_or_none(gist.latent) is not None:
            return False
        subject, phrases = parts(gist.caption)
        layers = self._layers_of(subject)
        open_ = (labels_of(phrases, layers, self._embedder) < 0).any() or max(layers.poses) > 1
        return len(layers.variation) > 0 or bool(open_)

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        strength = strength_or(1.0, strength)
        subject, phrases = parts(gist.caption)
        layers = self._layers_of(subject)
        labels, grid = labels_of(phrases, layers, self._embedder), grid_or_none(gist.latent)
        return [_fit(_painted(layers, labels, grid, seed, strength), gist.size) for seed in seeds]

    def _layers_of(self, subject: str) -> Layers:
        collection = self._shelf.of_subject(subject)
        if collection is None:
            known = ", ".join(c.subject for c in self._shelf.collections)
            raise RebuildError(
                f"no collection on the shelf is called {subject!r}; there are {known}. "
                "`gistchain collection import FILE` adds one that was exported elsewhere, `collection train` your own"
            )
        return collection.layers()


def labels_of(phrases: Sequence[str], layers: Layers, embedder: TextEmbedder) -> NDArray[np.int64]:
    """(T,) the labels that the phrases name; -1 for a type that always shows and is not mentioned.

    A phrase in other words than the traits' is taken for the trait whose phrase is nearest to it, if near enough.
    """
    traits = layers.traits
    every = [
        (t, k, f"{value} {name}") for t, (name, vs) in enumerate(traits.values.items()) for k, value in enumerate(vs, 1)
    ]
    exact = _merged_names(layers) | {text.casefold(): (t, k) for t, k, text in every}
    labels = np.where(layers.prior[layers.first[:-1]] * 1000 < 1, -1, 0)
    others = []
    for phrase in phrases:
        if (named := exact.get(phrase.casefold())) is not None:
            labels[named[0]] = named[1]
        else:
            others.append(phrase)
    if others:
        vectors = embedder.embed([*others, *(text for _, _, text in every)])
        for cosines in vectors[: len(others)] @ vectors[len(others) :].T:
            t, k, _ = every[int(cosines.argmax())]
            if cosines.max() >= _NEAR_PHRASE and labels[t] <= 0:
                labels[t] = k
    return labels


def _merged_names(layers: Layers) -> dict[str, tuple[int, int]]:
    """The phrases of values that stand under another name now: captions of older tokens and people's own have them."""
    found = {}
    for t, (name, values) in enumerate(layers.traits.values.items()):
        for told, group in layers.merged.get(name, {}).items():
            label = values.index(told) + 1 if told else 0
            found.update({f"{value} {name}".casefold(): (t, label) for value in group})
    return found


def _painted(layers: Layers, labels: NDArray[np.int64], grid: Pixels | None, seed: int, strength: float) -> Pixels:
    # RandomState's stream is frozen for ever: a seed means the same picture after any upgrade of numpy.
    noise = np.random.RandomState(seed % 2**32)
    picture = layers.picture(_drawn(labels, layers, noise))
    coordinates = noise.standard_normal(len(layers.variation)) * _TEMPERATURE
    if grid is not None:
        wanted = _scaled(grid).reshape(-1) - _eighths(picture)
        coordinates = _steered(layers.variation, wanted, coordinates)
    picture = picture + (coordinates.astype(np.float32) @ layers.variation).reshape(-1, 3)
    if grid is not None and strength < 1:
        picture = strength * picture + (1 - strength) * _scaled(enlarged(grid, (SIDE, SIDE))).reshape(-1, 3)
    return to_pixels(picture)


def _drawn(labels: NDArray[np.int64], layers: Layers, noise: np.random.RandomState) -> NDArray[np.int64]:
    """The states, with a value drawn by how common it is for each type that is -1, and a pose for what moves."""
    whole = labels.copy()
    for t in range(len(labels)):
        poses = int(layers.poses[t])
        chances = layers.prior[layers.first[t] + 1 : layers.first[t + 1]].astype(np.float64)
        if labels[t] < 0:
            whole[t] = 1 + noise.choice(len(chances), p=chances / chances.sum())
        elif labels[t] and poses > 1:
            first = (labels[t] - 1) * poses
            own = chances[first : first + poses]
            own = np.where(own >= _SHOWN * own.max(), own, 0)
            whole[t] = 1 + first + noise.choice(poses, p=own / own.sum())
    return whole


def _steered(variation: Floats, wanted: Floats, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates of the variation given what an 8 x 8 latent shows of it: the Gaussian posterior, moved by `drawn`."""
    shown = np.stack([_eighths(v.reshape(-1, 3)) for v in variation]).astype(np.float64) / _GRID_DEVIATION
    precision = shown @ shown.T + np.eye(len(shown))
    mean = np.linalg.solve(precision, shown @ (wanted.astype(np.float64) / _GRID_DEVIATION))
    return np.asarray(mean + np.linalg.solve(np.linalg.cholesky(precision).T, drawn))


def _eighths(picture: Floats) -> Floats:
    """(P, 3) -> (192,): means of an 8 x 8 grid."""
    step = SIDE // 8
    means: Floats = picture.reshape(8, step, 8, step, 3).mean((1, 3)).reshape(-1)
    return means


def _scaled(pixels: Pixels) -> Floats:
    """uint8 -> [-1, 1]."""
    return np.asarray(pixels.astype(np.float32) / 127.5 - 1, np.float32)


def _fit(image: Pixels, size: tuple[int, int]) -> Pixels:
    from PIL import Image

    if size == (SIDE, SIDE):
        return image
    how = Image.Resampling.BICUBIC if min(size) >= SIDE else Image.Resampling.BOX
    return np.asarray(Image.fromarray(image).resize(size, how))
