"""Files of untrusted images -> pixels, and pixels -> files. Public names only, each loaded at first use.

file ─ folders.py, kinds.py ─> reading.py ─ pool.py ┄ child.py ─ decode.py ─> Picture ─> pixels.py, writing.py

Everything after the dotted line runs in a process of its own, with limits, and loads Pillow only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gistchain.image.folders import Found, Skipped, files_below, images_in
    from gistchain.image.pixels import flatten, pixels_sha3_256, shows_nothing
    from gistchain.image.reading import MAX_FILE_BYTES, read_image, start_reading, subject_picture
    from gistchain.image.writing import WRITTEN, check_output, png_bytes, write_image, write_png

_WHERE = {
    "Found": "folders",
    "MAX_FILE_BYTES": "reading",
    "Skipped": "folders",
    "WRITTEN": "writing",
    "check_output": "writing",
    "files_below": "folders",
    "flatten": "pixels",
    "images_in": "folders",
    "pixels_sha3_256": "pixels",
    "png_bytes": "writing",
    "read_image": "reading",
    "shows_nothing": "pixels",
    "start_reading": "reading",
    "subject_picture": "reading",
    "write_image": "writing",
    "write_png": "writing",
}

__all__ = [
    "MAX_FILE_BYTES",
    "WRITTEN",
    "Found",
    "Skipped",
    "check_output",
    "files_below",
    "flatten",
    "images_in",
    "pixels_sha3_256",
    "png_bytes",
    "read_image",
    "shows_nothing",
    "start_reading",
    "subject_picture",
    "write_image",
    "write_png",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'gistchain.image' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gistchain.image.{_WHERE[name]}"), name)
