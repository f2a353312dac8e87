"""A model and what it was made from -> its session, of the graph that onnxruntime optimised the last time.

    name, origin, onnxruntime, processor ──> file name ──> there and whole? ── yes ──> session
                                                                  └─ no ──> made and optimised ──> session, and the file

Optimising a large network takes longer than running it. An optimised graph fits only the onnxruntime and the processor
that it was made with, so it can't be shipped; it gives the same bits as the graph that it was made from. It is kept
where Python keeps compiled modules, in __pycache__ beside the weights, or else in ~/.cache/gistchain; where neither can
be written nothing is kept. The file's own sha256 is in its name: what is cut off or damaged is not used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.models.zoo import weights
from gistchain.models.zoo.onnx import session_of

_FORMAT = "1"
"""Part of every name: to be raised when sessions get other options."""


def optimised(name: str, origin: str, make: Callable[[], bytes], what: str, *, folder: Path | None = None) -> Any:
    """The session of a large model. name: of its file. origin: the sha256 of what it is made from, or several joined.

    make: gives the ONNX model, where no optimised graph of it is kept. folder: where they are kept, if not in the usual
    places. Raises ModelError as `session_of` and `make` do; never because a graph can't be kept or is damaged.
    """
    kept = f"{name}.{_processor()}.{_key(origin)}"
    places = [folder] if folder is not None else list(_folders())
    for place in places:
        if (session := _kept(place, kept, what)) is not None:
            return session
    raw = make()
    for place in places:
        if (session := _keep(place, name, kept, raw, what)) is not None:
            return session
    return session_of(raw, what)


def _folders() -> Iterator[Path]:
    yield weights.WEIGHTS / "__pycache__"
    with contextlib.suppress(RuntimeError):  # no home is known
        yield Path.home() / ".cache" / "gistchain"


def _key(origin: str) -> str:
    import onnxruntime

    return hashlib.sha256(f"{_FORMAT} {onnxruntime.__version__} {origin}".encode()).hexdigest()[:16]


@functools.cache
def _processor() -> str:
    """Which instructions there are decides how weights are laid out."""
    about = f"{platform.machine()} {platform.processor()}"
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        about += next(line for line in file if line.lower().startswith(("flags", "features")))
    return hashlib.sha256(about.encode()).hexdigest()[:8]


def _kept(folder: Path, kept: str, what: str) -> Any | None:
    with contextlib.suppress(OSError, ModelError):
        for path in folder.glob(f"{kept}.*.onnx"):
            if path.name == _name(kept, path):
                return session_of(path, what)
    return None


def _keep(folder: Path, name: str, kept: str, raw: bytes, what: str) -> Any | None:
    """The session of the model, whose optimised graph is kept from now on; None where it can't be kept here."""
    draft = folder / f"{kept}.{os.getpid()}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.touch()
        session = session_of(raw, what, keep=draft)
        path = folder / _name(kept, draft)
        os.replace(draft, path)
        for other in folder.glob(f"{name}.{_processor()}.*.onnx"):
            if other != path:
                other.unlink(missing_ok=True)
        return session
    except (OSError, ModelError):
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        return None


def _name(kept: str, path: Path) -> str:
    with path.open("rb") as file:
        return f"{kept}.{hashlib.file_digest(file, 'sha256').hexdigest()[:32]}.onnx"
