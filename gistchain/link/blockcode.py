"""Bits of one block, channel uses -> modulation and code; what was sent of it -> the bits again, if a check passes.

    few bits   polar code, whose decoder lists candidates until one passes
    many bits  LDPC code, in segments where they are too many for one

Sender and receiver choose alike from the two numbers, so that neither has to be told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError
from gistchain.link.codes.ldpc import LdpcCode
from gistchain.link.codes.ldpc_graph import GRAPH1, GRAPH2, BaseGraph, graph_for
from gistchain.link.codes.polar import PolarCode, likeliest
from gistchain.link.modem import BITS
from gistchain.types import Bits, ModulationName, SoftValues

MOST_POLAR_BITS = 400
"""Of a polar code; longer blocks are surer with LDPC."""
_MOST_LDPC_BITS, _MOST_SLOW_BITS, _SLOW = GRAPH1.largest, GRAPH2.largest, 0.25
"""Of an LDPC code, and of one at a rate of a quarter or less, which base graph 2 is for."""
LIST_SIZES = (1, 8, 32)
"""A check of 16 bits passes by chance once in 65,536 candidates: long lists would make rubbish certain."""
MOST_BITS_PER_USE = 7.5
_DENSEST: dict[ModulationName, float] = {"qpsk": 1.1, "16qam": 2.6, "64qam": 4.3, "256qam": MOST_BITS_PER_USE}
"""Modulation, and the most bits a use that it is taken for: where the next one needs less SNR (bounds.py)."""


def modulation_of(bits: int, uses: int) -> ModulationName:
    """The modulation for so many bits in so many uses. Raises LinkError where none carries as many."""
    for name, most in _DENSEST.items():
        if bits <= most * uses:
            return name
    least = math.ceil(bits / MOST_BITS_PER_USE)
    raise LinkError(f"{bits} bits don't fit in {uses} channel uses: at least {least} are needed")


@dataclass(frozen=True)
class BlockCode:
    """bits in uses. Raises LinkError where they don't fit."""

    bits: int
    uses: int

    def __post_init__(self) -> None:
        if self.bits < 1:
            raise LinkError("a block without bits can't be sent")
        _ = self.modulation

    @cached_property
    def modulation(self) -> ModulationName:
        return modulation_of(self.bits, self.uses)

    @property
    def is_polar(self) -> bool:
        return self.bits <= MOST_POLAR_BITS

    def encode(self, bits: Bits) -> Bits:
        """Coded bits that fill the uses, u1[uses * bits a symbol]."""
        if self.is_polar:
            return self._polar.encode(bits)
        parts = np.split(np.asarray(bits, np.uint8), np.cumsum([code.bits for code in self._segments])[:-1])
        return np.concatenate([code.encode(part) for code, part in zip(self._segments, parts, strict=True)])

    def decode(
        self,
        llrs: SoftValues,
        passes: Callable[[Bits], bool],
        *,
        known: NDArray[np.float64] | None = None,
        list_sizes: Sequence[int] = LIST_SIZES,
    ) -> Bits | None:
        """The likeliest bits that pass, None where none do. llrs: finite, f4[uses * bits a symbol].

        known: log P(0)/P(1) of each bit before anything arrived, f8[bits], and list_sizes, of lists that are tried in
        turn: for polar codes; LDPC has neither.
        """
        if self.is_polar:
            found = likeliest(
                self._polar,
                llrs,
                lambda words: np.array([passes(word) for word in words]),
                list_sizes=list_sizes,
                priors=known,
            )
            return None if found is None else found[0]
        parts = np.split(llrs, np.cumsum([code.coded_bits for code in self._segments])[:-1])
        bits = np.concatenate([code.decode(part)[0] for code, part in zip(self._segments, parts, strict=True)])
        return bits if passes(bits) else None

    @cached_property
    def _polar(self) -> PolarCode:
        return PolarCode(self.bits, self.uses * BITS[self.modulation], channel_interleaved=True)

    @property
    def segments(self) -> int:
        """Codes that the block is divided among."""
        if self.is_polar:
            return 1
        slow = self.bits <= _SLOW * self.uses * BITS[self.modulation]
        return -(-self.bits // (_MOST_SLOW_BITS if slow else _MOST_LDPC_BITS))

    @cached_property
    def _segments(self) -> Sequence[LdpcCode]:
        count, each = self.segments, BITS[self.modulation]
        return [
            LdpcCode(bits, uses * each, each, _graph(bits, uses * each))
            for bits, uses in zip(_shared(self.bits, count), _shared(self.uses, count), strict=True)
        ]


def _graph(bits: int, coded_bits: int) -> BaseGraph:
    """Shares of a block may differ by a bit or a use, so that one may be too long for the graph of its rate."""
    graph = graph_for(bits, bits / coded_bits)
    return graph if bits <= graph.largest else GRAPH1


def _shared(total: int, count: int) -> list[int]:
    """As evenly as can be."""
    return [total * (k + 1) // count - total * k // count for k in range(count)]
