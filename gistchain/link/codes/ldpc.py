"""One block of bits -> coded bits ~~ log-likelihood ratios ~~> bits, by the LDPC codes of 5G (TS 38.212).

    bits ─> filler bits ─> codeword ─> circular buffer ─> coded bits, from where a version starts ─> interleaver
            5.2.2          5.3.2       5.4.2.1            and round again where they are many        5.4.2.2

TransportBlock (transport.py) divides what is too long for a block, and adds checks.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gistchain.errors import SettingError
from gistchain.link.codes import ldpc_decoder, ldpc_encoder, ldpc_graph
from gistchain.link.codes.crc import Bits, as_bits
from gistchain.link.codes.ldpc_decoder import Plan
from gistchain.link.codes.ldpc_graph import CORE, PUNCTURED, BaseGraph, Integers

HIGHEST_RATE = 0.95
"""Section 5.4.2.1: a receiver need not decode above it."""


class LdpcCode:
    """bits: of a block. coded_bits: what is sent for them in one transmission, a multiple of bits_per_symbol.

    graph: the base graph, where the standard's choice for this length and rate is not wanted.
    Raises SettingError where no such block can be sent.
    """

    def __init__(self, bits: int, coded_bits: int, bits_per_symbol: int = 1, graph: BaseGraph | None = None) -> None:
        self.bits, self.coded_bits, self.bits_per_symbol = map(operator.index, (bits, coded_bits, bits_per_symbol))
        if self.bits < 1:
            raise SettingError(f"a block has at least 1 bit, not {bits}")
        if self.bits_per_symbol < 1 or self.coded_bits % self.bits_per_symbol:
            raise SettingError(f"{coded_bits} coded bits are no whole number of symbols of {bits_per_symbol} bits")
        if self.bits > HIGHEST_RATE * self.coded_bits:
            least = math.ceil(self.bits / HIGHEST_RATE)
            raise SettingError(f"{bits} bits don't fit into {coded_bits} coded bits: an LDPC code needs {least}")
        self.graph = graph or ldpc_graph.graph_for(self.bits, self.rate)
        if self.bits > self.graph.largest:
            raise SettingError(
                f"a block of base graph {self.graph.number} has at most {self.graph.largest} bits, not {bits}: "
                "TransportBlock divides them among several"
            )
        self.lifting_size = ldpc_graph.lifting_size(self.graph, self.bits)
        end = self.graph.information * self.lifting_size
        stored = np.arange(PUNCTURED * self.lifting_size, self.graph.columns * self.lifting_size)
        # Filler bits are passed over, as both sides know them.
        self._buffer = stored[(stored < self.bits) | (stored >= end)]
        self._received: dict[tuple[int, ...], tuple[Integers, Integers]] = {}
        self._plans: dict[tuple[tuple[int, ...], int], Plan] = {}

    @property
    def rate(self) -> float:
        return self.bits / self.coded_bits

    def encode(self, bits: ArrayLike, version: int = 0) -> Bits:
        """bits [..., bits] -> coded bits [..., coded_bits] of a redundancy version, 0 to 3.

        Raises SettingError where bits are not 0 or 1, or not so many.
        """
        given = as_bits(bits)
        if given.shape[-1] != self.bits:
            raise SettingError(f"this code takes {self.bits} bits a block, not {given.shape[-1]}")
        blocks = given.reshape(math.prod(given.shape[:-1]), self.bits)
        sent = self._sent(version)
        rows = self._elements(np.arange(self._rows(sent).max() + 1))
        words = ldpc_encoder.codewords(rows, self.lifting_size, self.graph.information, blocks)
        return words[:, sent].reshape(*given.shape[:-1], self.coded_bits)

    def decode(
        self, llrs: ArrayLike, versions: Sequence[int] = (0,), iterations: int = 20
    ) -> tuple[Bits, NDArray[np.bool_]]:
        """(bits [..., bits], whether all parity checks of the block hold [...]).

        llrs: [..., coded_bits x versions], log P(0)/P(1), of one transmission after the other; those of a bit that
        was sent more than once are added. versions: which redundancy version each transmission was.
        A block that fulfils its checks is done before all iterations. A block that was not received is not ok.
        Raises SettingError where one is no number or not so many.
        """
        received = as_llrs(llrs, self.coded_bits, len(versions))
        if iterations < 1:
            raise SettingError(f"a decoder needs at least 1 iteration, not {iterations}")
        rows = np.ascontiguousarray(received.reshape(math.prod(received.shape[:-1]), received.shape[-1]))
        plan, positions = self._plan(tuple(versions), len(rows))
        bits, holds = ldpc_decoder.decoded(plan, rows, positions, iterations)
        return bits.reshape(*received.shape[:-1], self.bits), holds.reshape(received.shape[:-1]).astype(np.bool_)

    def _sent(self, version: int) -> Integers:
        """Which bit of the codeword each coded bit is, [coded_bits]."""
        if version not in range(4):
            raise SettingError(f"redundancy versions are 0 to 3, not {version}")
        start = np.searchsorted(self._buffer, (self.graph.starts[version] + PUNCTURED) * self.lifting_size)
        taken: Integers = self._buffer[(start + np.arange(self.coded_bits)) % len(self._buffer)]
        return taken.reshape(self.bits_per_symbol, -1).T.ravel()

    def _plan(self, versions: tuple[int, ...], blocks: int) -> tuple[Plan, Integers]:
        """How to decode so many blocks, and which of the plan's received bits each log-likelihood ratio is of."""
        if versions not in self._received:
            sent = np.concatenate([self._sent(version) for version in versions])
            self._received[versions] = np.unique(sent, return_inverse=True)
        received, positions = self._received[versions]
        slots = ldpc_decoder.slots_for(self.lifting_size, blocks)
        if (versions, slots) not in self._plans:
            used = self._elements(self._rows(received))
            filled = -(-self.bits // self.lifting_size)
            # Columns of nothing but filler bits tell the others nothing.
            used = used[(used[:, 1] < filled) | (used[:, 1] >= self.graph.information)]
            known = np.arange(self.bits, filled * self.lifting_size)
            self._plans[versions, slots] = ldpc_decoder.plan(
                used, self.lifting_size, slots, received=received, known=known, information=np.arange(self.bits)
            )
        return self._plans[versions, slots], positions

    def _rows(self, sent: Integers) -> Integers:
        """The core rows, and all others whose parity bits were sent."""
        parity = np.unique(sent // self.lifting_size) - self.graph.information
        return np.union1d(np.arange(CORE), parity[parity >= 0])

    def _elements(self, rows: Integers) -> Integers:
        found = ldpc_graph.elements(self.graph, self.lifting_size)
        return found[np.isin(found[:, 0], rows)]


def as_llrs(values: ArrayLike, count: int, times: int) -> NDArray[np.float32]:
    """The log-likelihood ratios [..., count x times], cut off where the decoder does.

    Raises SettingError where there are not so many, or one is no number.
    """
    found = np.atleast_1d(np.asarray(values))
    if found.dtype.kind not in "fiu" or np.isnan(found).any():
        raise SettingError("a log-likelihood ratio is no number: a received symbol or the noise estimate was none")
    if not times or found.shape[-1] != count * times:
        raise SettingError(
            f"needed are {count} log-likelihood ratios for each of {times} transmissions, not {found.shape[-1]} in all"
        )
    limit = ldpc_decoder.LARGEST_LLR
    within: NDArray[np.float32] = np.clip(found, -limit, limit).astype(np.float32)
    return within
