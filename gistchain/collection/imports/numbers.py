"""Ranges of token numbers, as logs name them by the thousand -> which numbers are new, in logarithmic time each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable


class Numbers:
    """A set of numbers, kept as ranges that neither overlap nor touch, in order."""

    def __init__(self, some: Iterable[range] = ()) -> None:
        self._ranges: list[range] = []
        for one in some:
            self.add(one)

    def add(self, some: range) -> list[range]:
        """Add the numbers of a range, not an empty one; those that were not there before."""
        first = bisect_left(self._ranges, some.start, key=lambda one: one.stop)
        end = bisect_right(self._ranges, some.stop, key=lambda one: one.start)
        over = self._ranges[first:end]
        new, at = [], some.start
        for one in over:
            new.append(range(at, one.start))
            at = max(at, one.stop)
        new.append(range(at, some.stop))
        start = min([some.start, *(one.start for one in over[:1])])
        self._ranges[first:end] = [range(start, max(at, some.stop))]
        return [one for one in new if one]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._ranges, number, key=lambda one: one.start) - 1
        return at >= 0 and number in self._ranges[at]
