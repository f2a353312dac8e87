"""The name of a file -> the right to work, for one process at a time; other processes are told which one has it."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from gistchain.disk.write import file_errors, make_folder
from gistchain.errors import FileBusy, FileError

_POLL_S = 0.02
_SILENT_S = 1.0
"""A person who waits longer wants to know for what."""


class FileLock:
    """Held from construction to `close`, or to the end of the process, however it ends (flock)."""

    def __init__(
        self,
        path: Path,
        *,
        wait_s: float = 0.0,
        what: object = None,
        use: str = "in use",
        instead: str = "let it finish or end it, then try again",
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        """Take the lock, in wait_s at the latest. The file is made if need be, and stays.

        waiting: is told once, after a second, what is waited for. Raises FileBusy, which says that `what` (by default
        the folder) is `use` by which process and what to do `instead`; FileError where the file can't be made or its
        file system has no locks.
        """
        self._pid = os.getpid()
        self._waiting = waiting
        self._told = f"{what or path.parent} is {use}"
        make_folder(path.parent)
        with file_errors(path):
            # A stranger's link in a shared folder must not make us cut another file, nor a pipe make us wait.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                os.close(self._file)
                raise FileError(f"{path} is not a regular file: remove it")
        try:
            if not self._taken_within(path, wait_s):
                waited = f" (waited {wait_s:g} s)" if wait_s else ""
                raise FileBusy(f"{self._told} by {self._holder()}{waited}: {instead}")
            with file_errors(path):
                self._sign()
        except BaseException:
            self.close()
            raise

    def _taken_within(self, path: Path, wait_s: float) -> bool:
        began = time.monotonic()
        while not self._taken(path):
            waited = time.monotonic() - began
            if waited >= wait_s:
                return False
            if self._waiting is not None and waited >= _SILENT_S:
                self._waiting(f"{self._told} by {self._holder()}: waiting for it, {wait_s:g} s at most")
                self._waiting = None
            time.sleep(_POLL_S)
        return True

    def _taken(self, path: Path) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise FileError(f"{path} can't be locked ({error.strerror}): use a folder on a local disk") from error
        return True

    def _sign(self) -> None:
        """Write who holds the lock, for those who find it taken."""
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"process {os.getpid()} since {started}\n".encode(), 0)

    def _holder(self) -> str:
        return os.pread(self._file, 200, 0).decode("ascii", "replace").strip() or "another process"

    def close(self) -> None:
        if self._file >= 0:
            if os.getpid() == self._pid:  # a child that was forked meanwhile has the same lock open
                with suppress(OSError):
                    fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
