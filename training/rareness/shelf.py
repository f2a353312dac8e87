"""The registered pictures of a group, and how near another picture comes to one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gistchain.types import Pixels
from training.rareness import twins
from training.rareness.sources import SourcePicture

_ALIKE = 0.97  # correlation of thumbnails above which a drawing or photo may be one of the registered, drawn anew


class PictureShelf:
    """No two pictures on it are alike to the eye."""

    def __init__(self) -> None:
        self.pictures: list[SourcePicture] = []
        self._small: list[NDArray[np.float32]] = []

    def holds(self, picture: SourcePicture) -> bool:
        """Whether it is one of them, or can't be told from one."""
        if not self.pictures:
            return False
        small = _small(picture.image)
        apart = np.abs(np.stack(self._small) - small).mean((1, 2, 3))
        if any(twins.difference(self.pictures[k].image, picture.image) <= twins.LEAST for k in np.argsort(apart)[:4]):
            return True
        if picture.type not in ("drawing", "photo"):
            return False
        every = np.stack(self._small).mean(-1).reshape(len(self._small), -1)
        return bool((_unit(every) @ _unit(small.mean(-1).reshape(1, -1)).T).max() > _ALIKE)

    def add(self, picture: SourcePicture) -> bool:
        if self.holds(picture):
            return False
        self.pictures.append(picture)
        self._small.append(_small(picture.image))
        return True


def _small(image: Pixels) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(image).resize((48, 48), Image.Resampling.BOX), np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = rows - rows.mean(1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit
