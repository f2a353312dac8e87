"""Gist -> images of punks and Nouns: flow matching in a PCA latent (training/traitnet/painter.py).

The caption's phrases, as MiniLM vectors, steer a residual MLP that goes from noise to an image in eight steps; a latent
of the coder `thumb8` (8x8 colours) steers it too. There is one small network for each collection.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RebuildError
from gistchain.models.sizes import checked
from gistchain.models.strength import strength_or
from gistchain.models.thumb8 import enlarged, grid_or_none
from gistchain.models.traitnet.captioner import collections
from gistchain.models.zoo.onnx import session
from gistchain.models.zoo.weights import WEIGHTS, card
from gistchain.traits import Traits, is_called, parts
from gistchain.types import Gist, Pixels, TextEmbedder

STEPS = 8
GUIDANCE = 1.5
_WARP = 1.3  # steps are shorter near the noise
_THUMB_NUMBERS = 8 * 8 * 3 + 2


class TraitPainter:
    """Fulfils Painter for captions of the collections of `painted()`; RebuildError for any other."""

    name = "painter"

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder

    def knows(self, subject: str) -> bool:
        return _painted_of(subject) is not None

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return strength != 0 or grid_or_none(gist.latent) is None

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        strength = strength_or(1.0, strength)
        subject, phrases = parts(gist.caption)
        network = _network(_collection_of(subject))
        vectors = self._embedder.embed([subject, *phrases])
        grid = grid_or_none(gist.latent)
        return [_fit(network.paint(vectors, seed, grid, strength), gist.size, network.pixel_art) for seed in seeds]

    def count(self, gist: Gist, most: int) -> int:
        """As in AnaloguePainter, of the PCA latent: any beginning of it is a picture."""
        return min(_network(_collection_of(parts(gist.caption)[0])).rank, max(0, most))

    def numbers(self, image: Pixels, gist: Gist, most: int) -> NDArray[np.float32]:
        network = _network(_collection_of(parts(gist.caption)[0]))
        return network.latent_of(image)[: self.count(gist, most)]

    def from_numbers(
        self, numbers: NDArray[np.float32], noise: float, gist: Gist, seed: int, strength: float | None = None
    ) -> Pixels:
        """As in AnaloguePainter: the channel's noise is the very noise that the network takes away, at its step."""
        subject, phrases = parts(gist.caption)
        network = _network(_collection_of(subject))
        vectors = self._embedder.embed([subject, *phrases])
        given = None if strength is None else strength_or(0.0, strength)
        return _fit(network.paint_from(vectors, seed, numbers, noise, given), gist.size, network.pixel_art)


