"""sRGB colours <-> everyday names: one table, nearest by CIEDE2000.

Captions name the colours of photos, traits and palettes by it; painters read the names back.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_HEX = {
    "black": "0c0c0e", "dark grey": "46474a", "grey": "848587", "light grey": "c3c4c6", "white": "fafafa",
    "cream": "fdf3d0", "beige": "dfcfae", "tan": "c59f6b", "brown": "835030", "dark brown": "3f2618",
    "maroon": "701722", "red": "d9202a", "rust": "ad4318", "coral": "fb775c", "salmon": "f2a38d", "peach": "fdcfa6",
    "orange": "f98914", "gold": "dfaf2b", "yellow": "fae232", "light yellow": "fbf39b", "olive": "767728",
    "lime": "b3e02b", "bright green": "3bdc3a", "light green": "9edc90", "green": "2f9b3c", "dark green": "17462a",
    "sage": "9aaa84", "mint": "abefd2", "teal": "127a7a", "turquoise": "38cfc2", "cyan": "25e1f3",
    "light blue": "b2d9f2", "sky blue": "66b1e8", "blue": "1c45f0", "dark blue": "1a2f86",
    "slate blue": "5d6b8e", "blue grey": "71818f", "navy": "0f1442", "lavender": "c3b4e6", "violet": "8a4fd8",
    "purple": "6b2386", "dark purple": "371a49", "magenta": "da2cc4", "hot pink": "fa5a9d",
    "pink": "fab9cb", "mauve": "a1748f",
}  # fmt: skip

COLOURS: dict[str, tuple[int, int, int]] = {name: tuple(bytes.fromhex(code)) for name, code in _HEX.items()}  # type: ignore[misc]
"""Name -> sRGB in 0..255, one typical colour for each name."""

# Other words for it -> the name in the table.
_SYNONYMS = {
    "gray": "grey", "dark gray": "dark grey", "light gray": "light grey", "blue gray": "blue grey",
    "charcoal": "dark grey", "silver": "light grey", "ivory": "cream", "sand": "beige", "golden": "gold",
    "crimson": "red", "scarlet": "red", "dark red": "maroon", "burgundy": "maroon", "light brown": "tan",
    "khaki": "sage", "dark yellow": "gold", "dark orange": "rust", "light orange": "peach", "azure": "sky blue",
    "aqua": "cyan", "indigo": "dark purple", "lilac": "lavender", "light purple": "lavender", "light pink": "pink",
    "fuchsia": "magenta", "dark pink": "hot pink", "light red": "coral", "emerald": "green", "dark teal": "teal",
}  # fmt: skip


def colour_name(rgb: Sequence[int]) -> str:
    """The everyday name of one sRGB colour (three numbers in 0..255)."""
    return colour_names(np.asarray(rgb, np.float64)[None])[0]


def colour_names(rgb: NDArray[np.generic]) -> list[str]:
    """The names of sRGB colours in 0..255, shape (N, 3)."""
    distance = ciede2000(lab(rgb)[:, None], _table()[None])
    names = tuple(COLOURS)
    return [names[k] for k in distance.argmin(1)]


def colours_in(text: str) -> list[str]:
    """The names of COLOURS in a text, in its order; synonyms (gray, dark red, golden) become names of the table."""
    return [_SYNONYMS.get(name, name) for name in _pattern().findall(text.casefold())]


def lab(rgb: NDArray[np.generic]) -> NDArray[np.float64]:
    """CIELAB under D65 of sRGB in 0..255, any shape (..., 3)."""
    c = np.asarray(rgb, np.float64) / 255
    linear = np.where(c > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92)  # IEC 61966-2-1
    xyz = linear @ _XYZ_OF_RGB.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def ciede2000(lab_1: NDArray[np.float64], lab_2: NDArray[np.float64]) -> NDArray[np.float64]:
    """The CIEDE2000 difference of two arrays of CIELAB colours (..., 3), broadcast against one another.

    Sharma, Wu, Dalal: The CIEDE2000 Color-Difference Formula, 2005, equations 2-22; kL = kC = kH = 1.
    """
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(lab_1, -1, 0), np.moveaxis(lab_2, -1, 0)
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(mean7 / (mean7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = np.where(c1 * c2 == 0, 0.0, (h2 - h1 + 180) % 360 - 180)
    big_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = np.where(c1 * c2 == 0, h1 + h2, (h1 + turn / 2) % 360)
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_l = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    rotation = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    r_t = -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))) * rotation
    lightness, colourful, hued = (l2 - l1) / s_l, (c2 - c1) / s_c, big_h / s_h
    squared = lightness**2 + colourful**2 + hued**2 + r_t * colourful * hued
    distance: NDArray[np.float64] = np.sqrt(np.maximum(squared, 0))
    return distance


_XYZ_OF_RGB = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.95047, 1.0, 1.08883])


@functools.cache
def _table() -> NDArray[np.float64]:
    return lab(np.array(list(COLOURS.values())))


@functools.cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted([*COLOURS, *_SYNONYMS], key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(longest_first)})\b")
