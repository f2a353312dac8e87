"""Ranks of two vectors -> their mutual information: how much one tells about the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled
from gistchain.rareness.measures.distance import normalised

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINS = 16
"""Bins of equal frequency; equal numbers share a bin."""


def logarithms(n: int) -> Floats:
    """k ln k for k = 0..n, from ln k - ln(k - 1) = 2 atanh(1 / (2k - 1)): arithmetic only, good to 1e-12 of ln k."""
    table = np.zeros(n + 1)
    _logarithms(table)
    return table


@compiled("out f8[m]")
def _logarithms(table: Floats) -> None:
    logarithm = 0.0
    for k in range(2, table.size):
        z = 1.0 / (2 * k - 1)
        term, step = z, 0.0
        for odd in range(1, 37, 2):
            step += term / odd
            term *= z * z
        logarithm += 2 * step
        table[k] = k * logarithm


def binned(ranks: Integers) -> Integers:
    """Bin 0..BINS-1 of each doubled centred mid-rank: the share of numbers below it, times BINS, rounded down."""
    bins = np.empty(ranks.size, np.int64)
    _binned(ranks, bins)
    return bins


@compiled("i8[n], out i8[n]")
def _binned(ranks: Integers, bins: Integers) -> None:
    n = ranks.size
    for i in range(n):
        bins[i] = (ranks[i] + n) * BINS // (2 * n)


def mutual_information(bins_x: Integers, bins_y: Integers, table: Floats) -> float:
    """I / sqrt(H_x H_y) of the binned ranks, in 0..1; table: `logarithms`.

    Not corrected for chance: for independent numbers without ties, I is about (BINS - 1)^2 / 2n nats.
    """
    joint, alone = np.zeros((BINS, BINS), np.int64), np.zeros((2, BINS), np.int64)
    return _mutual_information(bins_x, bins_y, table, joint, alone)


@compiled(f"i8[n], i8[n], f8[m], out i8[{BINS}, {BINS}], out i8[2, {BINS}] -> f8")
def _mutual_information(bins_x: Integers, bins_y: Integers, table: Floats, joint: Integers, alone: Integers) -> float:
    n, of_x, of_y = bins_x.size, alone[0], alone[1]
    for i in range(n):
        joint[bins_x[i], bins_y[i]] += 1
        of_x[bins_x[i]] += 1
        of_y[bins_y[i]] += 1
    both = alone_x = alone_y = 0.0
    for a in range(BINS):
        alone_x += table[of_x[a]]
        alone_y += table[of_y[a]]
        for b in range(BINS):
            both += table[joint[a, b]]
    entropy_x, entropy_y = table[n] - alone_x, table[n] - alone_y
    return normalised(both - alone_x - alone_y + table[n], entropy_x, entropy_y)
