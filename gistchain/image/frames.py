"""An animation or a file of many pages -> the one frame that stands for it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, ImageStat

from gistchain.image.background import differences

MOST_FRAMES = 100
"""So many first frames are looked at ..."""
MOST_FRAME_PIXELS = 60_000_000
"""... as long as they have no more pixels than this together."""
MOST_PAGES = 20
"""So many first pages of a TIFF are looked at."""

# What Pillow raises for files that are broken.
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, RuntimeError, TypeError, AssertionError,
    AttributeError, struct.error, zlib.error,
)  # fmt: skip

_NEAR_MOST = 0.9
_SIDE = 128
_COUNTED = frozenset({"PNG", "WEBP", "AVIF"})  # they say at their start how many frames they have


class Frame(NamedTuple):
    """number: from 0. note: which of how many it is, for people; None where only one is whole."""

    number: int
    note: str | None


def chosen(image: Image.Image, kind: str) -> Frame | None:
    """The frame to read, None where the file has only one.

    Of an animation it is the first one with at least 90% of the most detail that a frame has; of a TIFF the first page
    with any. Detail is what neighbouring pixels differ by, summed over a view of 128 pixels a side. Where a frame is
    returned the image was sought in: open it again before it is read.
    """
    if not _several(image, kind):
        return None
    pages = kind == "TIFF"
    details: list[int] = []
    width, height = image.size
    most = MOST_PAGES if pages else max(1, min(MOST_FRAMES, MOST_FRAME_PIXELS // max(1, width * height)))
    more = False
    if most == 1:
        return Frame(0, "frame 1 is read: the frames are too large to look at more than one")
    for found in _details(image):
        details.append(found)
        if len(details) == most or (pages and details[-1] > 0):
            more = _reached(image, len(details))
            break
    if len(details) < 2 and not more:
        return Frame(0, None)
    needed = _NEAR_MOST * max(details)
    number = next((k for k, found in enumerate(details) if found >= needed and found > 0), 0)
    count = f"at least {len(details) + 1}" if more else f"{len(details)}"
    if more and kind in _COUNTED:
        count = f"{image.n_frames}"  # type: ignore[attr-defined]
    what = "page" if pages else "frame"
    why = f"the first {what} that shows something" if pages else "chosen for its detail"
    if not details[number]:
        why = "none that was looked at shows anything"
    return Frame(number, f"{what} {number + 1} of {count} is read: {why}")


def detail(frame: Image.Image) -> int:
    """The sum of all differences between neighbouring pixels, in grey levels or opacity; 0 for one colour."""
    rgba = frame.convert("RGBA")
    rgba.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    alpha = rgba.getchannel("A")
    grey = Image.composite(rgba.convert("L"), Image.new("L", rgba.size, 128), alpha)
    return max(_variation(grey), _variation(alpha))


def _variation(grey: Image.Image) -> int:
    return int(sum(ImageStat.Stat(differences(grey, *step)).sum[0] for step in ((1, 0), (0, 1))))


def _several(image: Image.Image, kind: str) -> bool:
    if kind == "GIF":
        try:
            return bool(image.is_animated)  # type: ignore[attr-defined]
        except BROKEN:  # the second frame
            return True
    if kind == "TIFF":
        several = _reached(image, 1)
        image.seek(0)
        return several
    return kind in _COUNTED and getattr(image, "n_frames", 1) > 1


def _details(image: Image.Image) -> Iterator[int]:
    """That of one frame after another, until the file ends or breaks: what is whole counts."""
    number = 0
    while number == 0 or _reached(image, number):
        if image.width * image.height > MOST_FRAME_PIXELS and number:
            return
        try:
            image.load()
            found = detail(image)
        except BROKEN:
            if number == 0:
                raise
            return
        yield found
        number += 1


def _reached(image: Image.Image, number: int) -> bool:
    try:
        image.seek(number)
    except BROKEN:
        return False
    return True
