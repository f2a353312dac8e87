"""Types that rules tie together -> all combinations of their classes that no rule forbids, within a bound of steps.

Classes that can't be in any combination are struck out first, pair by pair of types, until none is left to strike:
that alone refutes rules that tie types like the branches of a tree. Then the combinations grow by one type at a time,
the most entangled ones first, and each rule is tested as soon as its types are in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import CollectionError

MOST = 40_000
_MOST_OPEN = 100_000
"""Combinations of the first few types that are kept at once."""

Mask = NDArray[np.bool_]
Test = dict[int, Mask]
"""No combination has in each of these types, by their place, a class that is True there."""


class TooEntangledError(CollectionError):
    """It was not found out within the bound whether anything is possible at all."""


def legal(sizes: Sequence[int], tests: Sequence[Test]) -> NDArray[np.int64] | None:
    """(C, types) the combinations, sorted; None where there are more than MOST. sizes: classes of each type.

    Raises TooEntangledError, a CollectionError.
    """
    alive = _alive(sizes, tests)
    if not all(some.any() for some in alive):
        return np.zeros((0, len(sizes)), np.int64)
    order = _order(alive, tests)
    rows, whole = np.zeros((1, len(sizes)), np.int16), True
    for depth, k in enumerate(order):
        placed = set(order[: depth + 1])
        due = [test for test in tests if k in test and test.keys() <= placed]
        rows, all_of_them = _longer(rows, k, np.flatnonzero(alive[k]), due)
        whole = whole and all_of_them
    if not whole and not len(rows):
        raise TooEntangledError(
            f"among {_MOST_OPEN:,} combinations of trait types none kept all rules, and there are more than can be "
            "tried: give fewer rules that tie many trait types together"
        )
    if not whole or len(rows) > MOST:
        return None
    return rows[np.lexsort(rows.T[::-1])].astype(np.int64)


def _alive(sizes: Sequence[int], tests: Sequence[Test]) -> list[Mask]:
    """Of each type, the classes that rules about two types leave a partner for, and others do not strike out alone."""
    alive = [np.ones(size, np.bool_) for size in sizes]
    allowed: dict[tuple[int, int], Mask] = {}
    wider = []
    for test in tests:
        if len(test) != 2:
            wider.append(test)
            continue
        (one, first), (other, second) = sorted(test.items())
        pair = allowed.setdefault((one, other), np.ones((sizes[one], sizes[other]), np.bool_))
        pair &= ~np.outer(first, second)
    before = -1
    while before != (before := sum(int(some.sum()) for some in alive)):
        for (one, other), pair in allowed.items():
            alive[one] &= (pair & alive[other]).any(axis=1)
            alive[other] &= (pair & alive[one][:, None]).any(axis=0)
        for test in wider:
            open_ = [k for k, inside in test.items() if (alive[k] & ~inside).any()]
            if len(open_) < 2:
                for k in open_ or list(test)[:1]:
                    alive[k] &= ~test[k]
    return alive


def _order(alive: Sequence[Mask], tests: Sequence[Test]) -> list[int]:
    """The types so that each closes as many rules as it can, or else at least takes part in those that are begun."""
    order: list[int] = []
    left = set(range(len(alive)))

    def gain(k: int) -> tuple[int, int, int, int, int]:
        mine = [test for test in tests if k in test]
        closed = sum(all(j == k or j not in left for j in test) for test in mine)
        begun = sum(any(j not in left for j in test) for test in mine)
        return closed, begun, len(mine), -int(alive[k].sum()), -k

    while left:
        order.append(max(left, key=gain))
        left.remove(order[-1])
    return order


def _longer(
    rows: NDArray[np.int16], k: int, classes: NDArray[np.intp], due: Sequence[Test]
) -> tuple[NDArray[np.int16], bool]:
    """The rows with each class of type k that no due rule forbids, and whether those are all of them."""
    found, count, whole = [], 0, True
    for number in classes:
        left = rows
        for test in due:
            if test[k][number]:
                hit = np.logical_and.reduce([inside[left[:, j]] for j, inside in test.items() if j != k])
                left = left[~hit]
        left = left.copy()
        left[:, k] = number
        found.append(left)
        count += len(left)
        if count > 2 * _MOST_OPEN:  # evenly, so that no class is lost that the last types need
            found, whole = [_thinned(np.concatenate(found))], False
            count = len(found[0])
    longer = np.concatenate(found) if found else rows[:0]
    return (longer, whole) if len(longer) <= _MOST_OPEN else (_thinned(longer), False)


def _thinned(rows: NDArray[np.int16]) -> NDArray[np.int16]:
    return rows[np.linspace(0, len(rows) - 1, _MOST_OPEN).astype(int)] if len(rows) > _MOST_OPEN else rows
