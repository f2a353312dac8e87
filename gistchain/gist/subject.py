"""A picture and where its subject is -> the subject cut out, in a few bytes; and back into another picture.

picture, mask ─ box ─> cut out, smaller and coarser until it fits ─> WebP with opacity ─> Subject
painted picture, Subject ─> the subject laid over it, in its place
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import TooFewBytes
from gistchain.image import subject_picture
from gistchain.types import Pixels, Subject

MEDIA_TYPE = "image/webp"
_SURE = 0.5  # of the mask: from here on a pixel belongs to the subject
_SIDES = (512, 384, 256, 192, 128, 96, 64, 48, 32, 24, 16)
_QUALITIES = (85, 70, 50, 30, 15, 5)


def cut(pixels: Pixels, mask: NDArray[np.float32], size_bytes: int) -> Subject | None:
    """The subject in at most `size_bytes`, as large and as fine as they allow; None where the mask shows none.

    mask: shape (height, width) in 0..1. Raises TooFewBytes where not even the smallest cut-out fits.
    """
    rows, columns = (np.flatnonzero((mask >= _SURE).any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    opacity = np.rint(255 * np.clip(mask[top:bottom, left:right, None], 0, 1)).astype(np.uint8)
    cut_out = np.concatenate([pixels[top:bottom, left:right], opacity], axis=2)
    data = _fitting(cut_out, size_bytes)
    return Subject(MEDIA_TYPE, data, (left, top, right - left, bottom - top))


def laid_over(below: Pixels, subject: Subject, size: tuple[int, int], weight: float = 1.0) -> Pixels:
    """The picture with the subject in its place. size: (width, height) that the subject's box is given in.

    weight: 0 leaves the picture as it is, 1 covers it where the subject is opaque. Raises RebuildError for a subject
    that is no image.
    """
    from PIL import Image

    picture = subject_picture(subject)
    height, width, _ = below.shape
    across, down = width / size[0], height / size[1]
    left, top, box_width, box_height = subject.box
    x, y = round(left * across), round(top * down)
    box = max(1, round((left + box_width) * across) - x), max(1, round((top + box_height) * down) - y)
    colours = picture.colours if picture.colours is not None else picture.pixels
    alpha = picture.alpha if picture.alpha is not None else np.full(colours.shape[:2], 255, np.uint8)
    smooth = Image.Resampling.LANCZOS
    # Premultiplied in PIL's RGBa, so that the colour of what is transparent does not bleed into the border.
    cut_out = Image.fromarray(np.dstack([colours, alpha])).convert("RGBa").resize(box, smooth).convert("RGBA")
    painted = Image.fromarray(below)
    painted.paste(cut_out, (x, y), cut_out.getchannel("A").point(lambda opacity: round(weight * opacity)))
    return np.asarray(painted)


def _fitting(cut_out: NDArray[np.uint8], most: int) -> bytes:
    """The file that comes nearest to the cut-out, of all that fit: large and coarse, or small and fine."""
    from PIL import Image

    image = Image.fromarray(cut_out)
    found: list[tuple[float, bytes]] = []
    for scale in sorted({min(1.0, side / max(image.size)) for side in _SIDES}, reverse=True):
        sides = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        small = image.resize(sides, Image.Resampling.BOX)
        data = next((file for q in _QUALITIES if len(file := _webp(small, q)) <= most), None)
        if data is not None:
            found.append((_apart(image, data), data))
    if not found:
        raise TooFewBytes(f"the subject can't be cut out in {most} bytes: give more, or leave it out")
    return min(found)[1]


def _apart(image: Any, data: bytes) -> float:
    """Mean squared difference, colours weighted with opacity."""
    from PIL import Image

    with Image.open(BytesIO(data)) as small:
        back = small.convert("RGBA").resize(image.size, Image.Resampling.LANCZOS)
    a, b = (np.asarray(one, np.float32) for one in (image, back))
    weighted = a[..., :3] * a[..., 3:] / 255 - b[..., :3] * b[..., 3:] / 255
    return float(np.square(weighted).mean() + np.square(a[..., 3] - b[..., 3]).mean())


def _webp(image: Any, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "WEBP", quality=quality, alpha_quality=min(60, quality), method=6)
    return file.getvalue()
