"""One fingerprint against all registered ones -> which rows stand out, by how much, and how closely they agree.

    approximate Pearson of ALL rows ── exact Pearson of the rows that matter ──> Gain          (S1.3)
                                           └─ less the mean of the neighbourhood ──> Standing
                                                └─ survivors, at most 50 ── seven measures ──> Agreement  (S1.2, S1.4)

Siblings of a collection correlate with a candidate as well as its source does (T1.5). So the correlations are also
taken within the neighbourhood, where what all siblings share is subtracted. Every figure comes with its definition: the
same correlations give gains of 32, 9 or 0%, depending on how a percentile is read (T1.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import FileDamaged, RarenessError
from gistchain.rareness import measures
from gistchain.rareness.fingerprint import SIZE
from gistchain.rareness.measures import Dependence
from gistchain.rareness.store.store import Store

Rows = NDArray[np.int64]
Correlations = NDArray[np.float64]
Exact = Callable[[Rows], Correlations]

ONE_IN = 10_000
"""The 99.99th percentile leaves one row in so many above it."""
NEIGHBOURHOOD = 300
"""Rows whose exact correlations are always computed: the tail, and the cluster that is looked at from within."""
NEXT = 5
"""Rows after the first with which the first is compared."""
SURVIVORS = 50
TAIL_SHARE, LEAST_TAIL = 0.05, 20
"""Share, and least number, of the largest correlations (at most NEIGHBOURHOOD) whose excesses are modelled as
exponential."""
LEAST_BASE = 0.01
"""Smallest base of a gain: a ratio to almost nothing says nothing."""
NEARLY_ONE = 1 - 1e-7
"""Correlations above it differ from 1 by rounding only, and Fisher's z of 1 is infinite."""
STAGES: tuple[tuple[str, float], ...] = (
    ("spearman", 0.60), ("kendall", 0.48), ("hoeffding", 0.115), ("distance_correlation", 0.56),
    ("mutual_information", 0.15), ("hsic", 0.26), ("blomqvist", 0.40),
)  # fmt: skip
"""Least values that a survivor must reach to stay: what 9 in 10 transformed copies reach with their source, where that
is among the survivors (120 copies by the known transforms, five training collections). Siblings pass as well: the
stages only count, they don't judge."""
_AT_ONCE = 512
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How far the best correlated row stands out from the next ones.

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
    best, which is the 99.99th percentile at any N. Gains lie in 0..99 and are 0 for fewer than two rows.
    compared_with: N. rescored: for how many rows the exact correlation was computed.
    """

    compared_with: int
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
    over the sum of the candidate's measures with itself, which is their maximum: 1 for a copy, near 0 for an image that
    is like nothing registered. passed: how many rows are left after each of STAGES in turn.
    """

    rows: Rows
    dependences: tuple[Dependence, ...]
    best: Dependence
    total: float
    passed: tuple[int, ...]


class Fingerprints:
    """The fingerprints of the registered rows, each read from the store once."""

    def __init__(self, store: Store, *, without: int | None = None) -> None:
        """without: a row that is left out of all figures."""
        self._store, self._without = store, without
        self._read: dict[int, NDArray[np.float32]] = {}

    def of(self, rows: Sequence[int] | Rows) -> NDArray[np.float32]:
        """Shape (len(rows), n)."""
        wanted = [int(row) for row in rows]
        new = [row for row in wanted if row not in self._read]
        self._read.update(zip(new, self._store.fingerprints(new), strict=True))
        return np.array([self._read[row] for row in wanted], np.float32).reshape(len(wanted), SIZE)

    def scanned(self, fingerprint: NDArray[np.float32]) -> tuple[Rows, NDArray[np.float32], float]:
        """(all rows that count, their approximate correlations, the most by which one is wrong)."""
        approximate, bound = self._store.approximate(fingerprint)
        rows = np.arange(len(approximate))
        if self._without is not None:
            rows = rows[rows != self._without]
        return rows, approximate[rows], bound


def correlated(fingerprint: NDArray[np.float32], registered: Fingerprints) -> tuple[Gain, Standing]:
    """(the fingerprint against all registered rows, the same within the neighbourhood of the best)."""
    rows, approximate, bound = registered.scanned(fingerprint)
    gain = pearson_gain(approximate, bound, lambda places: measures.pearson(fingerprint, registered.of(rows[places])))
    gain = replace(gain, best=replace(gain.best, rows=rows[gain.best.rows]))
    neighbourhood = gain.best.rows[:NEIGHBOURHOOD]
    return gain, within(fingerprint, neighbourhood, registered.of(neighbourhood))


