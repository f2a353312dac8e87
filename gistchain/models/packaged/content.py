"""Image -> how safe for work it is (S1.13): Open-NSFW's score, and the five classes of nsfwjs's MobileNetV2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.models.packaged.networks import reduced
from gistchain.models.packaged.nsfw import CLASSES, nsfwjs, open_nsfw
from gistchain.types import Content, Pixels

NETWORK = "nsfwjs-mobilenet-v2"
"""It gives the five classes."""


class PackagedRater:
    """Fulfils ContentRater."""

    def rate(self, image: Pixels) -> Content:
        small = reduced(image)
        return content(open_nsfw().run(small)[0], nsfwjs(NETWORK).run(small)[0])


def content(chance: float, classes: NDArray[np.float32]) -> Content:
    """The content from Open-NSFW's chance and the chances of the five classes."""
    shares = classes.astype(np.float64)
    return Content(chance, **dict(zip(CLASSES, (shares / shares.sum()).tolist(), strict=True)))
