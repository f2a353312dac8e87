"""Which files of a watched folder are done: signatures of files, each with the name of its result.

It only saves time: where a part is lost, the files are read again and their results found. A file whose result was
deleted is not done any more. 16 bytes a file; the chance that two of two million files share a signature is one in ten
million.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.disk.write import file_errors
from gistchain.errors import FileError

HEX_DIGITS = 10
"""Of the SHA3-256 of a file, which name its result: `<10 hex digits>.json`."""
_COARSEST_TIME_S = 2.5  # FAT keeps times in steps of 2 s: a result may be deleted after the look, within the same step
_MOST_RECENT = 50_000
_RESULT = re.compile(r"([0-9a-f]{10})(?:[0-9a-f]{54})?\.json")
_RECORD = np.dtype([("signature", "<u8"), ("result", "<u8")])


class Journal:
    """The file `path`, in the folder of results. One process writes it, which holds the folder's lock."""

    def __init__(self, path: Path) -> None:
        """Anything but a file of our own at `path` is removed, never followed or waited for.

        Raises FileError, DiskFull.
        """
        self._path = path
        with file_errors(path):
            self._file = _opened(path)
            size = os.fstat(self._file).st_size // _RECORD.itemsize * _RECORD.itemsize
            os.ftruncate(self._file, size)  # cuts off a record that a kill left unfinished
            kept = np.frombuffer(_content(self._file, size), _RECORD)
        self._kept = _latest(kept)
        self._recent: dict[int, int] = {}
        self._results: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._written: set[int] = set()
        self._folder_time, self._looked_at = -1, -float("inf")
        self.look()

    def look(self) -> None:
        """See which results are there now. Raises FileError."""
        with file_errors(self._path.parent):
            folder_time = os.stat(self._path.parent).st_mtime_ns
            age_s = self._looked_at - folder_time / 1e9  # of the folder's last change when it was last looked at
            if folder_time == self._folder_time and age_s > _COARSEST_TIME_S:
                return
            self._folder_time, self._looked_at = folder_time, time.time()
            with os.scandir(self._path.parent) as entries:
                names = [int(match[1], 16) for entry in entries if (match := _RESULT.fullmatch(entry.name))]
        self._results = np.unique(np.array(names, np.uint64))
        self._written.clear()

    def __contains__(self, signature: int) -> bool:
        """Whether the file is done, and its result was there at the last look."""
        result = self._recent.get(signature)
        if result is None:
            place = int(np.searchsorted(self._kept["signature"], np.uint64(signature)))
            if place == len(self._kept) or int(self._kept["signature"][place]) != signature:
                return False
            result = int(self._kept["result"][place])
        return result in self._written or _holds(self._results, result)

    def add(self, signature: int, sha3_256: bytes) -> None:
        """Note a file and the hash that its result is named after.

        Raises DiskFull or FileError where it can't be written; it does not count as done then.
        """
        result = int(sha3_256.hex()[:HEX_DIGITS], 16)
        record = np.array([(signature, result)], _RECORD).tobytes()
        with file_errors(self._path):
            before = os.fstat(self._file).st_size
            try:
                if os.write(self._file, record) != len(record):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                os.ftruncate(self._file, before)
                raise
        self._recent[signature] = result
        self._written.add(result)
        if len(self._recent) > _MOST_RECENT:
            recent = np.array(list(self._recent.items()), _RECORD)
            self._kept = _latest(np.concatenate([self._kept, recent]))
            self._recent.clear()

    def close(self) -> None:
        os.close(self._file)


def _opened(path: Path) -> int:
    """The file at `path`, made if it is missing. A link of a stranger there could lead us anywhere."""
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    with contextlib.suppress(FileNotFoundError):
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            raise FileError(f"{path} is a folder: move it away")
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            path.unlink()
    opened = os.open(path, flags | os.O_CREAT, 0o644)
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    raise FileError(f"{path} is not a regular file: remove it")


def _content(file: int, size: int) -> bytes:
    parts, at = list[bytes](), 0
    while at < size and (part := os.pread(file, min(size - at, 1 << 24), at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)[: at // _RECORD.itemsize * _RECORD.itemsize]


def _latest(records: NDArray[np.void]) -> NDArray[np.void]:
    """Sorted by signature, of each the last one."""
    _, first = np.unique(records["signature"][::-1], return_index=True)
    return records[::-1][first]


def _holds(ordered: NDArray[np.uint64], value: int) -> bool:
    place = int(np.searchsorted(ordered, np.uint64(value)))
    return place < len(ordered) and int(ordered[place]) == value
