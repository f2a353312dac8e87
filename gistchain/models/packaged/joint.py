"""Texts and images -> one space of unit vectors: the default joint embedder, and ConSE, which it is measured against.

    text ──> phrases ──> MiniLM, named colours ──────────────> head ──┐
                                                                      ├──> vectors: meaning, colours by place, ConSE
    image ──> EfficientNet-lite0, colours, edges by place ──> head ───┘

Locked-image tuning (Zhai et al. 2022) on packaged networks: MiniLM and EfficientNet-lite0 stay as they are; small heads
were trained so that texts and images agree (training/packaged/joint.py). The heads weigh the three blocks of a vector
for every text and image: meaning (trained), colours by place, and ConSE (Norouzi et al. 2014: names of the likeliest
classes, weighed by their probabilities; here by the square roots of those).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.colours import COLOURS, colours_in, lab
from gistchain.models.area import area_average
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.packaged.networks import Features, network
from gistchain.models.zoo.onnx import session
from gistchain.traits import parts
from gistchain.types import ImageEmbedder, Pixels, TextEmbedder

NAME = "joint-default"
_SIDE = 64
_NEAR = 14.0  # CIELAB units: how far a colour's anchors reach
_LIKELIEST = 10  # classes that ConSE looks at
_MOST_PHRASES = 64  # of one text; later ones are not read


class JointDefault:
    """Fulfils JointEmbedder."""

    name = NAME

    def __init__(self) -> None:
        self.text: TextEmbedder = _Texts()
        self.image: ImageEmbedder = _Images()


class ConSE:
    """Fulfils JointEmbedder without any training: MiniLM of the text; MiniLM of class names, weighed by probability."""

    name = "conse"

    def __init__(self) -> None:
        self.text: TextEmbedder = MiniLM()
        self.image: ImageEmbedder = _ConSEImages()


class _Texts:
    def __init__(self) -> None:
        self._minilm = MiniLM()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._embed_one(t) for t in texts]
        return np.stack(rows) if rows else np.zeros((0, _dimensions()), np.float32)

    def _embed_one(self, text: str) -> NDArray[np.float32]:
        none = np.zeros((0, image_numbers_size()), np.float32)
        feed = phrase_numbers(text, self._minilm) | {"image": none, "classes": np.zeros((0, 1000), np.float32)}
        vector: NDArray[np.float32] = _heads().run(["text_vector"], feed)[0][0]
        return vector


class _Images:
    def embed(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        rows = [self._embed_one(i) for i in images]
        return np.stack(rows) if rows else np.zeros((0, _dimensions()), np.float32)

    def _embed_one(self, image: Pixels) -> NDArray[np.float32]:
        features = network().run(image)
        classes = np.sqrt(likeliest(features.probabilities))  # flatter: the network is too sure of drawings
        feed = {"image": image_numbers(image, features)[None], "classes": classes[None]}
        vector: NDArray[np.float32] = _heads().run(["image_vector"], feed | _no_phrases())[0][0]
        return vector


class _ConSEImages:
    def embed(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        rows = [self._embed_one(i) for i in images]
        return np.stack(rows) if rows else np.zeros((0, 384), np.float32)

    def _embed_one(self, image: Pixels) -> NDArray[np.float32]:
        classes = likeliest(network().run(image).probabilities)[None]
        feed = {"image": np.zeros((1, image_numbers_size()), np.float32), "classes": classes}
        vector: NDArray[np.float32] = _heads().run(["conse"], feed | _no_phrases())[0][0]
        return vector


def likeliest(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1000,) with all but the likeliest ten set to 0."""
    kept = np.argsort(-probabilities, kind="stable")[:_LIKELIEST]
    largest = np.zeros_like(probabilities)
    largest[kept] = probabilities[kept]
    return largest


def phrase_numbers(text: str, minilm: TextEmbedder) -> dict[str, NDArray[np.float32]]:
    """What the text head reads, a row for each phrase of a caption (gistchain.traits.parts), the subject first.

    phrases (P, 384): MiniLM; bare (P, 384): MiniLM without the names of colours; colours (P, anchors): the colours that
    the phrase names, adding up to 1 or 0; kinds (P, 2): is it the subject of a caption, is it free text.
    """
    subject, phrases = parts(text)
    every = ([subject, *phrases] if subject else phrases or [text])[:_MOST_PHRASES]
    kinds = [(0, 0) if subject else (0, 1)] * len(every)
    if subject:
        kinds[0] = (1, 0)
    return {
        "phrases": minilm.embed(every),
        "bare": minilm.embed([bare(p) for p in every]),
        "colours": np.stack([named_colours(p) for p in every]),
        "kinds": np.array(kinds, np.float32),
    }


