"""Blocks of bytes, uses of a channel -> one frame of symbols, and what arrives of it -> those blocks that are whole.

    start word ‖ first block ‖ further blocks          start word = length of the first block, and its share of the uses
                   │                                   first block = what says of the further ones, and its own bytes
                   └ list of the further ones: kind, length, share

In place of further blocks there may be numbers, which are sent as they are, two a symbol.

The receiver knows the room of the frame and how long each burst is; all else that it is told counts as uses. A block is
believed only where the check passes that its own bytes carry, and so is the list. Blocks that were lost can be sent
again: their symbols are added to those that came before (chase combining), and every round counts. Of a short first
block the decoder is told what is mostly there. docs/link.md is the specification.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError
from gistchain.link.blockcode import BlockCode
from gistchain.link.codes.polar import PolarCode
from gistchain.link.firstblock import (
    EXACT_LENGTHS,
    FURTHER_SHARES,
    LENGTH_BITS,
    MOST_BLOCKS,
    NUMBERS,
    Entry,
    filled,
    length_number,
    length_of,
    number_bytes,
    read_first,
)  # fmt: skip
from gistchain.link.layouts import Expected, layouts, nothing_expected
from gistchain.link.modem import modulation
from gistchain.link.numbers import MOST_SCALE, ArrivedAnalogue, Numbers, as_symbols, as_values
from gistchain.types import Bits, Link, SoftValues, Symbols

MOST_ROUNDS = 4
"""In which lost blocks are sent again."""
LEAST_ROOM = 48
_SHARE_BITS = 5
START_BITS = LENGTH_BITS + _SHARE_BITS
_LEAST_START_USES = 24
_STARTS_TRIED = 4
_FIRST_STEP, _FURTHER_STEP = 4, 2
"""Shares are 2^(-share / step) of what is left."""
FIRST_SHARES = 1 << _SHARE_BITS
_MOST_KIND = 6
_MOST_LLR = 1e4


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that are sent as one. kind: 0 to 7, for whoever reads them. share: of the uses that are left, 0 for all of
    them (`uses_of`)."""

    data: bytes
    kind: int = 0
    share: int = 0


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came out of a frame. blocks: kind and bytes of each, None for one that is not whole; empty where the first
    is lost, which tells of the others. uses: of all rounds. rounds: in which something was sent again."""

    blocks: tuple[tuple[int, bytes | None], ...]
    uses: int
    rounds: int
    numbers: ArrivedAnalogue | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a block lies in a frame, and how it is coded."""

    start: int
    code: BlockCode

    @property
    def span(self) -> slice:
        return slice(self.start, self.start + self.code.uses)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """symbols: at most `room` of them, the first `points` of which are points of constellations. parts: of each
    block."""

    symbols: Symbols
    points: int
    parts: tuple[_Part, ...]


