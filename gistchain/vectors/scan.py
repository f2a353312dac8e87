"""Vectors in 8 bits and all rows in 8 bits -> the correlation of each with each, and the error it can have.

Products of 8-bit codes are summed as integers, groups of them in a fixed order in float64: the same rows give the same
numbers on every machine, whatever the number of threads. A kernel runs as fast as its core reads memory: several
vectors are looked for in one pass, and long files are read by several cores.

The error: let u and v be the unit vectors (centred ones, where Layout.centred) of two vectors, u' and v' those of their
codes, theta and phi the angles between u and u', v and v'. Angles obey the triangle inequality, so the angle between u
and v is that between u' and v' give or take d = theta + phi, and with c = u'.v'

    |u.v - c| <= |c| (1 - cos d) + sqrt(1 - c^2) sin d <= |c| d^2 / 2 + sqrt(1 - c^2) d
"""

from __future__ import annotations

import functools
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled
from gistchain.vectors.layout import Layout

_MOST_THREADS = 4
_LEAST_BYTES = 4 << 20
"""For which another thread is worth its start."""
_SCANNED = ("scales", "sums", "zeros", "mean", "inverse", "angle")
_ROUNDING = 1e-6
"""More than what the returned float32 (6e-8) and the sums in float64 (1e-9: matrix.py keeps flat rows out) lose."""


def correlations(
    layout: Layout, rows: NDArray[np.void], wanted: NDArray[np.void]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The correlation of each row (N,) with each of `wanted` (Q,), and the largest error of each: (Q, N), (Q, N).

    Both have the dtype `layout.row`. The error is smaller where the correlation is high.
    """
    result = np.empty((len(wanted), len(rows)), np.float32)
    errors = np.empty_like(result)
    if not len(rows) or not len(wanted):
        return result, errors
    ours = [np.ascontiguousarray(wanted["codes"]), *(np.ascontiguousarray(wanted[name]) for name in _SCANNED)]

    def part(start: int, stop: int) -> None:
        some = rows[start:stop]
        theirs = [_bytes(some), *(some[name] for name in _SCANNED)]
        # A kernel writes contiguous arrays: of several vectors its part is copied afterwards.
        found, wrong = np.empty((2, len(wanted), len(some)), np.float32)
        arguments: list[Any] = [*theirs, *ours, layout.borders, np.empty(layout.groups, np.int64), found, wrong]
        _scan(*arguments)
        result[:, start:stop], errors[:, start:stop] = found, wrong

    parts = _parts(len(rows), layout.row.itemsize)
    if len(parts) == 1:
        part(*parts[0])
    else:
        list(_threads().map(part, *zip(*parts, strict=True)))
    return result, errors


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_MOST_THREADS, "scan")


def _parts(count: int, row_bytes: int) -> list[tuple[int, int]]:
    """Begin and end of what each thread scans."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = max(1, min(cores, _MOST_THREADS, count * row_bytes // _LEAST_BYTES))
    return list(itertools.pairwise([count * k // threads for k in range(threads + 1)]))


def checks(rows: NDArray[np.void]) -> NDArray[np.uint32]:
    """The checksum of each row, over all bytes before the field `check`: 1 plus a weighted sum of them.

    Each weight is at least 1 and the sum can't overflow, so a single changed byte always shows; the 1 tells a hole in
    the file, which reads as zeros, from a row.
    """
    sums = np.empty(len(rows), np.uint32)
    if len(rows):
        _weigh(_bytes(rows), _weights(rows.dtype.itemsize), sums)
    return sums


def _bytes(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)


@functools.cache
def _weights(row_bytes: int) -> NDArray[np.uint8]:
    # Fibonacci hashing: neighbours have different weights, so that bytes that change places show as well.
    mixed = np.arange(1, row_bytes - 3, dtype=np.uint64) * np.uint64(2_654_435_769)
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
    "u1[Q, n], f4[Q, g], i4[Q, g], u1[Q, g], f8[Q], f8[Q], f8[Q], i8[edges], out i8[g], out f4[Q, N], out f4[Q, N]"
)
def _scan(
    rows: Any, scales: Any, sums: Any, zeros: Any, means: Any, inverses: Any, angles: Any,
    codes: Any, scale: Any, total: Any, zero: Any, mean: Any, inverse: Any, angle: Any,
    edges: Any, dots: Any, result: Any, errors: Any,
) -> None:  # fmt: skip
    groups = edges.size - 1
    for row in range(rows.shape[0]):
        whole = rows[row]
        for q in range(codes.shape[0]):
            ours = codes[q]
            for group in range(groups):
                start, stop = edges[group], edges[group + 1]
                dots[group] = _dot(whole[start:stop], ours[start:stop])
            # Only now, because these numbers lie behind the codes: read earlier, they would have to wait for memory.
            product = 0.0
            for group in range(groups):
                there, here = np.int64(zeros[row, group]), np.int64(zero[q, group])
                dot = dots[group] + (edges[group + 1] - edges[group]) * there * here
                dot -= here * sums[row, group] + there * total[q, group]
                product += float(scales[row, group]) * float(scale[q, group]) * float(dot)
            c = (product - means[row] * mean[q]) * inverses[row] * inverse[q]
            c = min(1.0, max(-1.0, c))
            d = angles[row] + angle[q]
            result[q, row] = c
            errors[q, row] = min(2.0, abs(c) * d * d / 2 + np.sqrt(1 - c * c) * d + _ROUNDING)
