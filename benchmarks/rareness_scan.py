"""What it costs to compare one fingerprint with 100,000 registered ones, beside reading the file of rows once.

    python -m benchmarks.rareness_scan

The fingerprints are synthetic, the store is a real one in a temporary folder: numbers behind a ReLU in the packaged
networks' blocks, 55% zeros, a root mean square of 1 a block, in clusters of near siblings. Only 2,000 differ; they are
put into the file again and again under other names, as neither the scan nor the read looks at what the bytes say.
The floor adds up the same mapped file in words of 8 bytes. Scan and floor take turns, on one thread; seconds are
medians of their CPU time, `wall` of the clock; ratios are of neighbours in time, with the 95% interval of their median
(bootstrap). The first look of a process, which checks every row, is timed apart, and so are hashes and exact rows.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.report import timed, with_interval
from gistchain.kernels.compiled import compiled
from gistchain.rareness.fingerprint import BLOCKS, SIZE
from gistchain.rareness.hashes import BITS, THRESHOLDS
from gistchain.rareness.store.hashindex import HashIndex, words
from gistchain.rareness.store.layout import LAYOUT
from gistchain.rareness.store.store import Entry, Store
from gistchain.types import Hashes
from gistchain.vectors import matrix, scan

DIFFERENT, SIBLINGS = 2_000, 50


def fingerprints(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Synthetic fingerprints, shape (count, 10048): SIBLINGS in a row share most of what they are made of."""
    found = np.empty((count, SIZE), np.float32)
    mean = rng.normal(-0.15, 0.5, SIZE)
    for start in range(0, count, SIBLINGS):
        shared = rng.standard_normal(SIZE)
        own = rng.standard_normal((min(SIBLINGS, count - start), SIZE))
        found[start : start + SIBLINGS] = np.maximum(0.9 * shared + 0.4 * own + mean, 0)
    start = 0
    for name, length in BLOCKS:
        block = found[:, start : start + length]
        if name == "lite2-stage-mean":
            block[:] = rng.standard_normal(block.shape)
        block /= np.sqrt((block**2).mean(axis=1, keepdims=True))
        start += length
    return found


@compiled("u8[n] -> u8")
def _read(words: Any) -> Any:
    total = np.uint64(0)
    for i in range(words.size):
        total += words[i]
    return total


def in_turn(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, NDArray[np.float64]]:
    """CPU and wall seconds of each action, shape (rounds, 2); a round runs each once."""
    for action in actions.values():
        action()
    return {name: np.array(times) for name, times in _rounds(actions, rounds).items()}


