"""Pictures of items -> vectors in the space of words and images, in 8 bits: search.sqlite has them, search.rows is
scanned. The file of rows is mended from the record wherever a row is missing or damaged.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import FileError, SettingError
from gistchain.search.record import Record
from gistchain.types import JointEmbedder
from gistchain.vectors import matrix, scan
from gistchain.vectors.layout import Layout

ROWS = "search.rows"
_DEFAULT_BLOCKS = (0, 192, 616, 1000)
"""Borders of the blocks of the default embedder's vectors (models/packaged/joint.py): meaning, colours, ConSE."""
_MENDED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """Cosines of each asked vector with each position, (Q, N), the largest error of any of them, and the item at each
    position, -1 for none."""

    cosines: NDArray[np.float32]
    error: float
    items: NDArray[np.int64]


class Vectors:
    """The vectors of a record, of one model."""

    def __init__(self, record: Record, home: Path, model: str, size: int) -> None:
        """model: its name, which stays with the vectors. Raises SettingError where they are another model's."""
        self._record, self._path = record, home / ROWS
        made_by = record.note("model")
        if made_by and made_by != f"{model} {size}":
            raise SettingError(
                f"the index in {home} was made with {made_by.split()[0]} and can't be searched with {model}: "
                f"`gistchain index --rebuild` makes it anew"
            )
        self._model = f"{model} {size}"
        self.layout = Layout(size, _DEFAULT_BLOCKS if size == _DEFAULT_BLOCKS[-1] else (0, size), centred=False)
        self._matrix: matrix.Matrix | None = None

    def add(self, items: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Keep the vectors (n, size) of these items."""
        if not self._record.note("store"):
            self._record.set_note("store", secrets.token_hex(16))
        self._record.set_note("model", self._model)
        none = np.zeros(len(items), np.int64)
        rows = matrix.rows_of(self.layout, vectors, none.astype(np.uint64), none)
        at = self._record.add_vectors([(item, row.tobytes()) for item, row in zip(items, rows, strict=True)])
        new = [k for k, item in enumerate(items) if item in at]
        if new:
            self._opened().write(self._numbered(rows[new], np.array([at[items[k]] for k in new])))

    def scan(self, wanted: NDArray[np.float32]) -> Scanned:
        """wanted: (Q, size), of unit length."""
        items = self._record.vector_items()
        rows = self._rows(len(items))
        zeros = np.zeros(len(wanted), np.int64)
        asked = matrix.rows_of(self.layout, wanted, zeros.astype(np.uint64), zeros)
        cosines, errors = scan.correlations(self.layout, rows, asked)
        return Scanned(cosines, float(errors.max(initial=0.0)), items)

    def of(self, item: int) -> NDArray[np.float32] | None:
        """The vector of an item, as its codes have it, of unit length; None where it has none."""
        if (kept := self._record.vector_of(item)) is None:
            return None
        row = np.frombuffer(kept, self.layout.row)[0]
        lengths = np.diff(self.layout.edges)
        scales, zeros = np.repeat(row["scales"], lengths), np.repeat(row["zeros"], lengths)
        vector: NDArray[np.float32] = scales * (row["codes"].astype(np.float32) - zeros)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def _rows(self, count: int) -> NDArray[np.void]:
        if not count:
            return np.zeros(0, self.layout.row)
        file, keys = self._opened(), np.arange(count, dtype=np.uint64)
        if len(wrong := file.wrong(keys)):
            try:
                for part in np.split(wrong, range(_MENDED_AT_ONCE, len(wrong), _MENDED_AT_ONCE)):
                    file.write(self._made_again(part))
            except FileError:  # nothing can be written there
                file.hold(self._made_again(keys.astype(np.int64)))
        return file.rows(count)

    def _made_again(self, positions: Iterable[int]) -> NDArray[np.void]:
        at = np.fromiter(positions, np.int64)
        data = b"".join(self._record.vector_rows(at.tolist()))
        return self._numbered(np.frombuffer(data, self.layout.row).copy(), at)

    def _numbered(self, rows: NDArray[np.void], positions: NDArray[np.int64]) -> NDArray[np.void]:
        rows["key"], rows["number"] = positions, positions
        rows["check"] = scan.checks(rows)
        return rows

    def _opened(self) -> matrix.Matrix:
        if self._matrix is None:
            self._matrix = matrix.Matrix(self.layout, self._path, bytes.fromhex(self._record.note("store")))
        return self._matrix


def size_of(embedder: JointEmbedder) -> int:
    """How many numbers its vectors have."""
    return int(embedder.text.embed(["picture"]).shape[1])
