"""Combinations that no rule forbids: all of them, and soon, however the rules lie."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.collection.making import cells
from gistchain.collection.making.plan import Plan
from gistchain.collection.making.rules import NONE
from gistchain.errors import CollectionError
from tests.collection.making.test_plan import a_type, named, the_rules


@st.composite
def tied(draw: st.DrawFn) -> tuple[list[int], list[cells.Test]]:
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
    tests = []
    for _ in range(draw(st.integers(0, 6)) if len(sizes) > 1 else 0):
        places = draw(st.sets(st.integers(0, len(sizes) - 1), min_size=2, max_size=3))
        tests.append({k: np.array([draw(st.booleans()) for _ in range(sizes[k])], np.bool_) for k in sorted(places)})
    return sizes, tests


@settings(max_examples=300)
@given(tied())
def test_they_are_those_that_trying_all_finds(what: tuple[list[int], list[cells.Test]]) -> None:
    sizes, tests = what
    expected = [
        cell
        for cell in itertools.product(*map(range, sizes))
        if not any(all(inside[cell[k]] for k, inside in test.items()) for test in tests)
    ]
    found = cells.legal(sizes, tests)
    assert found is not None
    assert found.shape == (len(expected), len(sizes))
    assert list(map(tuple, found.tolist())) == expected


def test_too_many_are_not_listed_and_too_entangled_ones_are_said() -> None:
    assert cells.legal([50] * 4, []) is None
    # Twelve types of eleven classes, no two of one class: no pair says so, and there are 40 million ways to begin.
    hard = [
        {one: np.arange(11) == k, other: np.arange(11) == k}
        for one, other in itertools.combinations(range(12), 2)
        for k in range(11)
    ]
    begun = time.monotonic()
    with pytest.raises(CollectionError, match="fewer rules that tie"):
        cells.legal([11] * 12, hard)
    assert time.monotonic() - begun < 60


MANY = 26


def test_rules_that_all_end_in_the_last_type_are_refuted_at_once() -> None:
    types = [a_type(f"T{t}", "x", "y") for t in range(MANY)]
    last = f"T{MANY - 1}"
    excludes = (named(**{"T0": "x y", last: "x y"}), *(named(**{f"T{t}": "x", last: "x"}) for t in range(1, MANY - 1)))
    with pytest.raises(CollectionError, match=r"the rules forbid every token: exclude 1 alone does that"):
        Plan(the_rules(4, *types, ex=excludes), lambda row: row)


def test_requirements_that_contradict_through_one_type_are_refuted_at_once() -> None:
    types = [a_type(f"T{t}", "x", "y") for t in range(MANY)]
    last = f"T{MANY - 1}"
    requires = tuple((named(**{f"T{t}": "x y"}), named(**{last: "xy"[t % 2]})) for t in range(MANY - 1))
    with pytest.raises(CollectionError, match=r"require \d+ and require \d+ contradict each other"):
        Plan(the_rules(4, *types, rq=requires), lambda row: row)


def test_rules_in_a_ring_of_many_types_are_kept() -> None:
    types = [a_type(f"T{t}", "x", "y", none=1) for t in range(MANY)]
    ring = tuple(named(**{f"T{t}": "x", f"T{(t + 7) % MANY}": f"y {NONE}"}) for t in range(MANY))
    tokens = Plan(the_rules(40, *types, ex=ring), lambda row: row).tokens()
    assert len(tokens) == 40
