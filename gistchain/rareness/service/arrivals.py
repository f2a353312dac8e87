"""A folder that others write into -> its files, one by one, once each of them is complete.

The folder is listed, not subscribed to: that works on network drives too and loses nothing when a queue of events
runs over. A million files cost 8 bytes each, and listings are spaced so that they take a tenth of one core at most: a
new one among a million is found within a minute or two, among ten thousand at once. A file is complete when its size
and time have stood still for a while and, where Linux can tell, nobody has it open to write. Names are bytes: they
need not be text. Symbolic links, pipes, devices and hidden or temporary names are passed over.
"""

from __future__ import annotations

import bisect
import errno
import fcntl
import hashlib
import heapq
import os
import signal
import stat
import struct
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gistchain.image import MAX_FILE_BYTES

MOST_WAITING = 1000
"""Files that are waited for at one time; the listing stops there and goes on when there is room."""
MAX_HASHED_BYTES = 10 * MAX_FILE_BYTES
"""Larger files are not even read for their hash: that would hold up the others."""
RELIST_S = 30.0
"""A folder whose own time stands still is listed that often all the same: a file may be written anew in its place."""
_COARSEST_TIME_S = 2.5  # FAT keeps times in steps of 2 s: a file may come after the listing, in the same step
_SLICE_S = POLL_S = 0.25
_TEMPORARY = (
    ".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", ".upload", ".aria2", ".swp", "~"
)  # fmt: skip
_NOT_UPLOADED = frozenset((b"thumbs.db", b"desktop.ini"))
_SIGNATURE = struct.Struct("<qq")


class Journal:
    """Signatures of files that are done, kept in a file of 8 bytes each, so that a restart need not read them again.

    It only saves time: whatever is torn or lost is found again by reading the file and its result. Of two million files
    two share a signature with a chance of one in ten million.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._file).st_size // 8 * 8
        os.ftruncate(self._file, size)  # what a kill has torn
        self._sorted = array("Q")
        self._sorted.frombytes(np.unique(np.fromfile(path, dtype="<u8", count=size // 8)).astype(np.uint64).tobytes())
        self._recent: set[int] = set()

    def __contains__(self, signature: int) -> bool:
        if signature in self._recent:
            return True
        place = bisect.bisect_left(self._sorted, signature)
        return place < len(self._sorted) and self._sorted[place] == signature

    def add(self, signature: int) -> None:
        """Raises OSError where it can't be written; it is not done then."""
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, struct.pack("<Q", signature)) != 8:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._file, before)
            raise
        self._recent.add(signature)
        if len(self._recent) > 50_000:
            merged = np.union1d(np.frombuffer(self._sorted, np.uint64), np.fromiter(self._recent, np.uint64))
            self._sorted = array("Q", merged.tobytes())
            self._recent.clear()

    def close(self) -> None:
        os.close(self._file)


