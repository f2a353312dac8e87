"""What takes long to work out -> a file that keeps it for the next process.

    name, key ──> there and whole? ── yes ──> its path
                        └─ no ──> write ──> its path, or None where nothing can be kept

Kept where Python keeps compiled modules, in __pycache__ beside what it was made from, or else in ~/.cache/gistchain.
The first 32 digits of its own sha256 are in a file's name, so that one that was cut off or damaged is never used. That
guards against accidents, not against people: whoever can write there can change what runs, as with Python's own files.
The key names all that it was made from. What nobody has used for a month is thrown away, and so are drafts whose writer
was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_DAY_S = 24 * 60 * 60
_UNUSED_S = 30 * _DAY_S
"""Other environments and machines may share the folder, so that an older version is only known by its disuse."""


def kept(name: str, key: str, write: Callable[[Path], object], *, beside: Path) -> Path | None:
    """The path of what `write` wrote for this key, now or earlier; it is given the path of a new file.

    beside: the folder of what it is made from. None where no folder can be written or the disk is full. Whatever else
    `write` raises is raised.
    """
    stem = f"{name}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    for folder in _folders(beside):
        with contextlib.suppress(OSError):
            for path in sorted(folder.glob(f"{stem}.*.kept")):
                if path.name == _name(stem, path):
                    _used(path)
                    return path
    for folder in _folders(beside):
        with contextlib.suppress(OSError):
            return _written(folder, stem, write)
    return None


def _folders(beside: Path) -> Iterator[Path]:
    yield beside / "__pycache__"
    with contextlib.suppress(RuntimeError):  # no home is known
        yield Path.home() / ".cache" / "gistchain"


def _written(folder: Path, stem: str, write: Callable[[Path], object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _swept(folder)
    draft = folder / f"{stem}.{os.getpid()}-{time.monotonic_ns()}.new"
    with draft.open("xb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as long as its writer lives
        try:
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


def _used(path: Path) -> None:
    """Notes the use, at most once a day."""
    with contextlib.suppress(OSError):  # a package's folder may be read-only
        if time.time() - path.stat().st_mtime > _DAY_S:
            os.utime(path)
            _swept(path.parent)


def _swept(folder: Path) -> None:
    """Throws away what has not been used for long, and drafts of writers that are gone."""
    for path in folder.glob("*.kept"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _UNUSED_S:
                path.unlink()
    for draft in folder.glob("*.new"):
        with contextlib.suppress(OSError), draft.open("rb") as file:  # a draft that is being written is locked
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()


def _name(stem: str, path: Path) -> str:
    with path.open("rb") as file:
        return f"{stem}.{hashlib.file_digest(file, 'sha256').hexdigest()[:32]}.kept"
