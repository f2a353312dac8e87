"""Vectors <-> a file of rows, a copy of what a database has of them, in 8 bits that can be scanned fast.

    header (one page): magic, layout, sizes, store, checksum | rows (Layout.row) | a hole, because it grows in steps

Zero has a code of its own in every group, so that what a network left at 0 stays exactly 0. Centring the rows before
they are rounded would lose that; Pearson's centring is done on the sums instead.

Rows are written under the database's lock and before its transaction commits: the file never lacks a row that a reader
may see. What a killed writer leaves lies behind the last row, and the next writer overwrites it.
"""

from __future__ import annotations

import itertools
import math
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.disk.write import file_errors
from gistchain.vectors.layout import Layout
from gistchain.vectors.scan import checks

_HEADER = struct.Struct("<8sIII16sI")
_MAGIC, _LAYOUT = b"gistrows", 1
_PAGE = 4096
_STEP = 1024
"""Rows by which the file grows; a mapping of it stays valid while they are filled."""
_FLAT = 1e-3
"""Share of its length that a row must keep when it is centred; below it a correlation from its codes is only noise."""


def rows_of(
    layout: Layout, vectors: NDArray[np.float32], keys: NDArray[np.uint64], numbers: NDArray[np.int64]
) -> NDArray[np.void]:
    """Finite vectors (n, layout.size) as n rows of the file."""
    rows = np.zeros(len(vectors), layout.row)
    for row, vector in zip(rows, vectors, strict=True):
        _encode(layout, row, vector.astype(np.float64))
    rows["key"], rows["number"] = keys, numbers
    rows["check"] = checks(rows)
    return rows


def _encode(layout: Layout, row: np.void, x: NDArray[np.float64]) -> None:
    wanted = x - x.mean() if layout.centred else x
    norm = _length_of(wanted)
    if norm == 0 or x.max() == x.min():
        return  # A row without contrast correlates with nothing: 0, and that is exact.
    x, wanted = x / norm, wanted / norm
    decoded = np.zeros(layout.size)
    for group, (start, stop) in enumerate(itertools.pairwise(layout.edges)):
        part = x[start:stop]
        low, high = min(0.0, float(part.min())), max(0.0, float(part.max()))
        scale = float(np.float32((high - low) / 255))
        if scale == 0.0:
            continue
        zero = round(-low / scale)
        codes = np.clip(np.rint(part / scale) + zero, 0, 255)
        row["codes"][start:stop] = codes
        row["scales"][group], row["zeros"][group], row["sums"][group] = scale, zero, codes.sum()
        decoded[start:stop] = scale * (codes - zero)
    length = left = _length_of(decoded)
    if layout.centred:
        row["mean"] = decoded.sum() / math.sqrt(layout.size)
        decoded -= decoded.mean()
        left = _length_of(decoded)
    if left <= _FLAT * length:
        row["angle"] = math.pi  # Nothing is known from the codes: any correlation is possible.
        return
    row["inverse"] = 1 / left
    # From the chord, because the cosine can't tell small angles apart; 1e-9 covers the rounding of float64 here.
    row["angle"] = 2 * math.asin(min(1.0, _length_of(wanted - decoded / left) / 2)) + 1e-9


def _length_of(vector: NDArray[np.float64]) -> float:
    # Not np.linalg.norm: for a vector of this size BLAS would start threads and wait for them.
    return math.sqrt(float(np.sum(vector * vector)))


class Matrix:
    """The file of rows of one store, whose id `store` is. A writer holds the database's lock."""

    def __init__(self, layout: Layout, path: Path, store: bytes) -> None:
        self._path, self._row = path, layout.row
        self._header = _header(layout, store)
        self._held = np.zeros(0, self._row)
        self._forget()

    def _forget(self) -> None:
        self._inode, self._checked, self._rows = 0, 0, np.zeros(0, self._row)

    def rows(self, count: int) -> NDArray[np.void]:
        """The first `count` rows, mapped, read-only; fewer where the file is too short or not this store's."""
        if count <= len(self._held):
            return self._held[:count]
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            self._forget()
            return self._rows
        if status.st_ino != self._inode or status.st_size < self._length(len(self._rows)):
            self._forget()
        if count > len(self._rows):
            self._map()
        return self._rows[:count]

    def hold(self, rows: NDArray[np.void]) -> None:
        """Use these in place of a file that can't be written."""
        self._forget()
        self._held = rows

    def _map(self) -> None:
        with self._file(os.O_RDONLY) as file:
            status = os.fstat(file)
            capacity = (status.st_size - _PAGE) // self._row.itemsize
            if capacity <= 0 or os.pread(file, _HEADER.size, 0) != self._header:
                self._forget()
                return
            mapped = mmap.mmap(file, self._length(capacity), access=mmap.ACCESS_READ)
        if status.st_ino != self._inode:
            self._checked = 0
        self._inode, self._rows = status.st_ino, np.frombuffer(mapped, self._row, capacity, _PAGE)

    def wrong(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Numbers of the rows that are missing or not what was written. keys: of all rows that should be there, (N,).

        The first rows, up to the first wrong one, are not read again unless the file was exchanged.
        """
        rows = self.rows(len(keys))
        first = min(self._checked, len(rows))
        rows, good = rows[first:], np.zeros(len(keys) - first, bool)
        # A hole, a torn row, a changed byte fail the check; a row of another image fails key or number.
        good[: len(rows)] = (
            (checks(rows) == rows["check"])
            & (rows["key"] == keys[first : first + len(rows)])
            & (rows["number"] == np.arange(first, first + len(rows)))
        )
        numbers: NDArray[np.int64] = first + np.flatnonzero(~good)
        self._checked = int(numbers[0]) if len(numbers) else len(keys)
        return numbers

    def write(self, rows: NDArray[np.void]) -> None:
        """Put each row at the place of its number, durably. Raises DiskFull, FileError."""
        with self._file(os.O_RDWR | os.O_CREAT) as file:
            if os.pread(file, _HEADER.size, 0) != self._header:
                _write(file, self._header.ljust(_PAGE, b"\0"), 0)
            for row in rows:
                _write(file, row.tobytes(), self._length(int(row["number"])))
            steps = -(-(1 + int(rows["number"].max())) // _STEP)
            if os.fstat(file).st_size < self._length(steps * _STEP):
                os.ftruncate(file, self._length(steps * _STEP))
            os.fsync(file)

    def _length(self, rows: int) -> int:
        return _PAGE + rows * self._row.itemsize

    @contextmanager
    def _file(self, flags: int) -> Iterator[int]:
        with file_errors(self._path):
            file = os.open(self._path, flags | os.O_NONBLOCK, 0o644)  # a pipe is not waited for
            try:
                yield file
            finally:
                os.close(file)


def _header(layout: Layout, store: bytes) -> bytes:
    fields = (_MAGIC, _LAYOUT, layout.size, layout.row.itemsize, store)
    return _HEADER.pack(*fields, zlib.crc32(_HEADER.pack(*fields, 0)))


def _write(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
