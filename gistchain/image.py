"""Files of untrusted images -> pixels, and pixels -> PNG files.

Every reading is RGB, upright, flattened over white; what had to be decided on the way is in `Picture.notes`.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from gistchain.disk.write import write_whole
from gistchain.errors import DecodingFailed, FileError, ImageError
from gistchain.types import Picture, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

MAX_FILE_BYTES = 100 * 1024 * 1024
MAX_PIXELS = 89_478_485  # a quarter of a gigabyte of RGB, where Pillow starts to warn of decompression bombs
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
_REFUSED = {b"8BPS": "PSD", b"%PDF": "PDF", b"%!PS": "EPS", b"<svg": "SVG", b"<?xml": "XML or SVG", b"gimp": "XCF",
            b"\0\0\1\0": "ICO", b"DDS ": "DDS", b"icns": "ICNS", b"\0\0\0\x0cjP": "JPEG 2000"}  # fmt: skip
SUFFIXES = frozenset(
    f".{kind}"
    for kind in "png apng jpg jpeg jfif webp gif bmp tif tiff avif ppm pgm pbm pnm".split()  # noqa: SIM905
)
_reading_header = Lock()  # the filter of warnings belongs to the process, not to a thread


def read_image(source: Path | str | bytes, name: str | None = None) -> Picture:
    """The image of a file, or of a file's bytes. Raises ImageError: unreadable, not an image, broken, or too large."""
    title = name or ("image" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else _file_bytes(Path(source), title)
    if not data:
        raise ImageError(f"{title} is empty: nothing to read")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"{title} has more than {MAX_FILE_BYTES:,} bytes: make it smaller")
    pixels, notes = _decoded(data, title)
    height, width, _ = pixels.shape
    return Picture(pixels, hashlib.sha3_256(data).digest(), (width, height), title, notes)


def images_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Every image file: paths as given, folders searched to the bottom in order of name, hidden entries left out.

    Raises ImageError for a path that doesn't exist and for a folder that holds no image.
    """
    for path in paths:
        if path.is_dir():
            found = False
            try:
                for entry in files_below(path):
                    if entry.suffix.lower() in SUFFIXES:
                        found = True
                        yield entry
            except OSError as error:
                raise ImageError(f"can't look into {error.filename}: {error.strerror}") from error
            if not found:
                raise ImageError(f"{path} holds no image: looked for {', '.join(sorted(SUFFIXES))}")
        elif path.exists():
            yield path
        else:
            raise ImageError(f"{path} doesn't exist: check the path")


def files_below(folder: Path) -> Iterator[Path]:
    """Every file of a folder and its subfolders in order of name; links are followed, hidden entries left out.

    Each folder is searched once, however many links lead to it. Raises OSError for a folder that can't be read.
    """
    yield from _files_below(folder)


def write_png(pixels: Pixels, path: Path) -> None:
    """Write the file whole or not at all. Raises DiskFull, FileError."""
    from PIL import Image

    if path.is_dir():
        raise FileError(f"can't write {path}: it is a folder, give the name of a file")
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    write_whole(path, encoded.getvalue())


def _files_below(folder: Path) -> Iterator[Path]:
    searched = set()
    waiting = [folder]  # a stack of our own: folders may be nested deeper than Python calls itself
    while waiting:
        entry = waiting.pop()
        if not entry.is_dir():
            if entry.is_file():
                yield entry
            continue
        status = entry.stat()
        if (place := (status.st_dev, status.st_ino)) not in searched:
            searched.add(place)
            inside = sorted(entry.iterdir(), key=lambda path: path.name, reverse=True)
            waiting += [path for path in inside if not path.name.startswith(".")]


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


def _decoded(data: bytes, title: str) -> tuple[Pixels, tuple[str, ...]]:
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with _opened(data, title) as image:
            notes = _notes(image)
            image.load()
            return _rgb(ImageOps.exif_transpose(image)), notes
    except UnidentifiedImageError as error:
        kind = next((f" but {name}" for start, name in _REFUSED.items() if data.startswith(start)), "")
        raise ImageError(
            f"{title} is not an image that is read here{kind}: convert it to {', '.join(FORMATS)}"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, RuntimeError, TypeError) as error:
        raise ImageError(f"{title} is broken or cut short ({error}): save or fetch it again") from error
    except (struct.error, zlib.error) as error:
        raise ImageError(f"{title} is broken ({error}): save or fetch it again") from error
    except MemoryError as error:
        raise DecodingFailed(f"{title} needs more memory than there is: make room or make it smaller") from error


def _opened(data: bytes, title: str) -> PilImage:
    """The image with its header read and its pixels not."""
    from PIL import Image

    try:
        with _reading_header, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageError(f"{title} has too many pixels: at most {MAX_PIXELS:,} are decoded, make it smaller") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(f"{title} is {width} x {height}: at most {MAX_PIXELS:,} pixels are decoded, make it smaller")
    return image


def _notes(image: PilImage) -> tuple[str, ...]:
    frames = getattr(image, "n_frames", 1)
    return (f"first of {frames} frames",) if frames > 1 else ()


def _rgb(image: PilImage) -> Pixels:
    from PIL import Image

    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return _from_deep(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(image.convert("RGB")).copy()


def _from_deep(image: PilImage) -> Pixels:
    """Grey levels of more than 8 bits, scaled: convert() would clip them."""
    levels = np.asarray(image).astype(np.float64)
    # Floating point images hold 0..1 by custom, integers 0..65535.
    top = 1.0 if image.mode == "F" else 65535.0
    grey = np.clip(np.nan_to_num(levels) * (255.0 / top), 0, 255).round().astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
