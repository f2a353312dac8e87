"""A file nobody vouches for, or its bytes -> a Picture: RGB in sRGB, upright, laid over a background."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gistchain.errors import ImageError, RebuildError
from gistchain.image.kinds import MEDIA_TYPES, kind_of
from gistchain.image.pixels import laid_over, shows_nothing
from gistchain.image.pool import POOL
from gistchain.types import ImageFile, Picture, Subject

MAX_FILE_BYTES = 100 * 1024 * 1024
SMALL_FILE_BYTES = 32 * 1024
"""A file up to here stays with its Picture: a chain could keep it as it is."""
MAX_SUBJECT = 16_000_000
"""Pixels of a gist's subject."""
ONE_COLOUR_NOTE = "it has one colour: it shows nothing"


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


def subject_picture(subject: Subject) -> Picture:
    """The cut-out of a gist, its opacity in `alpha`. Raises RebuildError for what is no image, or a large one."""
    try:
        picture = read_image(subject.data, "the gist's subject")
    except ImageError as error:
        raise RebuildError(f"{error}; or leave the subject out") from error
    width, height = picture.size
    if width * height > MAX_SUBJECT:
        raise RebuildError(f"the subject has {width} x {height} pixels: at most {MAX_SUBJECT:,} are used")
    return picture


def start_reading() -> None:
    """Start the process that will decode images, while this one loads models: it takes a tenth of a second."""
    POOL.start()


def _picture(data: bytes, title: str) -> Picture:
    raw = POOL.decode(data, title)
    height, width, _ = raw.colours.shape
    size, sha3_256, notes = (width, height), hashlib.sha3_256(data).digest(), raw.notes
    pixels = raw.colours
    if raw.alpha is not None and raw.background is not None:
        pixels = laid_over(raw.background, raw.colours, raw.alpha)
    if shows_nothing(pixels):
        notes += (ONE_COLOUR_NOTE,)
    return Picture(
        pixels,
        sha3_256,
        size,
        title,
        notes,
        raw.alpha,
        None if raw.alpha is None else raw.colours,
        None if raw.alpha is None else raw.background,
        _small_file(data),
    )


def _small_file(data: bytes) -> ImageFile | None:
    media_type = MEDIA_TYPES.get(kind_of(data) or "")
    return None if media_type is None or len(data) > SMALL_FILE_BYTES else ImageFile(media_type, data)


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
