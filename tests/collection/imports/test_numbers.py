"""Ranges of numbers are a set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gistchain.collection.imports.numbers import Numbers

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda one: range(one[0], one[0] + one[1])))


@given(RANGES)
def test_what_is_new_is_told_and_what_is_there_is_in(ranges: list[range]) -> None:
    numbers, plain = Numbers(), set[int]()
    for some in ranges:
        new = [number for part in numbers.add(some) for number in part]
        assert new == [number for number in some if number not in plain]
        plain |= set(some)
        gaps = [number for part in numbers.missing(range(5, 45)) for number in part]
        assert gaps == [number for number in range(5, 45) if number not in plain]
        assert {number for part in numbers.ranges for number in part} == plain
        assert [number in numbers for number in range(60)] == [number in plain for number in range(60)]


def test_huge_ones_take_no_time() -> None:
    numbers = Numbers([range(2**256), range(5, 2**255)])
    assert 2**256 - 1 in numbers
    assert numbers.add(range(2**256 - 1, 2**256 + 1)) == [range(2**256, 2**256 + 1)]
