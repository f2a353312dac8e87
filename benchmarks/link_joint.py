"""The language model inside the polar decoder's list: of unpacked text, of packed captions, beside what is shipped.

    python -m benchmarks.link_joint        # writes results/link_joint.json; about 10 CPU-minutes

unpacked: captions of English and photos in five bits a letter with a check of 16 bits, polar-coded. Each path of the
list (32 of them) knows the text that it has read, and the dictionary tells it how likely the next bit is (Wang,
Jiang, ...: Joint source-channel decoding of polar codes for language-based sources, 2016). Beside it the same code
without language, and the packed caption in as many uses. at_90: the SNR where 90% are exact, by linear interpolation,
and its 95% interval.

packed: the bits of an arithmetic code are 0 as often as 1, so that no path can be told much; but few bytes are the
shortest code of any text (passing: the share of random ones with a right check), and version and tag are nearly always
the same (gistchain/gist/expected.py). spare_bits: of a code, beyond what its text weighs. pools: what each of these is
worth, as benchmarks/link_text.py measures; wrong: how many of 2,000 wrong readings it calls certain.
"""

from __future__ import annotations

import argparse
import binascii
import json
import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.link_captions import captions
from benchmarks.link_text import SIZES, Decoder, _passes, block_code, needed, of_size, wrong
from gistchain.gist import textcode
from gistchain.gist.expected import first_ratios
from gistchain.gist.packet import is_whole, pack
from gistchain.link.blockcode import BlockCode
from gistchain.link.channel import Awgn
from gistchain.link.codes.polar import PolarCode, likeliest
from gistchain.types import Gist, ModulationName, Segment

Figures = dict[str, Any]
Floats = NDArray[np.float64]
Bits = NDArray[np.uint8]
LETTERS = " abcdefghijklmnopqrstuvwxyz,.'-"
LETTER_BITS = 5
CHECK_BITS = 16
LIST = 32
SEEDS = 1
RANDOM = 20_000
_RARE = 1e-6
"""Hypotheses about the text that are less likely than this are dropped, and no letter is less likely."""


def main() -> None:
    argparse.ArgumentParser().parse_args()
    figures = {"unpacked": unpacked(), "packed": packed()}
    report.write("link_joint", figures=figures, data="benchmarks/link_captions.tsv; English and photos in lower case")
    print(json.dumps(figures, indent=1))


# The language, a letter at a time


@cache
def _begun(number: int) -> tuple[dict[bytes, float], dict[bytes, list[tuple[float, int]]]]:
    """Of a context: chance of what pieces begin with; of each whole piece, the chance and the next context."""
    context = textcode.load().context(number)
    begun: dict[bytes, float] = {}
    whole: dict[bytes, list[tuple[float, int]]] = {}
    for piece, frequency, follow in zip(context.pieces, context.frequencies, context.nexts, strict=True):
        chance = frequency / context.cumulative[-1]
        whole.setdefault(piece, []).append((chance, follow))
        for size in range(len(piece) + 1):
            begun[piece[:size]] = begun.get(piece[:size], 0.0) + chance
    return begun, whole


@lru_cache(1 << 16)
def hypotheses(text: str) -> dict[tuple[int, bytes], float]:
    """Where in the dictionary a text may have come to: context and begun piece -> weight."""
    if not text:
        return _closed({(0, b""): 1.0})
    letter, found = text[-1].encode(), {}
    for (number, begun), weight in hypotheses(text[:-1]).items():
        if begun + letter in _begun(number)[0]:
            found[number, begun + letter] = weight
    return _closed(found)


def _closed(found: dict[tuple[int, bytes], float]) -> dict[tuple[int, bytes], float]:
    """With the contexts that whole pieces lead to."""
    for number, begun in [key for key in found if key[1]]:
        _follow(found, number, begun)
    for number in range(len(textcode.load())):
        if (number, b"") in found:
            _follow(found, number, b"")
    weights = {key: weight * _begun(key[0])[0][key[1]] for key, weight in found.items()}
    total = sum(weights.values()) or 1.0
    return {key: weight / total for key, weight in found.items() if weights[key] > _RARE * total}


def _follow(found: dict[tuple[int, bytes], float], number: int, begun: bytes) -> None:
    for chance, follow in _begun(number)[1].get(begun, ()):
        if follow >= 0:
            found[follow, b""] = found.get((follow, b""), 0.0) + chance * found[number, begun]


@lru_cache(1 << 16)
def next_letters(text: str) -> Floats:
    """How likely each number of five bits is to come next, f8[32]."""
    chances = np.full(1 << LETTER_BITS, _RARE)
    for (number, begun), weight in hypotheses(text).items():
        known = _begun(number)[0]
        for code, letter in enumerate(LETTERS):
            chances[code] += weight * known.get(begun + letter.encode(), 0.0)
    return chances / chances.sum()


# A list decoder whose paths ask before they decide


