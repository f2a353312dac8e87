"""Colours and their names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from gistchain.colours import COLOURS, ciede2000, colour_name, colour_names, colours_in, lab


def test_every_name_names_its_own_colour() -> None:
    assert colour_names(np.array(list(COLOURS.values()))) == list(COLOURS)
    assert all(colours_in(f"some {name} thing") == [name] for name in COLOURS)


# What people call them: the CSS colours, whose names are a matter of record, and a few objects.
@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("ff0000", "red"), ("008000", "green"), ("0000ff", "blue"), ("ffff00", "yellow"), ("ffffff", "white"),
        ("000000", "black"), ("808080", "grey"), ("ffa500", "orange"), ("ffc0cb", "pink"), ("00008b", "dark blue"),
        ("800080", "purple"), ("008080", "teal"), ("40e0d0", "turquoise"), ("ffd700", "yellow"),
        ("8b4513", "brown"), ("f5f5dc", "cream"), ("d2b48c", "tan"), ("ff69b4", "hot pink"), ("ff00ff", "magenta"),
        ("87ceeb", "light blue"), ("006400", "dark green"), ("00ff00", "bright green"), ("ff7f50", "coral"),
        ("fa8072", "coral"), ("808000", "olive"), ("800000", "maroon"), ("d3d3d3", "light grey"), ("00ffff", "cyan"),
    ],
)  # fmt: skip
def test_well_known_colours_get_their_names(code: str, name: str) -> None:
    assert colour_name(tuple(bytes.fromhex(code))) == name


def test_cielab_and_ciede2000_agree_with_scikit_image() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (2, 4000, 3))
    rgb[:, :50] = rgb[:, :50, :1]  # greys, whose hue is undefined
    first, second = rgb2lab(rgb[0] / 255), rgb2lab(rgb[1] / 255)
    np.testing.assert_allclose(lab(rgb[0]), first, atol=2e-3)
    np.testing.assert_allclose(ciede2000(first, second), deltaE_ciede2000(first, second), atol=1e-6)


# Table 1 of Sharma, Wu, Dalal 2005: pairs around the formula's discontinuities.
@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
        ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_published_differences(one: tuple[float, ...], two: tuple[float, ...], expected: float) -> None:
    assert float(ciede2000(np.array(one), np.array(two))) == pytest.approx(expected, abs=5e-5)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_any_colour_has_one_name(rgb: tuple[int, int, int]) -> None:
    assert colour_name(rgb) in COLOURS


def test_words_of_a_text_are_found_in_order_and_translated() -> None:
    assert colours_in("Dark gray cat, a golden hat and SKY BLUE shoes") == ["dark grey", "gold", "sky blue"]
    assert colours_in("a bored greenish tank on Redwood") == []
