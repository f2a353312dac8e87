"""Captions over AWGN: uncoded and read hard, with SymSpell or softly; packed and coded; and what is called certain.

    python -m benchmarks.link_text [--only PART ...]        writes results/link_text.json; about 25 CPU-minutes

500 held-out captions (benchmarks/link_captions.py). uncoded: 8 bits a character, as many uses as they take; every
reader is told how many characters there are. hard: the nearest points; what can't be printed becomes a question mark.
spelled: the best, at each SNR, of SymSpell's English words and those of our captions, word by word and compound.
soft: through the dictionary's probabilities. BLEU: of the corpus, case-sensitive, by sacrebleu. at_75: the SNR where
BLEU reaches 75, by linear interpolation, and its 95% interval by bootstrap over captions.

coded: the packet of the caption (size, tag, code, 16-bit check) in one block. needed: the SNR where 99% are exact, by
interpolation of the logarithm of the error rate, beside the normal approximation's, of the same lengths. wrong:
readings of blocks that could not be decoded, and how many the check called certain. clean: texts with names and
numbers.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from editdistpy import levenshtein
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU

from benchmarks import report, spelling
from benchmarks.clean_texts import clean_texts
from benchmarks.link_captions import captions
from gistchain.gist.packet import checks_hold, is_whole, pack
from gistchain.gist.softtext import read, read_text
from gistchain.link.blockcode import BlockCode
from gistchain.link.bounds import error_rate_for
from gistchain.link.channel import Awgn
from gistchain.link.modem import BITS
from gistchain.types import Gist, ModulationName, Segment

Figures = dict[str, Any]
Floats = NDArray[np.float64]
TARGET = 75.0
GRIDS: dict[ModulationName, dict[str, Sequence[int]]] = {
    "16qam": {"all": (-7, -5, -3), "few": (-1, 1, 3, 5, 7, 9, 11), "hard": (13, 14, 15, 16, 17)},
    "qpsk": {"all": (-12, -10, -8), "few": (-5, -2, 0, 2, 4), "hard": (7, 8, 9, 10)},
}
"""SNRs in dB: of soft reading, of the captions of photos and English alone, which need more, and of the others."""
SOURCES = "tokens", "photos", "english"
EACH_CODED = 4
ONE_SIZE = 500
SOME = 5
SIZES = 8, 12
STEPS = -0.4, 0.0, 0.4, 0.8, 1.2
BINS = 0, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999, 1.0000001
RESAMPLED = 500
WRONG = 2000


def main() -> None:
    parts: dict[str, Callable[[Sequence[tuple[str, str]]], Figures]] = {
        "16qam": partial(uncoded, "16qam"), "qpsk": partial(uncoded, "qpsk"), "coded": coded, "wrong": wrong,
        "clean": clean, "speed": speed,
    }  # fmt: skip
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", choices=parts, default=list(parts))
    given = parser.parse_args()
    path = report.RESULTS / "link_text.json"
    rows = captions()
    for part in given.only:
        found = parts[part](rows)
        figures = (json.loads(path.read_text("utf-8"))["figures"] if path.exists() else {}) | {part: found}
        report.write(
            "link_text", command="python -m benchmarks.link_text", figures=figures,
            data="benchmarks/link_captions.tsv: 500 held-out captions of 9 collections, photos and English",
        )  # fmt: skip
        print(json.dumps(found, indent=1), flush=True)


# Uncoded


def uncoded(name: ModulationName, rows: Sequence[tuple[str, str]]) -> Figures:
    texts = [text for _, text in rows]
    sources = np.array([source for source, _ in rows])
    grid = GRIDS[name]
    found: dict[str, dict[int, Read]] = {}
    told: list[tuple[float, bool]] = []
    for snr_db in sorted({*grid["all"], *grid["few"], *grid["hard"]}):
        numbers = np.flatnonzero(sources != "tokens") if snr_db in grid["few"] else np.arange(len(texts))
        llrs = [_arrived(texts[k].encode(), name, snr_db, int(k)) for k in numbers]
        if snr_db in grid["hard"]:
            readings = _hard([_nearest(row) for row in llrs])
        else:
            readings = {"soft": [read_text(row) for row in llrs]}
            some = range(0, len(numbers), SOME)
            told += [pair for k in some for pair in _right(read(llrs[k]), texts[numbers[k]])]
        for reader, said in readings.items():
            found.setdefault(reader, {})[snr_db] = _compared(said, texts, numbers)
        print(name, snr_db, {r: round(_bleu(s[snr_db].stats), 1) for r, s in found.items() if snr_db in s}, flush=True)
    metric = BLEU()
    metric.corpus_score(texts[:1], [texts[:1]])
    signature = str(metric.get_signature())
    return {"signature": signature, "confidence": _reliability(told), **_crossings(found, sources)}


@dataclass(frozen=True)
class Read:
    """Of every caption, NaN where it was not read: what BLEU sums up (`_stats`), exact or not, edits a character."""

    stats: Floats
    exact: Floats
    errors: Floats


def _compared(said: Sequence[str], texts: Sequence[str], numbers: NDArray[np.int64]) -> Read:
    wanted = [texts[k] for k in numbers]
    pairs = list(zip(said, wanted, strict=True))
    found = Read(*(np.full((len(texts), *more), np.nan) for more in ((10,), (), ())))
    found.stats[numbers] = _stats(said, wanted)
    found.exact[numbers] = [a == b for a, b in pairs]
    found.errors[numbers] = [levenshtein.distance(a, b, 10**6) / len(b) for a, b in pairs]
    return found


def _arrived(data: bytes, name: ModulationName, snr_db: float, seed: int) -> NDArray[np.float64]:
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    return Awgn(snr_db).carry_bits([Segment(bits, name)], seed=seed).llrs[0].astype(np.float64)


def _nearest(llrs: NDArray[np.float64]) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in np.packbits(llrs < 0).tobytes())


def _hard(texts: list[str]) -> dict[str, list[str]]:
    found = {"hard": texts}
    for words in ("english", "captions"):
        found[f"{words} words"] = [spelling.by_word(text, words) for text in texts]
        found[f"{words} words, compound"] = [spelling.compound(text, words) for text in texts]
    return found


def _stats(hypotheses: Sequence[str], texts: Sequence[str]) -> Floats:
    """What corpus BLEU sums up over captions: matching and all n-grams of four lengths, both lengths in words."""
    metric = BLEU(effective_order=True)
    rows = [metric.sentence_score(said, [text]) for said, text in zip(hypotheses, texts, strict=True)]
    return np.array([[*row.counts, *row.totals, row.sys_len, row.ref_len] for row in rows], float)


def _bleu(stats: Floats) -> float:
    *grams, said, wanted = (int(number) for number in np.nansum(stats, 0))
    return float(BLEU.compute_bleu(grams[:4], grams[4:], said, wanted, smooth_method="exp").score)


def _crossings(found: dict[str, dict[int, Read]], sources: NDArray[np.str_]) -> Figures:
    """curves: BLEU, exact captions and wrong characters by source, reader and SNR. at_75: of hard decisions, of the
    best spelling and of soft reading, and the gain."""
    spelled = [reader for reader in found if "words" in reader]
    groups: dict[str, Sequence[str]] = {"hard": ["hard"], "spelled": ["hard", *spelled], "soft": ["soft"]}
    rng = np.random.default_rng(0)
    at: Figures = {}
    curves: Figures = {}
    for source in ("all", *SOURCES):
        members = np.flatnonzero((sources == source) | (source == "all"))
        draws = [members, *(rng.choice(members, len(members)) for _ in range(RESAMPLED))]
        stats = {
            reader: {snr: row.stats for snr, row in rows.items() if not np.isnan(row.exact[members]).any()}
            for reader, rows in found.items()
        }
        crossing = {
            group: np.array([_at_target([stats[r] for r in readers], draw) for draw in draws])
            for group, readers in groups.items()
        }
        crossing["gain"] = crossing["spelled"] - crossing["soft"]
        at[source] = {"n": len(members), **{group: _told(values) for group, values in crossing.items()}}
        curves[source] = {
            reader: {str(snr): _point(found[reader][snr], members) for snr in rows} for reader, rows in stats.items()
        }
    return {"curves": curves, "at_75": at}


def _point(row: Read, members: NDArray[np.int64]) -> Figures:
    return {
        "bleu": round(_bleu(row.stats[members]), 2), "exact": round(float(row.exact[members].mean()), 4),
        "character_errors": round(float(row.errors[members].mean()), 4),
    }  # fmt: skip


def _at_target(readers: Sequence[dict[int, Floats]], draw: NDArray[np.int64]) -> float:
    """The SNR from which on the best reader's BLEU is at least the target; NaN where the grid doesn't hold it."""
    grid = sorted(readers[0])
    best = [max(_bleu(reader[snr][draw]) for reader in readers) for snr in grid]
    for k in range(len(grid) - 1, 0, -1):
        if best[k - 1] < TARGET <= best[k]:
            return grid[k - 1] + (grid[k] - grid[k - 1]) * (TARGET - best[k - 1]) / (best[k] - best[k - 1])
    return math.nan


def _told(values: NDArray[np.float64]) -> list[float]:
    """[value, ends of its 95% interval]; the first is that of all captions, the others of those drawn again."""
    return [round(float(v), 2) for v in (values[0], *np.nanpercentile(values[1:], [2.5, 97.5]))]


def _right(reading: Any, text: str) -> list[tuple[float, bool]]:
    """(confidence, whether these characters are what was sent there) of each word."""
    spans = [found.span() for found in re.finditer(r"\S+", reading.text)]
    return [
        (word.confidence, reading.text[a:b] == text[a:b]) for word, (a, b) in zip(reading.words, spans, strict=True)
    ]


def _reliability(told: Sequence[tuple[float, bool]]) -> list[Figures]:
    confidence, right = (np.array(part) for part in zip(*told, strict=True))
    number = np.digitize(confidence, BINS) - 1
    rows = []
    for k in range(len(BINS) - 1):
        inside = number == k
        rows.append({
            "from": BINS[k], "to": min(1, BINS[k + 1]), "words": int(inside.sum()),
            "told": round(float(confidence[inside].mean()), 4), "right": round(float(right[inside].mean()), 4),
        })  # fmt: skip
    return rows


# Coded


def coded(rows: Sequence[tuple[str, str]]) -> Figures:
    """By budget, all captions; then captions of one size each: the median, and what 1 in 20 exceeds."""
    packets = [pack(Gist((text,), (512, 512))) for _, text in rows]
    asciis = [-(-8 * len(text) // BITS["16qam"]) for _, text in rows]
    pools = {
        "all, as many as ASCII takes in 16-QAM": (packets, asciis),
        "all, 256": (packets, [256] * len(packets)),
        "all, 1,024": (packets, [1024] * len(packets)),
    }
    for size in SIZES:
        pools[f"of {size} bytes, 128"] = of_size(packets, size), [128] * ONE_SIZE
    found: Figures = {}
    for name, (pool, uses) in pools.items():
        found[name] = needed(pool, uses, lambda code, llrs: code.decode(llrs, _passes))
        print(name, found[name], flush=True)
    return found


def of_size(packets: Sequence[bytes], size: int) -> list[bytes]:
    """Those of so many bytes, again and again."""
    fitting = [packet for packet in packets if len(packet) == size]
    return (fitting * -(-ONE_SIZE // len(fitting)))[:ONE_SIZE]


Decoder = Callable[[BlockCode, NDArray[np.float32]], NDArray[np.uint8] | None]


def needed(
    packets: Sequence[bytes], uses: Sequence[int], decode: Decoder, *, steps: Sequence[float] = STEPS
) -> Figures:
    """The SNR for 99% and the normal approximation's, in dB, and the gap; error rates by SNR. steps: from the bound."""
    bound = _bound(packets, uses)
    grid = [round(bound + step, 2) for step in steps]
    lost = np.array([[
        np.mean([_lost(packet, n, snr_db, (number, k), decode) for k in range(EACH_CODED)])
        for number, (packet, n) in enumerate(zip(packets, uses, strict=True))
    ] for snr_db in grid])  # fmt: skip
    rng = np.random.default_rng(0)
    draws = [np.arange(len(packets)), *(rng.integers(0, len(packets), len(packets)) for _ in range(RESAMPLED))]
    at = np.array([_at_rate(grid, lost[:, draw].mean(1)) for draw in draws])
    return {
        "frames": len(packets) * EACH_CODED, "bound_db": round(bound, 2), "needed_db": _told(at),
        "gap_db": _told(at - bound),
        "lost": {str(snr_db): round(float(row.mean()), 5) for snr_db, row in zip(grid, lost, strict=True)},
    }  # fmt: skip


