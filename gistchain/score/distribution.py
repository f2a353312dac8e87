"""Features of two sets of images -> how far apart the sets are.

The Frechet and kernel distances behind FID and KID, on any features; they are called FID and KID only on those of
Inception. Every result carries how many images it was made from: a Frechet distance of 100 images is not a measurement
(it falls as images are added), and with fewer images than features its bias can't even be estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError

_LARGEST_SUBSET = 1000  # as in the paper


@dataclass(frozen=True, slots=True)
class SetDistance:
    """n: images in the two sets. dimensions: features of each. interval: where the middle 95% of subsets lie."""

    value: float
    n: tuple[int, int]
    dimensions: int
    interval: tuple[float, float] | None = None


def frechet_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> SetDistance:
    """Frechet distance between Gaussians fitted to the rows of (N, D) and (M, D): 0 for equal sets, never negative.

    |m_a - m_b|^2 + tr(A + B - 2 (A B)^(1/2)), Dowson & Landau 1982; covariances divided by N - 1. Raises SettingError
    for fewer than two rows, other shapes, or numbers that are not finite.
    """
    a, b = _checked(a, b)
    x, y = a - a.mean(0), b - b.mean(0)
    # tr (A B)^(1/2) is the sum of the singular values of x y^T, scaled: no square root of a matrix is needed.
    shared = np.linalg.svd(_compact(x) @ _compact(y).T, compute_uv=False).sum()
    spread = (x**2).sum() / (len(x) - 1) + (y**2).sum() / (len(y) - 1)
    means = ((a.mean(0) - b.mean(0)) ** 2).sum()
    value = means + spread - 2 * shared / np.sqrt((len(x) - 1) * (len(y) - 1))
    return SetDistance(max(0.0, float(value)), (len(a), len(b)), a.shape[1])


def kernel_distance(
    a: NDArray[np.floating], b: NDArray[np.floating], *, subsets: int = 100, rng: np.random.Generator
) -> SetDistance:
    """Mean unbiased MMD^2 over random subsets of half the smaller set (at most 1,000 rows each); may fall below 0.

    Binkowski et al. 2018 (KID), with the kernel (x.y / D + 1)^3. Raises SettingError as `frechet_distance` does.
    """
    a, b = _checked(a, b)
    if subsets < 1:
        raise SettingError(f"{subsets} subsets give no distance: ask for at least 1")
    size = min(max(2, min(len(a), len(b)) // 2), _LARGEST_SUBSET)
    distances = [
        kernel_mmd2(a[rng.choice(len(a), size, replace=False)], b[rng.choice(len(b), size, replace=False)])
        for _ in range(subsets)
    ]
    low, high = np.percentile(distances, [2.5, 97.5])
    return SetDistance(float(np.mean(distances)), (len(a), len(b)), a.shape[1], (float(low), float(high)))


def kernel_mmd2(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Unbiased MMD^2 of all rows under (x.y / D + 1)^3 (Gretton et al. 2012, lemma 6)."""
    a, b = _checked(a, b)

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        powers: NDArray[np.float64] = (x @ y.T / x.shape[1] + 1) ** 3
        return powers

    def off_diagonal(k: NDArray[np.float64]) -> float:
        return float((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)))

    return off_diagonal(kernel(a, a)) + off_diagonal(kernel(b, b)) - 2 * float(kernel(a, b).mean())


def _compact(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix with the same x^T x and no more rows than columns."""
    if len(x) <= x.shape[1]:
        return x
    return np.linalg.qr(x).R


def _checked(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or a.shape[1] == 0:
        raise SettingError(f"features of shapes {a.shape} and {b.shape} can't be compared: both must be (images, D)")
    if min(len(a), len(b)) < 2:
        raise SettingError(f"sets of {len(a)} and {len(b)} images have no spread: give at least two images in each")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise SettingError("features that are not finite can't be compared: check the images that they come from")
    return a.astype(np.float64), b.astype(np.float64)
