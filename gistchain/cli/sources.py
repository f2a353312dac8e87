"""What a person named on the command line -> the pictures: files, the files of folders, and - for stdin."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.errors import SettingError

if TYPE_CHECKING:
    from gistchain.image import Picture

STDIN = "-"


def check_stdin(images: Sequence[str]) -> None:
    """Raises SettingError where stdin is to hold two images, or a person's words."""
    if images.count(STDIN) > 1:
        raise SettingError("- was given twice: stdin holds one image")
    if STDIN in images and sys.stdin.isatty():
        raise SettingError("- reads an image from stdin, which is a terminal: pipe one in")


def files_of(given: str) -> list[str | Path]:
    """Every file of what was given, in order. Raises ImageError where there is none."""
    from gistchain.image import images_in

    return [STDIN] if given == STDIN else list(images_in([Path(given)]))


def read(source: str | Path) -> Picture:
    """Raises ImageError, for what doesn't exist and for a folder without images too."""
    from gistchain.image import images_in, read_image

    if source == STDIN:
        return read_image(sys.stdin.buffer.read(), STDIN)
    return read_image(next(images_in([Path(source)])))
