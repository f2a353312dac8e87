"""How likely each bit of an uncoded text is -> the likeliest text, and how sure each of its words is.

    log-likelihood ratios of 8 bits a byte ─> how likely each byte is at each place
    the dictionary as a language model     ─> how likely each text is before anything arrived   (textcode.py)
        └ both ─> the likeliest path through the dictionary (Viterbi), and what all paths say of its bytes
                  (forward and backward sums)

The dictionary is a finite-state machine, so both are exact: nothing is pruned. Names, numbers and words that it does
not list are read byte by byte. What is read is fluent even where it is wrong; only a check can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import PacketError, SettingError
from gistchain.gist import textcode
from gistchain.gist.textcode import Dictionary
from gistchain.kernels.compiled import compiled

Floats = NDArray[np.float64]

MOST_BYTES = 512
"""Of a text that is read; time and memory grow with it."""
PADDING = 0
_BITS = 8
_MOST_LLR = 40.0
"""A ratio beyond it says nothing more: the other value has one chance in 10^17."""
_IMPOSSIBLE = -1e300
_NEGLIGIBLE = 60.0
"""Texts so much less likely than the likeliest are not summed up: one chance in 10^26 each."""


@dataclass(frozen=True, slots=True)
class Word:
    """confidence: the chance that every byte of it is right, at most that of its least sure one, in 0..1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """text: as read. words: those of it. certain: whether a check says that the text is right; False without one."""

    text: str
    words: tuple[Word, ...]
    certain: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Symbols:
    """The dictionary as arrays. starts: of each context's symbols, shape (contexts + 1,). at, size: where the piece of
    a symbol lies in `pieces`. follow: the next context, -1 for the end. chance: of the symbol in its context, and its
    logarithm."""

    starts: NDArray[np.int64]
    at: NDArray[np.int64]
    size: NDArray[np.int64]
    follow: NDArray[np.int64]
    chance: Floats
    log_chance: Floats
    pieces: NDArray[np.uint8]


def read(
    llrs: Floats, *, check: Callable[[bytes], bool] | None = None, dictionary: Dictionary | None = None
) -> Reading:
    """The likeliest text of UTF-8 whose bits gave these ratios.

    llrs: log P(0)/P(1) of every bit, the highest of a byte first, shape (8 n,). Bytes of 0 follow the text to the end.
    check: whether the bytes of a text are right, such as one against a CRC that came with them.
    dictionary: what texts are made of, by default that of packets.
    Raises SettingError for more than 512 bytes, a number of bits that is no whole number of bytes, and NaN.
    """
    logs, padding, symbols = _weighed(llrs, dictionary)
    path, best, total = _likeliest(logs, padding, symbols)
    data = b"".join(piece for _, piece in path)
    certain = check is not None and check(data)
    if not data:
        return Reading("", (), certain)
    sure = _certainty(logs, padding, symbols, best, total)[np.arange(len(data)), np.frombuffer(data, np.uint8)]
    return Reading(data.decode(errors="replace"), _words(data, sure), certain)


def read_text(llrs: Floats, *, dictionary: Dictionary | None = None) -> str:
    """The text of `read` alone, in about half of the time. Arguments and errors are the same."""
    path, _, _ = _likeliest(*_weighed(llrs, dictionary))
    return b"".join(piece for _, piece in path).decode(errors="replace")


def _weighed(llrs: Floats, dictionary: Dictionary | None) -> tuple[Floats, Floats, _Symbols]:
    """Log of how likely each byte is at each place; of zeros from each place to the end; the dictionary."""
    ratios = np.asarray(llrs, np.float64)
    if ratios.ndim != 1 or ratios.size % _BITS or np.isnan(ratios).any():
        raise SettingError(f"a text is read from 8 ratios a byte, none of them NaN, not from {ratios.shape}")
    count = ratios.size // _BITS
    if count > MOST_BYTES:
        raise SettingError(f"a text of {count} bytes can't be read from soft bits: at most {MOST_BYTES}")
    logs = _byte_logs(ratios.reshape(count, _BITS))
    padding = np.concatenate([np.cumsum(logs[::-1, PADDING])[::-1], [0.0]])
    return logs, padding, _symbols(dictionary or textcode.load())


def _byte_logs(ratios: Floats) -> Floats:
    """Log of how likely each byte is at each place, less that of the likeliest; shape (n, 256)."""
    ratios = np.clip(ratios, -_MOST_LLR, _MOST_LLR)
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    logs: Floats = -np.maximum(ratios, 0) @ bits.T.astype(np.float64) + np.minimum(ratios, 0) @ (1.0 - bits.T)
    return logs


