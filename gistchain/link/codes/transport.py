"""Bits of any number -> coded bits ~~ log-likelihood ratios ~~> bits, and whether they are what was sent (TS 38.212).

bits ─> check of the whole ─> blocks ─> check of each ─> LDPC of each ─> one after the other
        6.2.1: 16 or 24 bits  5.2.2     where several    ldpc.py         5.5
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gistchain.errors import SettingError
from gistchain.link.codes.crc import CRC16, CRC24A, CRC24B, Bits, Crc, as_bits
from gistchain.link.codes.ldpc import LdpcCode, as_llrs
from gistchain.link.codes.ldpc_graph import BaseGraph, graph_for

_SHORT = 3824
"""Bits of a transport block that 16 check bits guard."""


class TransportBlock:
    """bits: how many are sent together. coded_bits: what is sent for them, a multiple of bits_per_symbol.

    `check` guards the whole and `graph` codes it, as the standard says for this length and rate. `codes` has the code
    of each block. Where the blocks would not be of one length, zeros follow the bits (`padding`, fewer than blocks):
    the standard knows no such lengths.
    Raises SettingError where they can't be sent.
    """

    check: Crc
    graph: BaseGraph
    codes: tuple[LdpcCode, ...]
    padding: int

    def __init__(self, bits: int, coded_bits: int, bits_per_symbol: int = 1) -> None:
        self.bits, self.coded_bits, self.bits_per_symbol = map(operator.index, (bits, coded_bits, bits_per_symbol))
        if self.bits < 1 or self.coded_bits < 1 or self.bits_per_symbol < 1:
            raise SettingError(f"{bits} bits can't be sent as {coded_bits} coded bits: each is at least 1")
        if self.coded_bits % self.bits_per_symbol:
            raise SettingError(f"{coded_bits} coded bits are no whole number of symbols of {bits_per_symbol} bits")
        self.check = CRC24A if self.bits > _SHORT else CRC16
        self.graph = graph_for(self.bits, self.bits / self.coded_bits)
        checked = self.bits + self.check.length
        alone = checked <= self.graph.largest
        count = 1 if alone else math.ceil(checked / (self.graph.largest - CRC24B.length))
        self.padding = -checked % count
        length = (checked + self.padding) // count + (0 if alone else CRC24B.length)
        # The last ones get a symbol more where the symbols can't be divided evenly (section 5.4.2.1).
        symbols, more = divmod(self.coded_bits // self.bits_per_symbol, count)
        lengths = [(symbols + (k >= count - more)) * self.bits_per_symbol for k in range(count)]
        codes = {n: LdpcCode(length, n, self.bits_per_symbol, self.graph) for n in set(lengths)}
        self.codes = tuple(codes[n] for n in lengths)

    @property
    def rate(self) -> float:
        """Without the checks."""
        return self.bits / self.coded_bits

    def encode(self, bits: ArrayLike, version: int = 0) -> Bits:
        """bits [..., bits] -> coded bits [..., coded_bits] of a redundancy version, 0 to 3.

        Raises SettingError where bits are not 0 or 1, or not so many.
        """
        given = as_bits(bits)
        if given.shape[-1] != self.bits:
            raise SettingError(f"this transport block has {self.bits} bits, not {given.shape[-1]}")
        padding = np.zeros((*given.shape[:-1], self.padding), np.uint8)
        whole = self.check.attached(np.concatenate([given, padding], axis=-1))
        blocks = np.split(whole, len(self.codes), axis=-1)
        if len(blocks) > 1:
            blocks = [CRC24B.attached(block) for block in blocks]
        coded = [code.encode(block, version) for code, block in zip(self.codes, blocks, strict=True)]
        return np.concatenate(coded, axis=-1)

    def decode(
        self, llrs: ArrayLike, versions: Sequence[int] = (0,), iterations: int = 20
    ) -> tuple[Bits, NDArray[np.bool_]]:
        """(bits [..., bits], whether all parity checks and cyclic redundancy checks hold [...]).

        llrs: [..., coded_bits x versions], log P(0)/P(1), of one transmission after the other.
        versions: which redundancy version each transmission was.
        Raises SettingError where one is no number or not so many.
        """
        received = as_llrs(llrs, self.coded_bits, len(versions))
        sent = received.reshape(*received.shape[:-1], len(versions), self.coded_bits)
        ends = np.cumsum([code.coded_bits for code in self.codes])
        parts = np.split(sent, ends[:-1], axis=-1)
        found: list[Bits] = []
        ok = np.ones(received.shape[:-1], np.bool_)
        for code, part in zip(self.codes, parts, strict=True):
            flat = part.reshape(*received.shape[:-1], len(versions) * code.coded_bits)
            block, holds = code.decode(flat, versions, iterations)
            ok &= holds
            if len(self.codes) > 1:
                ok &= CRC24B.holds(block)
                block = block[..., : -CRC24B.length]
            found.append(block)
        whole = np.concatenate(found, axis=-1)
        return whole[..., : self.bits], ok & self.check.holds(whole)
