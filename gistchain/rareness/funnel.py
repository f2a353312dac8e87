"""One fingerprint against all registered ones -> who stands out, by how much, and what a closer look at them says.

    approximate Pearson of ALL rows ── exact Pearson of the rows that matter ──> Gain          (S1.3)
                                           └─ the mean of the neighbourhood taken away ──> Standing
                                                └─ survivors, at most 50 ── seven measures ──> Agreement  (S1.2, S1.4)

Siblings of a collection correlate with a candidate as well as its source does (T1.5). Beside the plain correlations
there are therefore those within the neighbourhood, where what all siblings share is taken away. Every figure comes with
its definition: the same correlations give gains of 32, 9 or 0% by how a percentile is read (T1.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import FileDamaged, RarenessError
from gistchain.rareness import measures
from gistchain.rareness.measures import Dependence, Prepared

Rows = NDArray[np.int64]
Correlations = NDArray[np.float64]
Exact = Callable[[Rows], Correlations]

ONE_IN = 10_000
"""The 99.99th percentile leaves one row in so many above it."""
NEIGHBOURHOOD = 300
"""Rows whose exact correlations are always taken: the tail, and the cluster that is looked at from within."""
NEXT = 5
"""Rows after the first that it is compared with."""
SURVIVORS = 50
TAIL_SHARE, LEAST_TAIL = 0.05, 20
"""Upper part of the correlations, at most NEIGHBOURHOOD, whose excesses are taken for exponential."""
LEAST_BASE = 0.01
"""What a gain is at least measured against: a ratio to nothing says nothing."""
NEARLY_ONE = 1 - 1e-7
"""Correlations above are rounding, and would be infinite as Fisher's z."""
STAGES: tuple[tuple[str, float], ...] = (
    ("spearman", 0.60), ("kendall", 0.48), ("hoeffding", 0.115), ("distance_correlation", 0.56),
    ("mutual_information", 0.15), ("hsic", 0.26), ("blomqvist", 0.40),
)  # fmt: skip
"""Least values with which a survivor goes on: what 9 in 10 transformed copies reach with their source where that is
among the survivors (120 copies by the known transforms, five training collections). Siblings pass as well: these count,
they don't judge."""
_AT_ONCE = 512
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How the best correlated row stands out among the next ones.

    rows, correlations: best first, ties by row. next_gain: the best over the mean of the NEXT following, less 1.
    gap: from the best to the second in Fisher's z. chance: of a gap so large between the best two of one exponential
    tail, estimated from the rows below: exp(-gap / scale), with the scale's own uncertainty; 1 for fewer than 4 rows.
    """

    rows: Rows
    correlations: Correlations
    next_gain: float
    gap: float
    chance: float

    @property
    def maximum(self) -> float:
        """The best correlation; 0 where there is none."""
        return float(self.correlations[0]) if len(self.correlations) else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """Pearson of a candidate against all N registered rows.

    best: the rows at the top, all exact. order: the percentile is the order-th largest of the N correlations, exact:
    order = ceil((N - 1) / 10,000) + 1, never an interpolation, never the maximum itself; what numpy calls "lower".
    gain: maximum / percentile - 1, the published 32.3% = 86 / 65 - 1 at N = 10,000; up to N = 10,001 the percentile is
    the second best. fitted_percentile, fitted_gain: the same from the tail that is fitted to the rows below the
    best, which means the 99.99th percentile at any N. Gains lie in 0..99 and are 0 for fewer than two rows.
    rescored: how many rows were taken exactly.
    """

    registered: int
    best: Standing
    order: int
    percentile: float
    gain: float
    fitted_percentile: float
    fitted_gain: float
    rescored: int


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What the measures say of the survivors (S1.4).

    dependences: of each row of `rows`. best: the largest of each measure over the survivors. total: the sum of these
    over the sum of the candidate's with itself, its maximum: 1 for a copy, near 0 for what is like nothing. passed: how
    many rows are left after each of STAGES in turn; the last says how many went all the way.
    """

    rows: Rows
    dependences: tuple[Dependence, ...]
    best: Dependence
    total: float
    passed: tuple[int, ...]