@cache
def _symbols(dictionary: Dictionary) -> _Symbols:
    contexts = [dictionary.context(number) for number in range(len(dictionary))]
    sizes = [len(piece) for context in contexts for piece in context.pieces]
    counts = [len(context.pieces) for context in contexts]
    chance = np.array([f / c.cumulative[-1] for c in contexts for f in c.frequencies])
    return _Symbols(
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        at=(np.cumsum(sizes) - sizes).astype(np.int64),
        size=np.array(sizes, np.int64),
        follow=np.array([follow for context in contexts for follow in context.nexts], np.int64),
        chance=chance,
        log_chance=np.log(chance),
        pieces=np.frombuffer(b"".join(piece for c in contexts for piece in c.pieces) or b"\0", np.uint8).copy(),
    )


def _likeliest(logs: Floats, padding: Floats, symbols: _Symbols) -> tuple[list[tuple[int, bytes]], Floats, float]:
    """(context and piece of each step of the likeliest path; log of the best way to each place and context, shape
    (n + 1, contexts); log of the path)."""
    places, contexts = len(logs) + 1, len(symbols.starts) - 1
    best = np.full((places, contexts), _IMPOSSIBLE)
    best[0, 0] = 0.0
    before = np.zeros((places, contexts, 3), np.int64)
    last = np.zeros(3, np.int64)
    total = _viterbi(
        logs, padding, symbols.starts, symbols.at, symbols.size, symbols.follow, symbols.log_chance,
        symbols.pieces, best, before, last,
    )  # fmt: skip
    if total <= _IMPOSSIBLE / 2:
        raise PacketError(f"no text of the dictionary has at most {len(logs)} bytes")
    path = []
    step = last
    while True:
        place, context, symbol = (int(number) for number in step)
        start, size = symbols.at[symbol], symbols.size[symbol]
        path.append((context, symbols.pieces[start : start + size].tobytes()))
        if place == 0 and context == 0:
            return path[::-1], best, float(total)
        step = before[place, context]


@compiled("f8[n, 256], f8[m], i8[c], i8[s], i8[s], i8[s], f8[s], u1[p], out f8[m, d], out i8[m, d, 3], out i8[3] -> f8")
def _viterbi(
    logs: Any, padding: Any, starts: Any, at: Any, size: Any, follow: Any, chance: Any, pieces: Any, best: Any,
    before: Any, last: Any,
) -> float:  # fmt: skip
    places, total = len(padding), -1e300
    for place in range(places):
        for context in range(len(starts) - 1):
            here = best[place, context]
            if here <= -1e299:
                continue
            for symbol in range(starts[context], starts[context + 1]):
                end = place + size[symbol]
                if end >= places:
                    continue
                there = follow[symbol]
                known = total - padding[end] if there < 0 else best[end, there]
                value = here + chance[symbol]
                if value <= known:
                    continue
                for k in range(size[symbol]):
                    value += logs[place + k, pieces[at[symbol] + k]]
                if value <= known:
                    continue
                if there < 0:
                    total = value + padding[end]
                    last[0], last[1], last[2] = place, context, symbol
                else:
                    best[end, there] = value
                    before[end, there, 0], before[end, there, 1], before[end, there, 2] = place, context, symbol
    return total


def _written(
    logs: Any, at: Any, size: Any, pieces: Any, value: float, least: float, place: int, symbol: int
) -> float:  # fmt: skip
    """The value with the piece of a symbol written here; some value below `least` as soon as it falls below that."""
    start, count, k = at[symbol], size[symbol], 0
    while k < count and value >= least:
        value += logs[place + k, pieces[start + k]]
        k += 1
    return value


def _certainty(logs: Floats, padding: Floats, symbols: _Symbols, best: Floats, total: float) -> Floats:
    """How likely each byte is at each place, given all that arrived; shape (n, 256). Behind the end nothing is said."""
    least = total - _NEGLIGIBLE
    rest = np.full_like(best, _IMPOSSIBLE)
    _best_rest(
        logs, padding, symbols.starts, symbols.at, symbols.size, symbols.follow, symbols.log_chance, symbols.pieces,
        best, least, rest,
    )  # fmt: skip
    # Sums are kept relative to the best way to each place, so that they neither overflow nor vanish.
    scale = np.maximum(best.max(axis=1), _IMPOSSIBLE / 2)
    reach = int(symbols.size.max()) + 1
    steps = np.zeros((len(scale), reach))
    for size in range(min(reach, len(scale))):
        steps[: len(scale) - size, size] = np.exp(np.clip(scale[: len(scale) - size] - scale[size:], -700, 700))
    ends = np.exp(np.clip(scale + padding - total, -700, 700))
    forward, backward = np.zeros_like(best), np.zeros_like(best)
    forward[0, 0] = 1.0
    found = np.zeros_like(logs)
    whole = _sums(
        logs, np.exp(logs), padding, ends, steps, symbols.starts, symbols.at, symbols.size, symbols.follow,
        symbols.chance, symbols.log_chance, symbols.pieces, best, rest, least, forward, backward, found,
    )  # fmt: skip
    return found / whole if whole > 0 else found


