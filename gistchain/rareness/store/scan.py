"""One fingerprint in 8 bits and all rows in 8 bits -> Pearson's correlation with each, and the error it can have.

Products of 8-bit codes are summed as integers, groups of them in a fixed order in float64: the same rows give the same
numbers on every machine. One thread: the kernel runs as fast as one core reads memory.

The error: let u and v be the centred unit vectors of two fingerprints, u' and v' those of their codes, theta and phi
the angles between u and u', v and v'. Angles obey the triangle inequality, so the angle between u and v is that
between u' and v' give or take d = theta + phi, and with c = u'.v'

    |u.v - c| <= |c| (1 - cos d) + sqrt(1 - c^2) sin d <= |c| d^2 / 2 + sqrt(1 - c^2) d
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled
from gistchain.rareness.fingerprint import BLOCKS, SIZE

_SHORTEST = 640


def _edges() -> NDArray[np.int64]:
    """The borders of the groups, each of which has one scale: the outputs of whole networks, short ones put together.

    Fewer and longer groups are faster, and those that end at multiples of 64 bytes are faster still.
    """
    edges, end = [0], 0
    for _, length in BLOCKS:
        end += length
        if end - edges[-1] >= _SHORTEST and end % 64 == 0:
            edges.append(end)
    # What is left over belongs to the last one.
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
"""One row. A fingerprint is scaled so that its centred length is 1; each of its numbers is then about
scale * (code - zero), with the scale and zero of its group.

sums: of the codes of each group. mean: of the decoded numbers, times the square root of SIZE. inverse: 1 / length of
the centred decoded row, 0 for a row without contrast. angle: theta above, in radians. key: the first 8 bytes of the
image's SHA3-256. number: of the row. check: checksum of all the bytes before it.
"""

_SCANNED = ("scales", "sums", "zeros", "mean", "inverse", "angle")
_ROUNDING = 1e-6
"""More than what the returned float32 (6e-8) and the sums in float64 (1e-9: matrix.py keeps flat rows out) lose."""


def correlations(
    rows: NDArray[np.void], candidate: NDArray[np.void]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pearson's correlation of each row with `candidate` (ROW, shape (1,)), and the largest error of each: (N,), (N,).

    The error is smaller where the correlation is high.
    """
    result, errors = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    if len(rows):
        theirs = [_bytes(rows), *(rows[name] for name in _SCANNED)]
        ours = [np.ascontiguousarray(candidate["codes"][0]), *(candidate[name][0] for name in _SCANNED)]
        arguments: list[Any] = [*theirs, *ours, EDGES, np.empty(GROUPS, np.int64), result, errors]
        _scan(*arguments)
    return result, errors


def checks(rows: NDArray[np.void]) -> NDArray[np.uint32]:
    """The checksum of each row, over all bytes before the field `check`: 1 plus a weighted sum of them.

    Each weight is at least 1 and the sum can't overflow, so a single changed byte always shows; the 1 tells a hole in
    the file, which reads as zeros, from a row.
    """
    sums = np.empty(len(rows), np.uint32)
    if len(rows):
        _weigh(_bytes(rows), _weights(), sums)
    return sums


def _bytes(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    return rows.view(np.uint8).reshape(len(rows), ROW.itemsize)


@functools.cache
def _weights() -> NDArray[np.uint8]:
    # Fibonacci hashing: neighbours have different weights, so that bytes that change places show as well.
    mixed = np.arange(1, ROW.itemsize - 3, dtype=np.uint64) * np.uint64(2_654_435_769)
    return ((mixed >> np.uint64(16)) & np.uint64(255) | np.uint64(1)).astype(np.uint8)


def _dot(a: Any, b: Any) -> Any:
    # 10,300 products of 8 bits stay below 2^31. Without the cast at each step numba would add in 64 bits, three times
    # slower.
    total = np.int32(0)
    for i in range(b.size):
        total = np.int32(total + np.int32(a[i]) * np.int32(b[i]))
    return total


@compiled("u1[N, bytes], u1[checked], out u4[N]")
def _weigh(rows: Any, weights: Any, result: Any) -> None:
    for row in range(rows.shape[0]):
        result[row] = np.uint32(1) + np.uint32(_dot(rows[row], weights))


@compiled(
    "u1[N, bytes], strided f4[N, g], strided i4[N, g], strided u1[N, g], strided f8[N], strided f8[N], strided f8[N], "
    "u1[n], f4[g], i4[g], u1[g], f8, f8, f8, i8[edges], out i8[g], out f4[N], out f4[N]"
)
def _scan(
    rows: Any, scales: Any, sums: Any, zeros: Any, means: Any, inverses: Any, angles: Any,
    codes: Any, scale: Any, total: Any, zero: Any, mean: Any, inverse: Any, angle: Any,
    edges: Any, dots: Any, result: Any, errors: Any,
) -> None:  # fmt: skip
    groups = edges.size - 1
    for row in range(rows.shape[0]):
        whole = rows[row]
        for group in range(groups):
            start, stop = edges[group], edges[group + 1]
            dots[group] = _dot(whole[start:stop], codes[start:stop])
        # Only now, because these numbers lie behind the codes: read earlier, they would have to wait for memory.
        product = 0.0
        for group in range(groups):
            there, here = np.int64(zeros[row, group]), np.int64(zero[group])
            dot = dots[group] + (edges[group + 1] - edges[group]) * there * here
            dot -= here * sums[row, group] + there * total[group]
            product += float(scales[row, group]) * float(scale[group]) * float(dot)
        c = (product - means[row] * mean) * inverses[row] * inverse
        c = min(1.0, max(-1.0, c))
        d = angles[row] + angle
        result[row] = c
        errors[row] = min(2.0, abs(c) * d * d / 2 + np.sqrt(1 - c * c) * d + _ROUNDING)