@functools.cache
def block_code(bits: int, uses: int) -> BlockCode:
    return BlockCode(bits, uses)


def _bound(packets: Sequence[bytes], uses: Sequence[int]) -> float:
    """Where the normal approximation loses one in a hundred of these blocks on average, each of its own length."""
    kinds, counts = np.unique([(8 * len(p), n) for p, n in zip(packets, uses, strict=True)], axis=0, return_counts=True)
    low, high = -20.0, 30.0
    for _ in range(40):
        snr_db = (low + high) / 2
        rates = [error_rate_for(int(bits), int(n), snr_db) for bits, n in kinds]
        low, high = (snr_db, high) if np.average(rates, weights=counts) > 0.01 else (low, snr_db)
    return high


def _lost(packet: bytes, uses: int, snr_db: float, seed: tuple[int, ...], decode: Decoder) -> bool:
    bits = np.unpackbits(np.frombuffer(packet, np.uint8))
    code = block_code(bits.size, uses)
    came = Awgn(snr_db).carry_bits([Segment(code.encode(bits), code.modulation)], seed=seed)
    found = decode(code, came.llrs[0])
    return found is None or not np.array_equal(found, bits)


def _passes(bits: NDArray[np.uint8]) -> bool:
    return checks_hold(np.packbits(bits).tobytes())


