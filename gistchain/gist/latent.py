"""Image -> latent -> image: coders of a small sketch of the whole image.

`thumb8` keeps the mean colours of an 8x8 grid: 192 bytes, RGB, rows from the top. Better coders get names of their own.
"""

from __future__ import annotations

import numpy as np

from gistchain.errors import PacketError
from gistchain.types import Latent, Pixels

THUMB8 = "thumb8"
_SHAPE = (8, 8, 3)


def encode(image: Pixels) -> Latent:
    """The 8x8 thumbnail of an image of any size, as a latent of 192 bytes."""
    from PIL import Image

    thumbnail = Image.fromarray(image).resize(_SHAPE[:2], Image.Resampling.BOX)
    return Latent(THUMB8, thumbnail.tobytes())


def decode(latent: Latent) -> Pixels:
    """The thumbnail, shape (8, 8, 3). Raises PacketError for another coder's latent or one of another size."""
    if latent.coder != THUMB8:
        raise PacketError(f"latent is written with coder {latent.coder!r}, this one reads {THUMB8!r} only")
    size = int(np.prod(_SHAPE))
    if len(latent.data) != size:
        raise PacketError(f"a {THUMB8} latent has {size} bytes, this one {len(latent.data)}: the layer is damaged")
    return np.frombuffer(latent.data, dtype=np.uint8).reshape(_SHAPE).copy()
