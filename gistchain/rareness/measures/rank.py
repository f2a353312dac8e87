"""Ranks of two vectors -> how far their orders agree: Spearman, Kendall, Hoeffding, Blomqvist. All allow for ties.

A rank is an integer: twice the mid-rank, less n + 1. Sums of ranks are then exact.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def ranked(values: Floats, order: Integers) -> tuple[Integers, Integers, Integers, int, int]:
    """(doubled centred mid-ranks, group of equal values of each number, where each group starts in the order, number of
    pairs of equal values, sum of the squared ranks)."""
    n = values.size
    ranks, groups, starts = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n + 1, np.int64)
    count, tied, squares = _ranked(values, order, ranks, groups, starts)
    return ranks, groups, starts[: count + 1].copy(), tied, squares


@compiled("f8[n], i8[n], out i8[n], out i8[n], out i8[m] -> i8, i8, i8")
def _ranked(
    values: Floats, order: Integers, ranks: Integers, groups: Integers, starts: Integers
) -> tuple[int, int, int]:
    n = values.size
    count = tied = squares = first = 0
    while first < n:
        last = first
        while last + 1 < n and values[order[last + 1]] == values[order[first]]:
            last += 1
        rank = first + last + 1 - n
        for k in range(first, last + 1):
            ranks[order[k]] = rank
            groups[order[k]] = count
        size = last - first + 1
        starts[count] = first
        count += 1
        tied += size * (size - 1) // 2
        squares += size * rank * rank
        first = last + 1
    starts[count] = n
    return count, tied, squares


@compiled("i8[n], i8, i8[n], i8 -> f8")
def spearman(ranks_x: Integers, squares_x: int, ranks_y: Integers, squares_y: int) -> float:
    """Spearman's rho in -1..1: Pearson's correlation of the mid-ranks. 0 where a vector is constant."""
    if squares_x == 0 or squares_y == 0:
        return 0.0
    products = 0
    for i in range(ranks_x.size):
        products += ranks_x[i] * ranks_y[i]
    rho = products / math.sqrt(float(squares_x) * float(squares_y))
    return min(1.0, max(-1.0, rho))


def by_both(groups_x: Integers, starts_x: Integers, order_y: Integers) -> Integers:
    """The order of the numbers by x and, where x is equal, by y."""
    order = np.empty(order_y.size, np.int64)
    _by_both(groups_x, starts_x.copy(), order_y, order)
    return order


@compiled("i8[n], out i8[m], i8[n], out i8[n]")
def _by_both(groups_x: Integers, free: Integers, order_y: Integers, order: Integers) -> None:
    for t in range(order_y.size):
        i = order_y[t]
        order[free[groups_x[i]]] = i
        free[groups_x[i]] += 1


def concordance(
    order: Integers, ranks_x: Integers, groups_x: Integers, ranks_y: Integers, groups_y: Integers, distinct_y: int
) -> tuple[int, float]:
    """(concordant less discordant pairs, Hoeffding's D), in one walk through the order by x, then y.

    D: Hoeffding, "A non-parametric test of independence", Ann. Math. Stat. 19 (1948), times 30. A tied point counts 1/2
    where one coordinate is equal and 1/4 where both are (Hollander & Wolfe, 2nd ed., section 8.6).
    D lies in -0.5..1 without ties; with ties even D(x, x) is below 1, and D of a few numbers can be below -0.5.
    0 for fewer than five numbers.
    """
    # Numbers of the points before a run of equal x: by y, summed in a Fenwick tree, and of each y.
    tree, before = np.zeros(distinct_y + 1, np.int64), np.zeros(distinct_y, np.int64)
    return _concordance(order, ranks_x, groups_x, ranks_y, groups_y, tree, before)


@compiled("i8[n], i8[n], i8[n], i8[n], i8[n], out i8[nodes], out i8[groups] -> i8, f8")
def _concordance(
    order: Integers, ranks_x: Integers, groups_x: Integers, ranks_y: Integers, groups_y: Integers,
    tree: Integers, before: Integers,
) -> tuple[int, float]:  # fmt: skip
    n = order.size
    balance = 0
    d1 = d2 = d3 = 0.0
    first = 0
    while first < n:  # a run of equal x
        end = first
        while end < n and groups_x[order[end]] == groups_x[order[first]]:
            end += 1
        start = first
        while start < end:  # in it, a run of equal y
            group = groups_y[order[start]]
            stop = start
            while stop < end and groups_y[order[stop]] == group:
                stop += 1
            below = _below(tree, group)
            size = stop - start
            balance += size * (below - (first - below - before[group]))
            # Bivariate mid-rank less 1, and the two mid-ranks less 1.
            q = below + 0.5 * before[group] + 0.5 * (start - first) + 0.25 * (size - 1)
            r = 0.5 * (ranks_x[order[start]] + n - 1)
            s = 0.5 * (ranks_y[order[start]] + n - 1)
            d1 += size * (q * (q - 1))
            d2 += size * (r * (r - 1) * (s * (s - 1)))
            d3 += size * (q * (r - 1) * (s - 1))
            start = stop
        for t in range(first, end):
            before[groups_y[order[t]]] += 1
            _count(tree, groups_y[order[t]])
        first = end
    return balance, _hoeffding(float(n), d1, d2, d3)


def _below(tree: Integers, group: int) -> int:
    """How many counted points have a y below this group's."""
    below, k = 0, group
    while k > 0:
        below += tree[k]
        k -= k & -k
    return below


def _count(tree: Integers, group: int) -> None:
    k = group + 1
    while k < tree.size:
        tree[k] += 1
        k += k & -k


def _hoeffding(n: float, d1: float, d2: float, d3: float) -> float:
    if n < 5:
        return 0.0
    return 30 * ((n - 2) * (n - 3) * d1 + d2 - 2 * (n - 2) * d3) / (n * (n - 1) * (n - 2) * (n - 3) * (n - 4))


@compiled("i8, i8, i8, i8 -> f8")
def kendall(balance: int, n: int, tied_x: int, tied_y: int) -> float:
    """Kendall's tau-b in -1..1, from concordant less discordant pairs. 0 where a vector is constant."""
    pairs = n * (n - 1) // 2
    if tied_x == pairs or tied_y == pairs:
        return 0.0
    tau = balance / math.sqrt(float(pairs - tied_x) * float(pairs - tied_y))
    return min(1.0, max(-1.0, tau))


def _middle(values: Floats, order: Integers, kept: NDArray[np.bool_], count: int) -> float:
    """The median of the `count` kept values, found by walking through their order."""
    low = high = 0.0
    passed = 0
    for k in range(order.size):
        i = order[k]
        if not kept[i]:
            continue
        if passed == (count - 1) // 2:
            low = values[i]
        if passed == count // 2:
            high = values[i]
            break
        passed += 1
    return 0.5 * (low + high)


def blomqvist(
    x: Floats, order_x: Integers, filled_x: NDArray[np.bool_],
    y: Floats, order_y: Integers, filled_y: NDArray[np.bool_], least: int,
) -> float:  # fmt: skip
    """Blomqvist's beta in -1..1 over the numbers that are non-zero in both vectors: the share of pairs on the same side
    of both medians, less those on opposite sides; pairs on a median are left out. 0 for fewer than `least` numbers.

    Over all numbers it would say nothing: where more than half are zero, so is the median.
    """
    return _blomqvist(x, order_x, y, order_y, filled_x & filled_y, least)


@compiled("f8[n], i8[n], f8[n], i8[n], b1[n], i8 -> f8")
def _blomqvist(
    x: Floats, order_x: Integers, y: Floats, order_y: Integers, kept: NDArray[np.bool_], least: int
) -> float:
    count = 0
    for i in range(kept.size):
        count += kept[i]
    if count < least:
        return 0.0
    middle_x, middle_y = _middle(x, order_x, kept, count), _middle(y, order_y, kept, count)
    same = opposite = 0
    for i in range(kept.size):
        if not kept[i] or x[i] == middle_x or y[i] == middle_y:
            continue
        if (x[i] > middle_x) == (y[i] > middle_y):
            same += 1
        else:
            opposite += 1
    if same + opposite == 0:
        return 0.0
    return (same - opposite) / (same + opposite)