def pearson_gain(approximate: NDArray[np.floating[Any]], bound: float, exact: Exact) -> Gain:
    """How far the best of all registered rows stands above their 99.99th percentile.

    approximate: shape (N,), within `bound` of the exact correlations; exact: rows -> their correlations. Only rows that
    can be among the first `order`, and the NEIGHBOURHOOD best by approximation, are asked for. Raises RarenessError for
    NaN, FileDamaged where an exact correlation lies outside the bound.
    """
    if approximate.ndim != 1 or not np.isfinite(approximate).all():
        raise RarenessError(f"correlations of shape {approximate.shape} are not one finite number for each row")
    count = len(approximate)
    order = min(count, percentile_order(count))
    rows, values = _rescored(approximate, bound, exact, order)
    best = standing(rows, values, count)
    if count < 2:
        return Gain(count, best, order, 0.0, 0.0, 0.0, 0.0, len(rows))
    percentile = float(best.correlations[order - 1])
    fitted = _fitted_percentile(best, count)
    gains = _gain(best.maximum, percentile), _gain(best.maximum, fitted)
    return Gain(count, best, order, percentile, gains[0], fitted, gains[1], len(rows))


def percentile_order(count: int) -> int:
    """Which of `count` correlations, the largest being the first, is the 99.99th percentile."""
    return -(-max(count - 1, 0) // ONE_IN) + 1


def standing(rows: Sequence[int] | Rows, values: Correlations, count: int | None = None) -> Standing:
    """The rows sorted by their correlations, and how the best stands out. count: of how many rows they are the best."""
    rows = np.asarray(rows, np.int64)
    by_value = np.lexsort((rows, -values))
    rows, values = rows[by_value], values[by_value]
    if len(values) < 2:
        return Standing(rows, values, 0.0, 0.0, 1.0)
    z = _fisher(values)
    gap = float(z[0] - z[1])
    scale, excesses, _ = _tail(z, count or len(z))
    chance = 1.0
    if excesses >= 2 and gap > 0:
        # A Gamma-distributed estimate in place of the scale makes the exponential a Lomax distribution.
        chance = (1 + gap / (excesses * scale)) ** -excesses if scale > 0 else 0.0
    return Standing(rows, values, _gain(float(values[0]), float(values[1 : NEXT + 1].mean())), gap, chance)


def within(candidate: NDArray[np.float32], rows: Rows, fingerprints: NDArray[np.float32]) -> Standing:
    """The correlations that are left when the mean of the neighbourhood is taken away.

    candidate: shape (n,); fingerprints: (m, n) of the m rows, the best by Pearson. From candidate and row alike the
    mean of the other m - 1 rows is taken. A copy keeps what is its source's own, a sibling does not: unrelated ones
    come to about 1 / m. One row alone is correlated as it is. Raises RarenessError for NaN or shapes that don't fit.
    """
    if len(rows) != len(fingerprints):
        raise RarenessError(f"{len(rows)} rows came with {len(fingerprints)} fingerprints")
    return standing(rows, measures.pearson_within(candidate, fingerprints))


def survivors(best: Standing, near: Standing, most: int = SURVIVORS) -> Rows:
    """The rows worth a closer look, at most `most`: by turns the best by Pearson and within the neighbourhood."""
    chosen: dict[int, None] = {}
    for pair in zip(best.rows.tolist(), near.rows.tolist(), strict=False):
        chosen.update(dict.fromkeys(pair))
    chosen.update(dict.fromkeys(best.rows.tolist()))
    return np.array(list(chosen)[:most], np.int64)


def agreement(candidate: Prepared, rows: Rows, fingerprints: NDArray[np.float32]) -> Agreement:
    """All measures of the candidate and each surviving row, and what they come to together."""
    found = tuple(measures.dependence(candidate, measures.prepared(row)) for row in fingerprints)
    own = measures.dependence(candidate, candidate)
    table = np.array([one.values() for one in found]).reshape(len(found), len(fields(Dependence)))
    best = Dependence(*(table.max(axis=0).tolist() if found else [0.0] * table.shape[1]))
    most = sum(own.values())
    total = min(1.0, max(0.0, sum(best.values()) / most)) if most > 0 else 0.0
    return Agreement(rows, found, best, total, _passed(found))


def _passed(found: Sequence[Dependence]) -> tuple[int, ...]:
    left, counts = list(found), []
    for name, least in STAGES:
        left = [one for one in left if getattr(one, name) >= least]
        counts.append(len(left))
    return tuple(counts)


def _rescored(
    approximate: NDArray[np.floating[Any]], bound: float, exact: Exact, order: int
) -> tuple[Rows, Correlations]:
    """Rows and exact correlations of all that can be among the first `order`, and of the NEIGHBOURHOOD at the top."""
    if not len(approximate):
        return np.zeros(0, np.int64), np.zeros(0)
    first = _largest(approximate, max(order, NEIGHBOURHOOD))
    rows, values = [first], [_asked(approximate, bound, exact, first)]
    floor = _nth(values, order)
    open_rows = np.setdiff1d(np.flatnonzero(approximate >= floor - bound - _ROUNDING), first)
    open_rows = open_rows[np.argsort(-approximate[open_rows], kind="stable")]
    for start in range(0, len(open_rows), _AT_ONCE):
        some = open_rows[start : start + _AT_ONCE]
        if approximate[some[0]] < floor - bound - _ROUNDING:
            break
        rows.append(some)
        values.append(_asked(approximate, bound, exact, some))
        floor = _nth(values, order)
    return np.concatenate(rows), np.concatenate(values)


def _largest(values: NDArray[np.floating[Any]], count: int) -> Rows:
    """The rows of the `count` largest values; of equal ones the first."""
    if count >= len(values):
        return np.arange(len(values))
    edge = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > edge)
    return np.sort(np.concatenate([above, np.flatnonzero(values == edge)[: count - len(above)]]))


