"""What a person named on the command line -> the pictures: files, the files of folders, and - for stdin."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.cli.terminal import print_json, say
from gistchain.errors import ImageError, SettingError

if TYPE_CHECKING:
    from gistchain.image import Found
    from gistchain.types import Picture

STDIN = "-"


def check_stdin(images: Sequence[str]) -> None:
    """Raises SettingError where stdin is to hold two images, or a person's words."""
    if images.count(STDIN) > 1:
        raise SettingError("- was given twice: stdin holds one image")
    if STDIN in images and sys.stdin.isatty():
        raise SettingError("- reads an image from stdin, which is a terminal: pipe one in")


def expanded(images: Sequence[str], as_json: bool = False) -> list[str | Path]:
    """Every file in order, and - for stdin. What can't be found is left as it was given: `read` says why.

    What a folder has beside images is named on stderr, with `as_json` on stdout too: an object for each file.
    """
    from gistchain.image import images_in

    sources: list[str | Path] = []
    for given in images:
        try:
            found = None if given == STDIN else images_in([Path(given)])
        except ImageError:
            sources.append(Path(given))
            continue
        sources += [STDIN] if found is None else found.images
        if found is not None:
            _say_skipped(found, as_json)
    return sources


def read(source: str | Path) -> Picture:
    """Raises ImageError, also for what does not exist and for a folder without images."""
    from gistchain.image import images_in, read_image

    if source == STDIN:
        return read_image(sys.stdin.buffer.read(), STDIN)
    return read_image(images_in([Path(source)]).images[0])


def _say_skipped(found: Found, as_json: bool) -> None:
    for note in found.notes():
        say(f"gistchain: {note}", err=True)
    if as_json:
        for file in found.skipped:
            print_json({"image": str(file.path), "skipped": file.kind})
