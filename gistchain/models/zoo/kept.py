"""What takes long to work out from a model's file -> a file that keeps it for the next process.

    name, key ──> there and whole? ── yes ──> its path
                        └─ no ──> write ──> its path, or None where nothing can be kept

Kept where Python keeps compiled modules, in __pycache__ beside the weights, or else in ~/.cache/gistchain. The first 32
digits of its own sha256 are in a file's name, so that one that was cut off or damaged is never used; the key names all
that it was made from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from gistchain.models.zoo import weights


def kept(name: str, key: str, write: Callable[[Path], object]) -> Path | None:
    """The path of what `write` wrote for this key, now or earlier; it is given the path of a new file.

    None where no folder can be written or the disk is full. Whatever else `write` raises is raised.
    """
    stem = f"{name}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    for folder in _folders():
        with contextlib.suppress(OSError):
            for path in sorted(folder.glob(f"{stem}.*.kept")):
                if path.name == _name(stem, path):
                    return path
    for folder in _folders():
        with contextlib.suppress(OSError):
            return _written(folder, stem, write)
    return None


def _folders() -> Iterator[Path]:
    yield weights.WEIGHTS / "__pycache__"
    with contextlib.suppress(RuntimeError):  # no home is known
        yield Path.home() / ".cache" / "gistchain"


def _written(folder: Path, stem: str, write: Callable[[Path], object]) -> Path:
    draft = folder / f"{stem}.{os.getpid()}.new"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        draft.touch()
        write(draft)
        path = folder / _name(stem, draft)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    for other in folder.glob(f"{stem}.*.kept"):
        if other != path:
            other.unlink(missing_ok=True)
    return path


def _name(stem: str, path: Path) -> str:
    with path.open("rb") as file:
        return f"{stem}.{hashlib.file_digest(file, 'sha256').hexdigest()[:32]}.kept"
