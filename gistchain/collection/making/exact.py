"""Few combinations -> exactly which of them become tokens, where swaps find no way: solved as an integer program.

Each row that no rule forbids is taken or not; of those that look alike at most one. Only for small collections of
combinations; a full one (every combination is a token) is the usual case.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.making.alike import alike
from gistchain.collection.making.problem import Problem, Rows
from gistchain.collection.making.repair import Look, Row
from gistchain.collection.making.solve import Part
from gistchain.errors import CollectionError

MOST = 20_000
_NODES = 2_000
_TOLD = 12


class TooAlikeError(CollectionError):
    """There are too few different pictures."""


def every_row(listed: list[Part]) -> list[Row]:
    """All rows that no rule forbids, at most MOST are wanted by the caller."""
    of_parts = []
    for part in listed:
        rows = []
        for cell in part.cells:
            some = [part.classes[k][number] for k, number in enumerate(cell)]
            rows += [dict(zip(part.types, values, strict=True)) for values in itertools.product(*some)]
        of_parts.append(rows)
    whole = []
    for combined in itertools.product(*of_parts):
        together: dict[int, int] = {}
        for one in combined:
            together |= one
        whole.append(tuple(together[t] for t in sorted(together)))
    return whole


def chosen(problem: Problem, rows: list[Row], look: Look) -> Rows:
    """(N, types) of the rows: all different to look at, with the exact counts, as near to the weights as can be.

    Raises TooAlikeError: how many different pictures there are, and why; CollectionError: which counts can't hold
    together.
    """
    looks = {row: look(row) for row in rows}
    groups: dict[Hashable, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(looks[row], []).append(number)
    if len(groups) < problem.count:
        raise TooAlikeError(
            f"count = {problem.count:,}: the layers and rules give {len(groups):,} different pictures of "
            f"{len(rows):,} combinations ({alike(problem, looks) or 'some values are hidden or look alike'}): "
            "give a smaller count or more values"
        )
    table = np.array(rows, np.int64)
    taken = _solved(problem, table, list(groups.values()), dict(problem.exact))
    if taken is None:
        raise CollectionError(f"no {problem.count:,} different pictures keep {_blamed(problem, table, groups)}")
    return table[taken]


def _blamed(problem: Problem, table: Rows, groups: dict[Hashable, list[int]]) -> str:
    kept = {key: count for key, count in problem.exact.items() if count}
    if len(table) <= MOST // 4:
        for key in list(kept)[:_TOLD]:
            fewer = {one: count for one, count in kept.items() if one != key}
            if _solved(problem, table, list(groups.values()), fewer) is None:
                kept = fewer
    return " and ".join(problem.rule(*key) for key in kept) or "these rules"


def _solved(
    problem: Problem, table: Rows, groups: list[list[int]], exact: dict[tuple[int, int], int]
) -> NDArray[np.int64] | None:
    """The numbers of the rows that are taken, None where no choice keeps the counts."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    values = [(t, v) for t, size in enumerate(problem.sizes) for v in range(size)]
    columns = len(table) + len(values)
    at: list[NDArray[np.int64]] = []
    column: list[NDArray[np.int64]] = []
    factor: list[NDArray[np.float64]] = []
    low: list[float] = []
    high: list[float] = []

    def row(columns_: NDArray[np.int64], factors: NDArray[np.float64], least: float, most: float) -> None:
        at.append(np.full(len(columns_), len(low)))
        column.append(columns_)
        factor.append(factors)
        low.append(least)
        high.append(most)

    cost = np.zeros(columns)
    for place, (t, v) in enumerate(values):
        inside = np.flatnonzero(table[:, t] == v)
        if (t, v) in exact:
            row(inside, np.ones(len(inside)), exact[t, v], exact[t, v])
            continue
        off, wanted = len(table) + place, float(problem.wanted[t][v])
        cost[off] = 1.0
        both = np.append(inside, off)
        row(both, np.append(np.ones(len(inside)), -1.0), -np.inf, wanted)
        row(both, np.append(np.ones(len(inside)), 1.0), wanted, np.inf)
    for group in groups:
        if len(group) > 1:
            row(np.array(group), np.ones(len(group)), 0, 1)
    row(np.arange(len(table)), np.ones(len(table)), problem.count, problem.count)
    matrix = csr_array(
        (np.concatenate(factor), (np.concatenate(at), np.concatenate(column))), shape=(len(low), columns)
    )
    whole = np.append(np.ones(len(table)), np.zeros(len(values)))
    found = milp(
        cost, integrality=whole, bounds=Bounds(0, np.append(np.ones(len(table)), np.full(len(values), np.inf))),
        constraints=LinearConstraint(matrix, np.array(low), np.array(high)),
        options={"node_limit": _NODES, "mip_rel_gap": 0.05},
    )  # fmt: skip
    if found.status == 2:
        return None
    if found.x is None:
        raise CollectionError(f"no plan was found within {_NODES:,} steps of the solver: give fewer counts")
    return np.flatnonzero(found.x[: len(table)] > 0.5)
