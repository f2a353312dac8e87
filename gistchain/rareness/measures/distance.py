"""Distances among the numbers of a vector -> distance correlation, which is 0 for independent vectors only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def standardised(values: Floats) -> Floats:
    """The values with mean 0 and standard deviation 1; all 0 where they are equal."""
    scaled = np.zeros(values.size)
    _standardised(values, scaled)
    return scaled


@compiled("f8[n], out f8[n]")
def _standardised(values: Floats, scaled: Floats) -> None:
    n = values.size
    mean = 0.0
    for i in range(n):
        mean += values[i]
    mean /= n
    square = 0.0
    for i in range(n):
        square += (values[i] - mean) * (values[i] - mean)
    deviation = math.sqrt(square / n)
    if deviation > 0:
        for i in range(n):
            scaled[i] = (values[i] - mean) / deviation


def distances(x: Floats, order: Integers) -> tuple[Floats, float, float]:
    """(sum of |x_i - x_j| over j for each i, their sum, the squared distance variance)."""
    sums = np.empty(x.size)
    return sums, *_distances(x, order, sums)


@compiled("f8[n], i8[n], out f8[n] -> f8, f8")
def _distances(x: Floats, order: Integers, sums: Floats) -> tuple[float, float]:
    n = x.size
    total = squares = 0.0
    for i in range(n):
        total += x[i]
        squares += x[i] * x[i]
    before = all_sums = sum_squares = 0.0
    for k in range(n):
        value = x[order[k]]
        row = value * (2 * k + 1 - n) - 2 * before + total - value
        before += value
        sums[order[k]] = row
        all_sums += row
        sum_squares += row * row
    m = float(n)
    variance = (2 * m * squares - 2 * total * total) / m**2 - 2 * sum_squares / m**3 + all_sums * all_sums / m**4
    return all_sums, variance


def _below(tree: Floats, group: int) -> tuple[float, float, float, float]:
    """Of the points with a y of this group or below, from a Fenwick tree: (count, sum of x, of y, of x y)."""
    count = sum_x = sum_y = sum_xy = 0.0
    k = group + 1
    while k > 0:
        count += tree[k, 0]
        sum_x += tree[k, 1]
        sum_y += tree[k, 2]
        sum_xy += tree[k, 3]
        k -= k & -k
    return count, sum_x, sum_y, sum_xy


def _add(tree: Floats, group: int, x: float, y: float) -> None:
    k = group + 1
    while k < len(tree):
        tree[k, 0] += 1
        tree[k, 1] += x
        tree[k, 2] += y
        tree[k, 3] += x * y
        k += k & -k


def distance_covariance(
    x: Floats, order_x: Integers, sums_x: Floats, all_x: float,
    y: Floats, groups_y: Integers, distinct_y: int, sums_y: Floats, all_y: float,
) -> float:  # fmt: skip
    """Squared distance covariance (V-statistic) of Szekely, Rizzo & Bakirov (Ann. Stat. 35, 2007), in n log n.

    The points are visited in the order of x; a Fenwick tree over y gives the sums over earlier points with a smaller y,
    as in Huo & Szekely, "Fast computing for distance covariance" (Technometrics 58, 2016).
    """
    tree = np.zeros((distinct_y + 1, 4))
    return _distance_covariance(x, order_x, sums_x, all_x, y, groups_y, tree, sums_y, all_y)


@compiled("f8[n], i8[n], f8[n], f8, f8[n], i8[n], out f8[nodes, 4], f8[n], f8 -> f8")
def _distance_covariance(
    x: Floats, order_x: Integers, sums_x: Floats, all_x: float,
    y: Floats, groups_y: Integers, tree: Floats, sums_y: Floats, all_y: float,
) -> float:  # fmt: skip
    n = x.size
    count = sum_x = sum_y = sum_xy = 0.0
    products = 0.0
    for t in range(n):
        i = order_x[t]
        u, v = x[i], y[i]
        below, below_x, below_y, below_xy = _below(tree, groups_y[i])
        # Sum of (u - x_j)(v - y_j) over the points below, less that over the others.
        under = u * v * below - u * below_y - v * below_x + below_xy
        products += 2 * under - (u * v * count - u * sum_y - v * sum_x + sum_xy)
        _add(tree, groups_y[i], u, v)
        count += 1
        sum_x += u
        sum_y += v
        sum_xy += u * v
    rows = 0.0
    for i in range(n):
        rows += sums_x[i] * sums_y[i]
    m = float(n)
    return 2 * products / m**2 - 2 * rows / m**3 + all_x * all_y / m**4


@compiled("f8, f8, f8 -> f8")
def normalised(covariance: float, variance_x: float, variance_y: float) -> float:
    """covariance / sqrt(variance_x variance_y), in 0..1; 0 where a variance is 0."""
    if variance_x <= 0 or variance_y <= 0:
        return 0.0
    return min(1.0, max(0.0, covariance / math.sqrt(variance_x * variance_y)))
