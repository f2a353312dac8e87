"""What a file lets a process do, before it relies on it: be written to, or be the one at work."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gistchain.errors import SettingError


def check_writable(path: Path, what: str) -> None:
    """Before minutes of work, not after them. Raises SettingError, which asks for another `what`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError as error:
        raise SettingError(f"{path} can't be written ({error.strerror}): give another {what}") from error


def other_holder(lock: int) -> str | None:
    """Which other process holds the lock of this open file; None where this one does now, to its end, however it ends.

    Raises OSError, but BlockingIOError, where the file system knows no locks.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(lock, 100, 0).decode("ascii", "replace").strip() or "another process"
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"process {os.getpid()}\n".encode(), 0)
    return None
