"""Rules -> numbers: how often each value is wanted, which must be exact, and which values don't go together.

Rules ──> Problem: quotas and exact counts by type; nogoods: sets of values, one set a type, that no token has all of
require A -> B is the nogood (A, all but B)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.making.rules import Named, Rules, TraitType
from gistchain.errors import CollectionError

Rows = NDArray[np.int64]
"""(N, types): the number of each token's value in its type."""


@dataclass(frozen=True, slots=True, eq=False)
class Nogood:
    """No token has in each of these types a value that is True there. name: the rule that says so."""

    name: str
    values: dict[int, NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Problem:
    """count: of tokens. sizes: values of each type. wanted: of each type, tokens a value as its weight says, whole
    numbers that sum to count. exact: (type, value) -> the count that must hold."""

    count: int
    sizes: tuple[int, ...]
    wanted: tuple[NDArray[np.int64], ...]
    exact: dict[tuple[int, int], int]
    nogoods: tuple[Nogood, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...]

    def value(self, type_: int, value: int) -> str:
        """For messages: 'Hat: Crown'."""
        name, values = self.names[type_]
        return f"{name}: {values[value]}"

    def rule(self, type_: int, value: int) -> str:
        return f"count {self.exact[type_, value]} of {self.value(type_, value)}"

    @cached_property
    def soft(self) -> tuple[NDArray[np.bool_], ...]:
        """Of each type, which values have no exact count and are wanted at all."""
        return tuple(
            np.array([(t, v) not in self.exact for v in range(size)]) & (np.array(self.weights[t]) > 0)
            for t, size in enumerate(self.sizes)
        )

    @cached_property
    def weights(self) -> tuple[NDArray[np.float64], ...]:
        """Of each type, how likely a value is where nothing else decides; 0 only for those that are never wanted."""
        return tuple(
            np.where([(t, v) in self.exact for v in range(size)], self.wanted[t], np.maximum(self.wanted[t], 0.5))
            for t, size in enumerate(self.sizes)
        )

    def legal(self, rows: Rows) -> NDArray[np.bool_]:
        """(N,) whether a row breaks no nogood."""
        fine = np.ones(len(rows), np.bool_)
        for nogood in self.nogoods:
            fine &= ~np.logical_and.reduce([values[rows[:, t]] for t, values in nogood.values.items()])
        return fine

    def is_legal(self, row: tuple[int, ...]) -> bool:
        return not any(all(values[row[t]] for t, values in nogood.values.items()) for nogood in self.nogoods)


def problem(rules: Rules) -> Problem:
    """Raises CollectionError where the counts, percents and weights of one type can't make `count` tokens."""
    places = {type_.name: t for t, type_ in enumerate(rules.types)}
    nogoods = [Nogood(one.name, _masks(rules, one.traits, places)) for one in rules.excludes]
    for rule in rules.requires:
        for type_, values in rule.then.items():
            others = frozenset(rules.types[places[type_]].names) - values
            if others:
                nogoods.append(Nogood(rule.name, _masks(rules, rule.when | {type_: others}, places)))
    exact = {
        (t, v): value.count
        for t, type_ in enumerate(rules.types)
        for v, value in enumerate(type_.values)
        if value.count is not None
    }
    return Problem(
        rules.count,
        tuple(len(type_.values) for type_ in rules.types),
        tuple(_wanted(type_, rules.count) for type_ in rules.types),
        exact,
        tuple(nogoods),
        tuple((type_.name, type_.names) for type_ in rules.types),
    )


def _masks(rules: Rules, traits: Named, places: dict[str, int]) -> dict[int, NDArray[np.bool_]]:
    return {
        places[type_]: np.array([name in values for name in rules.types[places[type_]].names])
        for type_, values in traits.items()
    }


def _wanted(type_: TraitType, count: int) -> NDArray[np.int64]:
    """Exact counts first, then percents of all, then weights for what is left; rounded by largest remainders."""
    exact = {v: value.count for v, value in enumerate(type_.values) if value.count is not None}
    if sum(exact.values()) > count:
        listed = " and ".join(f"{type_.values[v].name} {n:,}" for v, n in exact.items() if n)
        raise CollectionError(
            f"the counts of {type_.name!r} sum to {sum(exact.values()):,}, more than the {count:,} tokens: {listed}"
        )
    shares = np.zeros(len(type_.values))
    for v, value in enumerate(type_.values):
        shares[v] = value.count if value.count is not None else count * (value.percent or 0.0) / 100
    left = count - shares.sum()
    if left < -0.5:
        percents = ", ".join(f"{value.name} {value.percent:g}%" for value in type_.values if value.percent)
        raise CollectionError(
            f"the counts and percents of {type_.name!r} come to {shares.sum():,.0f}, more than the {count:,} tokens: "
            f"{percents} beside counts of {sum(exact.values()):,}"
        )
    weights = np.array([value.weight or 0.0 for value in type_.values])
    if weights.sum() > 0:
        shares += max(0.0, left) * weights / weights.sum()
    elif left >= 0.5:
        raise CollectionError(
            f"the counts and percents of {type_.name!r} come to {shares.sum():,.0f} of {count:,} tokens, and no value "
            "takes the rest: give one a weight, or none = ..."
        )
    free = [v for v in range(len(shares)) if v not in exact]
    return _rounded(shares, free, count)


def _rounded(shares: NDArray[np.float64], free: list[int], count: int) -> NDArray[np.int64]:
    """Whole numbers that sum to count; only those of `free` are rounded."""
    whole = np.floor(shares + 1e-9).astype(np.int64)
    by_remainder = sorted(free, key=lambda v: (whole[v] - shares[v], v))
    for k in range(int(count - whole.sum())):
        whole[by_remainder[k % len(by_remainder)]] += 1
    return whole