@dataclass(slots=True)
class Arrival:
    """One file that is waited for. since: when it was last seen to change; first: when it was first seen at all.
    held_until: it is not taken before, unless it changes."""

    name: bytes
    size: int
    mtime_ns: int
    since: float
    first: float
    held_until: float = 0.0

    @property
    def title(self) -> str:
        return os.fsdecode(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """What a file held. data: None where it is larger than an image may be; sha3_256: None where it is larger still."""

    data: bytes | None
    sha3_256: bytes | None


class Arrivals:
    """once: the folder is listed one time only. settle_s: how long a file stands still before it counts as complete.
    timeout_s: how long one is waited for that doesn't; it is reported then, and looked at again now and then."""

    def __init__(
        self, folder: Path, journal: Journal, *, once: bool = False, settle_s: float = 2.0, timeout_s: float = 600.0
    ) -> None:
        self._folder = os.fsencode(folder)
        self._key = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=16).digest()
        self._journal, self._once, self._settle_s, self._timeout_s = journal, once, settle_s, timeout_s
        self._queue: list[tuple[float, int, Arrival]] = []
        self._names: set[bytes] = set()
        self._reported: set[bytes] = set()
        self._number = 0
        self._listing: Iterator[os.DirEntry[bytes]] | None = None
        self._listings = 0
        self._listed_at = self._changed_at = self._next_listing = -float("inf")
        self._spent_s = 0.0
        self._folder_time = -1

    @property
    def exhausted(self) -> bool:
        """Nothing waits and, with `once`, nothing more is looked for."""
        return self._once and self._listings == 1 and self._listing is None and not self._queue

    def pause_s(self) -> float:
        """How long there is nothing to do, POLL_S at most."""
        if self._listing is not None and len(self._queue) < MOST_WAITING:
            return 0.0
        due = self._queue[0][0] - time.monotonic() if self._queue else POLL_S
        return min(max(due, 0.0), POLL_S)

    def next(self) -> Arrival | None:
        """A file that stands still, or has had all its time (`settled` tells), taken off the queue; None where there is
        none yet. Raises OSError where the folder can't be read."""
        self._look()
        for _ in range(len(self._queue)):  # each at most once: what waits on is pushed back
            if self._queue[0][0] > time.monotonic():
                break
            arrival = heapq.heappop(self._queue)[2]
            self._names.discard(arrival.name)
            try:
                status = os.lstat(os.path.join(self._folder, arrival.name))
            except OSError:
                continue  # it has gone, or may not be looked at: the next listing sees it where it comes back
            now = time.monotonic()
            if (status.st_size, status.st_mtime_ns) != (arrival.size, arrival.mtime_ns):
                arrival.size, arrival.mtime_ns, arrival.since = status.st_size, status.st_mtime_ns, now
                arrival.held_until = 0.0
            elif now < arrival.held_until:
                self.wait(arrival)
                continue
            elif arrival.size or now - arrival.first > self._timeout_s:  # an empty file is an upload about to begin
                return arrival
            if now - arrival.first > self._timeout_s:
                return arrival
            self.wait(arrival)
        return None

    def stood_still_s(self, arrival: Arrival) -> float:
        return time.monotonic() - arrival.since

    def settled(self, arrival: Arrival) -> bool:
        return self.stood_still_s(arrival) >= self._settle_s

    def overdue(self, arrival: Arrival) -> bool:
        """Whether it has been waited for long enough."""
        return time.monotonic() - arrival.first > self._timeout_s

    def wait(self, arrival: Arrival, hold_s: float = 0.0) -> None:
        """Look at it again, but take it only after `hold_s` where it stays as it is."""
        now = time.monotonic()
        arrival.held_until = max(arrival.held_until, now + hold_s)
        self._number += 1
        heapq.heappush(self._queue, (now + self._settle_s, self._number, arrival))
        self._names.add(arrival.name)

    def give_up(self, arrival: Arrival) -> bool:
        """Leave it to the next listing. True for the first time: then it is worth a word."""
        first = arrival.name not in self._reported
        if len(self._reported) < 10 * MOST_WAITING:
            self._reported.add(arrival.name)
        return first

    def finish(self, arrival: Arrival) -> None:
        """It is done with, in its present state, for ever."""
        self._journal.add(self._signature(arrival.name, arrival.size, arrival.mtime_ns))
        self._reported.discard(arrival.name)

    def read(self, arrival: Arrival) -> File | None:
        """Its bytes, or None where it changes meanwhile or someone has it open to write. Raises OSError."""
        # Neither a link nor a pipe that has taken the file's place is followed or waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened = os.open(os.path.join(self._folder, arrival.name), flags)
        try:
            if not _is(arrival, opened) or _has_writers(opened):
                return None
            found = _content(opened, arrival.size)
            return found if _is(arrival, opened) else None
        finally:
            os.close(opened)

    def _look(self) -> None:
        """Goes on with the listing for a moment, where one is due and there is room."""
        started, spent_s = time.monotonic(), time.thread_time()
        if self._listing is None:
            if not self._due(started):
                return
            self._listing, self._listed_at, self._spent_s = self._entries(), started, 0.0
            self._listings += 1
        while len(self._queue) < MOST_WAITING and time.monotonic() - started < _SLICE_S:
            try:
                entry = next(self._listing, None)
            except OSError:
                self._listing = None
                raise
            if entry is None:
                self._listing = None
                break
            self._admit(entry)
        self._spent_s += time.thread_time() - spent_s
        self._next_listing = time.monotonic() + 9 * self._spent_s

    def _due(self, now: float) -> bool:
        if self._once:
            return self._listings == 0
        if now < self._next_listing:
            return False
        folder_time = os.stat(self._folder).st_mtime_ns
        if folder_time != self._folder_time:
            self._folder_time, self._changed_at = folder_time, now
            return True
        return self._listed_at < self._changed_at + _COARSEST_TIME_S <= now or now - self._listed_at > RELIST_S

    def _entries(self) -> Iterator[os.DirEntry[bytes]]:
        with os.scandir(self._folder) as entries:
            yield from entries

    def _admit(self, entry: os.DirEntry[bytes]) -> None:
        try:
            if _passed_over(entry.name) or not entry.is_file(follow_symlinks=False):
                return
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return  # gone again
        size, mtime_ns = status.st_size, status.st_mtime_ns
        if entry.name in self._names or self._signature(entry.name, size, mtime_ns) in self._journal:
            return
        now = time.monotonic()
        # One that was given up before has had its time: it gets one look, and no other file waits for it.
        first = now - self._timeout_s if entry.name in self._reported else now
        self.wait(Arrival(entry.name, size, mtime_ns, now, first))

    def _signature(self, name: bytes, size: int, mtime_ns: int) -> int:
        mixed = hashlib.blake2b(_SIGNATURE.pack(size, mtime_ns) + name, digest_size=8, salt=self._key)
        return int.from_bytes(mixed.digest(), "little")


def _passed_over(name: bytes) -> bool:
    lower = name.lower()
    return name.startswith((b".", b"~$")) or lower.endswith(_ENDS) or lower in _NOT_UPLOADED


_ENDS = tuple(ending.encode() for ending in _TEMPORARY)


def _is(arrival: Arrival, opened: int) -> bool:
    status = os.fstat(opened)
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (arrival.size, arrival.mtime_ns)


def _has_writers(opened: int) -> bool:
    """Whether Linux knows of a process that has the file open to write: then it grants no read lease."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # Whoever opens the file meanwhile sets off a signal: SIGURG is ignored unless asked for, SIGIO would kill.
        fcntl.fcntl(opened, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases: standing still must do
        return False
    fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _content(opened: int, size: int) -> File:
    if size > MAX_HASHED_BYTES:
        return File(None, None)
    digest, parts = hashlib.sha3_256(), list[bytes]()
    while part := os.read(opened, 1 << 20):
        digest.update(part)
        if size <= MAX_FILE_BYTES:
            parts.append(part)
        size -= len(part)
        if size < 0:  # it grows: not what was looked at
            break
    return File(b"".join(parts) if parts or not size else None, digest.digest())
