"""Gist -> a picture of anything: a latent of the coders `photo` and `thumb8` decoded, else a colour sketch.

A sketch has what a caption says of colours and places. It draws no things, only fields of the named colours, soft where
the caption says photo, flat where it says drawing: crude, but all that the words hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.colours import COLOURS
from gistchain.errors import RebuildError
from gistchain.models.photo.layout import ColourRegion, cut, ordered, read_regions
from gistchain.models.strength import strength_or
from gistchain.models.thumb8 import NAME as THUMB8
from gistchain.models.thumb8 import Thumb8
from gistchain.types import Gist, LatentCoder, Pixels

_CANVAS = 192  # the longer side in pixels: more would only be smoother
_NEUTRAL = [
    ColourRegion("around", ("light grey",)),
    ColourRegion("in the middle", ("grey",)),
]  # for a caption without a colour
_TEXTURE = 7.0  # brightness of the grain in 0..255


class SketchPainter:
    """Fulfils Painter for any caption. coder: reads the latents of the coder `photo`; by default PhotoLatent."""

    name = "sketch"

    def __init__(self, coder: LatentCoder | None = None) -> None:
        self._coder = coder

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return strength_or(0.0, strength) > 0 or gist.latent is None

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        strength = strength_or(0.0, strength)
        decoded = self._decoded(gist) if strength < 1 and len(seeds) else None
        if decoded is not None and strength == 0:
            return [decoded.copy() for _ in seeds]
        text = gist.caption.strip()
        if not text:
            raise RebuildError(
                "the gist has no caption to sketch from, and no latent that is decoded at this strength: give it either"
            )
        sketches = [_sketch(text, gist.size, seed) for seed in seeds]
        if decoded is None:
            return sketches
        return [_blend(decoded, sketch, strength) for sketch in sketches]

    def _decoded(self, gist: Gist) -> Pixels | None:
        if gist.latent is None:
            return None
        if gist.latent.coder == THUMB8:
            return Thumb8().decode(gist.latent, gist.size)
        if gist.latent.coder != "photo":
            raise RebuildError(
                f"the gist's latent is of the coder {gist.latent.coder!r}, this painter decodes 'photo' and 'thumb8': "
                "rebuild with the painter of that coder, or with strength 1 from the caption alone"
            )
        if self._coder is None:
            from gistchain.models.photo.latent import PhotoLatent

            self._coder = PhotoLatent()
        return self._coder.decode(gist.latent, gist.size)


def _sketch(text: str, size: tuple[int, int], seed: int) -> Pixels:
    from PIL import Image

    # RandomState's stream is frozen for ever: a seed means the same picture after any upgrade of numpy.
    noise = np.random.RandomState(seed % 2**32)
    flat = text.casefold().startswith(("a drawing", "a bright drawing", "a dark drawing", "a black and white drawing"))
    scale = _CANVAS / max(size)
    width, height = (max(2, min(_CANVAS, round(side * scale))) for side in size)
    canvas = _painted(ordered(read_regions(text)) or _NEUTRAL, (width, height), flat, noise)
    painted = Image.fromarray(canvas.clip(0, 255).round().astype(np.uint8))
    return np.asarray(painted.resize(size, Image.Resampling.BICUBIC))


def _painted(
    regions: Sequence[ColourRegion], size: tuple[int, int], flat: bool, noise: np.random.RandomState
) -> NDArray[np.float64]:
    width, height = size
    y, x = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    # The seed bends the borders between the places and moves the middle.
    shift = noise.uniform(-0.04, 0.04, 2)
    bent_y, bent_x = y + shift[0] + 0.05 * _field(noise, size, 4), x + shift[1] + 0.05 * _field(noise, size, 4)
    owner = cut([r.place for r in regions], bent_y, bent_x)
    canvas = np.zeros((height, width, 3))
    for number, region in enumerate(regions):
        inside = owner == number
        canvas[inside] = _coloured(region, size, noise)[inside]
    if flat:
        return canvas
    canvas = _blurred(canvas, max(1, max(size) // 24))
    return canvas + _TEXTURE * (_field(noise, size, 6) + 0.5 * _field(noise, size, 24))[..., None]


def _coloured(region: ColourRegion, size: tuple[int, int], noise: np.random.RandomState) -> NDArray[np.float64]:
    """The region's colours as patches, the first one's the larger, over the whole canvas."""
    field = _field(noise, size, 5)
    colours = [np.array(COLOURS[name], np.float64) for name in region.colours]
    limits = np.quantile(field, np.linspace(0, 1, len(colours) + 1)[1:-1] + (0.1 if len(colours) == 2 else 0.0))
    return np.asarray(np.stack(colours)[np.searchsorted(limits, field)])


def _field(noise: np.random.RandomState, size: tuple[int, int], cells: int) -> NDArray[np.float64]:
    """Smooth noise of unit variance, roughly; shape (height, width)."""
    from PIL import Image

    coarse = Image.fromarray(noise.standard_normal((cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float64)


def _blurred(canvas: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    from PIL import Image, ImageFilter

    image = Image.fromarray(canvas.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, np.float64)


def _blend(decoded: Pixels, sketch: Pixels, strength: float) -> Pixels:
    mixed = (1 - strength) * decoded.astype(np.float64) + strength * sketch
    return mixed.round().astype(np.uint8)
