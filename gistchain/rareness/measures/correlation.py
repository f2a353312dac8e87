"""A fingerprint and many others -> their correlations, in double precision, the same bits on every machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled

LANES = 8
"""Partial sums side by side, which the processor may add in parallel without changing their order."""


def _sums(
    centred: NDArray[np.float64], row: NDArray[np.float32], lanes: NDArray[np.float64]
) -> tuple[float, float, float]:
    """(sum, sum of squares, sum of products with `centred`) of the row less its first number. lanes: overwritten.

    A constant row then gives exact zeros and is recognised.
    """
    lanes[:] = 0.0
    plain, squares, products = lanes[0], lanes[1], lanes[2]
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


def _in_range(correlation: float) -> float:
    """The correlation clipped to -1..1, which rounding can leave; NaN stays NaN, which min and max would lose."""
    return math.copysign(1.0, correlation) if abs(correlation) > 1 else correlation


def correlations(vector: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pearson's correlation of a vector with each row, in -1..1; 0 where one is constant, NaN where a row has NaN."""
    values = np.zeros(len(rows))
    _correlations(vector, rows, np.empty(vector.size), np.empty((3, LANES)), values)
    return values


@compiled(f"f4[n], f4[N, n], out f8[n], out f8[3, {LANES}], out f8[N]")
def _correlations(
    vector: NDArray[np.float32], rows: NDArray[np.float32],
    centred: NDArray[np.float64], lanes: NDArray[np.float64], values: NDArray[np.float64],
) -> None:  # fmt: skip
    n = vector.size
    mean = 0.0
    for i in range(n):
        mean += vector[i]
    mean /= n
    constant = True
    own = 0.0
    for i in range(n):
        centred[i] = vector[i] - mean
        own += centred[i] * centred[i]
        constant = constant and vector[i] == vector[0]
    for row in range(len(rows)):
        plain, squares, products = _sums(centred, rows[row], lanes)
        spread = squares - plain * plain / n
        if constant or spread == 0:
            continue
        values[row] = _in_range(products / math.sqrt(own * spread))


def within(vector: NDArray[np.float32], rows: NDArray[np.float32], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same after the mean of the other rows is subtracted from both. total: the sum of all rows, shape (n,).

    1 where the two are equal, whatever the others are.
    """
    values = np.zeros(len(rows))
    _within(vector, rows, total, np.empty(5 * LANES), values)
    return values


@compiled(f"f4[n], f4[N, n], f8[n], out f8[{5 * LANES}], out f8[N]")
def _within(
    vector: NDArray[np.float32], rows: NDArray[np.float32], total: NDArray[np.float64],
    lanes: NDArray[np.float64], values: NDArray[np.float64],
) -> None:  # fmt: skip
    n, others = vector.size, len(rows) - 1
    for row in range(len(rows)):
        lanes[:] = 0.0
        same = True
        for start in range(0, n, LANES):
            for k in range(min(LANES, n - start)):
                value = np.float64(rows[row, start + k])
                mean = (total[start + k] - value) / others if others else 0.0
                a, b = vector[start + k] - mean, value - mean
                same = same and a == b
                lanes[k] += a
                lanes[LANES + k] += b
                lanes[2 * LANES + k] += a * a
                lanes[3 * LANES + k] += b * b
                lanes[4 * LANES + k] += a * b
        x, y = lanes[:LANES].sum(), lanes[LANES : 2 * LANES].sum()
        xx, yy = lanes[2 * LANES : 3 * LANES].sum(), lanes[3 * LANES : 4 * LANES].sum()
        xy = lanes[4 * LANES :].sum()
        spread_x, spread_y = xx - x * x / n, yy - y * y / n
        if same:
            values[row] = 1.0
        elif not (spread_x <= 0 or spread_y <= 0):
            values[row] = _in_range((xy - x * y / n) / math.sqrt(spread_x * spread_y))
