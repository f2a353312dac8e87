"""What a person named on the command line -> the pictures: files, the files of folders, and - for stdin."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.cli.usage import STDIN, STDIN_NAME, a_path
from gistchain.errors import ImageError, SettingError

if TYPE_CHECKING:
    from gistchain.image import Found
    from gistchain.types import Picture


def check_stdin(images: Sequence[str]) -> None:
    """Raises SettingError where stdin is to hold two images, or a person's words."""
    if images.count(STDIN) > 1:
        raise SettingError("- was given twice: stdin holds one image")
    if STDIN in images and sys.stdin.isatty():
        raise SettingError("- reads an image from stdin, which is a terminal: pipe one in")


def expanded(images: Sequence[str], skipped: Callable[[Found], None]) -> list[str | Path]:
    """Every file in order, and - for stdin. What can't be found is left as it was given: `read` says why.

    skipped: is called for each file or folder, with what was found in it.
    """
    from gistchain.image import images_in

    sources: list[str | Path] = []
    for given in images:
        try:
            found = None if given == STDIN else images_in([_named(given)])
        except (ImageError, OSError):
            sources.append(given)
            continue
        sources += [STDIN] if found is None else found.images
        if found is not None:
            skipped(found)
    return sources


def read(source: str | Path) -> Picture:
    """Raises ImageError, also for what does not exist and for a folder without images."""
    from gistchain.image import MAX_FILE_BYTES, images_in, read_image

    if source == STDIN:
        return read_image(sys.stdin.buffer.read(MAX_FILE_BYTES + 1), STDIN_NAME)
    try:
        return read_image(images_in([_named(source)]).images[0])
    except OSError as error:
        raise ImageError(f"can't read {source}: {error.strerror}") from error


def _named(given: str | Path) -> Path:
    """Raises ImageError for what no file can be called."""
    try:
        return a_path(str(given))
    except ValueError as error:
        raise ImageError(str(error)) from None
