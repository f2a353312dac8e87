"""A model and what it was made from -> its session, of the graph that onnxruntime optimised the last time.

Optimising a large network takes longer than running it. The graph that comes out gives the same bits as the one that
went in, but fits only the onnxruntime and the processor that it was made with, so that it can't be shipped: it is kept
(disk/kept.py).
"""

from __future__ import annotations

import contextlib
import functools
import platform
from collections.abc import Callable
from typing import Any

from gistchain.disk.kept import kept
from gistchain.errors import ModelError
from gistchain.models.zoo.onnx import session_of
from gistchain.models.zoo.weights import WEIGHTS

_OPTIONS = "1"
"""Part of every key: to be raised when sessions get other options."""


def optimised(name: str, origin: str, make: Callable[[], bytes], what: str) -> Any:
    """The session of a large model.

    name: of its file. origin: the sha256 of what it is made from, or several joined. make: gives the ONNX model, where
    no optimised graph of it is kept. Raises ModelError as `session_of` and `make` do; never because a graph is damaged.
    """
    import onnxruntime

    key = f"{_OPTIONS} {onnxruntime.__version__} {_processor()} {origin}"
    path = None
    with contextlib.suppress(ModelError):  # it can't be made, which is told below, or not be kept
        path = kept(name, key, lambda draft: session_of(make(), what, keep=draft), beside=WEIGHTS)
    if path is not None:
        try:
            return session_of(path, what)
        except ModelError:  # whole, but not for this machine: the next process makes another
            with contextlib.suppress(OSError):
                path.unlink()
    return session_of(make(), what)


@functools.cache
def _processor() -> str:
    """Which instructions there are decides how onnxruntime lays out weights."""
    about = f"{platform.machine()} {platform.processor()}"
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        about += next(line for line in file if line.lower().startswith(("flags", "features")))
    return about
