"""Path and pragmas -> a connection to a SQLite file of ours; SQLite's errors in our words.

Transactions are the caller's to begin and commit: closing a connection undoes what was not committed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gistchain.disk.write import file_errors, has_no_room, is_size_limited, no_space, too_large
from gistchain.errors import FileBusy, FileDamaged, FileError

Mode = Literal["rw", "rwc"]
"""SQLite's names: rw to read and write, rwc to make the file if it is missing. `SqliteFile.snapshot` is for reading."""

# A quota and a limit on the size of files show as a failed write, and no room for the index of the log as SHMSIZE.
_NO_GROWTH = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
_NO_SPACE = frozenset({sqlite3.SQLITE_FULL, *_NO_GROWTH})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNUSABLE = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_TRIES, _PAUSE_S = 20, 0.05
"""To copy a file between two writes to it."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """One SQLite file. instead: what to do when it is damaged. timeout_s: how long another writer is waited for."""

    path: Path
    instead: str
    timeout_s: float = 10.0

    def connect(self, mode: Mode, pragmas: Sequence[str] = ()) -> sqlite3.Connection:
        """A connection, to be used inside `errors` and by one thread at a time. Raises as `errors` does."""
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        with self.errors():
            self._check_regular()
            database = sqlite3.connect(
                uri, uri=True, timeout=self.timeout_s, isolation_level=None, check_same_thread=False
            )
            try:
                for pragma in pragmas:
                    database.execute(f"pragma {pragma}")
            except BaseException:
                database.close()
                raise
        return database

    @contextlib.contextmanager
    def opened(self, mode: Mode, pragmas: Sequence[str] = ()) -> Iterator[sqlite3.Connection]:
        """A connection for the body of a `with`, inside `errors`; closed afterwards."""
        with self.errors(), contextlib.closing(self.connect(mode, pragmas)) as database:
            yield database

    def snapshot(self) -> sqlite3.Connection:
        """A connection that only reads, and sees one state of the file whatever is written meanwhile.

        Takes no lock that a writer waits for, and needs no right to write: not to the file, not to its folder.
        To be used as one of `connect`. Raises as `errors` does.
        """
        with self.errors():
            self._check_regular()
            last = None
            for way in self._ways_to_read():
                try:
                    return self._pinned(way)
                except sqlite3.OperationalError as error:
                    code = getattr(error, "sqlite_errorcode", 0)
                    if code & 0xFF not in _UNUSABLE and code not in _NO_SPACE:
                        raise
                    last = error
            if last is None or not self.path.exists():
                raise FileError(f"can't read {self.path}: it is not there")
            return self._copied()

    def _check_regular(self) -> None:
        """SQLite would wait for a pipe until somebody writes to it."""
        if self.path.exists() and not (self.path.is_file() or self.path.is_dir()):
            raise FileError(f"can't use {self.path} (it is not a regular file): move it away")

    def _ways_to_read(self) -> Iterator[str]:
        # Readers write too, to the index of the write-ahead log; and only one that may write clears the log away.
        if os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK):
            yield "mode=rw"
        yield "mode=ro"
        log = self.path.with_name(self.path.name + "-wal")
        if not log.exists() or log.stat().st_size == 0:
            yield "mode=ro&immutable=1"  # without index and locks: nobody can write to it

    def _pinned(self, way: str) -> sqlite3.Connection:
        database = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?{way}",
            uri=True,
            timeout=self.timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            database.execute("pragma query_only = on")
            database.execute("begin")
            database.execute("select 1 from sqlite_master limit 1").fetchone()  # from here on it sees this state
        except BaseException:
            database.close()
            raise
        return database

    def _copied(self) -> sqlite3.Connection:
        """The file in memory: a folder that can't be written has a log there without its index."""
        with tempfile.TemporaryDirectory() as folder, file_errors(self.path):
            self._copy_to(os.path.join(folder, "copy"))
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            try:
                with contextlib.closing(sqlite3.connect(os.path.join(folder, "copy"))) as copy:
                    copy.backup(memory)
            except BaseException:
                memory.close()
                raise
        return memory

    def _copy_to(self, copy: str) -> None:
        """File and log as they were at one time: a writer may move from one to the other what was copied of neither."""
        for _ in range(_TRIES):
            before = self._written()
            shutil.copyfile(self.path, copy)
            try:
                shutil.copyfile(f"{self.path}-wal", f"{copy}-wal")
            except FileNotFoundError:
                Path(f"{copy}-wal").unlink(missing_ok=True)
            if self._written() == before:
                return
            time.sleep(_PAUSE_S)
        raise FileBusy(f"{self.path} is written to all the time (tried {_TRIES} times): try again")

    def _written(self) -> list[tuple[int, int, int]]:
        """What changes with each write to the file or to its log, which need not be there."""
        written = [os.stat(self.path)]
        with contextlib.suppress(FileNotFoundError):
            written.append(os.stat(f"{self.path}-wal"))
        return [(status.st_ino, status.st_size, status.st_mtime_ns) for status in written]

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what goes wrong with the file into DiskFull, FileBusy, FileDamaged or FileError."""
        try:
            yield
        except UnicodeDecodeError as error:  # SQLite quotes what it found in place of a table's definition
            raise self.damaged("its tables can't be read") from error
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None:
                raise self._ours(error, code) from error
            if isinstance(error, sqlite3.OperationalError):  # Python's own: a text that is not UTF-8
                raise self.damaged(str(error)) from error
            raise  # SQLite did not say it: the fault is in our own code

    def damaged(self, what: str) -> FileDamaged:
        """The error for a file that is not what was written; `what` is wrong with it."""
        return FileDamaged(f"{self.path} is damaged ({what}): {self.instead}")

    def _no_space(self, error: sqlite3.DatabaseError) -> FileError:
        return no_space(self.path, OSError(errno.ENOSPC, str(error)))

    def _ours(self, error: sqlite3.DatabaseError, code: int) -> FileError:
        plain = code & 0xFF  # an extended code keeps the plain one in its low byte
        if code in _NO_GROWTH and is_size_limited() and not has_no_room(self.path):
            return too_large(self.path, error)
        if code in _NO_SPACE:
            return self._no_space(error)
        if plain in _BUSY:
            return FileBusy(f"{self.path} is in use by another process (waited {self.timeout_s:g} s): try again")
        if plain in _UNUSABLE and has_no_room(self.path):
            return self._no_space(error)
        if plain in _UNUSABLE:
            return FileError(f"can't use {self.path} ({error}): check the folder, its permissions and its disk")
        # Our statements are few and fixed: any other error means that the file's tables are not ours.
        return self.damaged(str(error))
