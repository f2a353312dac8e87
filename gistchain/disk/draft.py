"""A large file, or a folder of files -> there whole or not at all: made under a hidden name beside it, then renamed.

For content that fits into memory `write_whole` does the same in one call.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gistchain.disk.read import read_regular
from gistchain.disk.write import check_place, file_errors, sync_folder
from gistchain.errors import FileError

_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Kind:
    """By what a folder of ours is known from one of a person's, which may hold a file of the same name.

    mark: a file that every such folder holds. is_mark: whether the bytes of that file are ours. paths: fits the path of
    every file and folder in it, below it, with /.
    """

    mark: str
    is_mark: Callable[[bytes], bool]
    paths: re.Pattern[str]


@contextlib.contextmanager
def drafted_file(path: Path) -> Iterator[Path]:
    """The path of a draft to write in the body; renamed to `path` at its end, removed where the body fails.

    A link at `path` is replaced, never followed. Raises FileError, DiskFull.
    """
    check_place(path)
    draft = _beside(path)
    try:
        with file_errors(path):
            yield draft
            _synced(draft)
            os.replace(draft, path)
            sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def drafted_folder(path: Path, *, kind: Kind, replace: bool = False) -> Iterator[Path]:
    """An empty folder to fill in the body; it takes the place of `path` at its end, or is removed where the body fails.

    replace: an earlier folder of this kind is removed in the end.
    Raises FileError for a `path` that holds anything else, FileError and DiskFull for what can't be written.
    """
    check_free(path, kind=kind, replace=replace)
    draft, aside = _beside(path), _beside(path)
    with file_errors(path):
        draft.mkdir(parents=True)
    try:
        with file_errors(path):
            yield draft
            for file in sorted(draft.rglob("*")):
                _synced(file)
            check_free(path, kind=kind, replace=replace)
            if path.exists():
                os.rename(path, aside)
            os.rename(draft, path)
            sync_folder(path.parent)
    finally:
        if aside.exists() and not path.exists():  # between the two renames
            os.rename(aside, path)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(draft, ignore_errors=True)


def check_free(path: Path, *, kind: Kind, replace: bool) -> None:
    """Raises FileError unless `path` is missing, an empty folder, or with `replace` a folder of this kind and nothing
    that a person has put there."""
    with file_errors(path):
        if not os.path.lexists(path):
            return
        if path.is_symlink() or not path.is_dir():
            raise FileError(f"can't write {path}: it is not a folder, give another name")
        if not os.listdir(path):
            return
        other = next((name for name in _below(path) if not kind.paths.fullmatch(name)), None)
    if other is None and not _is_marked(path, kind):
        other = kind.mark if os.path.lexists(path / kind.mark) else min(os.listdir(path))
    if other is not None:
        raise FileError(f"can't write {path}: it holds something else ({other!r}), give another or an empty folder")
    if not replace:
        raise FileError(f"can't write {path}: an earlier one is there, give --replace to put this in its place")


def _below(folder: Path) -> Iterator[str]:
    """The paths of all files and folders; links are not followed. Raises OSError."""

    def failed(error: OSError) -> None:
        raise error

    for where, folders, files in os.walk(folder, onerror=failed):
        # A link is never ours: it gets a name that nothing fits.
        for name in sorted(folders + files):
            inner = Path(where, name)
            yield inner.relative_to(folder).as_posix() + ("@" if inner.is_symlink() else "")


def _is_marked(folder: Path, kind: Kind) -> bool:
    try:
        return kind.is_mark(read_regular(folder / kind.mark, at_most=_MOST_BYTES, follow=False))
    except (OSError, ValueError):
        return False


def _beside(path: Path) -> Path:
    # Not made of the name itself, which may be as long as names can be.
    return path.absolute().parent / f".gistchain-{os.getpid()}-{time.monotonic_ns()}"


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