def pearson_gain(approximate: NDArray[np.floating[Any]], bound: float, exact: Exact) -> Gain:
    """How far the best of all registered rows stands above their 99.99th percentile.

    approximate: shape (N,), within `bound` of the exact correlations. exact: rows -> their correlations; called only
    for rows that can be among the first `order` and for the NEIGHBOURHOOD best by approximation. Raises RarenessError
    for NaN, FileDamaged where an exact correlation lies outside the bound.
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
    """Which of `count` correlations is the 99.99th percentile; the largest is number 1."""
    return -(-max(count - 1, 0) // ONE_IN) + 1


def standing(rows: Sequence[int] | Rows, values: Correlations, count: int | None = None) -> Standing:
    """The rows sorted by correlation, and how far the best stands out. count: of how many rows they are the best."""
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
        # The scale is an estimate, Gamma-distributed: this turns the exponential into a Lomax distribution.
        chance = (1 + gap / (excesses * scale)) ** -excesses if scale > 0 else 0.0
    return Standing(rows, values, _gain(float(values[0]), float(values[1 : NEXT + 1].mean())), gap, chance)


def within(candidate: NDArray[np.float32], rows: Rows, fingerprints: NDArray[np.float32]) -> Standing:
    """The correlations that are left when the mean of the neighbourhood is subtracted.

    candidate: shape (n,); fingerprints: (m, n) of the m rows, the best by Pearson. The mean of the other m - 1 rows is
    subtracted from candidate and row alike. A copy keeps what is its source's own, a sibling does not: unrelated images
    come to about 1 / m. A single row is correlated as it is. Raises RarenessError for NaN or shapes that don't match.
    """
    if len(rows) != len(fingerprints):
        raise RarenessError(f"{len(rows)} rows came with {len(fingerprints)} fingerprints")
    return standing(rows, measures.pearson_within(candidate, fingerprints))


def survivors(best: Standing, near: Standing, most: int = SURVIVORS) -> Rows:
    """The rows worth a closer look, at most `most`: by turns the best of all and the best of the neighbourhood."""
    chosen: dict[int, None] = {}
    for pair in zip(best.rows.tolist(), near.rows.tolist(), strict=False):
        chosen.update(dict.fromkeys(pair))
    chosen.update(dict.fromkeys(best.rows.tolist()))
    return np.array(list(chosen)[:most], np.int64)


def agreement(fingerprint: NDArray[np.float32], rows: Rows, fingerprints: NDArray[np.float32]) -> Agreement:
    """All measures of the candidate and each surviving row, and what they come to together."""
    candidate = measures.prepared(fingerprint)
    dependences = tuple(measures.dependence(candidate, measures.prepared(row)) for row in fingerprints)
    own = measures.dependence(candidate, candidate)
    table = np.array([measured.values() for measured in dependences]).reshape(len(dependences), len(fields(Dependence)))
    best = Dependence(*(table.max(axis=0).tolist() if dependences else [0.0] * table.shape[1]))
    most = sum(own.values())
    total = min(1.0, max(0.0, sum(best.values()) / most)) if most > 0 else 0.0
    return Agreement(rows, dependences, best, total, _passed(dependences))


def _passed(dependences: Sequence[Dependence]) -> tuple[int, ...]:
    left, counts = list(dependences), []
    for name, least in STAGES:
        left = [measured for measured in left if getattr(measured, name) >= least]
        counts.append(len(left))
    return tuple(counts)


def _rescored(
    approximate: NDArray[np.floating[Any]], bound: float, exact: Exact, order: int
) -> tuple[Rows, Correlations]:
    """(rows, exact correlations): all that can be among the first `order`, and the NEIGHBOURHOOD at the top."""
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
    """The rows of the `count` largest values; among equal ones the first."""
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
            f"the scanned copy of registered row {row} is wrong: its correlation is off by more than {bound:.2g}. "
            "Delete the rows file beside the database: it is made again from the database"
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
    """What one row in ONE_IN exceeds if the rows below the best continue as an exponential tail in Fisher's z."""
    scale, excesses, start = _tail(_fisher(best.correlations), count)
    if excesses < 2:
        return float(best.correlations[1])
    return math.tanh(start + scale * math.log((excesses + 1) / count * ONE_IN))


def _tail(z: Correlations, count: int) -> tuple[float, int, float]:
    """(scale of an exponential tail below the best, from how many excesses, the z above which it begins).

    The gap between the best and the second is left out: that is what the tail is there to judge.
    """
    below = z[1 : 2 + min(NEIGHBOURHOOD, max(LEAST_TAIL, math.ceil(TAIL_SHARE * count)))]
    if len(below) < 2:
        return 0.0, 0, 0.0
    start, excesses = float(below[-1]), below[:-1] - below[-1]
    # The second stands for the best too, which lies above it: the scale of a tail with a censored maximum.
    return float((excesses.sum() + excesses[0]) / len(excesses)), len(excesses), start
