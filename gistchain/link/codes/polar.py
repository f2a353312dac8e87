"""Bits -> a polar codeword ~~ log-likelihood ratios ~~> a list of candidates, the likeliest first (TS 38.212).

    PolarCode(bits, coded_bits)     any number of bits and of coded bits; what checks a candidate is the caller's
    likeliest(code, llrs, passes)   the likeliest candidate that passes a check, by a list as long as need be

polar_control.py has the blocks of the standard with their CRC, polar_long.py longer mother codes that no standard has.
Bits are uint8, LLR = log P(0)/P(1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gistchain.errors import SettingError
from gistchain.link.codes.crc import Bits, as_bits
from gistchain.link.codes.polar_list import ListDecoder
from gistchain.link.codes.polar_matching import Matching, input_order, matched, standard_order, triangle

Floats = NDArray[np.float64]
LIST_SIZES = (1, 8, 32, 128, 512)
_LARGEST_LIST = 8_192
_AT_ONCE = 1 << 24
"""Bits of candidates that a call of the decoder makes."""


class Listing(Protocol):
    """A code whose decoder lists candidates."""

    @property
    def bits(self) -> int: ...

    def decode(
        self, llrs: ArrayLike, list_size: int = 8, *, priors: ArrayLike | None = None
    ) -> tuple[Bits, Floats]: ...


@dataclass(frozen=True)
class PolarCode:
    """The polar code of TS 38.212: `bits` bits in `coded_bits`, without any check.

    bits: from 1 to 1,024 and at most coded_bits. coded_bits: any number; more than the mother code's 1,024 repeat.
    channel_interleaved: coded bits in the uplink's triangle, against errors that come together in higher modulations.
    input_interleaved: the downlink's order of at most 164 bits, which spreads a CRC over the block.
    largest: the longest mother code.
    Raises SettingError where the bits don't fit.
    """

    bits: int
    coded_bits: int
    channel_interleaved: bool = False
    input_interleaved: bool = False
    largest: int = 1_024

    def __post_init__(self) -> None:
        if self.largest < 32 or self.largest & (self.largest - 1):
            raise SettingError(f"the longest mother code is a power of two from 32 on, not {self.largest}")
        _ = self.matching, self._input  # what can't be coded is refused here

    @cached_property
    def matching(self) -> Matching:
        order = standard_order()
        return matched(self.bits, self.coded_bits, order[order < self.largest])

    @cached_property
    def _sent(self) -> NDArray[np.int64]:
        sent = self.matching.sent
        return sent[triangle(self.coded_bits)] if self.channel_interleaved else sent

    @cached_property
    def _input(self) -> NDArray[np.int64]:
        return input_order(self.bits) if self.input_interleaved else np.arange(self.bits)

    @cached_property
    def _decoder(self) -> ListDecoder:
        return ListDecoder(self.matching.mother, self.matching.carrying)

    def encode(self, bits: ArrayLike) -> Bits:
        """The coded bits u1[..., coded_bits] of bits [..., bits].

        Raises SettingError where a bit is neither 0 nor 1 or their number differs.
        """
        message = as_bits(bits)
        if message.shape[-1] != self.bits:
            raise SettingError(f"this polar code takes {self.bits} bits, not {message.shape[-1]}")
        word = np.zeros((*message.shape[:-1], self.matching.mother), np.uint8)
        word[..., self.matching.carrying] = message[..., self._input]
        return np.ascontiguousarray(_transformed(word)[..., self._sent])

    def decode(self, llrs: ArrayLike, list_size: int = 8, *, priors: ArrayLike | None = None) -> tuple[Bits, Floats]:
        """Candidates u1[..., L, bits] and their metrics f8[..., L], ascending: the first is the likeliest found.

        llrs: [..., coded_bits], finite. list_size: how many paths the decoder follows; L is less only where there are
        not as many words. priors: [..., bits], log P(0)/P(1) of each bit by what is known beforehand, such as a model
        of the language; one row does for all blocks.
        A metric is the sum of |LLR| that the candidate contradicts, priors included, LLRs of repeated bits added: two
        differ by the logarithm of how many times likelier one is.
        Raises SettingError where a shape or the list's size doesn't fit, or a number is not finite.
        """
        received = _floats(llrs, self.coded_bits, "LLRs of this polar code")
        if not 1 <= list_size <= _LARGEST_LIST:
            raise SettingError(f"a list has from 1 to {_LARGEST_LIST:,} candidates, not {list_size}")
        blocks = received.reshape(-1, self.coded_bits)
        if not len(blocks):
            raise SettingError("there are no LLRs to decode")
        known = None if priors is None else self._known(priors, received.shape[:-1])
        blocks, known, scale = _scaled(self._added(blocks), known)
        # More than all others together: no likely candidate contradicts it.
        blocks[:, self.matching.zeros] = 1 + np.abs(blocks).sum(axis=1, keepdims=True)
        step = max(1, _AT_ONCE // (list_size * self.matching.mother))
        parts = [
            self._decoder.listed(blocks[i : i + step], list_size, None if known is None else known[i : i + step])
            for i in range(0, len(blocks), step)
        ]
        words, metrics = (np.concatenate(part) for part in zip(*parts, strict=True))
        found = np.empty_like(words)
        found[..., self._input] = words
        shape = received.shape[:-1]
        return found.reshape(*shape, *words.shape[1:]), (metrics / scale).reshape(*shape, -1)

    def _known(self, priors: ArrayLike, shape: tuple[int, ...]) -> Floats:
        """Priors [frames, bits] in the order of the mother code's positions."""
        known = _floats(priors, self.bits, "priors of this polar code")[..., self._input]
        return np.broadcast_to(known, (*shape, self.bits)).reshape(-1, self.bits)

    def _added(self, blocks: Floats) -> Floats:
        """LLRs of the mother code [frames, mother]: repeated ones added, 0 where nothing was sent."""
        found, blocks = np.zeros((len(blocks), self.matching.mother)), self._in_turn(blocks)
        for start in range(0, self.coded_bits, self.matching.mother):
            part = slice(start, start + self.matching.mother)
            found[:, self.matching.sent[part]] += blocks[:, part]
        return found

    def _in_turn(self, blocks: Floats) -> Floats:
        if not self.channel_interleaved:
            return blocks
        found = np.empty_like(blocks)
        found[:, triangle(self.coded_bits)] = blocks
        return found


