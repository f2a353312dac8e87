"""Two images -> how different they look to a packaged network; images -> its features, for distances between sets.

Built like LPIPS (Zhang et al. 2018: differences of channel-normalised features, averaged over positions, added up over
stages), but on EfficientNet-lite0 and without weights fitted to human judgements: another measure with another name.
The difference in each stage is divided by that of two unrelated pictures on average, which the network's card states.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.packaged.networks import network
from gistchain.models.zoo.weights import card
from gistchain.types import Pixels

_NETWORK = "efficientnet-lite0"
# Both pictures are looked at in this size: smaller ones are enlarged (the network halves its input five times and would
# leave 2 x 2 positions of 64 x 64), larger ones reduced, as when they are seen side by side.
_SIDE = 256
_TINY = 1e-10


class PackagedPerceptual:
    """Fulfils PerceptualDistance. About 1 for unrelated pictures, below 0.05 for what is hardly seen."""

    name = "effnet-distance"

    def distance(self, a: Pixels, b: Pixels) -> float:
        if a.shape != b.shape:
            raise ModelError(
                f"pictures of {a.shape[1]} x {a.shape[0]} and {b.shape[1]} x {b.shape[0]} pixels can't be compared: "
                "scale one to the size of the other first"
            )
        return float(np.mean(stage_differences(a, b) / np.array(card(_NETWORK)["unrelated"])))


class PackagedFeatures:
    """Fulfils FeatureExtractor: the 1280 numbers before the classifier, averaged over positions."""

    name = "effnet-features"

    def features(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        rows = [network(_NETWORK).run(image).pooled for image in images]
        return np.stack(rows) if rows else np.zeros((0, 1280), np.float32)


def stage_differences(a: Pixels, b: Pixels) -> NDArray[np.float64]:
    """(5,): for each stage the mean over positions of the squared distance of unit vectors of channels, in 0..4."""
    if np.array_equal(a, b):
        return np.zeros(5)
    return np.array([_difference(x, y) for x, y in zip(_maps(a), _maps(b), strict=True)])


def _maps(image: Pixels) -> tuple[NDArray[np.float32], ...]:
    return network(_NETWORK).run_maps(image, _SIDE)


def _difference(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    x, y = x / (np.linalg.norm(x, axis=0) + _TINY), y / (np.linalg.norm(y, axis=0) + _TINY)
    return float(((x - y) ** 2).sum(0).mean())
