"""How the vectors of one kind lie in the rows of a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_LINE = 64
"""Bytes of a cache line: rows begin at one."""


@dataclass(frozen=True)
class Layout:
    """Vectors of `size` numbers. edges: the borders of the groups that have a scale each, from 0 to size; fewer and
    longer groups are scanned faster, and those that end at multiples of 64 faster still.

    centred: correlations are Pearson's, else cosines.
    """

    size: int
    edges: tuple[int, ...]
    centred: bool

    @property
    def groups(self) -> int:
        return len(self.edges) - 1

    @cached_property
    def row(self) -> np.dtype[np.void]:
        """One row. A vector is scaled so that its length is 1, where it is centred after centring; each of its numbers
        is then about scale * (code - zero), with the scale and zero of its group.

        sums: of the codes of each group. mean: of the decoded numbers, times the square root of the size; 0 where
        nothing is centred. inverse: 1 / length of the (centred) decoded row, 0 for a row without contrast. angle:
        between the vector and what its codes say, in radians. key: 8 bytes of whatever the row is of. number: of the
        row. check: checksum of all the bytes before it.
        """
        scales = -(-self.size // 4) * 4
        sums, zeros = scales + 4 * self.groups, scales + 8 * self.groups
        mean = -(-(zeros + self.groups) // 8) * 8
        length = -(-(mean + 40) // _LINE) * _LINE
        return np.dtype(
            {
                "names": ["codes", "scales", "sums", "zeros", "mean", "inverse", "angle", "key", "number", "check"],
                "formats": [
                    (np.uint8, (self.size,)), ("<f4", (self.groups,)), ("<i4", (self.groups,)),
                    (np.uint8, (self.groups,)), "<f8", "<f8", "<f8", "<u8", "<u4", "<u4",
                ],
                "offsets": [0, scales, sums, zeros, mean, mean + 8, mean + 16, mean + 24, length - 8, length - 4],
                "itemsize": length,
            }
        )  # fmt: skip

    @cached_property
    def borders(self) -> NDArray[np.int64]:
        """The edges, as the scan reads them."""
        return np.array(self.edges)
