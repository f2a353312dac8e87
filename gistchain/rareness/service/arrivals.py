"""A folder that others write into -> its files, one by one, once each of them is complete.

The folder is listed again and again, not subscribed to: that works on network drives too, and no event can be lost. A
million files cost 16 bytes each. Listings are spaced so that they take at most a tenth of one core: a new file among a
million is found within a minute or two, among ten thousand at once.

A file is complete when its size and time have stood still for a while and, where Linux can tell, no process has it
open for writing. Names are bytes, because they need not be valid text. Symbolic links, pipes, devices and hidden or
temporary names are skipped.
"""

from __future__ import annotations

import fcntl
import hashlib
import heapq
import os
import signal
import stat
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gistchain.image import MAX_FILE_BYTES
from gistchain.rareness.service.journal import Journal

MOST_WAITING = 1000
"""Files that are waited for at one time; the listing stops there, and goes on when some are done."""
MAX_HASHED_BYTES = 10 * MAX_FILE_BYTES
"""Larger files are not read at all, not even for their hash: that would hold up the others."""
RELIST_S = 30.0
"""A folder whose own time has not changed is listed again after this long: a file may be overwritten in place."""
_COARSEST_TIME_S = 2.5  # FAT keeps times in steps of 2 s: a file may arrive after the listing, within the same step
_SLICE_S = POLL_S = 0.25
_TEMPORARY = (
    ".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", ".upload", ".aria2", ".swp", "~"
)  # fmt: skip
_NOT_UPLOADED = frozenset((b"thumbs.db", b"desktop.ini"))
_SIGNATURE = struct.Struct("<qq")