def _at_rate(grid: Sequence[float], lost: NDArray[np.float64]) -> float:
    """Where one in a hundred is lost: from the first point below it, along the logarithm."""
    logs = np.log(np.maximum(lost, 1e-5))
    target = math.log(0.01)
    for k in range(1, len(grid)):
        if logs[k] <= target < logs[k - 1]:
            return grid[k - 1] + (grid[k] - grid[k - 1]) * (logs[k - 1] - target) / (logs[k - 1] - logs[k])
    return grid[0] if logs[0] <= target else math.nan


def wrong(rows: Sequence[tuple[str, str]], decode: Decoder | None = None) -> Figures:
    """Of blocks 6 dB below the bound: what a reader gets that are not the text, and how many are called certain."""
    packets = [pack(Gist((text,), (512, 512))) for _, text in rows]
    decode = decode or (lambda code, llrs: code.decode(llrs, _passes))
    snr_db = round(_bound(packets, [256] * len(packets)) - 6, 1)
    certain = seen = frames = 0
    while seen < WRONG:
        bits = np.unpackbits(np.frombuffer(packets[frames % len(packets)], np.uint8))
        code = block_code(bits.size, 256)
        came = Awgn(snr_db).carry_bits([Segment(code.encode(bits), code.modulation)], seed=(1, frames))
        found = decode(code, came.llrs[0])
        frames += 1
        if found is None or not np.array_equal(found, bits):
            seen += 1
            certain += found is not None and is_whole(np.packbits(found).tobytes())
    return {
        "snr_db": snr_db, "frames": frames, "wrong": seen, "certain": certain, "share": certain / seen,
        "upper_95": upper_95(certain, seen),
    }  # fmt: skip


