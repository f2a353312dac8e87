"""A fingerprint and many others -> their correlations, in double precision, the same bits on every machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.measures.compiled import compiled

LANES = 8
"""Partial sums side by side, which the processor may add in parallel without changing their order."""


@compiled
def sums(centred: NDArray[np.float64], row: NDArray[np.float32]) -> tuple[float, float, float]:
    """(sum, sum of squares, sum of products with `centred`) of the row less its first number.

    A constant row then gives exact zeros and is recognised.
    """
    plain, squares, products = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    first = np.float64(row[0])
    for start in range(0, row.size - LANES + 1, LANES):
        for k in range(LANES):
            value = row[start + k] - first
            plain[k] += value
            squares[k] += value * value
            products[k] += value * centred[start + k]
    for i in range(row.size - row.size % LANES, row.size):
        value = row[i] - first
        plain[0] += value
        squares[0] += value * value
        products[0] += value * centred[i]
    return plain.sum(), squares.sum(), products.sum()


@compiled
def in_range(correlation: float) -> float:
    """The correlation clipped to -1..1, which rounding can leave; NaN stays NaN, which min and max would lose."""
    return math.copysign(1.0, correlation) if abs(correlation) > 1 else correlation


@compiled
def correlations(vector: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pearson's correlation of a vector with each row, in -1..1; 0 where one is constant, NaN where a row has NaN."""
    n = vector.size
    mean = 0.0
    for i in range(n):
        mean += vector[i]
    mean /= n
    centred = np.empty(n)
    constant = True
    own = 0.0
    for i in range(n):
        centred[i] = vector[i] - mean
        own += centred[i] * centred[i]
        constant = constant and vector[i] == vector[0]
    values = np.zeros(len(rows))
    for row in range(len(rows)):
        plain, squares, products = sums(centred, rows[row])
        spread = squares - plain * plain / n
        if constant or spread == 0:
            continue
        values[row] = in_range(products / math.sqrt(own * spread))
    return values


@compiled
def within(vector: NDArray[np.float32], rows: NDArray[np.float32], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same after the mean of the other rows is subtracted from both. total: the sum of all rows, shape (n,).

    1 where the two are equal, whatever the others are.
    """
    n, others = vector.size, len(rows) - 1
    values = np.zeros(len(rows))
    lanes = np.zeros((5, LANES))
    for row in range(len(rows)):
        lanes[:] = 0.0
        same = True
        for start in range(0, n, LANES):
            for k in range(min(LANES, n - start)):
                value = np.float64(rows[row, start + k])
                mean = (total[start + k] - value) / others if others else 0.0
                a, b = vector[start + k] - mean, value - mean
                same = same and a == b
                lanes[0, k] += a
                lanes[1, k] += b
                lanes[2, k] += a * a
                lanes[3, k] += b * b
                lanes[4, k] += a * b
        x, y, xx, yy, xy = lanes[0].sum(), lanes[1].sum(), lanes[2].sum(), lanes[3].sum(), lanes[4].sum()
        spread_x, spread_y = xx - x * x / n, yy - y * y / n
        if same:
            values[row] = 1.0
        elif not (spread_x <= 0 or spread_y <= 0):
            values[row] = in_range((xy - x * y / n) / math.sqrt(spread_x * spread_y))
    return values