class ListReader:
    """Successive cancellation with a list; each path is asked how likely its next bit is a 1.

    code: what was sent. Slow and plain: gistchain/link/codes/polar_list.py is the decoder that is shipped.
    """

    def __init__(self, code: PolarCode, paths: int, letters: int, language: bool) -> None:
        self._code, self._paths, self._language = code, paths, language
        self._letters = letters
        self._is_information = np.zeros(code.matching.mother, bool)
        self._is_information[code.matching.carrying] = True

    def candidates(self, llrs: NDArray[np.float32]) -> Bits:
        """The likeliest first, u1[L, bits]."""
        alpha = self._code._added(llrs[None].astype(np.float64))
        alpha[:, self._code.matching.zeros] = 1 + np.abs(alpha).sum()
        self._cost = np.zeros(1)
        self._read = np.zeros((1, 0), np.uint8)
        self._chances = self._asked()
        self._visit(alpha, 0)
        return self._read[np.argsort(self._cost)]

    def _visit(self, alpha: Floats, start: int) -> tuple[Bits, NDArray[np.int64]]:
        """(bits of this part of the word for each path, which path before it each one continues)."""
        paths, size = alpha.shape
        if not self._is_information[start : start + size].any():
            self._cost = self._cost + np.logaddexp(0, -alpha).sum(1)
            return np.zeros(alpha.shape, np.uint8), np.arange(paths)
        if size == 1:
            return self._decide(alpha[:, 0])
        a, b = alpha[:, : size // 2], alpha[:, size // 2 :]
        either = np.sign(a) * np.sign(b) * np.minimum(abs(a), abs(b))
        either += np.log1p(np.exp(-abs(a + b))) - np.log1p(np.exp(-abs(a - b)))
        left, came = self._visit(either, start)
        a, b = a[came], b[came]
        right, again = self._visit(np.where(left, b - a, b + a), start + size // 2)
        left = left[again]
        return np.concatenate([left ^ right, right], axis=1), came[again]

    def _decide(self, llr: Floats) -> tuple[Bits, NDArray[np.int64]]:
        one = self._chances_of_one()
        cost = np.stack([
            self._cost + np.logaddexp(0, -llr) - np.log(1 - one), self._cost + np.logaddexp(0, llr) - np.log(one)
        ])  # fmt: skip
        order = np.argsort(cost.ravel(), kind="stable")[: self._paths]
        bit, came = np.divmod(order, len(llr))
        self._cost = cost.ravel()[order]
        self._read = np.concatenate([self._read[came], bit[:, None].astype(np.uint8)], axis=1)
        self._narrow(came, bit)
        return bit[:, None].astype(np.uint8), came

    def _in_text(self) -> bool:
        return self._language and self._read.shape[1] < LETTER_BITS * self._letters

    def _asked(self) -> Floats:
        return np.array([next_letters(text) for text in _texts(self._read)]) if self._in_text() else np.ones((1, 2))

    def _chances_of_one(self) -> Floats:
        if not self._in_text():
            return np.full(len(self._cost), 0.5)
        half = self._chances.shape[1] // 2
        return np.clip(self._chances[:, half:].sum(1) / self._chances.sum(1), 1e-9, 1 - 1e-9)

    def _narrow(self, came: NDArray[np.int64], bit: NDArray[np.int64]) -> None:
        if not self._language or self._read.shape[1] > LETTER_BITS * self._letters:
            return
        if self._read.shape[1] % LETTER_BITS == 0:
            self._chances = self._asked()
            return
        halves = self._chances[came].reshape(len(came), 2, -1)
        self._chances = halves[np.arange(len(came)), bit]


def _texts(read: Bits) -> list[str]:
    codes = read.reshape(len(read), -1, LETTER_BITS) @ (1 << np.arange(LETTER_BITS)[::-1])
    return ["".join((LETTERS + "?")[code] for code in row) for row in codes]


# What is compared


def unpacked() -> Figures:
    texts = [text.lower() for source, text in captions() if source != "tokens"]
    texts = [text for text in texts if set(text) <= set(LETTERS)]
    found: Figures = {"captions": len(texts), "frames": len(texts) * SEEDS, "uses": {}}
    for per_letter, modulation, grids in (
        (2, "16qam", {"letters": (7, 8, 9, 10), "language": (3, 4, 5, 6, 7), "packed": (-1, 0, 1, 2, 3, 4, 5, 6)}),
    ):
        found["uses"][f"{per_letter} a letter"] = at = {}
        for name, grid in grids.items():
            exact = {snr: [_exact(name, t, per_letter, modulation, snr, k) for k, t in _frames(texts)] for snr in grid}
            at[name] = {"exact": {snr: float(np.mean(row)) for snr, row in exact.items()}, "at_90": _at_90(exact)}
            print(per_letter, name, at[name], flush=True)
    return found


def _frames(texts: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(list(texts) * SEEDS))


def _exact(name: str, text: str, per_letter: int, modulation: ModulationName, snr_db: float, seed: int) -> bool:
    uses = per_letter * len(text)
    if name == "packed":
        bits = np.unpackbits(np.frombuffer(pack(Gist((text,), (512, 512))), np.uint8))
        block = block_code(bits.size, uses)
        came = Awgn(snr_db).carry_bits([Segment(block.encode(bits), block.modulation)], seed=seed)
        return np.array_equal(block.decode(came.llrs[0], _passes), bits)
    bits = _lettered(text)
    code = _code(bits.size, uses * (4 if modulation == "16qam" else 2))
    came = Awgn(snr_db).carry_bits([Segment(code.encode(bits), modulation)], seed=seed)
    if name == "letters":
        passed = likeliest(code, came.llrs[0], lambda words: np.array([_is_checked(word) for word in words]))
        return passed is not None and np.array_equal(passed[0], bits)
    words = ListReader(code, LIST, len(text), True).candidates(came.llrs[0])
    return next((np.array_equal(word, bits) for word in words if _is_checked(word)), False)


@cache
def _code(bits: int, coded_bits: int) -> PolarCode:
    return PolarCode(bits, coded_bits, channel_interleaved=True)


def _lettered(text: str) -> Bits:
    """Five bits a letter, then the check."""
    codes = np.array([LETTERS.index(letter) for letter in text], np.uint8)
    bits = np.unpackbits(codes[:, None], axis=1)[:, -LETTER_BITS:].ravel()
    return np.concatenate([bits, _check(bits)])


def _check(bits: Bits) -> Bits:
    return np.unpackbits(np.frombuffer(binascii.crc_hqx(np.packbits(bits).tobytes(), 0xFFFF).to_bytes(2), np.uint8))


def _is_checked(word: Bits) -> bool:
    return np.array_equal(_check(word[:-CHECK_BITS]), word[-CHECK_BITS:])


def _at_90(exact: dict[int, list[bool]]) -> list[float]:
    grid, rows = list(exact), np.array(list(exact.values()), float)
    rng = np.random.default_rng(0)
    draws = [np.arange(rows.shape[1]), *(rng.integers(0, rows.shape[1], rows.shape[1]) for _ in range(1000))]
    values = np.array([_crossed(grid, rows[:, draw].mean(1)) for draw in draws])
    return [round(float(v), 2) for v in (values[0], *np.nanpercentile(values[1:], [2.5, 97.5]))]


def _crossed(grid: Sequence[float], share: Floats) -> float:
    for k in range(len(grid) - 1, 0, -1):
        if share[k - 1] < 0.9 <= share[k]:
            return grid[k - 1] + (grid[k] - grid[k - 1]) * (0.9 - share[k - 1]) / (share[k] - share[k - 1])
    return math.nan


def packed() -> Figures:
    rows = captions()
    packets = [pack(Gist((text,), (512, 512))) for _, text in rows]
    spare = [8 * len(textcode.encode(text)[1]) - _weight(text) for _, text in rows]
    found: Figures = {
        "spare_bits": report.spread(spare),
        "passing": {str(size): _passing(size) for size in (6, 8, 10, 14, 20)},
        "pools": {},
        "wrong": {name: wrong(rows, decode) for name, decode in DECODERS.items()},
    }
    print(found, flush=True)
    for size in SIZES:
        pool = of_size(packets, size)
        found["pools"][f"{size} bytes, 128 uses"] = row = {}
        for name, decode in DECODERS.items():
            row[name] = needed(pool, [128] * len(pool), decode, steps=(-1.5, -1.2, -0.9, -0.6, -0.3, 0.0))
            print(size, name, row[name], flush=True)
    return found


def _decoder(reads_too: bool, expects: bool, list_sizes: Sequence[int]) -> Decoder:
    passes = _reads if reads_too else _passes

    def decode(code: BlockCode, llrs: NDArray[np.float32]) -> Bits | None:
        known = first_ratios(code.bits, True)[0] if expects else None
        return code.decode(llrs, passes, known=known, list_sizes=list_sizes)

    return decode


def _reads(bits: Bits) -> bool:
    return is_whole(np.packbits(bits).tobytes())


DECODERS = {
    "check, lists to 32": _decoder(False, False, (1, 8, 32)),
    "check and text, lists to 128": _decoder(True, False, (1, 8, 32, 128)),
    "the same, header expected": _decoder(True, True, (1, 8, 32, 128)),
}


def _weight(text: str) -> float:
    """Bits that a text weighs: -log2 of the chance of its cheapest path."""
    known = textcode.load()
    steps = [(known.context(number), symbol) for number, symbol in textcode.cheapest_path(known, text.encode())]
    return -sum(math.log2(context.frequencies[symbol] / context.cumulative[-1]) for context, symbol in steps)


def _passing(size: int) -> float:
    """The share of random packets of this size with a caption's tag and a right check that hold a caption's code."""
    rng, passed, count = np.random.default_rng(size), 0, RANDOM
    for _ in range(count):
        code = rng.bytes(size - 4)
        try:
            textcode.decode(textcode.DICTIONARY, code)
            passed += 1
        except textcode.PacketError:
            continue
    return passed / count


if __name__ == "__main__":
    main()
