"""A Problem -> how many tokens each combination of classes has, so that counts and rules hold: solved, not tried.

Values of a type that stand in the same rules are one class. Types that rules tie together, directly or through others,
are one part; parts don't know of each other. Of each part all combinations of classes that no rule forbids are listed
(cells.py), and an integer program (HiGHS) says how many tokens each gets:

    minimise   sum |n_v - wanted_v|           over values without an exact count
    such that  n_v = its count                for those with one
               sum of n_v over a class = sum of x_c over the combinations with that class
               x_c <= how many different tokens the combination can be

What it finds can be dealt out to tokens in any order, and no rule is broken. Where there is nothing, rules are left out
one by one as long as there still is nothing: those that remain contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from gistchain.collection.making import cells
from gistchain.collection.making.problem import Problem, Rows
from gistchain.errors import CollectionError

_NODES = 5_000
_MOST_BLAMED = 60
"""Rules of which the contradicting ones are looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Types that rules tie together. classes: of each type, its values by class. cells: (C, types) classes of each
    combination that no rule forbids."""

    types: tuple[int, ...]
    classes: tuple[tuple[tuple[int, ...], ...], ...]
    cells: NDArray[np.int64]

    def room(self) -> NDArray[np.float64]:
        """(C,) how many combinations of values each has."""
        sizes = [np.array([len(values) for values in some], np.float64) for some in self.classes]
        room: NDArray[np.float64] = np.prod([size[self.cells[:, k]] for k, size in enumerate(sizes)], axis=0)
        return room

    def room_of(self, type_: int, value: int) -> float:
        """How many combinations have this value."""
        k = self.types.index(type_)
        number = next(n for n, values in enumerate(self.classes[k]) if value in values)
        inside = self.cells[:, k] == number
        return float(self.room()[inside].sum() / len(self.classes[k][number]))


def parts(problem: Problem) -> list[Part] | None:
    """All parts; None where one has too many combinations to be listed.

    Raises CollectionError where it can't be found out whether the rules leave any token."""
    joined: list[set[int]] = []
    for types in [set(nogood.values) for nogood in problem.nogoods] + [{t} for t in range(len(problem.sizes))]:
        touching = [one for one in joined if one & types]
        joined = [one for one in joined if not one & types] + [set().union(types, *touching)]
    listed = []
    for types in sorted(joined, key=min):
        part = _part(problem, tuple(sorted(types)))
        if part is None:
            return None
        listed.append(part)
    return listed


def different(listed: list[Part]) -> float:
    """How many different rows no rule forbids."""
    return float(np.prod([part.room().sum() for part in listed]))


def start(problem: Problem, listed: list[Part], rng: np.random.RandomState) -> Rows:
    """(N, types) rows that keep counts and rules, as near to the weights as they allow; two may be the same.

    Raises CollectionError that names the rules that contradict each other.
    """
    _possible(problem, listed)
    rows = np.zeros((problem.count, len(problem.sizes)), np.int64)
    whole = different(listed)
    for part in listed:
        others = whole / max(1.0, part.room().sum())
        solved = _solved(problem, part, others)
        if solved is None:
            raise CollectionError(f"the rules can't all hold: {_blamed(problem, part, others)}")
        _deal(rows, part, *solved, rng)
    return rows


def _part(problem: Problem, types: tuple[int, ...]) -> Part | None:
    mine = [nogood for nogood in problem.nogoods if set(nogood.values) <= set(types)]
    classes = []
    for t in types:
        signatures: dict[tuple[bool, ...], list[int]] = {}
        for v in range(problem.sizes[t]):
            if problem.exact.get((t, v)) == 0:
                continue
            key = tuple(bool(nogood.values[t][v]) for nogood in mine if t in nogood.values)
            signatures.setdefault(key, []).append(v)
        classes.append(tuple(tuple(values) for values in signatures.values()))
    place = {t: k for k, t in enumerate(types)}
    tests = [
        {
            place[t]: np.array([bool(values[some[0]]) for some in classes[place[t]]], np.bool_)
            for t, values in nogood.values.items()
        }
        for nogood in mine
    ]
    found = cells.legal([len(some) for some in classes], tests)
    return None if found is None else Part(types, tuple(classes), found)