@dataclass(slots=True)
class Arrival:
    """One file that is waited for. since: when it was last seen to change. first: when it was first seen.
    held_until: it is not taken before then, unless it changes. All three are times of `time.monotonic`.
    tries: how often it could not be looked at for want of memory."""

    name: bytes
    size: int
    mtime_ns: int
    since: float
    first: float
    held_until: float = 0.0
    tries: int = 0

    @property
    def title(self) -> str:
        return os.fsdecode(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """The content of a file. data: None where it is larger than an image may be. sha3_256: None where it is larger than
    MAX_HASHED_BYTES."""

    data: bytes | None
    sha3_256: bytes | None


class Arrivals:
    """The files of a folder. once: list it only once. settle_s: how long a file stands still before it is complete.

    timeout_s: how long a file that still changes is waited for. It is then handed out anyway, and again after later
    listings.
    """

    def __init__(
        self, folder: Path, journal: Journal, *, once: bool = False, settle_s: float = 2.0, timeout_s: float = 600.0
    ) -> None:
        self._folder = os.fsencode(folder)
        self._key = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=16).digest()
        self._journal, self._once, self._settle_s, self._timeout_s = journal, once, settle_s, timeout_s
        self._queue: list[tuple[float, int, Arrival]] = []
        self._names: set[bytes] = set()
        self._reported: set[bytes] = set()
        self._left: set[int] = set()
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
        """A file that stands still, or that was waited for long enough (`settled` tells which); None if none is ready.

        It is taken off the queue. Raises OSError where the folder can't be read.
        """
        self._list()
        for _ in range(len(self._queue)):  # each at most once: those that are not ready are pushed back
            if self._queue[0][0] > time.monotonic():
                break
            arrival = heapq.heappop(self._queue)[2]
            self._names.discard(arrival.name)
            try:
                status = os.lstat(os.path.join(self._folder, arrival.name))
            except OSError:
                continue  # it is gone or can't be looked at: if it comes back, the next listing sees it
            if self._is_ready(arrival, status):
                return arrival
            self.wait(arrival)
        return None

    def _is_ready(self, arrival: Arrival, status: os.stat_result) -> bool:
        now = time.monotonic()
        if (status.st_size, status.st_mtime_ns) != (arrival.size, arrival.mtime_ns):
            arrival.size, arrival.mtime_ns, arrival.since = status.st_size, status.st_mtime_ns, now
            arrival.held_until = 0.0
            return self.overdue(arrival)
        if now < arrival.held_until:
            return False
        # An empty file is an upload that is about to begin.
        return arrival.size > 0 or self.overdue(arrival)

    def stood_still_s(self, arrival: Arrival) -> float:
        return time.monotonic() - arrival.since

    def settled(self, arrival: Arrival) -> bool:
        return self.stood_still_s(arrival) >= self._settle_s

    def overdue(self, arrival: Arrival) -> bool:
        """Whether it was waited for longer than timeout_s."""
        return time.monotonic() - arrival.first > self._timeout_s

    def wait(self, arrival: Arrival, hold_s: float = 0.0) -> None:
        """Put it back into the queue. Unless it changes, it is handed out only after `hold_s`."""
        now = time.monotonic()
        arrival.held_until = max(arrival.held_until, now + hold_s)
        self._number += 1
        heapq.heappush(self._queue, (now + self._settle_s, self._number, arrival))
        self._names.add(arrival.name)

    def give_up(self, arrival: Arrival) -> bool:
        """Leave it to the next listing. True for the first time, when it should be reported."""
        first = arrival.name not in self._reported
        if len(self._reported) < 10 * MOST_WAITING:
            self._reported.add(arrival.name)
        return first

    def finish(self, arrival: Arrival, sha3_256: bytes) -> None:
        """Hand it out no more in its present state, as long as its result is there. Raises DiskFull, FileError."""
        self._journal.add(self._signature(arrival.name, arrival.size, arrival.mtime_ns), sha3_256)
        self._reported.discard(arrival.name)

    def leave(self, arrival: Arrival) -> None:
        """Hand it out no more in its present state, in this run."""
        if len(self._left) < 100 * MOST_WAITING:
            self._left.add(self._signature(arrival.name, arrival.size, arrival.mtime_ns))

    def read(self, arrival: Arrival) -> File | None:
        """Its content, or None where it changes meanwhile or a process has it open for writing. Raises OSError."""
        # A link or a pipe that has taken the file's place is neither followed nor waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        opened = os.open(os.path.join(self._folder, arrival.name), flags)
        try:
            if not _is_unchanged(arrival, opened) or _has_writers(opened):
                return None
            content = _content(opened, arrival.size)
            return content if _is_unchanged(arrival, opened) else None
        finally:
            os.close(opened)

    def _list(self) -> None:
        """Continue the listing for a moment, if one is due and the queue has room."""
        started, spent_s = time.monotonic(), time.thread_time()
        if self._listing is None:
            if not self._due(started):
                return
            self._journal.look()
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
        self._next_listing = time.monotonic() + 9 * self._spent_s  # a tenth of one core

    def _due(self, now: float) -> bool:
        """Whether to list the folder: it has changed, it may have changed since, or the last listing is long ago."""
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
            if _is_skipped(entry.name) or not entry.is_file(follow_symlinks=False):
                return
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return  # gone again
        size, mtime_ns = status.st_size, status.st_mtime_ns
        signature = self._signature(entry.name, size, mtime_ns)
        if entry.name in self._names or signature in self._left or signature in self._journal:
            return
        now = time.monotonic()
        # One that was given up before is overdue at once: it is looked at one time and holds up no other file.
        first = now - self._timeout_s if entry.name in self._reported else now
        self.wait(Arrival(entry.name, size, mtime_ns, now, first))

    def _signature(self, name: bytes, size: int, mtime_ns: int) -> int:
        mixed = hashlib.blake2b(_SIGNATURE.pack(size, mtime_ns) + name, digest_size=8, salt=self._key)
        return int.from_bytes(mixed.digest(), "little")


def _is_skipped(name: bytes) -> bool:
    lower = name.lower()
    return name.startswith((b".", b"~$")) or lower.endswith(_ENDS) or lower in _NOT_UPLOADED


_ENDS = tuple(ending.encode() for ending in _TEMPORARY)


def _is_unchanged(arrival: Arrival, opened: int) -> bool:
    status = os.fstat(opened)
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (arrival.size, arrival.mtime_ns)


def _has_writers(opened: int) -> bool:
    """Whether a process has the file open for writing: Linux then grants no read lease."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # A process that opens the file meanwhile triggers a signal to this one: SIGURG is ignored, SIGIO would kill.
        fcntl.fcntl(opened, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases: that it stands still must be enough
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
        if size < 0:  # it grows
            break
    return File(b"".join(parts) if parts or not size else None, digest.digest())
