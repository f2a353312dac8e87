"""Distances among the numbers of a vector -> distance correlation, which is 0 of independent vectors only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.measures.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@compiled
def standardised(values: Floats) -> Floats:
    """The values with mean 0 and standard deviation 1; all 0 where they are equal."""
    n = values.size
    mean = 0.0
    for i in range(n):
        mean += values[i]
    mean /= n
    square = 0.0
    for i in range(n):
        square += (values[i] - mean) * (values[i] - mean)
    deviation = math.sqrt(square / n)
    scaled = np.zeros(n)
    if deviation > 0:
        for i in range(n):
            scaled[i] = (values[i] - mean) / deviation
    return scaled


@compiled
def distances(x: Floats, order: Integers) -> tuple[Floats, float, float]:
    """(sum of |x_i - x_j| over j for each i, their sum, the squared distance variance)."""
    n = x.size
    total = squares = 0.0
    for i in range(n):
        total += x[i]
        squares += x[i] * x[i]
    sums = np.empty(n)
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
    return sums, all_sums, variance


@compiled
def distance_covariance(
    x: Floats, order_x: Integers, sums_x: Floats, all_x: float,
    y: Floats, groups_y: Integers, distinct_y: int, sums_y: Floats, all_y: float,
) -> float:  # fmt: skip
    """Squared distance covariance (V-statistic) of Szekely, Rizzo & Bakirov (Ann. Stat. 35, 2007), in n log n.

    Numbers come in the order of x; a Fenwick tree over y gives the sums over those before with a smaller y, as in Huo &
    Szekely, "Fast computing for distance covariance" (Technometrics 58, 2016).
    """
    n = x.size
    tree = np.zeros((distinct_y + 1, 4))
    count = sum_x = sum_y = sum_xy = 0.0
    products = 0.0
    for t in range(n):
        i = order_x[t]
        u, v = x[i], y[i]
        below = below_x = below_y = below_xy = 0.0
        k = groups_y[i] + 1
        while k > 0:
            below += tree[k, 0]
            below_x += tree[k, 1]
            below_y += tree[k, 2]
            below_xy += tree[k, 3]
            k -= k & -k
        # Sum of (u - x_j)(v - y_j) over those below, less that over the others.
        under = u * v * below - u * below_y - v * below_x + below_xy
        products += 2 * under - (u * v * count - u * sum_y - v * sum_x + sum_xy)
        k = groups_y[i] + 1
        while k <= distinct_y:
            tree[k, 0] += 1
            tree[k, 1] += u
            tree[k, 2] += v
            tree[k, 3] += u * v
            k += k & -k
        count += 1
        sum_x += u
        sum_y += v
        sum_xy += u * v
    rows = 0.0
    for i in range(n):
        rows += sums_x[i] * sums_y[i]
    m = float(n)
    return 2 * products / m**2 - 2 * rows / m**3 + all_x * all_y / m**4


@compiled
def normalised(covariance: float, variance_x: float, variance_y: float) -> float:
    """covariance / sqrt(variance_x variance_y), in 0..1; 0 where a variance is."""
    if variance_x <= 0 or variance_y <= 0:
        return 0.0
    return min(1.0, max(0.0, covariance / math.sqrt(variance_x * variance_y)))