def image_numbers(image: Pixels, features: Features) -> NDArray[np.float32]:
    """What the image head reads, one row: first the colours by place (places * anchors), then a grid of colours, edges,
    and the network's features."""
    small = (area_average(image, _SIDE).transpose(1, 2, 0) + 1) * 127.5
    colour = lab(small)
    near = anchored(colour)
    place = _places(colour)
    by_place = np.einsum("pyx,yxa->pa", place, near) / np.maximum(place.sum((1, 2)), 1)[:, None]
    grid = colour.reshape(8, 8, 8, 8, 3).mean((1, 3)).ravel() / 100
    return np.concatenate(
        [
            np.sqrt(by_place).ravel(),
            grid,
            _edges(colour[..., 0]),
            features.pooled,
            _thirds(features.maps[3]),
        ],
        dtype=np.float32,
    )


def _thirds(stage: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of a stage map over each of 3 x 3 parts, flat."""
    rows = np.array_split(np.arange(stage.shape[1]), 3)
    columns = np.array_split(np.arange(stage.shape[2]), 3)
    return np.concatenate([stage[:, r[0] : r[-1] + 1, c[0] : c[-1] + 1].mean((1, 2)) for r in rows for c in columns])


def _edges(lightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean steps of lightness across and down, in each of 8 x 8 cells."""
    across = np.abs(np.diff(lightness, axis=1, append=lightness[:, -1:]))
    down = np.abs(np.diff(lightness, axis=0, append=lightness[-1:]))
    cells: NDArray[np.float64] = np.stack([across, down]).reshape(2, 8, 8, 8, 8).mean((2, 4))
    return cells.ravel() / 20


def anchored(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB (..., 3) -> how near each anchor is, (..., anchors), adding up to 1."""
    flat = colour.reshape(-1, 3)
    squared = (flat**2).sum(1)[:, None] - 2 * flat @ _anchors().T + (_anchors() ** 2).sum(1)
    near: NDArray[np.float64] = np.exp(-(squared - squared.min(1, keepdims=True)) / (2 * _NEAR**2))
    near /= near.sum(1, keepdims=True)
    return near.reshape(*colour.shape[:-1], -1)


@functools.cache
def _anchors() -> NDArray[np.float64]:
    """53 colours that cover what sRGB can show: five greys, and twelve hues vivid, dark, pale and muted."""
    import colorsys

    tones = ((0.9, 0.95), (0.9, 0.45), (0.35, 0.95), (0.5, 0.65))
    coloured = [colorsys.hsv_to_rgb(hue / 12, s, v) for s, v in tones for hue in range(12)]
    return lab(np.array([*([grey] * 3 for grey in (0, 0.25, 0.5, 0.75, 1)), *coloured]) * 255)


def _places(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Masks (8, 64, 64): everywhere, the rim without the foot, the top, the middle, below it, the foot, the sides, and
    what differs from the rim's usual colour.
    """
    cells = np.zeros((7, 8, 8))
    cells[0] = 1
    cells[1, 0], cells[1, :6, 0], cells[1, :6, 7] = 1, 1, 1
    cells[2, 1:3, 2:6] = 1
    cells[3, 3:5, 2:6] = 1
    cells[4, 5, 2:6] = 1
    cells[5, 6:, 1:7] = 1
    cells[6, 2:6, 1], cells[6, 2:6, 6] = 1, 1
    fixed = np.kron(cells, np.ones((8, 8)))
    usual = np.median(colour[fixed[1] > 0], axis=0)
    figure = np.linalg.norm(colour - usual, axis=-1) > _NEAR
    return np.concatenate([fixed, figure[None]])


PLACES = 8


def named_colours(phrase: str) -> NDArray[np.float32]:
    """(anchors,) adding up to 1: the mean of the colours that the phrase names; 0 where it names none."""
    named = [COLOURS[name] for name in colours_in(phrase)]
    if not named:
        return np.zeros(len(_anchors()), np.float32)
    mean: NDArray[np.float32] = anchored(lab(np.array(named))).mean(0).astype(np.float32)
    return mean


def bare(phrase: str) -> str:
    """The phrase without its words for colours."""
    return " ".join(w for w in phrase.split() if w.casefold() not in _colour_words()) or phrase


@functools.cache
def _colour_words() -> frozenset[str]:
    return frozenset(word for name in COLOURS for word in name.split()) | {"gray"}


def image_numbers_size() -> int:
    return PLACES * len(_anchors()) + 192 + 128 + 1280 + 9 * 112


@functools.cache
def _heads() -> Any:
    return session(NAME)


def _no_phrases() -> dict[str, NDArray[np.float32]]:
    sizes = {"phrases": 384, "bare": 384, "colours": len(_anchors()), "kinds": 2}
    return {name: np.zeros((0, size), np.float32) for name, size in sizes.items()}


def _dimensions() -> int:
    return int(_heads().get_outputs()[0].shape[-1])
