"""The two choices of every path of a list decoder -> the cheapest that stay. Called from the kernel of polar_list.py.

paths: row 0 what every path costs, rows 1 and 2 what it would cost with either choice, row 4 spare here.
picks: rows 0 and 1 the parent and the choice of every path, rows 2 and 5 spare here. work: spare, two for each path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NEVER = 1e30
"""A cost that no path has."""


def split(pointers: Ints, paths: Floats, work: Floats, picks: Ints, count: int) -> int:
    """Of two choices for each of `count` paths the L cheapest stay; returns how many there are.

    A path whose two choices both stay keeps the cheaper one; the other goes where a path has ended, with its pointers.
    """
    size = pointers.shape[0]
    worst, best = 0.0, NEVER
    for p in range(count):
        picks[0, p] = p
        if paths[2, p] < paths[1, p]:
            picks[1, p], paths[0, p], paths[4, p] = 1, paths[2, p], paths[1, p]
        else:
            picks[1, p], paths[0, p], paths[4, p] = 0, paths[1, p], paths[2, p]
        worst = paths[0, p] if paths[0, p] > worst else worst
        best = paths[4, p] if paths[4, p] < best else best
    if count == size and best >= worst:
        return count
    if 2 * count <= size:
        for p in range(count):
            _branch(pointers, paths, picks, p, count + p)
        return 2 * count
    for p in range(count):
        work[p], work[count + p] = paths[0, p], paths[4, p]
    limit = _ordered(work, 2 * count, size - 1)
    room, free = size, 0
    for p in range(count):
        room -= 1 if paths[0, p] < limit else 0
        room -= 1 if paths[4, p] < limit else 0
    # Equal metrics: first the cheaper choices, in the order of the paths.
    for p in range(count):
        if paths[0, p] == limit and room > 0:
            room -= 1
        elif paths[0, p] >= limit:
            picks[2, free] = p
            picks[0, p] = -1
            free += 1
    for p in range(count, size):
        picks[2, free] = p
        free += 1
    used = 0
    for p in range(count):
        if picks[0, p] == p and (paths[4, p] < limit or (paths[4, p] == limit and room > 0)):
            room -= 1 if paths[4, p] == limit else 0
            if used < free:
                picks[5, used] = p
                used += 1
    for i in range(used):
        _branch(pointers, paths, picks, picks[5, i], picks[2, i])
    return int(size)


def _branch(pointers: Ints, paths: Floats, picks: Ints, parent: int, place: int) -> None:
    picks[0, place], picks[1, place] = parent, 1 - picks[1, parent]
    paths[0, place] = paths[4, parent]
    for i in range(pointers.shape[1]):
        pointers[place, i] = pointers[parent, i]


def _ordered(values: Floats, count: int, place: int) -> float:
    """The value that stands at `place` once the first `count` are sorted (Hoare's quickselect)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return float(values[place])
