"""Rows that keep counts and rules -> rows of which no two look alike, counts and rules still holding.

The move is a swap: two tokens exchange their values of one type. Every count stays what it was. A swap is made where
both tokens keep the rules then and look like no other. Where no swap helps, a value that only has a weight may become
another such value. Both are tried a bounded number of times; what remains is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable

import numpy as np

from gistchain.collection.making.problem import Problem, Rows

Row = tuple[int, ...]
Look = Callable[[Row], Hashable]
"""What tells a row's picture: two rows with the same one have the same picture."""

_SWEEPS = 4
_TRIES, _CHANGES = 300, 100
_ROUNDS = 40
_IN_VAIN = 3
"""Rounds without any gain after which there is none."""


def mixed(rows: Rows, problem: Problem, rng: np.random.RandomState) -> Rows:
    """The rows after many legal swaps: an optimum of the solver has some combinations far too often."""
    rows = rows.copy()
    half = len(rows) // 2
    for t in [t for _ in range(_SWEEPS) for t in range(rows.shape[1])]:
        order = rng.permutation(len(rows))
        one, other = order[:half], order[half : 2 * half]
        first, second = rows[one].copy(), rows[other].copy()
        first[:, t], second[:, t] = rows[other, t], rows[one, t]
        fine = problem.legal(first) & problem.legal(second)
        rows[one[fine]], rows[other[fine]] = first[fine], second[fine]
    return rows


class Dealt:
    """The rows of a plan, and who looks like whom."""

    def __init__(self, rows: Iterable[Row], problem: Problem, look: Look, rng: np.random.RandomState) -> None:
        self.rows = list(rows)
        self._problem, self._look, self._rng = problem, look, rng
        self._known: dict[Row, Hashable] = {}
        self._looks = [self.look(row) for row in self.rows]
        self._taken = Counter(self._looks)
        self._banned: set[Hashable] = set()
        self._open = [t for t, size in enumerate(problem.sizes) if size > 1]
        self._chances = [weights * soft for weights, soft in zip(problem.weights, problem.soft, strict=True)]

    def look(self, row: Row) -> Hashable:
        if row not in self._known:
            self._known[row] = self._look(row)
        return self._known[row]

    def ban(self, tokens: Collection[int]) -> None:
        """No token may look as these do: the pictures turned out to be someone's already."""
        self._banned.update(self._looks[token] for token in tokens)

    def unban(self) -> None:
        self._banned.clear()

    def wrong(self) -> list[int]:
        """Tokens that break a rule, look like an earlier one, or as none may."""
        seen: set[Hashable] = set()
        found = []
        legal = self._problem.legal(np.array(self.rows, np.int64).reshape(len(self.rows), -1))
        for token, (fine, look) in enumerate(zip(legal.tolist(), self._looks, strict=True)):
            if look in seen or look in self._banned or not fine:
                found.append(token)
            seen.add(look)
        return found

    def repair(self) -> list[int]:
        """Tokens that stay wrong, none if all is well."""
        left = self.wrong()
        vain = 0
        for _ in range(_ROUNDS):
            if not left or not self._open or vain == _IN_VAIN:
                break
            before = len(left)
            for token in left:
                self._mend(token)
            left = self.wrong()
            vain = vain + 1 if len(left) >= before else 0
            if vain:
                self._shake(left)
                left = self.wrong()
        return left

    def _mend(self, token: int) -> None:
        if self._is_fine(self.rows[token], self._looks[token], 1):
            return
        for _ in range(_TRIES):
            if self._swapped(token, strict=True):
                return
        for _ in range(_CHANGES):
            if self._changed(token):
                return

    def _shake(self, tokens: list[int]) -> None:
        """Swaps that make nothing worse: from elsewhere there may be a way."""
        for token in tokens:
            for _ in range(10):
                self._swapped(token, strict=False)

    def _swapped(self, token: int, *, strict: bool) -> bool:
        t = self._open[self._rng.randint(len(self._open))]
        other = int(self._rng.randint(len(self.rows)))
        mine, theirs = self.rows[token], self.rows[other]
        if mine[t] == theirs[t]:
            return False
        one, two = _with(mine, t, theirs[t]), _with(theirs, t, mine[t])
        if not (self._problem.is_legal(one) and self._problem.is_legal(two)):
            return False
        self._put_away(token)
        self._put_away(other)
        looks = self.look(one), self.look(two)
        fine = [self._is_fine(row, look, 0) for row, look in zip((one, two), looks, strict=True)]
        was_fine = self._is_fine(theirs, self._looks[other], 0)
        if looks[0] == looks[1]:
            good = False
        elif strict:
            good = fine[0] and (fine[1] or not was_fine)
        else:
            good = fine[1] or not was_fine
        if good:
            self.rows[token], self.rows[other] = one, two
            self._looks[token], self._looks[other] = looks
        self._taken[self._looks[token]] += 1
        self._taken[self._looks[other]] += 1
        return good

    def _changed(self, token: int) -> bool:
        """Another value that only has a weight in place of one: the counts by weight change by one token."""
        t = self._open[self._rng.randint(len(self._open))]
        row, chances = self.rows[token], self._chances[t]
        if not self._problem.soft[t][row[t]] or not chances.sum():
            return False
        value = int(self._rng.choice(len(chances), p=chances / chances.sum()))
        new = _with(row, t, value)
        if not self._is_fine(new, self.look(new), 0):
            return False
        self._put_away(token)
        self.rows[token], self._looks[token] = new, self.look(new)
        self._taken[self._looks[token]] += 1
        return True

    def _put_away(self, token: int) -> None:
        self._taken[self._looks[token]] -= 1

    def _is_fine(self, row: Row, look: Hashable, others: int) -> bool:
        return self._taken[look] <= others and look not in self._banned and self._problem.is_legal(row)


def _with(row: Row, t: int, value: int) -> Row:
    return (*row[:t], value, *row[t + 1 :])
