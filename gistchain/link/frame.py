"""Blocks of bytes, uses of a channel -> one frame of symbols, and what arrives of it -> those blocks that are whole.

    start word ‖ first block ‖ further blocks          start word = length of the first block, and its share of the uses
                   │                                   first block = what says of the further ones, and its own bytes
                   └ list of the further ones: kind, length, share

The receiver knows the room of the frame and how long each burst is; all else that it is told counts as uses. A block is
believed only where the check passes that its own bytes carry, and so is the list. Blocks that were lost can be sent
again: their symbols are added to those that came before (chase combining), and every round counts. Of a short first
block the decoder is told what is mostly there. docs/link.md is the specification.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError
from gistchain.link.blockcode import BlockCode
from gistchain.link.codes.polar import PolarCode
from gistchain.link.layouts import Expected, layouts, nothing_expected
from gistchain.link.modem import modulation
from gistchain.types import Bits, Link, SoftValues, Symbols

MOST_ROUNDS = 4
"""In which lost blocks are sent again."""
MOST_BLOCKS = 8
LEAST_ROOM = 48
_LENGTH_BITS, _SHARE_BITS = 10, 5
START_BITS = _LENGTH_BITS + _SHARE_BITS
_LEAST_START_USES = 24
_STARTS_TRIED = 4
_EXACT_LENGTHS = 512
"""Lengths up to here are told to the byte, longer ones to a part in 144: zeros fill them up."""
_FIRST_STEP, _FURTHER_STEP = 4, 2
"""Shares are 2^(-share / step) of what is left."""
FIRST_SHARES, FURTHER_SHARES = 1 << _SHARE_BITS, 16
_MOST_KIND = 7
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
    """symbols: at most `room` of them. parts: of each block."""

    symbols: Symbols
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
    number = min((1 << _LENGTH_BITS) - 1, _length_number(min(size, _length_of((1 << _LENGTH_BITS) - 1))))
    filled = _length_of(number) if _length_of(number) <= size else _length_of(number - 1)
    return filled if filled <= _EXACT_LENGTHS else filled - len(_number(filled))


def first_bytes(length: int, further: Sequence[Block]) -> int:
    """Bytes of a first block of this length, with what it says of the others and of itself."""
    return len(_filled(b"\0" * length, further))


def framed(blocks: Sequence[Block], room: int) -> Frame:
    """The frame of these blocks, the most important first.

    Raises LinkError where they don't fit in the room, and for more than 8 blocks or an empty one.
    """
    _check(blocks)
    first = _filled(blocks[0].data, blocks[1:])
    number = _length_number(len(first))
    at = start_uses(room)
    word = _to_bits(number << _SHARE_BITS | blocks[0].share, START_BITS)
    parts: list[_Part] = []
    symbols = [modulation("qpsk").map(_start_code(room).encode(word))]
    for index, data in enumerate([first, *(block.data for block in blocks[1:])]):
        code = BlockCode(8 * len(data), uses_of(blocks[index].share, room - at, first=index == 0))
        parts.append(_Part(at, code))
        symbols.append(modulation(code.modulation).map(code.encode(np.unpackbits(np.frombuffer(data, np.uint8)))))
        at += code.uses
    return Frame(np.concatenate(symbols), tuple(parts))


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
) -> Arrived:
    """Carries the blocks over the link and reads them again.

    first_whole: whether the first block is as it was sent, by the check that stands in it; whole: whether a further one
    is, given the first. expected: of the first one's bits. rounds: at most so many, up to 4, in which lost ones are
    sent again; the answer which are lost is taken to arrive, and its uses are not counted. Raises LinkError as
    `framed`.
    """
    if not 0 <= rounds <= MOST_ROUNDS:
        raise LinkError(f"lost blocks are sent again in at most {MOST_ROUNDS} rounds, not {rounds}")
    frame = framed(blocks, room)
    receiver = Receiver(room, first_whole, whole, expected)
    spans = [slice(0, frame.symbols.size)]
    used = 0
    for attempt in range(rounds + 1):
        symbols = np.concatenate([frame.symbols[span] for span in spans])
        came = link.carry(symbols, seed=(*seed, attempt), points=True)
        used += came.uses
        receiver.add(spans, came.symbols, came.noise_variance)
        lost = receiver.read()
        if not lost:
            break
        spans = [slice(0, frame.parts[0].span.stop) if index == 0 else frame.parts[index].span for index in lost]
    return Arrived(receiver.blocks, used, attempt)


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

    @property
    def blocks(self) -> tuple[tuple[int, bytes | None], ...]:
        return () if self._first is None else tuple((kind, data) for kind, _, data in self._parts)

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
            length, share = _length_of(number >> _SHARE_BITS), number % FIRST_SHARES
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
            return self._first_whole(_read_first(data, listed)[1])
        except LinkError:
            return False

    def _take_first(self, part: _Part, data: bytes, listed: bool) -> None:
        further, self._first = _read_first(data, listed)
        self._parts = [(0, part, self._first)]
        at = part.span.stop
        for kind, length, share in further:
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

    def _of(self, span: slice, name: str) -> SoftValues:
        weight = self._weight[span]
        seen = weight > 0
        symbols = np.divide(self._weighted[span], weight, out=np.zeros(weight.size, np.complex128), where=seen)
        variance = np.divide(1, weight, out=np.full(weight.size, np.inf), where=seen)
        llrs = modulation(name).llrs(symbols.astype(np.complex64), variance.astype(np.float32))
        clipped: SoftValues = np.clip(llrs, -_MOST_LLR, _MOST_LLR)
        return clipped


def _start_code(room: int) -> PolarCode:
    return PolarCode(START_BITS, 2 * start_uses(room))


def _to_bits(number: int, count: int) -> Bits:
    return np.array([number >> (count - 1 - k) & 1 for k in range(count)], np.uint8)


def _length_of(number: int) -> int:
    if number < _EXACT_LENGTHS:
        return number + 1
    return round(_EXACT_LENGTHS * math.exp2((number - _EXACT_LENGTHS + 1) / 100))


def _length_number(length: int) -> int:
    """The first that is long enough."""
    for number in range(min(length, _EXACT_LENGTHS) - 1, 1 << _LENGTH_BITS):
        if _length_of(number) >= length:
            return number
    raise LinkError(f"a first block of {length} bytes can't be sent: at most {_length_of((1 << _LENGTH_BITS) - 1)}")


def _check(blocks: Sequence[Block]) -> None:
    if not 1 <= len(blocks) <= MOST_BLOCKS:
        raise LinkError(f"a frame has 1 to {MOST_BLOCKS} blocks, not {len(blocks)}")
    if not all(block.data for block in blocks):
        raise LinkError("a block without bytes can't be sent")
    first, further = blocks[0], blocks[1:]
    if bool(first.share) != bool(further) or not 0 <= first.share < FIRST_SHARES:
        raise LinkError(f"the first of {len(blocks)} blocks can't have share {first.share}")
    for index, block in enumerate(further):
        if bool(block.share) != (index < len(further) - 1) or not 0 <= block.share < FURTHER_SHARES:
            raise LinkError(f"block {index + 2} of {len(blocks)} can't have share {block.share}")
        if not 0 <= block.kind <= _MOST_KIND:
            raise LinkError(f"a block's kind is 0 to {_MOST_KIND}, not {block.kind}")


def _filled(data: bytes, further: Sequence[Block]) -> bytes:
    """The first block: what it says of the others, its own length where zeros may follow, its bytes, zeros."""
    listing = b"".join(
        bytes([(index < len(further) - 1) << 7 | block.kind << 4 | block.share]) + _number(len(block.data))
        for index, block in enumerate(further)
    )
    listing += _check_of(listing) if further else b""
    whole = listing + data
    if len(whole) > _EXACT_LENGTHS:
        whole = listing + _number(len(data)) + data
    return whole.ljust(_length_of(_length_number(len(whole))), b"\0")


def _read_first(block: bytes, listed: bool) -> tuple[list[tuple[int, int, int]], bytes]:
    """(kind, length and share of each further block; the first one's own bytes). Raises LinkError for another one."""
    further: list[tuple[int, int, int]] = []
    at, more = 0, listed
    while more:
        if at >= len(block) or len(further) == MOST_BLOCKS - 1:
            raise LinkError("the list of further blocks has no end")
        head = block[at]
        length, at = _read_number(block, at + 1)
        more = bool(head & 128)
        further.append((head >> 4 & _MOST_KIND, length, head % FURTHER_SHARES))
    if listed:
        if block[at : at + 1] != _check_of(block[:at]):
            raise LinkError("the list of further blocks is damaged: its check differs")
        at += 1
    if len(block) <= _EXACT_LENGTHS:
        return further, block[at:]
    length, at = _read_number(block, at)
    if at + length > len(block):
        raise LinkError("the first block is longer than it is")
    return further, block[at : at + length]


def _check_of(listing: bytes) -> bytes:
    """The low byte of the CRC-16 that captions have (docs/packet.md)."""
    return binascii.crc_hqx(listing, 0xFFFF).to_bytes(2)[1:]


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit of a byte says that another follows."""
    written = bytearray()
    while value >= 128:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """(a number above 0, where it ends)."""
    value = 0
    for shift in range(0, 28, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128 and value:
            return value, at
    raise LinkError("a length has no end, or is 0")
