"""A picture that a model made -> the size that was asked for."""

from __future__ import annotations

import numpy as np

from gistchain.errors import RebuildError
from gistchain.types import Pixels


def fitted(image: Pixels, size: tuple[int, int]) -> Pixels:
    """The image at (width, height). Raises RebuildError for a size below 1."""
    from PIL import Image

    if min(size) < 1:
        raise RebuildError(f"an image of {size[0]} x {size[1]} pixels can't be made")
    if size == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
