"""Nouns: layer names -> 32x32 images. The layers (artwork in the public domain, CC0) are read as published by the
npm package @nouns/assets 0.10.0: run-length encoded indices into a palette; no node is needed.

Layout of one layer: byte 0 unused, then top, right, bottom, left, then (length, colour) pairs, colour 0 transparent.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.tokens import Tokens
from gistchain.traits import Traits

# Drawn bottom to top; the caption names the most telling first.
_LAYERS = ("bodies", "accessories", "heads", "glasses")
_COLUMNS = {"head": 3, "glasses": 4, "accessory": 2, "body": 1, "background": 0}
_BACKGROUNDS = ("cool", "warm")


@dataclass(frozen=True, eq=False)
class NounLayers:
    """The art. colours (C, 3): all colours, 0 stands for transparent. backgrounds (2,) and, for each layer, sprites
    (N, 32, 32): indices into colours."""

    colours: NDArray[np.uint8]
    backgrounds: NDArray[np.uint8]
    sprites: tuple[NDArray[np.uint8], ...]
    traits: Traits

    @property
    def counts(self) -> tuple[int, ...]:
        return (len(self.backgrounds), *(len(s) for s in self.sprites))


@cache
def layers() -> NounLayers:
    """All layers that ship."""
    with resources.files("gistchain.collection.known").joinpath("nouns.json.xz").open("rb") as file:
        raw = json.loads(lzma.decompress(file.read()))
    palette = [_rgb(c) for c in raw["palette"][1:]]
    colours = dict.fromkeys([*palette, *(_rgb(c) for c in raw["bgcolors"])])
    index = {colour: k for k, colour in enumerate(colours, 1)}
    to_index = np.array([0, *(index[c] for c in palette)], np.uint8)
    names = {k: tuple(_value(i["filename"]) for i in raw["images"][k]) for k in _LAYERS}
    traits = Traits(
        "nouns",
        "Nouns",
        {
            "head": names["heads"],
            "glasses": names["glasses"],
            "accessory": names["accessories"],
            "body": names["bodies"],
            "background": _BACKGROUNDS,
        },
    )
    return NounLayers(
        np.array([(0, 0, 0), *colours], np.uint8),
        np.array([index[_rgb(c)] for c in raw["bgcolors"]], np.uint8),
        tuple(np.stack([to_index[_decode(i["data"])] for i in raw["images"][k]]) for k in _LAYERS),
        traits,
    )


def tokens(seeds: NDArray[np.int64]) -> Tokens:
    """Tokens of seeds (N, 5): background, body, accessory, head, glasses.

    A layer whose removal leaves the pixels unchanged is not labelled.
    """
    art = layers()
    background = np.broadcast_to(art.backgrounds[seeds[:, 0]][:, None, None], (len(seeds), 32, 32))
    drawn = [sprites[seeds[:, column]] for column, sprites in enumerate(art.sprites, 1)]
    below = [background]
    for layer in drawn:
        below.append(np.where(layer > 0, layer, below[-1]))
    labels = np.zeros((len(seeds), len(_COLUMNS)), np.int64)
    bare = np.ones(background.shape, bool)  # no higher layer covers the pixel
    types = list(_COLUMNS.values())
    for column in range(len(drawn), 0, -1):
        layer = drawn[column - 1]
        visible = (bare & (layer > 0) & (layer != below[column - 1])).any((1, 2))
        labels[:, types.index(column)] = np.where(visible, seeds[:, column] + 1, 0)
        bare &= layer == 0
    labels[:, types.index(0)] = np.where(bare.any((1, 2)), seeds[:, 0] + 1, 0)
    names = tuple("nouns-" + "-".join(map(str, s)) for s in seeds.tolist())
    return Tokens(art.traits, names, art.colours[below[-1]], labels)


def held_out(seeds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True for 10% of the (head, accessory) and 10% of the (head, glasses) pairs: never trained or tuned on."""
    head, accessory, glasses = seeds[:, 3], seeds[:, 2], seeds[:, 4]
    held: NDArray[np.bool_] = ((head * 7919 + accessory * 104729) % 10 == 0) | (
        (head * 6007 + glasses * 3571) % 10 == 0
    )
    return held


def sample(count: int, *, rng: np.random.Generator, held: bool) -> NDArray[np.int64]:
    """`count` random seeds (count, 5), all held out or none."""
    chosen = np.empty((0, 5), np.int64)
    while len(chosen) < count:
        seeds = np.stack([rng.integers(0, n, 8 * count + 16) for n in layers().counts], 1)
        chosen = np.concatenate([chosen, seeds[held_out(seeds) == held]])
    return chosen[:count]


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour)
    return red, green, blue


def _value(filename: str) -> str:
    kind, _, rest = filename.partition("-")
    return (rest if kind in ("body", "accessory", "head", "glasses") else filename).replace("-", " ").lower()


def _decode(data: str) -> NDArray[np.uint8]:
    raw = bytes.fromhex(data[2:])
    top, right, _, left = raw[1:5]
    runs = np.frombuffer(raw[5:], np.uint8).reshape(-1, 2)
    sprite = np.zeros((32, 32), np.uint8)
    if (width := right - left) == 0:  # "accessory-none" draws nothing
        return sprite
    indices = np.repeat(runs[:, 1], runs[:, 0])
    rows = indices[: len(indices) // width * width].reshape(-1, width)
    sprite[top : top + len(rows), left:right] = rows
    return sprite