def upper_95(count: int, n: int) -> float:
    """Clopper and Pearson's one-sided limit."""
    from scipy.stats import beta

    return float(beta.ppf(0.95, count + 1, n - count))


# Clean


def clean(rows: Sequence[tuple[str, str]]) -> Figures:
    texts = list(clean_texts(1000))
    without_noise = [np.where(np.unpackbits(np.frombuffer(t.encode(), np.uint8)), -100.0, 100.0) for t in texts]
    at_25 = [_arrived(text.encode(), "16qam", 25, seed) for seed, text in enumerate(texts)]
    count = {
        name: sum(read_text(llrs) == text for llrs, text in zip(arrived, texts, strict=True))
        for name, arrived in (("without noise", without_noise), ("16qam at 25 dB", at_25))
    }
    spelled = {
        f"SymSpell, {words} words": sum(spelling.by_word(text, words) == text for text in texts)
        for words in ("english", "captions")
    }
    return {"n": len(texts), "unchanged": count | spelled, "examples": texts[:4]}


def speed(rows: Sequence[tuple[str, str]]) -> Figures:
    """CPU-milliseconds to read one text of so many places, the median of 40 captions at 6 dB."""
    found = {}
    for places in (77, 512):
        texts = [text.encode()[:places].ljust(places, b"\0") for _, text in rows[::12]]
        llrs = [_arrived(data, "16qam", 6, seed) for seed, data in enumerate(texts)]
        read(llrs[0])
        spent = []
        for row in llrs:
            started = time.process_time()
            read(row)
            spent.append(1000 * (time.process_time() - started))
        found[str(places)] = round(float(np.median(spent)), 1)
    return {"n": len(rows[::12]), "ms": found}


if __name__ == "__main__":
    main()
