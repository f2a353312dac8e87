"""Ranges of numbers, of tokens or of blocks -> which of them are new, or missing, in logarithmic time each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable


class Numbers:
    """A set of numbers, kept as ranges that neither overlap nor touch, in order."""

    def __init__(self, some: Iterable[range] = ()) -> None:
        self._ranges: list[range] = []
        for one in some:
            self.add(one)

    @property
    def ranges(self) -> tuple[range, ...]:
        return tuple(self._ranges)

    def add(self, some: range) -> list[range]:
        """Add the numbers of a range, not an empty one; those that were not there before."""
        new = self.missing(some)
        where = self._beside(some)
        over = self._ranges[where]
        start, stop = (min([some.start, *(one.start for one in over)]), max([some.stop, *(one.stop for one in over)]))
        self._ranges[where] = [range(start, stop)]
        return new

    def missing(self, some: range) -> list[range]:
        """The numbers of a range that are not there."""
        missing, at = [], some.start
        for one in self._ranges[self._beside(some)]:
            missing.append(range(at, min(one.start, some.stop)))
            at = max(at, one.stop)
        missing.append(range(at, some.stop))
        return [one for one in missing if one]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._ranges, number, key=lambda one: one.start) - 1
        return at >= 0 and number in self._ranges[at]

    def _beside(self, some: range) -> slice:
        """Of the ranges that overlap or touch it."""
        first = bisect_left(self._ranges, some.start, key=lambda one: one.stop)
        return slice(first, bisect_right(self._ranges, some.stop, key=lambda one: one.start))