def likeliest(
    code: Listing,
    llrs: ArrayLike,
    passes: Callable[[Bits], NDArray[np.bool_]],
    *,
    list_sizes: Sequence[int] = LIST_SIZES,
    priors: ArrayLike | None = None,
) -> tuple[Bits, int] | None:
    """(the likeliest candidate u1[bits] that passes, size of the list it was found in), or None where none does.

    llrs: [coded_bits], of one block. passes: candidates u1[L, bits] -> bool[L]; any check, such as a CRC or a layer's
    own. list_sizes: tried in turn, so that long lists cost only where short ones fail. Every candidate that is shown to
    a check of b bits passes by chance once in 2**b: long lists need longer checks.
    """
    if np.ndim(llrs) != 1:
        raise SettingError(f"one block is decoded at a time: LLRs of one axis, not {np.ndim(llrs)}")
    for size in list_sizes:
        candidates, _ = code.decode(llrs, size, priors=priors)
        passing = np.flatnonzero(passes(candidates))
        if len(passing):
            return candidates[passing[0]], size
    return None


def _floats(values: ArrayLike, length: int, what: str) -> Floats:
    found = np.atleast_1d(np.asarray(values, np.float64))
    if found.shape[-1] != length:
        raise SettingError(f"there are {length} {what}, not {found.shape[-1]}")
    if not np.isfinite(found).all():
        raise SettingError(f"{what} must be finite numbers")
    return found


def _scaled(llrs: Floats, priors: Floats | None) -> tuple[Floats, Floats | None, Floats]:
    """Both, scaled so that float32 neither under- nor overflows, and the scale [frames, 1].

    Only where the largest |LLR| of a block is below 1, so that no code would help, or above 1e6, where no noise is.
    """
    largest = np.abs(llrs).max(axis=1, keepdims=True)
    if priors is not None:
        largest = np.maximum(largest, np.abs(priors).max(axis=1, keepdims=True))
    largest[largest == 0] = 1.0
    scale = np.clip(largest, 1.0, 1e6) / largest
    return llrs * scale, None if priors is None else np.ascontiguousarray(priors * scale), scale


def _transformed(word: Bits) -> Bits:
    """The polar transform along the last axis, in place: a power of two."""
    half, length = 1, word.shape[-1]
    while half < length:
        pairs = word.reshape(*word.shape[:-1], -1, 2, half)
        pairs[..., 0, :] ^= pairs[..., 1, :]
        half *= 2
    return word
