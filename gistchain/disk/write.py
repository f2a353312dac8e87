"""Bytes -> a file that is there whole or not at all, and durably."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gistchain.errors import DiskFull, FileError

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_whole(
    path: Path, content: bytes, *, mode: int = 0o666, keep_existing: bool = False, draft: Path | None = None
) -> None:
    """Write `content` to `path`, so that a kill or a full disk leaves the file as it was before.

    mode: permissions, from which the umask takes. keep_existing: a file that is there already stays as it is.
    draft: the file that is written first and then renamed, on the same file system; a leftover of that name is written
    over. Without it, a hidden name of its own in the same folder. A link at `path` is replaced, never followed.
    Raises DiskFull, FileError.
    """
    with file_errors(path):
        if path.exists() and not path.is_file():  # a rename would take the place of a device or a pipe
            raise FileError(f"{path} is not a regular file: give the name of a file")
        if draft is None:
            # Not made of the name itself, which may be as long as names can be.
            draft = path.with_name(f".gistchain-{os.getpid()}-{time.monotonic_ns()}")
        else:
            draft.unlink(missing_ok=True)
        try:
            _write_durably(draft, content, mode)
            if keep_existing:
                with contextlib.suppress(FileExistsError):
                    os.link(draft, path)
            else:
                os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)


def _write_durably(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def put_whole(path: Path, content: bytes) -> None:
    """As `write_whole`, without waiting for the disk: a kill leaves a file whole or not there, a power cut may not.

    For many files that something written later vouches for. A link at `path` is refused. Raises DiskFull, FileError.
    """
    draft = path.with_name(f".{path.name}.part")
    with file_errors(path):
        if path.is_symlink():
            raise FileError(f"{path} is a link: remove it")
        try:
            draft.write_bytes(content)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make the folder and those above it where they are missing. Raises FileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if is_full(error):
            raise no_space(folder, error) from error
        raise FileError(f"can't make the folder {folder} ({error.strerror}): check the folder above it") from error


def check_folder(folder: Path) -> None:
    """Try, before minutes of work and not after them, whether files can be written to a folder, which is not made.

    Raises FileError, DiskFull.
    """
    there = folder
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise FileError(f"can't make the folder {folder}: {there} is not a folder, give another")
    with file_errors(folder), tempfile.TemporaryFile(dir=there):
        pass


def check_writable(path: Path) -> None:
    """Try, before minutes of work and not after them, whether a file can be written to `path`.

    Leaves nothing behind and makes no folder. Raises FileError, DiskFull.
    """
    check_place(path)
    with file_errors(path), tempfile.TemporaryFile(dir=path.parent):
        pass


def check_place(path: Path) -> None:
    """Raises FileError where `path` can't be the name of a file that is written, whatever the rights are."""
    with file_errors(path):
        if path.is_dir():
            raise FileError(f"can't write {path}: it is a folder, give the name of a file")
        if not path.parent.is_dir():
            raise FileError(f"can't write {path}: there is no folder {path.parent}, make it first")
        if os.path.lexists(path) and path.exists() and not path.is_file():
            raise FileError(f"can't write {path}: it is not a regular file, give the name of a file")


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn an OSError at the file `path` into DiskFull or FileError."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise no_space(path, error) from error
        raise FileError(
            f"can't write or read {path} ({error.strerror}): check the folder, its permissions and its disk"
        ) from error


def is_full(error: OSError) -> bool:
    """Whether the disk, a quota or the limit on a file's size is what was met."""
    return error.errno in _NO_SPACE


def has_no_room(path: Path) -> bool:
    """Whether the file system that `path` is on has no block or no name left; for errors that don't say it."""
    with contextlib.suppress(OSError):
        room = os.statvfs(path if path.exists() else path.parent)
        # Some file systems don't count their names: both numbers are 0 there.
        return room.f_bavail == 0 or (room.f_favail == 0 and room.f_files > 0)
    return False


def no_space(path: object, error: OSError, result: str = "nothing was written") -> DiskFull:
    """The error for one of `is_full`."""
    if error.errno == errno.EFBIG:
        return too_large(path, error.strerror, result)
    return DiskFull(f"no space left for {path} ({error.strerror}): {result}; make room and try again")


def too_large(path: object, reason: object, result: str = "nothing was written") -> DiskFull:
    """The error where there may be room, but a file must not be larger."""
    return DiskFull(
        f"{path} would be larger than a file may be ({reason}): {result}; raise the limit of the shell (ulimit -f) or "
        "use a file system for larger files, then try again"
    )


def is_size_limited() -> bool:
    """Whether this process has a limit on the size of files."""
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
