"""Pieces of a picture: they cover it, and each has a place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import SettingError
from gistchain.gist.pieces import COUNTS, boxes, grid, nearest, piece, place


@given(st.integers(3, 300), st.integers(3, 300), st.sampled_from(COUNTS))
def test_pieces_cover_the_picture_once_and_are_as_even_as_pixels_allow(width: int, height: int, count: int) -> None:
    seen = np.zeros((height, width, 3), np.uint8)
    found = boxes((width, height), count)
    for box in found:
        seen[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] += 1
    assert (seen == 1).all()
    assert len(found) == count
    for side in (2, 3):
        lengths = {box[side] for box in found}
        assert max(lengths) - min(lengths) <= 1


def test_two_pieces_lie_along_the_longer_side() -> None:
    assert grid((200, 100), 2) == (2, 1)
    assert grid((100, 200), 2) == (1, 2)


@pytest.mark.parametrize("count", [0, 3, 5, 16, -1])
def test_other_numbers_of_texts_are_refused(count: int) -> None:
    with pytest.raises(SettingError, match="1, 2, 4 or 9"):
        boxes((100, 100), count)


@pytest.mark.parametrize(("size", "count"), [((1, 1), 4), ((2, 2), 9), ((100, 2), 9), ((1, 1), 2)])
def test_a_picture_with_fewer_pixels_than_pieces_is_refused(size: tuple[int, int], count: int) -> None:
    with pytest.raises(SettingError, match="fewer texts"):
        boxes(size, count)


def test_places_are_named_alike_by_all_and_no_two_alike() -> None:
    assert place(2, 2, frozenset([0, 1])) == "top"
    assert place(2, 2, frozenset([1, 3])) == "right"
    assert place(2, 2, frozenset([0, 3])) == "top left and bottom right"
    assert place(2, 2, frozenset(range(4))) == ""
    assert place(3, 3, frozenset([3, 4, 5])) == "middle row"
    assert place(3, 3, frozenset([4])) == "middle centre"
    assert place(2, 1, frozenset([1])) == "right"
    for columns, rows in ((2, 1), (1, 2), (2, 2), (3, 3)):
        sets = [frozenset(k for k in range(columns * rows) if number >> k & 1) for number in range(1 << columns * rows)]
        names = [place(columns, rows, numbers) for numbers in sets if numbers]
        assert len(set(names)) == len(names)


def test_a_neighbour_in_the_same_row_stands_in_first() -> None:
    assert nearest(2, 2, 0, frozenset([1, 2])) == 1
    assert nearest(2, 2, 0, frozenset([2, 3])) == 2


def test_a_piece_is_what_its_box_says() -> None:
    image = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
    assert np.array_equal(piece(image, (1, 2, 3, 4)), image[2:6, 1:4])
