"""An MP4 or WebM -> its first frame as PNG, by PyAV (S3.5).

Runs in the child process; needs the extra `collections`.
"""

from __future__ import annotations

import io
from typing import Any

from gistchain.errors import ImageError
from gistchain.image.drawing import INSTALL

_FORMATS = {"MP4": "mp4", "WEBM": "matroska"}
FIRST_FRAME_NOTE = "a film: its first frame is read"


def first_frame(data: bytes, kind: str, title: str) -> bytes:
    """The frame as a PNG file. kind: 'MP4' or 'WEBM'. Raises ImageError."""
    try:
        import av
        import av.error
    except ImportError as error:
        raise ImageError(f"{title} is {kind}, which is read with the extra collections: {INSTALL}") from error
    try:
        # The format is given, so that no playlist is looked for in it.
        with av.open(io.BytesIO(data), mode="r", format=_FORMATS[kind]) as film:
            frame: Any = next(film.decode(video=0), None)
            image = None if frame is None else frame.to_image()
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise ImageError(f"{title} is a {kind} that can't be read ({str(error)[:200]}): save it again") from error
    if image is None:
        raise ImageError(f"{title} is a {kind} without a frame: save it again")
    png = io.BytesIO()
    image.save(png, "PNG", compress_level=1)
    return png.getvalue()