@compiled("f8[n, 256], f8[m], i8[c], i8[s], i8[s], i8[s], f8[s], u1[p], f8[m, d], f8, out f8[m, d]")
def _best_rest(
    logs: Any, padding: Any, starts: Any, at: Any, size: Any, follow: Any, chance: Any, pieces: Any, best: Any,
    least: float, rest: Any,
) -> None:  # fmt: skip
    """Log of the best way from each place and context to the end, where a whole text with it is not below `least`."""
    places = len(padding)
    for back in range(places):
        place = places - 1 - back
        for behind in range(len(starts) - 1):
            context = len(starts) - 2 - behind
            needed = least - best[place, context]
            if needed > 0.0:
                continue
            for symbol in range(starts[context], starts[context + 1]):
                end = place + size[symbol]
                if end >= places:
                    continue
                after = padding[end] if follow[symbol] < 0 else rest[end, follow[symbol]]
                known = rest[place, context] if rest[place, context] > needed else needed
                value = _written(logs, at, size, pieces, after + chance[symbol], known, place, symbol)
                if value > rest[place, context]:
                    rest[place, context] = value


@compiled(
    "f8[n, 256], f8[n, 256], f8[m], f8[m], f8[m, r], i8[c], i8[s], i8[s], i8[s], f8[s], f8[s], u1[p], f8[m, d],"
    " f8[m, d], f8, out f8[m, d], out f8[m, d], out f8[n, 256] -> f8"
)
def _sums(
    logs: Any, likely: Any, padding: Any, ends: Any, steps: Any, starts: Any, at: Any, size: Any, follow: Any,
    chance: Any, log_chance: Any, pieces: Any, best: Any, rest: Any, least: float, forward: Any, backward: Any,
    found: Any,
) -> float:  # fmt: skip
    """How likely all texts from `least` on are together; `found` gets those that have a byte at a place."""
    places, contexts, whole = len(ends), len(starts) - 1, 0.0
    for place in range(places):
        for context in range(contexts):
            here = forward[place, context]
            if here == 0.0:
                continue
            for symbol in range(starts[context], starts[context + 1]):
                end = place + size[symbol]
                if end >= places:
                    continue
                there = follow[symbol]
                value = best[place, context] + (padding[end] if there < 0 else rest[end, there]) + log_chance[symbol]
                if _written(logs, at, size, pieces, value, least, place, symbol) < least:
                    continue
                value = here * chance[symbol]
                for k in range(size[symbol]):
                    value *= likely[place + k, pieces[at[symbol] + k]]
                value *= steps[place, size[symbol]]
                if there < 0:
                    whole += value * ends[end]
                else:
                    forward[end, there] += value
    for back in range(places):
        place = places - 1 - back
        for behind in range(contexts):
            context = contexts - 1 - behind
            here = forward[place, context]
            if here == 0.0:
                continue
            for symbol in range(starts[context], starts[context + 1]):
                end = place + size[symbol]
                if end >= places:
                    continue
                there = follow[symbol]
                value = best[place, context] + (padding[end] if there < 0 else rest[end, there]) + log_chance[symbol]
                if _written(logs, at, size, pieces, value, least, place, symbol) < least:
                    continue
                value = (ends[end] if there < 0 else backward[end, there]) * chance[symbol]
                for k in range(size[symbol]):
                    value *= likely[place + k, pieces[at[symbol] + k]]
                value *= steps[place, size[symbol]]
                backward[place, context] += value
                share = here * value
                for k in range(size[symbol]):
                    found[place + k, pieces[at[symbol] + k]] += share
    return whole


def _words(data: bytes, sure: Floats) -> tuple[Word, ...]:
    """The words of a text, each as sure as its least sure byte."""
    return tuple(
        Word(match[0].decode(errors="replace"), float(min(1.0, sure[match.start() : match.end()].min())))
        for match in re.finditer(rb"\S+", data)
    )
