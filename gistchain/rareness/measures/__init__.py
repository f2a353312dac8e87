"""Two vectors -> how far they correlate and depend on each other (S1.2): Pearson and seven other measures.

    vector, rows ── correlation.py ──> Pearson, plain or within a neighbourhood         linear dependence

    vector ── prepared ──> Prepared: sorted, ranked, binned, once for each vector
                              │
    two of them ── dependence ┼── rank.py ─────────> Spearman, Kendall, Hoeffding, Blomqvist     order
                              ├── distance.py ─────> distance correlation                        any dependence
                              ├── information.py ──> mutual information                          any dependence
                              └── kernel.py ───────> HSIC                                        any dependence

Numbers are read as float32, which is what fingerprints are. The same numbers give the same bits on every machine
(compiled.py). numba is loaded at the first use.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RarenessError

LEAST_JOINT = 10
"""Numbers that must be non-zero in both vectors before Blomqvist's beta says anything."""
MOST = 1 << 20
"""Numbers in a vector at most: sums of squared ranks stay exact in 64 bits."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """How far two vectors depend on each other. All are 0 where a vector is constant.

    spearman, kendall (tau-b), blomqvist: -1..1; the last over numbers that are non-zero in both vectors, 0 where fewer
    than LEAST_JOINT are. hoeffding: D times 30, about -0.5..1, near 0 where independent; with ties D(x, x) is below 1.
    distance_correlation, mutual_information (of 16 rank bins, divided by the root of both entropies), hsic (divided by
    the root of both vectors' own): 0..1, 1 for a vector with itself.
    """

    spearman: float
    kendall: float
    hoeffding: float
    distance_correlation: float
    mutual_information: float
    hsic: float
    blomqvist: float

    def values(self) -> tuple[float, ...]:
        """The measures in the order of their fields."""
        return astuple(self)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One vector of n numbers, ready to be compared; all arrays of shape (n,) unless they say otherwise.

    values: standardised. filled: which are not 0. order: that sorts them. ranks: twice the mid-rank less n + 1. groups:
    the group of equal values of each; starts: (groups + 1,), where each group starts in `order`. sums: of the distances
    to all others. bins: of mutual information. nodes, weights: of HSIC, the latter (n, 4).
    """

    values: NDArray[np.float64]
    filled: NDArray[np.bool_]
    order: NDArray[np.int64]
    ranks: NDArray[np.int64]
    groups: NDArray[np.int64]
    starts: NDArray[np.int64]
    tied_pairs: int
    squared_ranks: int
    sums: NDArray[np.float64]
    all_sums: float
    distance_variance: float
    bins: NDArray[np.int64]
    nodes: NDArray[np.int64]
    weights: NDArray[np.float64]
    own_hsic: float


def pearson(vector: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float64]:
    """Pearson's correlation of a vector, shape (n,), with each row of (N, n): shape (N,), in -1..1.

    0 where a vector is constant. Raises RarenessError for NaN, infinity or another shape.
    """
    from gistchain.rareness.measures.correlation import correlations

    return _finite(correlations(_numbers(vector), _rows(rows, vector)))


def pearson_within(vector: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float64]:
    """Pearson's correlation with each row after the mean of the other rows is subtracted from both; else as `pearson`.

    1 where the vector is the row. A single row is correlated as it is.
    """
    from gistchain.rareness.measures.correlation import within

    others = _rows(rows, vector)
    return _finite(within(_numbers(vector), others, others.sum(axis=0, dtype=np.float64)))


def prepared(vector: NDArray[Any]) -> Prepared:
    """The vector, shape (n,), sorted, ranked and binned. Raises RarenessError for NaN, infinity or another shape."""
    from gistchain.rareness.measures import distance, information, kernel, rank

    numbers = _numbers(vector).astype(np.float64)
    # A stable sort: the order of equal numbers, and so the order of sums, is the same on every machine.
    order = np.argsort(numbers, kind="stable")
    values = distance.standardised(numbers)
    ranks, groups, starts, tied_pairs, squared_ranks = rank.ranked(numbers, order)
    sums, all_sums, variance = distance.distances(values, order)
    nodes, weights = kernel.placed(values)
    constant = len(starts) == 2
    return Prepared(
        values, numbers != 0, order, ranks, groups, starts, tied_pairs, squared_ranks,
        sums, all_sums, 0.0 if constant else variance, information.binned(ranks), nodes, weights,
        0.0 if constant else kernel.hsic(nodes, weights, nodes, weights, _kernel()),
    )  # fmt: skip


def dependence(a: Prepared, b: Prepared) -> Dependence:
    """All measures of two prepared vectors. Raises RarenessError where they differ in length."""
    from gistchain.rareness.measures import distance, information, kernel, rank

    n = a.values.size
    if b.values.size != n:
        raise RarenessError(
            f"vectors of {n} and {b.values.size} numbers can't be compared: compute the fingerprints again"
        )
    order = rank.by_both(a.groups, a.starts, b.order)
    balance, hoeffding = rank.concordance(order, a.ranks, a.groups, b.ranks, b.groups, len(b.starts) - 1)
    covariance = distance.distance_covariance(
        a.values, a.order, a.sums, a.all_sums, b.values, b.groups, len(b.starts) - 1, b.sums, b.all_sums
    )
    squared = distance.normalised(covariance, a.distance_variance, b.distance_variance)
    hsic = kernel.hsic(a.nodes, a.weights, b.nodes, b.weights, _kernel())
    constant = min(len(a.starts), len(b.starts)) == 2
    return Dependence(
        spearman=rank.spearman(a.ranks, a.squared_ranks, b.ranks, b.squared_ranks),
        kendall=rank.kendall(balance, n, a.tied_pairs, b.tied_pairs),
        hoeffding=0.0 if constant else hoeffding,
        distance_correlation=float(np.sqrt(squared)),
        mutual_information=information.mutual_information(a.bins, b.bins, _logarithms(n)),
        hsic=distance.normalised(hsic, a.own_hsic, b.own_hsic),
        blomqvist=rank.blomqvist(a.values, a.order, a.filled, b.values, b.order, b.filled, LEAST_JOINT),
    )


def between(x: NDArray[Any], y: NDArray[Any]) -> Dependence:
    """All measures of two vectors of the same length; for many pairs prepare each vector once."""
    return dependence(prepared(x), prepared(y))


def _numbers(vector: NDArray[Any]) -> NDArray[np.float32]:
    numbers = _float32(vector)
    if numbers.ndim != 1 or not 1 <= numbers.size <= MOST:
        raise RarenessError(f"a vector has 1 to {MOST:,} numbers, not the shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise RarenessError(f"{np.count_nonzero(~np.isfinite(numbers))} of {numbers.size} numbers are not finite")
    return numbers


def _rows(rows: NDArray[Any], vector: NDArray[Any]) -> NDArray[np.float32]:
    others = _float32(rows)
    if others.ndim != 2 or others.shape[1] != len(vector):
        raise RarenessError(f"a vector of {len(vector)} numbers can't be compared with rows of shape {others.shape}")
    return others


def _finite(correlations: NDArray[np.float64]) -> NDArray[np.float64]:
    wrong = np.isnan(correlations)
    if wrong.any():
        raise RarenessError(
            f"row {int(wrong.argmax())} of {len(wrong)} has a number that is not finite: compute its fingerprint again"
        )
    return correlations


def _float32(numbers: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite and is refused
        return np.asarray(numbers, np.float32, order="C")


@lru_cache(maxsize=4)
def _logarithms(n: int) -> NDArray[np.float64]:
    from gistchain.rareness.measures.information import logarithms

    return logarithms(n)


@lru_cache(maxsize=1)
def _kernel() -> NDArray[np.float64]:
    from gistchain.rareness.measures.kernel import kernel

    return kernel()
