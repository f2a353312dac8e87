"""One image, a number of bytes -> the image file within them that shows it best: kind, scale and quality are searched.

pixels of a grid (a token drawn large)   the grid alone, without loss: PNG, WebP
everything else                          AVIF, HEIF, WebP or JPEG at one of ten scales, at the highest quality that fits
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gistchain.image.kinds import MEDIA_TYPES
from gistchain.types import ImageFile, Picture, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

SCALES = (1.0, 0.75, 0.5, 0.375, 0.25, 0.1875, 0.125, 0.09375, 0.0625, 0.03125)
KINDS = ("AVIF", "WEBP", "JPEG")
"""With loss, of those that any browser shows."""
_OPTIONS: dict[str, dict[str, Any]] = {
    "AVIF": {"speed": 6}, "HEIF": {}, "WEBP": {"method": 6}, "JPEG": {"optimize": True, "progressive": True},
}  # fmt: skip
_QUALITIES = {"AVIF": (0, 95), "HEIF": (0, 95), "WEBP": (0, 100), "JPEG": (1, 95)}
_WITHOUT_LOSS = {"lossless": True, "quality": 100, "method": 6}
MOST_CELLS = 128
"""Across: of a picture that was drawn large."""
_LEAST_DENSITY = 0.05
"""Bits a pixel below which no file without loss is tried: a large one takes seconds."""
_LEAST_SIDE = 4
_PATIENCE = 2
"""Scales in a row that do worse, after which larger ones are not tried."""


def enlarged(pixels: Pixels, size: tuple[int, int], *, lossless: bool) -> Pixels:
    """The picture of a small file in (width, height). lossless: a grid's cells stay squares of one colour."""
    from PIL import Image

    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    if lossless:
        return _repeated(pixels, size)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def is_lossless(file: bytes) -> bool:
    """Whether an image file is of a kind without loss: PNG, or the WebP that has none."""
    return file.startswith(b"\x89PNG") or file[12:16] == b"VP8L"


def cells(pixels: Pixels) -> Pixels:
    """The picture that was drawn large: a pixel for each of its cells of one colour; the picture itself for a photo."""
    height, width = pixels.shape[:2]
    for across in range(1, min(MOST_CELLS, width - 1) + 1):
        if height * across % width:
            continue
        size = across, height * across // width
        columns, rows = _middles(size[0], width), _middles(size[1], height)
        small = pixels[rows[:, None], columns]
        if np.array_equal(pixels, _repeated(small, (width, height))):
            return small
    return pixels


def _middles(count: int, side: int) -> NDArray[np.int64]:
    """The pixel in the middle of each of `count` cells along a side."""
    return (2 * np.arange(count) + 1) * side // (2 * count)


def _repeated(small: Pixels, size: tuple[int, int]) -> Pixels:
    """Each pixel of a small picture as often as (width, height) needs: the nearest one, by integers alone."""
    columns = (2 * np.arange(size[0]) + 1) * small.shape[1] // (2 * size[0])
    rows = (2 * np.arange(size[1]) + 1) * small.shape[0] // (2 * size[1])
    large: Pixels = small[rows[:, None], columns]
    return large


@dataclass(frozen=True, slots=True, eq=False)
class SmallFile:
    """file: whole. kind: its name in Pillow. size: (width, height) of its pixels. back: as it is shown, in the size of
    the picture. fidelity: of that."""

    file: ImageFile
    kind: str
    size: tuple[int, int]
    back: Pixels
    fidelity: float


