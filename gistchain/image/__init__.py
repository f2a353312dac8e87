"""Files of untrusted images -> pixels, and pixels -> files. Public names only, each loaded at first use.

file ─ folders.py, kinds.py ─> reading.py ─ pool.py ┄ child.py ─ decode.py ─> Picture ─> pixels.py, writing.py

Everything after the dotted line runs in a process of its own, with limits, and loads Pillow only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gistchain.image.folders import files_below, images_in
    from gistchain.image.pixels import flatten, pixels_sha3_256, shows_nothing
    from gistchain.image.reading import MAX_FILE_BYTES, read_image
    from gistchain.image.writing import WRITTEN, check_output, write_image, write_png

_WHERE = {
    "MAX_FILE_BYTES": "reading",
    "WRITTEN": "writing",
    "check_output": "writing",
    "files_below": "folders",
    "flatten": "pixels",
    "images_in": "folders",
    "pixels_sha3_256": "pixels",
    "read_image": "reading",
    "shows_nothing": "pixels",
    "write_image": "writing",
    "write_png": "writing",
}

__all__ = [
    "MAX_FILE_BYTES",
    "WRITTEN",
    "check_output",
    "files_below",
    "flatten",
    "images_in",
    "pixels_sha3_256",
    "read_image",
    "shows_nothing",
    "write_image",
    "write_png",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'gistchain.image' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gistchain.image.{_WHERE[name]}"), name)