def _asked(approximate: NDArray[np.floating[Any]], bound: float, exact: Exact, rows: Rows) -> Correlations:
    parts = [exact(rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
    values = np.concatenate(parts).astype(np.float64)
    if values.shape != rows.shape:
        raise RarenessError(f"{len(rows)} rows were asked for, and correlations of shape {values.shape} came")
    outside = ~(np.abs(values - approximate[rows]) <= bound + _ROUNDING)  # NaN is outside too
    if outside.any():
        row = rows[int(outside.argmax())]
        raise FileDamaged(
            f"registered row {row} correlates otherwise than its scanned copy says, by more than {bound:.2g}: "
            "have the scanned rows made anew from the database"
        )
    return values


def _nth(values: Sequence[Correlations], order: int) -> float:
    together = np.concatenate(values)
    return float(np.partition(together, len(together) - order)[len(together) - order])


def _gain(maximum: float, base: float) -> float:
    return max(0.0, maximum / max(base, LEAST_BASE) - 1)


def _fisher(correlations: Correlations) -> Correlations:
    return np.arctanh(np.clip(correlations, -NEARLY_ONE, NEARLY_ONE))


def _fitted_percentile(best: Standing, count: int) -> float:
    """What one row in ONE_IN exceeds if the rows below the best go on as an exponential tail in Fisher's z."""
    scale, excesses, start = _tail(_fisher(best.correlations), count)
    if excesses < 2:
        return float(best.correlations[1])
    return math.tanh(start + scale * math.log((excesses + 1) / count * ONE_IN))


def _tail(z: Correlations, count: int) -> tuple[float, int, float]:
    """(scale of an exponential tail below the best, from how many excesses, the z above which it begins).

    How far the best lies above the second is left out: that is what the tail is to judge.
    """
    below = z[1 : 2 + min(NEIGHBOURHOOD, max(LEAST_TAIL, math.ceil(TAIL_SHARE * count)))]
    if len(below) < 2:
        return 0.0, 0, 0.0
    start, excesses = float(below[-1]), below[:-1] - below[-1]
    # The second stands for the best too, which lies above it: the scale of a tail whose largest value is censored.
    return float((excesses.sum() + excesses[0]) / len(excesses)), len(excesses), start