def _tried(problem: Problem, types: tuple[int, ...]) -> Part | None:
    """The same; None also where it is not known whether anything is possible."""
    try:
        return _part(problem, types)
    except cells.TooEntangledError:
        return None


def _possible(problem: Problem, listed: list[Part]) -> None:
    """Raises CollectionError for what counting alone refutes."""
    whole = different(listed)
    for part in listed:
        if not len(part.cells):
            raise CollectionError(f"the rules forbid every token: {_forbidding(problem, part.types, None)}")
        others = whole / part.room().sum()
        for t in part.types:
            for v in range(problem.sizes[t]):
                if problem.exact.get((t, v)) == 0:
                    continue
                room = part.room_of(t, v)
                if not room:
                    raise CollectionError(
                        f"no token can have {problem.value(t, v)}: {_forbidding(problem, part.types, (t, v))}"
                    )
                if problem.exact.get((t, v), 0) > room * others:
                    raise CollectionError(_too_many(problem, part, (t, v), others))
    if whole < problem.count:
        raise CollectionError(
            f"count = {problem.count:,}: the values and rules allow {whole:,.0f} different tokens; give a smaller "
            "count or more values"
        )


def _too_many(problem: Problem, part: Part, value: tuple[int, int], others: float) -> str:
    """Why an exact count is more than there are different tokens."""
    count = problem.exact[value]

    def too_few(kept: list[str]) -> bool:
        fewer = _tried(_with_rules(problem, kept), part.types)
        return fewer is not None and fewer.room_of(*value) * others < count

    names = _minimal(_names(problem, part.types), too_few)
    by = f", by {' and '.join(names)}" if names else ""
    room = part.room_of(*value) * others
    only = f"only {room:,.0f} different tokens can have it{by}"
    return f"{problem.rule(*value)}: {only}; give a smaller count, or more values"


def _forbidding(problem: Problem, types: tuple[int, ...], value: tuple[int, int] | None) -> str:
    """The fewest rules, found by leaving out one after the other, that leave no token (with this value)."""

    def impossible(kept: list[str]) -> bool:
        part = _tried(_with_rules(problem, kept), types)
        return part is not None and not (part.room_of(*value) if value else len(part.cells))

    return _contradiction(_minimal(_names(problem, types), impossible))


def _names(problem: Problem, types: tuple[int, ...]) -> list[str]:
    """The rules of what goes together that are about these types."""
    return list(dict.fromkeys(one.name for one in problem.nogoods if set(one.values) <= set(types)))


def _with_rules(problem: Problem, kept: list[str]) -> Problem:
    return replace(problem, nogoods=tuple(nogood for nogood in problem.nogoods if nogood.name in kept))


def _minimal(names: list[str], impossible: Callable[[list[str]], bool]) -> list[str]:
    kept = list(names)
    for name in names[:_MOST_BLAMED]:
        fewer = [one for one in kept if one != name]
        if impossible(fewer):
            kept = fewer
    return kept


def _contradiction(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} alone does that"
    return f"{', '.join(names[:-1])} and {names[-1]} contradict each other"


def _blamed(problem: Problem, part: Part, others: float) -> str:
    """The rules that can't hold together, counts among them."""
    counts = {problem.rule(t, v): (t, v) for t, v in problem.exact if t in part.types}
    nogoods = _names(problem, part.types)

    def impossible(kept: list[str]) -> bool:
        fewer = replace(
            _with_rules(problem, kept),
            exact={
                key: n for key, n in problem.exact.items() if problem.rule(*key) in kept or key[0] not in part.types
            },
        )
        again = _tried(fewer, part.types)
        return again is not None and _solved(fewer, again, others) is None

    kept = _minimal([*counts, *nogoods], impossible)
    return f"{_contradiction(kept)} (of {problem.count:,} tokens)"


