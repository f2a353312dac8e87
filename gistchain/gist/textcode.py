"""One short text -> a few bytes -> the same text.

    text ──> the cheapest path through the dictionary's contexts ──> one exact fraction ──> its shortest bytes

The dictionary is a finite-state machine: each context lists the pieces of text that may come next, how often (an
integer) and the context that follows. Coding a text is choosing a path; an arithmetic coder over exact integers writes
it down, so that every machine writes and reads the same bytes. Every text of UTF-8 has a path. docs/packet.md is the
specification.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from heapq import heapify, heappop, heappush
from importlib import resources
from itertools import accumulate

from gistchain.errors import ModelError, PacketError

MAX_TEXT_BYTES = 4096
PLAIN = 0
"""The text coder that writes UTF-8 as it is."""

DICTIONARY = 1
"""The text coder that writes the way through the dictionary."""
FILE = "dictionary.txt"
SHA256 = "b013794939600a108bf7ca0e22216e6c1f1277d346877216f60da59b4da20e20"
"""Of the dictionary file: another one would decode to fluent, wrong captions."""

_END = -1
_Step = tuple[int, int, int, int]
"""cost so far in 1/64 bit, and where it came from: position, context, symbol"""


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """The symbols that may come next. Parallel lists, one item per symbol; `cumulative` has one more, the total.

    symbols: piece -> (cost in 1/64 bit, symbol, next context) of each symbol that emits it.
    """

    pieces: list[bytes]
    frequencies: list[int]
    nexts: list[int]
    cumulative: list[int]
    symbols: dict[bytes, list[tuple[int, int, int]]]
    lengths: list[int]


class Dictionary:
    """The contexts of one dictionary file, each parsed when first used. A text starts in context 0."""

    def __init__(self, source: str) -> None:
        blocks = [block.partition("\n") for block in source.split("\n@")[1:]]
        heads = [head.split("\t") for head, _, _ in blocks]
        self._bodies = [body for _, _, body in blocks]
        self._numbers = {head[0]: number for number, head in enumerate(heads)} | {"end": _END}
        self._defaults = [head[-1] for head in heads]
        self._contexts: dict[int, Context] = {}

    def __len__(self) -> int:
        return len(self._bodies)

    def context(self, number: int) -> Context:
        if number not in self._contexts:
            self._contexts[number] = self._parsed(number)
        return self._contexts[number]

    def _parsed(self, number: int) -> Context:
        rows = [line.split("\t") for line in self._bodies[number].splitlines()]
        frequencies = [int(row[0]) for row in rows]
        pieces = [unescaped(row[1]) for row in rows]
        nexts = [self._numbers[row[2] if len(row) > 2 else self._defaults[number]] for row in rows]
        cumulative = list(accumulate(frequencies, initial=0))
        costs = {frequency: _cost(frequency, cumulative[-1]) for frequency in set(frequencies)}
        symbols: dict[bytes, list[tuple[int, int, int]]] = {}
        for symbol, piece in enumerate(pieces):
            symbols.setdefault(piece, []).append((costs[frequencies[symbol]], symbol, nexts[symbol]))
        return Context(pieces, frequencies, nexts, cumulative, symbols, sorted({len(piece) for piece in pieces}))


def encode(text: str) -> tuple[int, bytes]:
    """The text coder and its code: the shortest; of equals PLAIN.

    Raises PacketError for more than 4,096 bytes of UTF-8, or a text that UTF-8 can't hold (a lone surrogate).
    """
    try:
        plain = text.encode()
    except UnicodeEncodeError as error:
        raise PacketError(f"caption {text[:40]!r} can't be written as UTF-8: {error.reason}") from error
    if len(plain) > MAX_TEXT_BYTES:
        raise PacketError(f"caption of {len(plain)} bytes: at most {MAX_TEXT_BYTES} fit a packet, shorten it")
    known = load()
    code = _fraction(known, cheapest_path(known, plain))
    return (DICTIONARY, code) if len(code) < len(plain) else (PLAIN, plain)


def decode(coder: int, code: bytes) -> str:
    """The text that `encode` was given. Raises PacketError for anything that it does not write."""
    if coder not in (PLAIN, DICTIONARY):
        raise PacketError(f"caption is written with text coder {coder}, newer than this gistchain: upgrade")
    if len(code) > MAX_TEXT_BYTES:
        raise PacketError(f"caption of {len(code)} coded bytes: more than {MAX_TEXT_BYTES} is not a caption")
    plain = code if coder == PLAIN else _read(load(), code)
    try:
        return plain.decode()
    except UnicodeDecodeError as error:
        raise PacketError(f"caption is not UTF-8: {error.reason}") from error


@cache
def load() -> Dictionary:
    """The dictionary of this release. Raises ModelError if its file is not the one that was released."""
    source = resources.files(__package__).joinpath(FILE).read_bytes()
    if hashlib.sha256(source).hexdigest() != SHA256:
        raise ModelError(f"{FILE} is not the dictionary of this release (its SHA-256 differs): reinstall gistchain")
    return Dictionary(source.decode())


def unescaped(piece: str) -> bytes:
    r"""The bytes that a piece of a dictionary file stands for: \xNN is one byte."""
    if "\\" not in piece:
        return piece.encode()
    head, *tail = piece.split("\\x")
    return head.encode() + b"".join(bytes.fromhex(part[:2]) + part[2:].encode() for part in tail)


def _cost(frequency: int, total: int) -> int:
    # log2(total / frequency) in 1/64 bit, by integers alone: a float logarithm may differ between machines.
    return (total**64 // frequency**64).bit_length() - 1


def cheapest_path(dictionary: Dictionary, text: bytes) -> list[tuple[int, int]]:
    """(context, symbol) for each step of the path that costs the fewest bits."""
    best: list[dict[int, _Step]] = [{} for _ in range(len(text) + 1)]
    best[0][0] = (0, 0, 0, 0)
    ends: _Step | None = None
    for position, states in enumerate(best):
        reached = list(states)
        heapify(reached)
        while reached:
            # A symbol without text leads to a later context only, so the lowest number is final.
            number = heappop(reached)
            context, spent = dictionary.context(number), states[number][0]
            for length in context.lengths:
                if position + length > len(text):
                    break
                for cost, symbol, follow in context.symbols.get(text[position : position + length], ()):
                    step = (spent + cost, position, number, symbol)
                    if follow == _END:
                        if position == len(text) and (ends is None or step < ends):
                            ends = step
                        continue
                    states_there = best[position + length]
                    known = states_there.get(follow)
                    if known is None and length == 0:
                        heappush(reached, follow)
                    if known is None or step[0] < known[0]:
                        states_there[follow] = step
    if ends is None:
        raise ModelError("the dictionary has no path for this text: reinstall gistchain")
    return _traced(best, ends)


def _traced(best: list[dict[int, _Step]], step: _Step) -> list[tuple[int, int]]:
    """The path that ends with this step."""
    path = []
    while True:
        _, position, number, symbol = step
        path.append((number, symbol))
        if position == 0 and number == 0:
            return path[::-1]
        step = best[position][number]


def _fraction(dictionary: Dictionary, path: list[tuple[int, int]]) -> bytes:
    """The shortest bytes b, read as the fraction 0.b, inside the interval of the path; the smallest of those."""
    low, width, unit = 0, 1, 1
    for number, symbol in path:
        context = dictionary.context(number)
        low = low * context.cumulative[-1] + context.cumulative[symbol] * width
        width *= context.frequencies[symbol]
        unit *= context.cumulative[-1]
    size = max(0, (unit // width).bit_length() - 1) // 8
    while True:
        value = -(-(low << 8 * size) // unit)
        if value * unit < (low + width) << 8 * size:
            return value.to_bytes(size)
        size += 1


def _read(dictionary: Dictionary, code: bytes) -> bytes:
    """The text of a code. Every symbol but the last emits text or leads to a later context, so this ends."""
    value, unit = int.from_bytes(code), 1 << 8 * len(code)
    text, path, number = bytearray(), [], 0
    while number != _END:
        context = dictionary.context(number)
        target = value * context.cumulative[-1]
        symbol = bisect_right(context.cumulative, target // unit) - 1
        value = target - context.cumulative[symbol] * unit
        unit *= context.frequencies[symbol]
        path.append((number, symbol))
        text += context.pieces[symbol]
        if len(text) > MAX_TEXT_BYTES:
            raise PacketError(f"caption decodes to more than {MAX_TEXT_BYTES} bytes: the layer is damaged")
        number = context.nexts[symbol]
    if _fraction(dictionary, path) != code:
        raise PacketError("caption code is not the shortest of its text: the layer is damaged")
    return bytes(text)
