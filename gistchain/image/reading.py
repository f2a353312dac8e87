"""A file nobody vouches for, or its bytes -> a Picture: RGB in sRGB, upright, laid over a background."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gistchain.errors import ImageError
from gistchain.image.pixels import laid_over
from gistchain.types import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

    from gistchain.types import Pixels

MAX_FILE_BYTES = 100 * 1024 * 1024


def read_image(source: Path | str | bytes, name: str | None = None) -> Picture:
    """The image of a file, or of a file's bytes. Raises ImageError: unreadable, not an image, broken, or too large.

    A file is what its first bytes say. More than 64 million pixels are read at a half, a quarter or an eighth of the
    sides, which `size` then says too; `notes` name the file's own size.
    """
    title = name or ("image" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else _file_bytes(Path(source), title)
    if not data:
        raise ImageError(f"{title} is empty: nothing to read")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"{title} has more than {MAX_FILE_BYTES:,} bytes: make it smaller")
    return _picture(data, title)


def _picture(data: bytes, title: str) -> Picture:
    from gistchain.image.decode import decode

    decoded = decode(data, title)
    size, sha3_256 = decoded.colours.size, hashlib.sha3_256(data).digest()
    colours = _array(decoded.colours)
    if decoded.alpha is None or decoded.background is None:
        return Picture(colours, sha3_256, size, title, decoded.notes)
    alpha = _array(decoded.alpha)
    pixels = laid_over(decoded.background, colours, alpha)
    return Picture(pixels, sha3_256, size, title, decoded.notes, alpha, colours, decoded.background)


def _array(image: Image) -> Pixels:
    return np.asarray(image).copy()


def _file_bytes(path: Path, title: str) -> bytes:
    try:
        # Not a pipe, not a device: they may block or never end.
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise ImageError(f"{title} is {kind}: give an image file")
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ImageError(f"can't read {title}: {reason}") from error