def _solved(
    problem: Problem, part: Part, others: float
) -> tuple[NDArray[np.int64], dict[int, NDArray[np.int64]]] | None:
    """(tokens of each cell, of each type tokens of each value), None where there is nothing.

    others: how many different combinations the types outside of the part have.
    """
    many = len(part.cells)
    values = [(k, v) for k, t in enumerate(part.types) for v in range(problem.sizes[t])]
    columns = many + 2 * len(values)
    lower, upper = np.zeros(columns), np.full(columns, float(problem.count))
    upper[:many] = np.minimum(problem.count, part.room() * others)
    cost = np.zeros(columns)
    data: list[tuple[int, int, float]] = []
    low: list[float] = []
    high: list[float] = []

    def row(entries: list[tuple[int, float]], least: float, most: float) -> None:
        data.extend((len(low), column, factor) for column, factor in entries)
        low.append(least)
        high.append(most)

    for place, (k, v) in enumerate(values):
        amount, off = many + place, many + len(values) + place
        t = part.types[k]
        if (t, v) in problem.exact:
            lower[amount] = upper[amount] = problem.exact[t, v]
            upper[off] = 0
            continue
        wanted = float(problem.wanted[t][v])
        cost[off] = 1.0
        row([(amount, 1.0), (off, -1.0)], -np.inf, wanted)
        row([(amount, 1.0), (off, 1.0)], wanted, np.inf)
    for k, classes in enumerate(part.classes):
        for number, some in enumerate(classes):
            inside = np.flatnonzero(part.cells[:, k] == number)
            entries = [(int(c), 1.0) for c in inside]
            entries += [(many + place, -1.0) for place, (j, v) in enumerate(values) if j == k and v in some]
            row(entries, 0.0, 0.0)
    row([(c, 1.0) for c in range(many)], problem.count, problem.count)
    found = _optimum(cost, data, low, high, lower, upper)
    if found is None:
        return None
    amounts = {
        t: np.array([found[many + place] for place, (j, _) in enumerate(values) if j == k], np.int64)
        for k, t in enumerate(part.types)
    }
    return found[:many], amounts


def _optimum(
    cost: NDArray[np.float64],
    data: list[tuple[int, int, float]],
    low: list[float],
    high: list[float],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> NDArray[np.int64] | None:
    """The best whole numbers, None where there are none. Raises CollectionError where the bound of nodes is met."""
    at, column, factor = (np.array(one) for one in zip(*data, strict=True))
    matrix = csr_array((factor, (at.astype(int), column.astype(int))), shape=(len(low), len(cost)))
    # A bound of nodes and not of seconds: a busy machine must not find another plan.
    found = milp(
        cost, integrality=np.ones(len(cost)), bounds=Bounds(lower, upper),
        constraints=LinearConstraint(matrix, np.array(low), np.array(high)), options={"node_limit": _NODES},
    )  # fmt: skip
    if found.status == 2:
        return None
    if found.x is None:
        raise CollectionError(f"no plan was found within {_NODES:,} steps of the solver: give fewer rules or counts")
    return np.asarray(np.rint(found.x), np.int64)


def _deal(
    rows: Rows, part: Part, tokens: NDArray[np.int64], amounts: dict[int, NDArray[np.int64]], rng: np.random.RandomState
) -> None:
    """Gives the tokens their cells, and each cell's class its values, both in an order that is drawn."""
    cell_of = rng.permutation(np.repeat(np.arange(len(part.cells)), tokens))
    for k, t in enumerate(part.types):
        for number, some in enumerate(part.classes[k]):
            places = np.flatnonzero(part.cells[cell_of, k] == number)
            dealt = np.repeat(np.array(some), amounts[t][list(some)])
            rows[places, t] = rng.permutation(dealt)
