"""A large file, or a folder of files -> there whole or not at all: made under a hidden name beside it, then renamed.

For content that fits into memory `write_whole` does the same in one call.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gistchain.disk.write import check_place, file_errors, sync_folder
from gistchain.errors import FileError


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
def drafted_folder(path: Path, *, mark: str, replace: bool = False) -> Iterator[Path]:
    """An empty folder to fill in the body; it takes the place of `path` at its end, or is removed where the body fails.

    mark: a file that every such folder holds. replace: an earlier folder with that file is removed in the end.
    Raises FileError for a `path` that holds anything else, FileError and DiskFull for what can't be written.
    """
    check_free(path, mark=mark, replace=replace)
    draft, aside = _beside(path), _beside(path)
    with file_errors(path):
        draft.mkdir(parents=True)
    try:
        with file_errors(path):
            yield draft
            for file in sorted(draft.rglob("*")):
                _synced(file)
            check_free(path, mark=mark, replace=replace)
            if path.exists():
                os.rename(path, aside)
            os.rename(draft, path)
            sync_folder(path.parent)
    finally:
        if aside.exists() and not path.exists():  # between the two renames
            os.rename(aside, path)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(draft, ignore_errors=True)


def check_free(path: Path, *, mark: str, replace: bool) -> None:
    """Raises FileError unless `path` is missing, an empty folder, or with `replace` a folder that holds `mark`."""
    with file_errors(path):
        if not os.path.lexists(path):
            return
        if path.is_symlink() or not path.is_dir():
            raise FileError(f"can't write {path}: it is not a folder, give another name")
        there = sorted(os.listdir(path))
    if not there:
        return
    if mark not in there:
        raise FileError(f"can't write {path}: it holds something else ({there[0]!r}), give another or an empty folder")
    if not replace:
        raise FileError(f"can't write {path}: an earlier one is there, give --replace to put this in its place")


def _beside(path: Path) -> Path:
    # Not made of the name itself, which may be as long as names can be.
    return path.absolute().parent / f".gistchain-{os.getpid()}-{time.monotonic_ns()}"


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
