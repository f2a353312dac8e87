"""The measures of dependence as their papers define them, in n^2 operations or by scipy: what ours are checked against.

Nothing here is shared with `gistchain.rareness.measures`. The pairs of vectors are without ties, sparse, or all ties.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Vector = NDArray[np.float32]
Pair = tuple[Vector, Vector]


def untied(seed: int, n: int = 200) -> Pair:
    a, b = np.random.default_rng(seed).standard_normal((2, n))
    return a.astype(np.float32), (np.sin(2 * a) + 0.5 * b).astype(np.float32)


def sparse(seed: int, n: int = 300) -> Pair:
    """Six tenths of the numbers are zero; of a fingerprint it is four to six."""
    a, b = np.random.default_rng(seed).standard_normal((2, n))
    return np.maximum(a - 0.28, 0).astype(np.float32), np.maximum(0.6 * a + 0.8 * b - 0.28, 0).astype(np.float32)


def whole(seed: int, n: int = 150) -> Pair:
    """Ties everywhere."""
    a, b = np.random.default_rng(seed).integers(0, 6, (2, n))
    return a.astype(np.float32), (a - b // 2).astype(np.float32)


def hoeffding(x: Vector, y: Vector) -> float:
    def below(v: Vector) -> NDArray[np.float64]:
        """1 where v_j < v_i, 1/2 where they are equal."""
        return (v[None] < v[:, None]) + 0.5 * (v[None] == v[:, None])

    n = len(x)
    both = below(x) * below(y)
    r, s, q = (m.sum(1) - np.diag(m) + 1 for m in (below(x), below(y), both))
    d1, d2 = ((q - 1) * (q - 2)).sum(), ((r - 1) * (r - 2) * (s - 1) * (s - 2)).sum()
    d3 = ((r - 2) * (s - 2) * (q - 1)).sum()
    found = 30 * ((n - 2) * (n - 3) * d1 + d2 - 2 * (n - 2) * d3) / (n * (n - 1) * (n - 2) * (n - 3) * (n - 4))
    return float(found)


def centred(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return matrix - matrix.mean(0) - matrix.mean(1)[:, None] + matrix.mean()


def distance_correlation(x: Vector, y: Vector) -> float:
    a, b = (centred(np.abs(np.subtract.outer(v.astype(float), v.astype(float)))) for v in (x, y))
    return float(np.sqrt((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean())))


def hsic(x: Vector, y: Vector) -> float:
    k, m = (
        centred(np.exp(-0.5 * np.subtract.outer(z, z) ** 2)) for z in (stats.zscore(v.astype(float)) for v in (x, y))
    )
    return float((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()))


def mutual_information(x: Vector, y: Vector) -> float:
    bins = [np.floor((stats.rankdata(v) - 0.5) / len(v) * 16) for v in (x, y)]
    p, _, _ = np.histogram2d(*bins, bins=[np.arange(17)] * 2)
    p /= p.sum()

    def entropy(q: NDArray[np.float64]) -> float:
        return float(stats.entropy(q.ravel()))

    h_x, h_y = entropy(p.sum(1)), entropy(p.sum(0))
    return (h_x + h_y - entropy(p)) / float(np.sqrt(h_x * h_y))


def blomqvist(x: Vector, y: Vector) -> float:
    kept = (x != 0) & (y != 0)
    u, v = (np.sign(w[kept] - np.median(w[kept].astype(float))) for w in (x, y))
    return float((u * v).sum() / np.count_nonzero(u * v))


DEFINITIONS: dict[str, tuple[Callable[[Vector, Vector], float], float]] = {
    "spearman": (lambda x, y: float(stats.spearmanr(x, y).statistic), 1e-12),
    "kendall": (lambda x, y: float(stats.kendalltau(x, y).statistic), 1e-12),
    "hoeffding": (hoeffding, 1e-12),
    "distance_correlation": (distance_correlation, 1e-9),
    "mutual_information": (mutual_information, 1e-11),
    "hsic": (hsic, 1e-3),
    "blomqvist": (blomqvist, 1e-12),
}
"""Name of a field of Dependence -> (its definition, how far ours may be from it)."""
