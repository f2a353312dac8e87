"""Rows with the same look -> the values that are hidden or look alike, in words: what a maker can change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from gistchain.collection.making.problem import Problem
from gistchain.collection.making.repair import Row

_TOLD = 4


def alike(problem: Problem, looks: Mapping[Row, Hashable]) -> str:
    """The first few of them; '' where none is found. looks: of every row that the rules allow."""
    told: list[str] = []
    for t in range(len(problem.sizes)):
        told += _of_type(problem, looks, t)
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return "; ".join(told[:_TOLD]) + more


def _of_type(problem: Problem, looks: Mapping[Row, Hashable], t: int) -> list[str]:
    """What is alike where nothing but the value of type t differs."""
    beside: dict[Row, list[Row]] = defaultdict(list)
    for row in looks:
        beside[(*row[:t], *row[t + 1 :])].append(row)
    groups = [rows for rows in beside.values() if len(rows) > 1]
    if not groups:
        return []
    hidden = [len({looks[row] for row in rows}) == 1 for rows in groups]
    name = problem.names[t][0]
    if all(hidden):
        return [f"{name} is never seen"]
    covers = _covers(problem, groups, hidden, t)
    if covers:
        return [f"{name} is not seen with {cover}" for cover in covers]
    return _pairs(problem, looks, groups, t)


def _covers(problem: Problem, groups: Sequence[Sequence[Row]], hidden: Sequence[bool], t: int) -> list[str]:
    """The values of other types with which nothing of type t is seen."""
    found = []
    for u, size in enumerate(problem.sizes):
        if u == t:
            continue
        seen = {rows[0][u] for rows, hid in zip(groups, hidden, strict=True) if not hid}
        there = {rows[0][u] for rows in groups}
        found += [problem.value(u, v) for v in range(size) if v in there - seen]
    return found


def _pairs(problem: Problem, looks: Mapping[Row, Hashable], groups: Sequence[Sequence[Row]], t: int) -> list[str]:
    """Values of type t that look alike wherever one could stand in place of the other."""
    same: dict[tuple[int, int], bool] = {}
    for rows in groups:
        for k, row in enumerate(rows):
            for other in rows[k + 1 :]:
                pair = min(row[t], other[t]), max(row[t], other[t])
                same[pair] = same.get(pair, True) and looks[row] == looks[other]
    name, values = problem.names[t]
    return [f"{name}: {values[v]} and {values[w]} look alike" for (v, w), yes in sorted(same.items()) if yes]