def start_uses(room: int) -> int:
    """Uses of the start word in a frame of so much room. Raises LinkError where that is too small for any frame."""
    if room < LEAST_ROOM:
        raise LinkError(f"a frame of {room} symbols is too small: at least {LEAST_ROOM} are needed")
    return max(_LEAST_START_USES, min(room // 4, max(96, room // 16)))


def uses_of(share: int, left: int, *, first: bool) -> int:
    """The uses that a share is, of those that are left."""
    return max(1, round(left * math.exp2(-share / (_FIRST_STEP if first else _FURTHER_STEP)))) if share else left


def most_first_bytes(size: int) -> int:
    """The longest own bytes of a first block that stands alone and has at most so many bytes; 0 for none."""
    if size < 1:
        return 0
    number = min((1 << LENGTH_BITS) - 1, length_number(min(size, length_of((1 << LENGTH_BITS) - 1))))
    full = length_of(number) if length_of(number) <= size else length_of(number - 1)
    if full <= EXACT_LENGTHS:
        return full
    return next(full - spent for spent in (2, 3) if len(number_bytes(full - spent)) <= spent)


def first_bytes(length: int, further: Sequence[Block], *, numbers: bool = False) -> int:
    """Bytes of a first block of this length, with what it says of the others and of itself."""
    listed = [*entries(further), *([Entry(NUMBERS, 0, 1)] if numbers else [])]
    return len(filled(b"\0" * length, listed))


def framed(blocks: Sequence[Block], room: int, numbers: Numbers | None = None) -> Frame:
    """The frame of these blocks, the most important first; numbers go with a first block alone.

    Raises LinkError where they don't fit in the room, for more than 8 blocks or an empty one, and for numbers that are
    none or not finite.
    """
    _check(blocks, numbers)
    listed, analogue = entries(blocks[1:]), np.zeros(0, np.complex64)
    if numbers is not None:
        left = room - start_uses(room)
        analogue, scale = as_symbols(numbers.values, left - uses_of(blocks[0].share, left, first=True))
        listed = [Entry(NUMBERS, numbers.halvings, scale)]
    first = filled(blocks[0].data, listed)
    number = length_number(len(first))
    at = start_uses(room)
    word = _to_bits(number << _SHARE_BITS | blocks[0].share, START_BITS)
    parts: list[_Part] = []
    symbols = [modulation("qpsk").map(_start_code(room).encode(word))]
    for index, data in enumerate([first, *(block.data for block in blocks[1:])]):
        code = BlockCode(8 * len(data), uses_of(blocks[index].share, room - at, first=index == 0))
        parts.append(_Part(at, code))
        symbols.append(modulation(code.modulation).map(code.encode(np.unpackbits(np.frombuffer(data, np.uint8)))))
        at += code.uses
    return Frame(np.concatenate([*symbols, analogue]), at, tuple(parts))


def sent(
    link: Link,
    blocks: Sequence[Block],
    *,
    room: int,
    first_whole: Callable[[bytes], bool],
    whole: Callable[[bytes, bytes], bool],
    seed: tuple[int, ...],
    rounds: int = 0,
    expected: Expected = nothing_expected,
    numbers: Numbers | None = None,
) -> Arrived:
    """Carries the blocks over the link, with numbers behind them, and reads them again.

    first_whole: whether the first block is as it was sent, by the check that stands in it; whole: whether a further one
    is, given the first. expected: of the first one's bits. rounds: at most so many, up to 4, in which lost ones are
    sent again; the answer which are lost is taken to arrive, and its uses are not counted. Raises LinkError as
    `framed`.
    """
    if not 0 <= rounds <= MOST_ROUNDS:
        raise LinkError(f"lost blocks are sent again in at most {MOST_ROUNDS} rounds, not {rounds}")
    frame = framed(blocks, room, numbers)
    receiver = Receiver(room, first_whole, whole, expected)
    spans = [slice(0, frame.symbols.size)]
    used = 0
    for attempt in range(rounds + 1):
        symbols = np.concatenate([frame.symbols[span] for span in spans])
        came = link.carry(symbols, seed=(*seed, attempt), points=symbols.size if attempt else frame.points)
        used += came.uses
        receiver.add(spans, came.symbols, came.noise_variance)
        # A list that was read wrong may name blocks that were not sent.
        lost = [index for index in receiver.read() if index < len(frame.parts)]
        if not lost:
            break
        spans = [slice(0, frame.parts[0].span.stop) if index == 0 else frame.parts[index].span for index in lost]
    return Arrived(receiver.blocks, used, attempt, receiver.numbers)


class Receiver:
    """Reads a frame of so much room, from all that arrived of it in any round."""

    def __init__(
        self,
        room: int,
        first_whole: Callable[[bytes], bool],
        whole: Callable[[bytes, bytes], bool],
        expected: Expected = nothing_expected,
    ) -> None:
        self._room, self._first_whole, self._whole, self._expected = room, first_whole, whole, expected
        self._weighted: NDArray[np.complex128] = np.zeros(room, np.complex128)
        self._weight: NDArray[np.float64] = np.zeros(room)
        self._first: bytes | None = None
        self._parts: list[tuple[int, _Part, bytes | None]] = []
        self._rest: tuple[int, int, int] | None = None

    @property
    def blocks(self) -> tuple[tuple[int, bytes | None], ...]:
        return () if self._first is None else tuple((kind, data) for kind, _, data in self._parts)

    @property
    def numbers(self) -> ArrivedAnalogue | None:
        """Those behind the first block, where it told of any."""
        if self._rest is None:
            return None
        at, scale, halvings = self._rest
        return as_values(*self._equalised(slice(at, self._room)), scale, halvings)

    def add(self, spans: Sequence[slice], symbols: Symbols, noise_variance: SoftValues) -> None:
        """Symbols of these spans of the frame: each counts by how little noise it has."""
        at = 0
        for span in spans:
            weight = 1 / noise_variance[at : at + span.stop - span.start].astype(np.float64)
            self._weighted[span] += weight * symbols[at : at + weight.size]
            self._weight[span] += weight
            at += weight.size

    def read(self) -> list[int]:
        """Reads what is not read yet; the numbers of the blocks that are still lost, [0] for the first."""
        if self._first is None and not self._read_first():
            return [0]
        for index, (kind, part, data) in enumerate(self._parts):
            if data is None:
                self._parts[index] = kind, part, self._decoded(part, lambda read: self._whole(self._first or b"", read))
        return [index for index, (_, _, data) in enumerate(self._parts) if data is None]

    def _read_first(self) -> bool:
        uses = start_uses(self._room)
        llrs = self._of(slice(0, uses), "qpsk")
        words, _ = _start_code(self._room).decode(llrs, 64)
        for word in words[:_STARTS_TRIED]:
            number = int("".join(map(str, word)), 2)
            length, share = length_of(number >> _SHARE_BITS), number % FIRST_SHARES
            try:
                part = _Part(uses, BlockCode(8 * length, uses_of(share, self._room - uses, first=True)))
            except LinkError:
                continue
            known = layouts(part.code.bits, share > 0, self._expected) if part.code.is_polar else ()
            found = self._decoded(part, partial(self._is_first, listed=share > 0), known)
            if found is not None:
                self._take_first(part, found, share > 0)
                return True
        return False

    def _is_first(self, data: bytes, listed: bool) -> bool:
        try:
            return self._first_whole(read_first(data, listed)[1])
        except LinkError:
            return False

    def _take_first(self, part: _Part, data: bytes, listed: bool) -> None:
        further, self._first = read_first(data, listed)
        self._parts = [(0, part, self._first)]
        at = part.span.stop
        for kind, share, length in further:
            if kind == NUMBERS:
                if length <= MOST_SCALE and at < self._room:
                    self._rest = at, length, share
                break
            try:
                code = BlockCode(8 * length, uses_of(share, self._room - at, first=False))
            except LinkError:
                break  # a listing that was read wrong: what it says is not there
            self._parts.append((kind, _Part(at, code), None))
            at += code.uses

    def _decoded(
        self, part: _Part, passes: Callable[[bytes], bool], expected: Sequence[NDArray[np.float64]] = ()
    ) -> bytes | None:
        """By what each layout tells, and at last by what arrived alone: no layout may lose what has another."""
        llrs = self._llrs(part)
        for known in (*expected, None):
            bits = part.code.decode(llrs, lambda bits: passes(np.packbits(bits).tobytes()), known=known)
            if bits is not None:
                return np.packbits(bits).tobytes()
        return None

    def _llrs(self, part: _Part) -> SoftValues:
        return self._of(part.span, part.code.modulation)

    def _equalised(self, span: slice) -> tuple[Symbols, NDArray[np.float64]]:
        """Symbols and the variance of their noise, of all rounds."""
        weight = self._weight[span]
        seen = weight > 0
        symbols = np.divide(self._weighted[span], weight, out=np.zeros(weight.size, np.complex128), where=seen)
        return symbols.astype(np.complex64), np.divide(1, weight, out=np.full(weight.size, np.inf), where=seen)

    def _of(self, span: slice, name: str) -> SoftValues:
        symbols, variance = self._equalised(span)
        llrs = modulation(name).llrs(symbols, variance.astype(np.float32))
        clipped: SoftValues = np.clip(llrs, -_MOST_LLR, _MOST_LLR)
        return clipped


def _start_code(room: int) -> PolarCode:
    return PolarCode(START_BITS, 2 * start_uses(room))


def _to_bits(number: int, count: int) -> Bits:
    return np.array([number >> (count - 1 - k) & 1 for k in range(count)], np.uint8)


def _check(blocks: Sequence[Block], numbers: Numbers | None) -> None:
    if not 1 <= len(blocks) <= MOST_BLOCKS:
        raise LinkError(f"a frame has 1 to {MOST_BLOCKS} blocks, not {len(blocks)}")
    if not all(block.data for block in blocks):
        raise LinkError("a block without bytes can't be sent")
    first, further = blocks[0], blocks[1:]
    if further and numbers is not None:
        raise LinkError("numbers go with a first block alone")
    if numbers is not None and not 0 <= numbers.halvings < FURTHER_SHARES:
        raise LinkError(f"the halvings of numbers is 0 to {FURTHER_SHARES - 1}, not {numbers.halvings}")
    if bool(first.share) != bool(further or numbers) or not 0 <= first.share < FIRST_SHARES:
        raise LinkError(f"the first of {len(blocks)} blocks can't have share {first.share}")
    for index, block in enumerate(further):
        if bool(block.share) != (index < len(further) - 1) or not 0 <= block.share < FURTHER_SHARES:
            raise LinkError(f"block {index + 2} of {len(blocks)} can't have share {block.share}")
        if not 0 <= block.kind <= _MOST_KIND:
            raise LinkError(f"a block's kind is 0 to {_MOST_KIND}, not {block.kind}")


def entries(further: Sequence[Block]) -> list[Entry]:
    """What the first block says of them."""
    return [Entry(block.kind, block.share, len(block.data)) for block in further]