class _Network:
    """The painter of one collection."""

    def __init__(self, collection: str) -> None:
        self._card = card(f"painter-{collection}")
        self._session = session(f"painter-{collection}")
        self._canvas = int(self._card["canvas"])
        self.rank = int(self._card["rank"])
        palette = np.array([list(bytes.fromhex(c)) for c in self._card.get("palette", [])], np.float32)
        self._palette = palette.reshape(-1, 3)
        self.pixel_art = len(self._palette) > 0

    def paint(self, vectors: NDArray[np.float32], seed: int, grid: Pixels | None, strength: float) -> Pixels:
        """vectors (V, 384): subject and phrases. grid (8, 8, 3): the colours of a thumbnail, where there is one."""
        # RandomState's stream is frozen for ever: a seed means the same picture after any upgrade of numpy.
        z = np.random.RandomState(seed).standard_normal(self.rank).astype(np.float32)
        start = 0.0
        if grid is not None and strength < 1:
            start = 1 - strength
            clean = self.latent_of(enlarged(grid, (self._canvas, self._canvas)))
            z = np.float32(start) * clean + np.float32(1 - start) * z
        return self._pixels(self._denoised(vectors, z, start, grid))

    def paint_from(
        self, vectors: NDArray[np.float32], seed: int, numbers: NDArray[np.float32], noise: float,
        strength: float | None,
    ) -> Pixels:  # fmt: skip
        """numbers: the first of the latent, each with noise of this deviation. strength: as in AnaloguePainter."""
        if strength == 0:
            return self._pixels(np.pad(numbers, (0, self.rank - numbers.size)))
        fresh = np.random.RandomState(seed).standard_normal(self.rank).astype(np.float32)
        start = 1 / (1 + noise) if strength is None else 1 - strength
        known = numbers
        if numbers.size < self.rank:  # what was not sent is as the caption has it
            said = self._denoised(vectors, fresh, 0.0, None)
            known = np.concatenate([numbers, said[numbers.size :]])
        z = np.float32(start) * known
        # What arrived has its noise already, where no other strength is asked for.
        own = 0 if strength is not None else numbers.size
        z[own:] += np.float32(1 - start) * fresh[own:]
        return self._pixels(self._denoised(vectors, z, start, None))

    def _denoised(
        self, vectors: NDArray[np.float32], z: NDArray[np.float32], start: float, grid: Pixels | None
    ) -> NDArray[np.float32]:
        """The clean latent behind z = start * clean + (1 - start) * noise."""
        times = (start + (1 - start) * np.linspace(0, 1, STEPS + 1) ** _WARP).astype(np.float32)
        mask = np.array([[1.0] * len(vectors), [0.0] * len(vectors)], np.float32)  # with the caption, and without
        thumb = _steering(grid)
        feed = self._feed(phrases=np.stack([vectors, vectors]), mask=mask, thumb=np.stack([thumb, thumb]))
        for now, after in itertools.pairwise(times):
            if now >= 1:
                break
            both = self._run("clean", {**feed, "z": np.stack([z, z]), "t": np.array([now, now], np.float32)})
            clean = both[1] + np.float32(GUIDANCE) * (both[0] - both[1])
            z = z + (after - now) * (clean - z) / (1 - now)
        return z

    def latent_of(self, image: Pixels) -> NDArray[np.float32]:
        """(rank,): the PCA numbers of an image, the largest first."""
        small = _fit(image, (self._canvas, self._canvas), False)
        flat = (small.astype(np.float32) / 127.5 - 1).reshape(1, -1)
        latent: NDArray[np.float32] = self._run("encoded", self._feed(image=np.repeat(flat, 2, 0)))[0]
        return latent

    def _pixels(self, z: NDArray[np.float32]) -> Pixels:
        return self._snap(self._run("pixels", self._feed(z=np.stack([z, z])))[0])

    def _feed(self, **given: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        empty = {
            "z": np.zeros((2, self.rank), np.float32),
            "t": np.zeros(2, np.float32),
            "phrases": np.zeros((2, 1, 384), np.float32),
            "mask": np.zeros((2, 1), np.float32),
            "thumb": np.zeros((2, _THUMB_NUMBERS), np.float32),
            "image": np.zeros((2, self._canvas**2 * 3), np.float32),
        }
        return {**empty, **given}

    def _run(self, output: str, feed: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session.run([output], feed, _only_this_output())[0]
        return result

    def _snap(self, flat: NDArray[np.float32]) -> Pixels:
        pixels = ((flat.reshape(self._canvas, self._canvas, 3) + 1) * 127.5).clip(0, 255)
        if self.pixel_art:  # the collection's artists used these colours and no other
            distance = ((pixels[:, :, None] - self._palette) ** 2).sum(-1)
            pixels = self._palette[distance.argmin(-1)]
        return pixels.round().astype(np.uint8)


@functools.cache
def _network(collection: str) -> _Network:
    return _Network(collection)


@functools.cache
def _only_this_output() -> Any:
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True
    return options


@functools.cache
def painted() -> tuple[Traits, ...]:
    """The collections that have a network."""
    return tuple(t for t in collections() if (WEIGHTS / f"painter-{t.collection}.json").is_file())


def _painted_of(subject: str) -> Traits | None:
    return next((t for t in painted() if is_called(subject, t.subject, t.collection)), None)


def _collection_of(subject: str) -> str:
    if (traits := _painted_of(subject)) is not None:
        return traits.collection
    known = ", ".join(t.subject for t in painted())
    raise RebuildError(
        f"this painter draws {known}; the caption's subject is {subject or 'missing'!r}. "
        "Word the caption as 'A picture of <one of these>, containing ...', or rebuild with another painter"
    )


def _steering(grid: Pixels | None) -> NDArray[np.float32]:
    """(194,): 8x8x3 colours in [-1, 1], their noise level (0: a gist's are exact), 1 where there is a grid."""
    thumb = np.zeros(_THUMB_NUMBERS, np.float32)
    if grid is not None:
        thumb[:-2] = grid.ravel() / np.float32(127.5) - 1
        thumb[-1] = 1
    return thumb


def _fit(image: Pixels, size: tuple[int, int], pixel_art: bool) -> Pixels:
    from PIL import Image

    if checked(size) == (image.shape[1], image.shape[0]):
        return image
    larger = size[0] >= image.shape[1] and size[1] >= image.shape[0]
    smooth = Image.Resampling.BICUBIC if larger else Image.Resampling.BOX
    how = Image.Resampling.NEAREST if pixel_art and larger else smooth
    return np.asarray(Image.fromarray(image).resize(size, how))
