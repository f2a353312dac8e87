"""Block length and rate -> base graph, lifting size, and the shifted identity matrices that make the parity checks.

3GPP TS 38.212, sections 5.3.2, 6.2.2 and 7.2.2. A base graph is a small matrix; each of its elements stands for a
square matrix of the lifting size Z: zeros, or the identity with its columns shifted. Check z of a row is the sum of the
bits (z + shift) mod Z of the columns that have an element there.

    columns:  0 .. information - 1   information + 0 .. 3      the rest
              information bits       core parity bits          one parity bit for each further row
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
CORE = 4
"""Rows whose parity bits depend on one another; those of each further row stand in no other row."""
PUNCTURED = 2
"""Columns at the start that are never sent."""
_SEEDS = 2, 3, 5, 7, 9, 11, 13, 15
"""Table 5.3.2-1: the lifting sizes of set i are _SEEDS[i] times the powers of 2, up to 384."""
_LARGEST_LIFTING = 384


@dataclass(frozen=True, slots=True)
class BaseGraph:
    """number: 1 or 2. information, rows: columns of information bits, rows of checks. largest: bits of a block.

    starts: of the four redundancy versions in the circular buffer, in columns (table 5.4.2.1-2).
    """

    number: int
    information: int
    rows: int
    largest: int
    starts: tuple[int, int, int, int]

    @property
    def columns(self) -> int:
        return self.information + self.rows

    def filled(self, bits: int) -> int:
        """Columns over which so many information bits are spread, as far as the lifting size goes (section 5.2.2)."""
        if self.number == 1:
            return 22
        return 10 if bits > 640 else 9 if bits > 560 else 8 if bits > 192 else 6


GRAPH1 = BaseGraph(1, 22, 46, 8448, (0, 17, 33, 56))
GRAPH2 = BaseGraph(2, 10, 42, 3840, (0, 13, 25, 43))


def graph_for(bits: int, rate: float) -> BaseGraph:
    """The base graph for a transport block of so many bits at this code rate (sections 6.2.2 and 7.2.2)."""
    if bits <= 292 or (bits <= 3824 and rate <= 0.67) or rate <= 0.25:
        return GRAPH2
    return GRAPH1


def lifting_size(graph: BaseGraph, bits: int) -> int:
    """The smallest Z for which the bits fit into their columns."""
    return next(size for size in _lifting_sizes() if graph.filled(bits) * size >= bits)


@functools.cache
def _lifting_sizes() -> list[int]:
    sizes = {seed << power for seed in _SEEDS for power in range(8)}
    return sorted(size for size in sizes if size <= _LARGEST_LIFTING)


@functools.lru_cache(maxsize=64)
def elements(graph: BaseGraph, size: int) -> Integers:
    """The elements of the graph lifted by `size`, [elements, 3]: row, column and shift, in the order of the rows."""
    seed = next(size >> power for power in range(9) if size >> power in _SEEDS)
    table = _table()
    found: Integers = table[table[:, 0] == graph.number][:, [1, 2, 3 + _SEEDS.index(seed)]]
    found[:, 2] %= size
    found.setflags(write=False)
    return found


@functools.cache
def _table() -> Integers:
    return np.loadtxt(Path(__file__).with_name("ldpc_graphs.csv"), np.int64, delimiter=",", skiprows=3)
