"""What one pair of fingerprints costs in each measure, beside scipy and fast-vector-similarity, and who counts ties.

    pip install fast-vector-similarity==0.1.5
    python -m benchmarks.measures

times: milliseconds a pair: median, 5th and 95th percentile over pairs of real fingerprints; all contenders take turns
on each pair. fast-vector-similarity (fvs) reads its vectors as JSON: what a call costs that computes nothing stands
beside, and is part of all its times. repeats: how many of the pairs give another value when the identical call is made
again. ties: the largest difference from the definition in n^2 on a thousand numbers, of which six tenths are zero, and
on a thousand untied ones. start: seconds from a new process to the first result, where no kernels are kept and where
they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import combinations, islice
from typing import Any

import numpy as np
from fast_vector_similarity import py_compute_vector_similarity_stats
from numpy.typing import NDArray
from scipy import stats

from benchmarks import definitions, report
from gistchain.collection.known import pfp30
from gistchain.models.packaged.fingerprint import PackagedFingerprinter
from gistchain.rareness import measures
from gistchain.rareness.measures import Prepared, distance, information, kernel, rank

Vector = NDArray[np.float32]
COLLECTIONS = "nouns", "punks", "micah", "toon-head", "planets", "cameo"
THEIRS = {
    "spearman": "spearman_rho", "kendall": "kendall_tau", "hoeffding": "hoeffding_d",
    "distance_correlation": "approximate_distance_correlation", "mutual_information": "normalized_mutual_information",
    "jensen_shannon": "jensen_shannon_dependency_measure", "nothing: JSON alone": "none",
}  # fmt: skip
_START = """
import sys
from pathlib import Path
from gistchain.disk import kept
kept._folders = lambda _beside: iter([Path(sys.argv[1])])
from gistchain.rareness.measures import between
between([1, 2, 3, 5], [1, 3, 2, 4])
"""


def fingerprints(each: int) -> Vector:
    pictures = [image for c in COLLECTIONS for image in pfp30.held_out(c, each).images]
    return PackagedFingerprinter().fingerprint(pictures)


def ours(a: Prepared, b: Prepared) -> dict[str, Callable[[], object]]:
    """Each measure by itself; what two of them share is counted in both."""
    distinct, table = len(b.starts) - 1, kernel.kernel()
    terms = information.logarithms(a.values.size)

    def orders() -> object:
        together = rank.by_both(a.groups, a.starts, b.order)
        return rank.concordance(together, a.ranks, a.groups, b.ranks, b.groups, distinct)

    return {
        "spearman": lambda: rank.spearman(a.ranks, a.squared_ranks, b.ranks, b.squared_ranks),
        "kendall": orders,
        "hoeffding": orders,
        "distance_correlation": lambda: distance.distance_covariance(
            a.values, a.order, a.sums, a.all_sums, b.values, b.groups, distinct, b.sums, b.all_sums
        ),
        "mutual_information": lambda: information.mutual_information(a.bins, b.bins, terms),
        "hsic": lambda: kernel.hsic(a.nodes, a.weights, b.nodes, b.weights, table),
        "blomqvist": lambda: rank.blomqvist(
            a.values, a.order, a.filled, b.values, b.order, b.filled, measures.LEAST_JOINT
        ),
        "all seven": lambda: measures.dependence(a, b),
    }


def theirs(name: str, document: dict[str, list[float]]) -> dict[str, float]:
    answer: dict[str, float] = json.loads(
        py_compute_vector_similarity_stats(json.dumps(document | {"similarity_measure": name}))
    )
    return answer


def contenders(x: Vector, y: Vector) -> dict[str, Callable[[], object]]:
    a, b = measures.prepared(x), measures.prepared(y)
    document = {"vector_1": x.tolist(), "vector_2": y.tolist()}
    calls = {f"ours: {name}": call for name, call in ours(a, b).items()}
    calls["ours: to prepare one vector"] = lambda: measures.prepared(x)
    calls["ours: all seven, nothing prepared"] = lambda: measures.between(x, y)
    calls["scipy: spearman"] = lambda: stats.spearmanr(x, y)
    calls["scipy: kendall"] = lambda: stats.kendalltau(x, y)
    calls |= {f"fvs: {name}": partial(theirs, their, document) for name, their in THEIRS.items()}
    return calls


def times(pairs: list[tuple[Vector, Vector]]) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {}
    for pair in [pairs[0], *pairs]:  # the first also warms up
        for name, call in contenders(*pair).items():
            start = time.perf_counter()
            call()
            taken.setdefault(name, []).append(1000 * (time.perf_counter() - start))
    return {
        name: dict(zip(("median_ms", "p05_ms", "p95_ms"), np.percentile(ms[1:], (50, 5, 95)).round(4), strict=True))
        for name, ms in taken.items()
    }


def repeats(pairs: list[tuple[Vector, Vector]]) -> dict[str, int]:
    """In how many pairs a second identical call gives another value."""
    changed: dict[str, int] = {}
    for x, y in pairs:
        document = {"vector_1": x.tolist(), "vector_2": y.tolist()}
        for name, their in THEIRS.items():
            once, again = theirs(their, document), theirs(their, document)
            changed[f"fvs: {name}"] = changed.get(f"fvs: {name}", 0) + (once != again)
        changed["ours: all seven"] = changed.get("ours: all seven", 0) + (
            measures.between(x, y) != measures.between(x, y)
        )
    return changed


def errors(make: Callable[..., tuple[Vector, Vector]]) -> dict[str, float]:
    """Largest difference from the definition over five pairs of a thousand numbers."""
    largest: dict[str, float] = {}
    for seed in range(5):
        x, y = make(seed, 1000)
        found, document = measures.between(x, y), {"vector_1": x.tolist(), "vector_2": y.tolist()}
        for name, (definition, _) in definitions.DEFINITIONS.items():
            values = {f"ours: {name}": getattr(found, name)}
            if name in THEIRS and name != "mutual_information":  # theirs has other bins
                values[f"fvs: {name}"] = theirs(THEIRS[name], document)[THEIRS[name]]
            for who, value in values.items():
                largest[who] = max(largest.get(who, 0.0), abs(value - definition(x, y)))
    return {who: float(f"{error:.2g}") for who, error in largest.items()}


def starts() -> dict[str, float]:
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", _START, folder], check=True)
            seconds.append(round(time.perf_counter() - start, 2))
    return {"empty_cache_s": seconds[0], "filled_cache_s": seconds[1]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=4, help="held-out tokens of each collection")
    parser.add_argument("--pairs", type=int, default=40)
    options = parser.parse_args()
    rows = fingerprints(options.each)
    shuffled = np.random.default_rng(0).permutation(list(combinations(range(len(rows)), 2)))
    pairs = [(rows[i], rows[j]) for i, j in islice(shuffled, options.pairs)]
    figures: dict[str, Any] = {
        "n": len(pairs),
        "numbers": rows.shape[1],
        "zeros": round(float((rows == 0).mean()), 3),
        "versions": {name: version(name) for name in ("numba", "scipy", "fast-vector-similarity")},
        "times": times(pairs),
        "repeats": {"n": 10, "changed": repeats(pairs[:10])},
        "ties": {"tied": errors(definitions.sparse), "untied": errors(definitions.untied)},
        "start": starts(),
    }
    report.write(
        "measures", figures=figures, 
        data=f"fingerprints of {options.each} held-out tokens each of {', '.join(COLLECTIONS)}; {len(pairs)} pairs",
    )  # fmt: skip
    print(json.dumps(figures, indent=1))
