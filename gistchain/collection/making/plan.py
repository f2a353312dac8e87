"""Rules and seed -> the plan: N tokens with their traits, every rule kept, no two alike to look at.

solve.py: counts and rules ── mixed ── repair.py: no two alike ── exact.py where that finds no way ── verify.py
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from gistchain.collection.making import exact, solve
from gistchain.collection.making.problem import problem
from gistchain.collection.making.repair import Dealt, Look, Row, mixed
from gistchain.collection.making.rules import NONE, Rules
from gistchain.collection.making.verify import broken
from gistchain.errors import CollectionError

_ROUNDS = 20
_CROWDED = 0.5
"""Share of all combinations that become tokens above which swaps hardly find a way."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a plan. traits: by type, in the order in which they are drawn; a trait it lacks is left out.

    numbers: what metadata tell and no picture shows.
    """

    id: int
    traits: dict[str, str]
    numbers: dict[str, int] = field(default_factory=dict)


class Plan:
    """The rows of a plan, which can be changed where pictures turn out to be alike or too near to others."""

    def __init__(self, rules: Rules, look: Look, rows: list[Row] | None = None) -> None:
        """rows: of a plan that was made before. Raises CollectionError for rules that can't hold."""
        self.rules, self._problem = rules, problem(rules)
        self._look = look
        self._rng = np.random.RandomState(rules.seed)
        self._parts = solve.parts(self._problem)
        self._dealt = Dealt(rows or self._begun(), self._problem, look, self._rng)
        left = self._dealt.repair()
        if left:
            self._settle(left)

    @property
    def rows(self) -> list[Row]:
        return list(self._dealt.rows)

    def tokens(self) -> list[Token]:
        """Raises CollectionError where a rule is broken: a plan is looked at once more before it is used."""
        numbers = self._numbers()
        tokens = [
            Token(id_, traits(self.rules, row), numbers[k])
            for k, (id_, row) in enumerate(zip(self.rules.ids, self._dealt.rows, strict=True))
        ]
        wrong = broken(self.rules, [token.traits for token in tokens])
        if wrong:
            raise CollectionError(f"the plan breaks its rules ({wrong[0]}): report this with the rules, please")
        return tokens

    def stage(self, number: int) -> None:
        """Begin another stage of replacing: the same rows lead to the same ones, whether the last stage ran now or in
        an earlier run."""
        self._rng.seed([self.rules.seed, number])
        self._dealt.unban()

    def replace(self, tokens: Collection[int]) -> list[int]:
        """Give these tokens, by their place in the rows, other looks; returns those for which there is none.

        No token looks as they did afterwards, and the others of the list stay as they are.
        """
        self._dealt.ban(tokens)
        return self._dealt.repair()

    def replace_alike(self, looks_like: Callable[[list[Row]], list[int]]) -> None:
        """Replace what `looks_like` finds among the rows until it finds nothing. Raises CollectionError."""
        for _ in range(_ROUNDS):
            found = looks_like(self.rows)
            if not found:
                return
            left = self.replace(found)
            if left:
                raise CollectionError(self._stuck(left))
        raise CollectionError(
            f"after {_ROUNDS} rounds tokens still look alike: give more values or a smaller count{self._order()}"
        )

    def _begun(self) -> list[Row]:
        if self._parts is None:  # too entangled to be listed: swaps alone have to find a way
            columns = [
                self._rng.permutation(np.repeat(np.arange(len(wanted)), wanted)) for wanted in self._problem.wanted
            ]
            return _tuples(np.stack(columns, axis=1))
        rows = solve.start(self._problem, self._parts, self._rng)
        few = solve.different(self._parts)
        if few <= exact.MOST and self.rules.count > _CROWDED * few:
            return self._exactly(self._parts)
        return _tuples(mixed(rows, self._problem, self._rng))

    def _settle(self, left: list[int]) -> None:
        if self._parts is None or solve.different(self._parts) > exact.MOST:
            raise CollectionError(self._stuck(left))
        self._dealt = Dealt(self._exactly(self._parts), self._problem, self._look, self._rng)

    def _exactly(self, parts: list[solve.Part]) -> list[Row]:
        try:
            rows = exact.chosen(self._problem, exact.every_row(parts), self._look)
        except exact.TooAlikeError as error:
            raise CollectionError(f"{error}{self._order()}") from error
        return _tuples(self._rng.permutation(rows))

    def _stuck(self, left: list[int]) -> str:
        row = self._dealt.rows[left[0]]
        told = ", ".join(f"{type_}: {value}" for type_, value in traits(self.rules, row).items()) or "no trait"
        why = "break a rule" if not self._problem.is_legal(row) else "look like others"
        return (
            f"{len(left):,} of {self.rules.count:,} tokens {why} and nothing could be exchanged, the first: {told}; "
            f"give more values or weights in place of counts, or a smaller count{self._order()}"
        )

    def _order(self) -> str:
        """To a message about tokens that look alike: the order of the layers says what is hidden."""
        return f"; {self.rules.order}" if self.rules.order else ""

    def _numbers(self) -> list[dict[str, int]]:
        drawn = np.random.RandomState([self.rules.seed, 1])
        columns = {
            number.type: drawn.randint(number.low, number.high + 1, self.rules.count, np.int64)
            for number in self.rules.numbers
        }
        return [{type_: int(column[k]) for type_, column in columns.items()} for k in range(self.rules.count)]


def traits(rules: Rules, row: Row) -> dict[str, str]:
    """The traits of a row: absent and None are one."""
    named = {type_.name: type_.values[value].name for type_, value in zip(rules.types, row, strict=True)}
    return {type_: value for type_, value in named.items() if value != NONE}


def _tuples(rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[Row]:
    return [tuple(row) for row in rows.tolist()]