@dataclass(slots=True, eq=False)
class FileSearch:
    """The small files of one picture. fidelity: 1 for equal pictures, else less. kinds: with loss; HEIF needs
    pillow-heif.

    What was encoded for one number of bytes is kept for the next.
    """

    pixels: Pixels
    fidelity: Callable[[Pixels, Pixels], float]
    kinds: Sequence[str] = KINDS
    _made: dict[tuple[str, float, int], bytes] = field(default_factory=dict)
    _seen: dict[tuple[str, float, int], SmallFile] = field(default_factory=dict)
    _scaled: dict[float, Image] = field(default_factory=dict)
    _lossless: list[SmallFile] = field(default_factory=list)
    _cells: Pixels = field(init=False)

    @classmethod
    @functools.lru_cache(2)
    def of(cls, picture: Picture, fidelity: Callable[[Pixels, Pixels], float], kinds: Sequence[str]) -> FileSearch:
        """That of a picture, which systems that look at it one after the other share."""
        return cls(picture.pixels, fidelity, kinds)

    def exact(self, most_bytes: int) -> SmallFile | None:
        """The smallest file of every pixel; None where none has so few bytes."""
        whole = [found for found in self._without_loss(most_bytes) if len(found.file.data) <= most_bytes]
        return min(whole, key=lambda found: len(found.file.data), default=None)

    def within(self, most_bytes: int) -> SmallFile | None:
        """The file of at most so many bytes that shows the picture best; None where none is so small."""
        if (whole := self.exact(most_bytes)) is not None:
            return whole
        offered = [found for kind in self.kinds for found in self._lossy(kind, most_bytes)]
        return max(offered, key=lambda found: (found.fidelity, -len(found.file.data)), default=None)

    def __post_init__(self) -> None:
        self._cells = cells(self.pixels)

    def _without_loss(self, most_bytes: int) -> list[SmallFile]:
        small = self._cells
        if self._lossless or 8 * most_bytes < _LEAST_DENSITY * small.shape[0] * small.shape[1]:
            return self._lossless
        files = {"PNG": _png(small), "WEBP": _saved(_image(small), "WEBP", _WITHOUT_LOSS)}
        size = small.shape[1], small.shape[0]
        self._lossless = [
            SmallFile(ImageFile(MEDIA_TYPES[kind], data), kind, size, self.pixels, 1.0) for kind, data in files.items()
        ]
        return self._lossless

    def _lossy(self, kind: str, most_bytes: int) -> list[SmallFile]:
        """The best quality that fits at each scale, from the smallest scale up."""
        offered: list[SmallFile] = []
        worse = 0
        for scale in sorted(SCALES):
            if min(self._small(scale).size) < _LEAST_SIDE and scale < 1:
                continue
            quality = self._best_quality(kind, scale, most_bytes)
            if quality is None:
                break  # a larger scale takes more bytes still
            offered.append(self._shown(kind, scale, quality))
            worse = worse + 1 if offered[-1].fidelity < max(found.fidelity for found in offered) else 0
            if worse == _PATIENCE:
                break
        return offered

    def _best_quality(self, kind: str, scale: float, most_bytes: int) -> int | None:
        """The highest quality whose file fits, by halving; None where none does."""
        low, high = _QUALITIES[kind]
        if len(self._file(kind, scale, low)) > most_bytes:
            return None
        while low < high:
            middle = (low + high + 1) // 2
            if len(self._file(kind, scale, middle)) <= most_bytes:
                low = middle
            else:
                high = middle - 1
        return low

    def _file(self, kind: str, scale: float, quality: int) -> bytes:
        key = kind, scale, quality
        if key not in self._made:
            self._made[key] = _saved(self._small(scale), kind, {**_OPTIONS[kind], "quality": quality})
        return self._made[key]

    def _shown(self, kind: str, scale: float, quality: int) -> SmallFile:
        key = kind, scale, quality
        if key not in self._seen:
            data = self._file(kind, scale, quality)
            height, width = self.pixels.shape[:2]
            small = _decoded(data)
            back = enlarged(small, (width, height), lossless=False)
            media_type = MEDIA_TYPES.get(kind, "image/heif")
            size = small.shape[1], small.shape[0]
            self._seen[key] = SmallFile(ImageFile(media_type, data), kind, size, back, self.fidelity(self.pixels, back))
        return self._seen[key]

    def _small(self, scale: float) -> Image:
        from PIL.Image import Resampling

        if scale not in self._scaled:
            height, width = self.pixels.shape[:2]
            size = max(1, round(width * scale)), max(1, round(height * scale))
            whole = _image(self.pixels)
            self._scaled[scale] = whole if scale == 1 else whole.resize(size, Resampling.LANCZOS)
        return self._scaled[scale]


def _png(small: Pixels) -> bytes:
    """With a palette where there are few colours."""
    from PIL import Image

    image = _image(small)
    if image.getcolors(256) is not None:
        image = image.quantize(256, dither=Image.Dither.NONE)
    return _saved(image, "PNG", {"optimize": True})


def _image(pixels: Pixels) -> Image:
    from PIL import Image

    return Image.fromarray(pixels)


def _saved(image: Image, kind: str, options: dict[str, Any]) -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _decoded(data: bytes) -> Pixels:
    """Of a file that was made here."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
