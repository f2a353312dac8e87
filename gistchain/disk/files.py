"""Small files and SQLite files that survive a kill at any moment, and their errors in our words."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from gistchain.errors import DiskFull, LedgerBusy, LedgerDamaged, LedgerError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What goes wrong with the file at `path`, as DiskFull, LedgerDamaged or LedgerError."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(f"{path} can't be written ({error.strerror}): make room and try again") from error
        raise LedgerError(f"{path} can't be used ({error.strerror}): check the folder and its rights") from error
    except UnicodeDecodeError as error:  # SQLite quotes what it found in place of a table's definition
        raise damaged(path, "its table can't be read") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        # A file size limit shows as a failed write, not as SQLITE_FULL.
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
            raise DiskFull(f"{path} can't grow ({error}); nothing was written: make room and try again") from error
        # Our statements are few and fixed: SQLITE_ERROR means that the file's tables are not ours.
        if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            raise damaged(path, str(error)) from error
        raise LedgerError(f"{path} can't be used ({error}): check the folder and its rights") from error


def damaged(path: Path, what: str, *, instead: str = "move it away") -> LedgerDamaged:
    """The error for a file that is not what was written; `instead` is the way on for those without a backup."""
    return LedgerDamaged(f"{path} is damaged ({what}): restore it from a backup, or {instead}")


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644, keep_existing: bool = False) -> None:
    """The whole content or none of it at `path`; with `keep_existing`, a file that is there already stays."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if keep_existing:
                with contextlib.suppress(FileExistsError):
                    os.link(draft, path)
            else:
                os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FileLock:
    """Held from construction to `close`, or to the end of the process however it ends (flock).

    Raises LedgerBusy, naming the holder, if it isn't free within wait_s.
    """

    def __init__(self, path: Path, *, wait_s: float) -> None:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + wait_s
        while not self._taken():
            if time.monotonic() >= deadline:
                holder = os.pread(self._file, 200, 0).decode("ascii", "replace").strip() or "another process"
                os.close(self._file)
                raise LedgerBusy(
                    f"{path.parent} is in use by {holder}: let it finish or end it, then try again; "
                    "programs that must share a chain connect to a node with --rpc"
                )
            time.sleep(0.02)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        with disk_errors(path):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"process {os.getpid()} since {started}\n".encode(), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
