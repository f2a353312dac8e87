"""Image <-> what colour is where, in a dozen words: 'light blue above, green below, white and grey in the middle'.

A layout is a way to cut a picture into two or three places; its words are the colour names that would paint the picture
best, one or two for each place. The captioner chooses them, the sketch painter reads them: both use this table.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.colours import COLOURS, ciede2000, colours_in, lab
from gistchain.types import Pixels

GRID = 24
PLACES = ("above", "below", "on the left", "on the right", "in the middle", "across the middle", "around", "all over")
LAYOUTS = (
    ("all over",),
    ("above", "below"),
    ("on the left", "on the right"),
    ("around", "in the middle"),
    ("above", "across the middle", "below"),
    ("above", "below", "in the middle"),
    ("on the left", "on the right", "in the middle"),
)
# What one more place or colour must gain: units of CIEDE2000, averaged over the picture.
_PRICE_OF_A_PLACE, _PRICE_OF_A_COLOUR = 0.3, 0.6
_SATURATES = 40.0  # two colours that differ more than this are simply different
_MIDDLE = 0.3  # half axes of the ellipse in the middle, in sides of the picture
_DARK, _BRIGHT = 22.0, 80.0  # mean lightness L*
_COLOURLESS = 5.0  # chroma C* that all but a twentieth stay below


@dataclass(frozen=True, slots=True)
class ColourRegion:
    """One place and the names of its colours, the most common first."""

    place: str
    colours: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' and '.join(self.colours)} {self.place}"


def regions_of(image: Pixels) -> list[ColourRegion]:
    """The regions of the layout that paints the picture best, each word costing its price."""
    distances = _distances(_thumbnail(image))  # (GRID * GRID, names)
    described = [_described(places, distances) for places in LAYOUTS]
    return min(described, key=lambda priced: priced[0])[1]


def light_of(image: Pixels) -> str:
    """'dark', 'bright', 'black and white' or ''."""
    colours = lab(_thumbnail(image))
    if float(np.quantile(np.hypot(colours[..., 1], colours[..., 2]), 0.95)) < _COLOURLESS:
        return "black and white"
    lightness = float(colours[..., 0].mean())
    return "dark" if lightness < _DARK else "bright" if lightness > _BRIGHT else ""


def read_regions(text: str) -> list[ColourRegion]:
    """The regions that a caption names, free text too; empty where it names no colour.

    Of colours without a place, one alone is taken to be all over; of several, the first around, the others in the
    middle.
    """
    placed: list[ColourRegion] = []
    loose: list[str] = []
    for number, part in enumerate(_parts(text)):
        names = tuple(dict.fromkeys(colours_in(part)))
        place = _place_pattern().search(part.casefold())
        if names and place:
            placed.append(ColourRegion(place[1], names))
        elif names and not (number == 0 and _subject_pattern().match(part)):
            loose += names
    if placed or not loose:
        return placed
    return (
        [ColourRegion("around", (loose[0],)), ColourRegion("in the middle", tuple(loose[1:]))]
        if len(loose) > 1
        else [ColourRegion("all over", (loose[0],))]
    )


def cut(places: Sequence[str], y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which of the places each point is in, as its number; y and x in 0..1, any shape.

    Later places lie over earlier ones: a middle covers what is behind it.
    """
    owner = np.zeros(y.shape, np.int64)
    for number, place in enumerate(places):
        owner[_inside(place, y, x)] = number
    return owner


def _inside(place: str, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.bool_]:
    if place in ("above", "below"):
        return y < 0.5 if place == "above" else y >= 0.5
    if place in ("on the left", "on the right"):
        return x < 0.5 if place == "on the left" else x >= 0.5
    if place == "across the middle":
        return np.abs(y - 0.5) < 1 / 6
    if place == "in the middle":
        return ((y - 0.5) ** 2 + (x - 0.5) ** 2) < _MIDDLE**2
    return np.ones(y.shape, bool)


def ordered(regions: Sequence[ColourRegion]) -> list[ColourRegion]:
    """Backgrounds first, what lies in the middle last: the order in which they are painted."""
    rank = {"all over": 0, "around": 1, "across the middle": 3, "in the middle": 4}
    return sorted(regions, key=lambda r: rank.get(r.place, 2))


def _described(places: tuple[str, ...], distances: NDArray[np.float64]) -> tuple[float, list[ColourRegion]]:
    """(mean difference between painting and picture plus the price of the words, the regions)."""
    grid = (np.arange(GRID) + 0.5) / GRID
    order = [r.place for r in ordered([ColourRegion(p, ()) for p in places])]
    owner = cut(order, *np.meshgrid(grid, grid, indexing="ij")).ravel()
    cost, by_place = _PRICE_OF_A_PLACE * len(places), {}
    for number, place in enumerate(order):
        inside = distances[owner == number]
        difference, by_place[place] = _named(inside)
        cost += difference * len(inside) / len(distances)
    return cost, [ColourRegion(place, by_place[place]) for place in places]


def _named(distances: NDArray[np.float64]) -> tuple[float, tuple[str, ...]]:
    """(mean difference, one or two names) of points with their differences from each name, shape (N, names)."""
    names = tuple(COLOURS)
    alone = distances.mean(0)
    best = int(alone.argmin())
    pairs = np.minimum(distances[:, :, None], distances[:, None, :]).mean(0)
    first, second = np.unravel_index(int(pairs.argmin()), pairs.shape)
    if alone[best] - pairs[first, second] < _PRICE_OF_A_COLOUR + 0.15 * alone[best]:
        return float(alone[best]), (names[best],)
    share = float((distances[:, first] <= distances[:, second]).mean())
    if share < 0.5:
        first, second, share = second, first, 1 - share
    if share > 0.8:
        return float(alone[best]), (names[best],)
    return float(pairs[first, second]) + _PRICE_OF_A_COLOUR, (names[int(first)], names[int(second)])


def _distances(thumbnail: NDArray[np.float64]) -> NDArray[np.float64]:
    table = lab(np.array(list(COLOURS.values())))
    return np.minimum(ciede2000(lab(thumbnail).reshape(-1, 1, 3), table[None]), _SATURATES)


def _thumbnail(image: Pixels) -> NDArray[np.float64]:
    from PIL import Image

    small = Image.fromarray(image).resize((GRID, GRID), Image.Resampling.BOX)
    return np.asarray(small, np.float64)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


@functools.cache
def _place_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(sorted(PLACES, key=len, reverse=True))})\b")


@functools.cache
def _subject_pattern() -> re.Pattern[str]:
    """The head of our own captions: its subject may contain the name of a colour (a red fox) that is no place's."""
    return re.compile(r"an? (dark |bright |black and white )?(photo|drawing|picture) of ", re.IGNORECASE)