def _rounds(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            times[name].append(timed(action)[:0:-1])
    return times


def filled(folder: Path, count: int, rng: np.random.Generator) -> tuple[Path, NDArray[np.float32]]:
    """A file of `count` rows as a store writes it, and the fingerprints that are in it."""
    different = fingerprints(min(count, DIFFERENT), rng)
    path = folder / "rareness.rows"
    mapped = matrix.Matrix(LAYOUT, path, bytes(16))
    rows = matrix.rows_of(LAYOUT, different, np.zeros(len(different), np.uint64), np.arange(len(different)))
    for start in range(0, count, len(rows)):
        part = rows[: count - start].copy()
        part["number"] = np.arange(start, start + len(part))
        part["check"] = scan.checks(part)
        mapped.write(part)
    return path, different


def scanned(path: Path, count: int, one: NDArray[np.void], rounds: int) -> dict[str, Any]:
    mapped = matrix.Matrix(LAYOUT, path, bytes(16))
    keys = np.zeros(count, np.uint64)
    _, _, first_s = timed(lambda: mapped.wrong(keys))
    rows = mapped.rows(count)
    as_words = rows.view(np.uint64)
    times = in_turn({"scan": lambda: scan.correlations(LAYOUT, rows, one), "read": lambda: _read(as_words)}, rounds)
    found: dict[str, Any] = {"bytes": rows.nbytes, "first_look_cpu": round(first_s, 4)}
    for name, each in times.items():
        found[f"{name}_cpu"], found[f"{name}_wall"] = (round(float(v), 5) for v in np.median(each, axis=0))
    found["scan_over_read"] = with_interval(times["scan"][:, 0] / times["read"][:, 0], np.median)
    found["scan_over_read_wall"] = with_interval(times["scan"][:, 1] / times["read"][:, 1], np.median)
    found["core_seconds_per_100000"] = round(found["scan_cpu"] * 100_000 / count, 5)
    return found


def bounded(different: NDArray[np.float32], rng: np.random.Generator) -> dict[str, float]:
    """How wrong the scan is over pairs of these fingerprints, and how wrong it says it can be."""
    rows = matrix.rows_of(LAYOUT, different, np.zeros(len(different), np.uint64), np.arange(len(different)))
    centred = different - different.mean(axis=1, keepdims=True, dtype=np.float64)
    centred /= np.sqrt((centred**2).sum(axis=1, keepdims=True))
    errors, bounds, found = [], [], []
    for one in rng.choice(len(rows), 20, replace=False):
        approximate, wrong = (v[0] for v in scan.correlations(LAYOUT, rows, rows[one : one + 1]))
        others = np.arange(len(rows)) != one
        errors.append(np.abs(approximate - centred @ centred[one])[others])
        bounds.append(wrong[others])
        found.append(approximate[others])
    error, bound, value = (np.concatenate(part) for part in (errors, bounds, found))
    siblings = value > 0.75
    return {
        "pairs": len(error),
        "largest_error": float(error.max()),
        "broken_bounds": int((error > bound).sum()),
        "largest_bound": float(bound.max()),
        "median_bound": float(np.median(bound)),
        "median_bound_of_siblings": float(np.median(bound[siblings])),
        "median_correlation_of_siblings": float(np.median(value[siblings])),
        "zeros": float((different == 0).mean()),
    }


def hashed(count: int, rng: np.random.Generator, rounds: int) -> float:
    """Wall seconds to find the near ones of 8 turns among `count` random hashes."""
    kept = {name: words(rng.bytes(count * bits // 8), bits) for name, bits in BITS.items()}
    index = HashIndex(kept, rng.integers(0, 101, count).astype(np.uint8))
    turns = [_random_hashes(rng) for _ in range(8)]
    return float(np.median([timed(lambda: index.near(turns, THRESHOLDS))[1] for _ in range(rounds)]))


def _random_hashes(rng: np.random.Generator) -> Hashes:
    pdq, phash, ahash, dhash = (rng.bytes(bits // 8).hex() for bits in BITS.values())
    return Hashes(pdq, 100, phash, ahash, dhash)


def stored(folder: Path, different: NDArray[np.float32], rng: np.random.Generator) -> dict[str, float]:
    """Wall seconds an image to add and to read back exactly, and bytes an image, in a real store."""
    store = Store(folder / "store", version="benchmark")
    entries = [
        Entry(rng.bytes(32), str(i), "", "", True, _random_hashes(rng), row, rng.bytes(8_000))
        for i, row in enumerate(different)
    ]
    added = sum(timed(lambda part=entries[i : i + 256]: store.add(part))[1] for i in range(0, len(entries), 256))  # type: ignore[misc]
    rows = rng.choice(len(entries), 500, replace=False).tolist()
    exact = timed(lambda: store.fingerprints(rows))[1] / len(rows)
    sizes = {path.suffix: path.stat().st_size for path in (folder / "store").iterdir()}
    return {
        "add": round(added / len(entries), 6),
        "exact_row": round(exact, 6),
        "record_bytes": sizes[".sqlite"] / len(entries),
        "look_wall": round(timed(lambda: len(store))[1], 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=31)
    chosen = parser.parse_args()
    rng = np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as folder:
        path, different = filled(Path(folder), chosen.rows, rng)
        one = matrix.rows_of(LAYOUT, different[:1], np.zeros(1, np.uint64), np.zeros(1, np.int64))
        figures: dict[str, Any] = {"scan": scanned(path, chosen.rows, one, chosen.rounds)}
        figures["bound"] = bounded(different, rng)
        figures["near_wall"] = round(hashed(chosen.rows, rng, 9), 4)
        figures["store"] = stored(Path(folder), different, rng)
    figures["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    report.write(
        "rareness_scan", data=f"{chosen.rows} synthetic rows made of {len(different)} fingerprints, see the script",
        n=chosen.rows, rounds=chosen.rounds, figures=figures,
        command=f"python -m benchmarks.rareness_scan --rows {chosen.rows} --rounds {chosen.rounds}",
    )  # fmt: skip
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
