"""Tokens of a collection: images beside their trait labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.traits import Traits
from gistchain.types import Pixels


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens of one collection: images (N, height, width, 3) uint8, labels (N, len(traits.types)) as in Traits."""

    traits: Traits
    names: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Pixels:
        image: Pixels = self.images[index]
        return image

    def caption(self, index: int) -> str:
        return self.traits.caption(self.labels[index].tolist())
