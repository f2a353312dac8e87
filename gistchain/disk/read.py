"""A file that anyone may have put there -> its bytes: never waited on, never without end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, *, at_most: int, follow: bool = True) -> bytes:
    """The content of a file of at most `at_most` bytes. follow: a link at `path` is followed, else refused.

    Raises OSError, which says so, for a folder, a pipe, a socket or a device, which may block or never end, and for a
    larger file; ValueError for a path that can't be.
    """
    _check(os.stat(path, follow_symlinks=follow), path)  # opening some devices does something by itself
    # It may have become a pipe or a link meanwhile.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    with os.fdopen(handle, "rb") as file:
        _check(os.fstat(handle), path)
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise OSError(errno.EOVERFLOW, f"it has more than {at_most:,} bytes", str(path))
    return content


def _check(status: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
