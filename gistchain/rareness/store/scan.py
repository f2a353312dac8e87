"""One fingerprint in 8 bits and all rows in 8 bits -> Pearson's correlation with each, and how wrong it can be.

Products of 8-bit codes are summed as integers, groups of them in a fixed order in float64: the same rows give the same
numbers on every machine. One thread: the kernel runs as fast as one core reads memory.

How wrong: let u and v be the centred unit vectors of two fingerprints, u' and v' those of their codes, theta and phi
the angles between u and u', v and v'. Angles obey the triangle inequality, so the angle between u and v is that
between u' and v' give or take d = theta + phi, and with c = u'.v'

    |u.v - c| <= |c| (1 - cos d) + sqrt(1 - c^2) sin d <= |c| d^2 / 2 + sqrt(1 - c^2) d
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.fingerprint import BLOCKS, SIZE
from gistchain.rareness.measures.compiled import compiled

_SHORTEST = 640


def _edges() -> NDArray[np.int64]:
    """Where the groups of one scale each begin and end: whole blocks of networks, the short ones put together.

    Fewer and longer groups are faster, and those that end at multiples of 64 bytes are faster still.
    """
    edges, end = [0], 0
    for _, length in BLOCKS:
        end += length
        if end - edges[-1] >= _SHORTEST and end % 64 == 0:
            edges.append(end)
    # What is left over goes to the last one.
    return np.array([*edges[:-1], SIZE] if SIZE - edges[-1] < _SHORTEST else [*edges, SIZE])


EDGES = _edges()
GROUPS = len(EDGES) - 1

ROW = np.dtype(
    {
        "names": ["codes", "scales", "sums", "zeros", "mean", "inverse", "angle", "key", "number", "check"],
        "formats": [(np.uint8, (SIZE,)), ("<f4", (GROUPS,)), ("<i4", (GROUPS,)), (np.uint8, (GROUPS,)),
                    "<f8", "<f8", "<f8", "<u8", "<u4", "<u4"],
        "offsets": [0, 10_048, 10_080, 10_112, 10_120, 10_128, 10_136, 10_144, 10_168, 10_172],
        "itemsize": 10_176,
    }
)  # fmt: skip
"""A number of a fingerprint of centred length 1 is about scale * (code - zero) of its group. sums: of the codes.

mean: of the numbers, times the square root of SIZE; inverse: 1 / length of the centred row, 0 where it has none; angle
in radians: theta above; key: the first 8 bytes of the image's SHA3-256; number: of the row; check: of all before it.
"""

_SCANNED = ("scales", "sums", "zeros", "mean", "inverse", "angle")
_ROUNDING = 1e-6
"""More than the float32 that is returned loses (6e-8) and the sums in float64 (1e-9: matrix.py keeps flat rows out)."""


def correlations(rows: NDArray[np.void], one: NDArray[np.void]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pearson's correlation of each row with `one` (ROW, shape (1,)), and the most by which each is wrong."""
    found, wrong = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    if len(rows):
        theirs = [_bytes(rows), *(rows[name] for name in _SCANNED)]
        mine = [np.ascontiguousarray(one["codes"][0]), *(one[name][0] for name in _SCANNED)]
        arguments: list[Any] = [*theirs, *mine, EDGES, found, wrong]
        _scan(*arguments)
    return found, wrong


def checks(rows: NDArray[np.void]) -> NDArray[np.uint32]:
    """The check of each row, over all its bytes but those of the check: a weighted sum of them and 1.

    Each weight is at least 1 and the sum can't overflow: a single changed byte always shows, and a hole does.
    """
    found = np.empty(len(rows), np.uint32)
    if len(rows):
        _weigh(_bytes(rows), _weights(), found)
    return found


def _bytes(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    return rows.view(np.uint8).reshape(len(rows), ROW.itemsize)


@functools.cache
def _weights() -> NDArray[np.uint8]:
    # Fibonacci hashing: neighbours weigh differently, so bytes that change places show as well.
    mixed = np.arange(1, ROW.itemsize - 3, dtype=np.uint64) * np.uint64(2_654_435_769)
    return ((mixed >> np.uint64(16)) & np.uint64(255) | np.uint64(1)).astype(np.uint8)


@compiled
def _dot(a: Any, b: Any) -> Any:
    # 10,300 products of 8 bits stay below 2^31. Said at each step: numba would add in 64 bits, at a third of the speed.
    total = np.int32(0)
    for i in range(b.size):
        total = np.int32(total + np.int32(a[i]) * np.int32(b[i]))
    return total


@compiled
def _weigh(rows: Any, weights: Any, found: Any) -> None:
    for row in range(rows.shape[0]):
        found[row] = np.uint32(1) + np.uint32(_dot(rows[row], weights))


@compiled
def _scan(
    rows: Any, scales: Any, sums: Any, zeros: Any, means: Any, inverses: Any, angles: Any,
    codes: Any, scale: Any, total: Any, zero: Any, mean: Any, inverse: Any, angle: Any,
    edges: Any, found: Any, wrong: Any,
) -> None:  # fmt: skip
    groups = edges.size - 1
    dots = np.empty(groups, np.int64)
    for row in range(rows.shape[0]):
        whole = rows[row]
        for group in range(groups):
            start, stop = edges[group], edges[group + 1]
            dots[group] = _dot(whole[start:stop], codes[start:stop])
        # Only now, as these numbers lie behind the codes: asked for before, memory would be waited for.
        product = 0.0
        for group in range(groups):
            there, here = np.int64(zeros[row, group]), np.int64(zero[group])
            dot = dots[group] + (edges[group + 1] - edges[group]) * there * here
            dot -= here * sums[row, group] + there * total[group]
            product += float(scales[row, group]) * float(scale[group]) * float(dot)
        c = (product - means[row] * mean) * inverses[row] * inverse
        c = min(1.0, max(-1.0, c))
        d = angles[row] + angle
        found[row] = c
        wrong[row] = min(2.0, abs(c) * d * d / 2 + np.sqrt(1 - c * c) * d + _ROUNDING)
