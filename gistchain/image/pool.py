"""The bytes of an image file -> its pixels, decoded in one of a few child processes.

A child is started when it is needed and serves many images. It loads Pillow and nothing else, is bounded in time and
memory, and is replaced where an image exceeds that or makes it crash. It ends with this process, however that ends.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import DecodingFailed, ImageError
from gistchain.image.child import Limits, encoded
from gistchain.image.kinds import HEAD_BYTES, kind_of
from gistchain.image.large import FITS_WEBP, LARGEST, LARGEST_JPEG, MOST_PIXELS
from gistchain.safejson import parsed

MOST_CHILDREN = 2

_MOST_HEADER = 1 << 20
_LEAST_FD = 10  # not one of stdin, stdout and stderr, which may be closed here and are opened in the child
_MALLOC_GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}  # glibc keeps what is freed otherwise
# All that a child gets of the environment: where this Python's libraries are. Keys and passwords are not its business.
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
_START = """
import sys
sys.path[:] = sys.argv[4:]
from gistchain.image.child import main
main(*map(int, sys.argv[1:4]))
"""


@dataclass(frozen=True, slots=True)
class Raw:
    """As `decode.Decoded`, in arrays: colours (height, width, 3), alpha (height, width) or None."""

    colours: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    background: tuple[int, int, int] | None
    notes: tuple[str, ...]


class Child:
    """One process and the socket to it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._status: int | None = None
        ours, theirs = socket.socketpair()
        with theirs:
            fd = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, _LEAST_FD)
            try:
                self.pid = _spawned(fd, limits)
            except BaseException:
                ours.close()
                raise
            finally:
                os.close(fd)
        self._socket = ours

    def decode(self, data: bytes, title: str) -> Raw:
        """Raises ImageError for an image that can't be decoded, _Ended where the child must be replaced."""
        deadline = time.monotonic() + self._limits.wall_s
        try:
            self._send(encoded({"title": title, "bytes": len(data)}), deadline)
            self._send(data, deadline)
            reply = _reply(self._header(deadline))
            if reply.error is not None:
                raise ImageError(reply.error)
            if reply.memory:
                most = self._limits.memory_bytes // 1024**2
                webp = kind_of(data[:HEAD_BYTES]) == "WEBP"
                fits = f"a WebP of up to {FITS_WEBP // 10**6} megapixels fits, " if webp else ""
                raise _Ended(
                    f"{title} needs more than the {most:,} MiB of memory that decoding may take: {fits}{_SMALLER}"
                )
            return self._raw(reply, deadline)
        except _Nonsense as error:
            raise _Ended(f"{title} is broken: its decoder got out of step; save or fetch it again") from error
        except TimeoutError as error:
            raise _EndedByMachine(f"{title} takes more than {self._limits.wall_s:g} s to decode: {_SMALLER}") from error
        except OSError as error:  # also what _received raises at the end
            self.kill()  # it may have closed its end only; a process that is ending keeps its status
            kind = {-signal.SIGKILL: _EndedByMachine, -signal.SIGIO: _HungUp}.get(self._status or 0, _Ended)
            raise kind(_why(self._status, title, self._limits)) from error

    def alive(self) -> bool:
        return not self._wait(os.WNOHANG)

    def close(self) -> None:
        """The child ends by itself, unless another process has the socket too."""
        self._socket.close()

    def kill(self) -> None:
        self.close()
        if not self._wait(os.WNOHANG):  # once it was waited for, its number may be another process's
            os.kill(self.pid, signal.SIGKILL)
            self._wait()

    def _wait(self, how: int = 0) -> bool:
        """Whether it has ended; _status is how, as os.waitstatus_to_exitcode says."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:  # somebody else has waited for it
                self._status = _UNKNOWN
            else:
                self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status is not None

    def _send(self, data: bytes, deadline: float) -> None:
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(data)

    def _header(self, deadline: float) -> bytes:
        length = int.from_bytes(self._received(bytearray(4), deadline), "big")
        if length > _MOST_HEADER:
            raise _Nonsense
        return bytes(self._received(bytearray(length), deadline))

    def _raw(self, reply: _Reply, deadline: float) -> Raw:
        width, height = reply.size
        colours = np.empty((height, width, 3), np.uint8)
        self._received(colours.data.cast("B"), deadline)
        alpha = None
        if reply.background is not None:
            alpha = np.empty((height, width), np.uint8)
            self._received(alpha.data.cast("B"), deadline)
        return Raw(colours, alpha, reply.background, reply.notes)

    def _received(self, into: bytearray | memoryview, deadline: float) -> bytearray | memoryview:
        view = memoryview(into)
        while view:
            self._socket.settimeout(_left(deadline))
            count = self._socket.recv_into(view)
            if not count:
                raise ConnectionError("the child has ended")
            view = view[count:]
        return into


class _Reply(NamedTuple):
    """An error, or too little memory, or the rest. size: width, height."""

    error: str | None = None
    memory: bool = False
    size: tuple[int, int] = (0, 0)
    background: tuple[int, int, int] | None = None
    notes: tuple[str, ...] = ()


def _reply(header: bytes) -> _Reply:
    """Raises _Nonsense: an image may have taken the child over."""
    try:
        said = parsed(header)
    except ValueError as error:
        raise _Nonsense from error
    match said:
        case {"error": str(words)}:
            return _Reply(error=words)
        case {"memory": True}:
            return _Reply(memory=True)
        case {"size": [width, height], "background": None | [_, _, _] as background, "notes": [*notes]}:
            fits = _whole([width, height], 1, MOST_PIXELS) and width * height <= MOST_PIXELS
            if fits and _whole(background or [], 0, 255) and all(isinstance(note, str) for note in notes):
                red_green_blue = None if background is None else (background[0], background[1], background[2])
                return _Reply(size=(width, height), background=red_green_blue, notes=tuple(notes))
    raise _Nonsense


def _whole(numbers: list[Any], least: int, most: int) -> bool:
    return all(type(number) is int and least <= number <= most for number in numbers)


def _left(deadline: float) -> float:
    """In seconds. Raises TimeoutError, also where a byte comes now and then for ever."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Nonsense(Exception):
    """The child's reply is none."""


class _Ended(Exception):
    """The child is of no use any more. The message is what to say of the image."""


class _EndedByMachine(_Ended):
    """The image may be fine: too little memory, or a machine that is too busy."""


class _HungUp(_Ended):
    """The child was told that this end is closed, which it is not: the signal is also sent for data that arrives, and
    may come after the child has read it and begun to decode."""


_UNKNOWN = 255
_SMALLER = (
    f"make it smaller, or save it again as PNG (up to {LARGEST // 10**6} megapixels) or JPEG (up to "
    f"{LARGEST_JPEG // 10**6})"
)


def _why(status: int | None, title: str, limits: Limits) -> str:
    if status == -signal.SIGXCPU:
        return f"{title} takes more than {limits.cpu_s} s of processor time to decode: {_SMALLER}"
    if status == -signal.SIGKILL:
        return f"{title} was not decoded, as the system ended the process: there may be too little memory; {_SMALLER}"
    how = f"signal {-status}" if status is not None and status < 0 else "an error"
    return f"{title} is broken: its decoder ended with {how}; save or fetch it again"


def _spawned(fd: int, limits: Limits) -> int:
    if not sys.executable:
        raise ImageError("images are decoded in a process of their own, but sys.executable does not name a Python")
    root = str(Path(__file__).resolve().parents[2])
    paths = [*(str(Path(path).absolute()) for path in sys.path if path), root]
    # -I -S: nothing of the environment or of site runs there.
    words = [sys.executable, "-I", "-S", "-W", "ignore", "-c", _START]
    words += [str(fd), str(limits.cpu_s), str(limits.memory_bytes), *paths]
    devnull = [(os.POSIX_SPAWN_OPEN, k, os.devnull, os.O_RDWR, 0) for k in range(3)]
    # A group of its own: Ctrl-C is for this process, which ends it.
    try:
        return os.posix_spawn(
            sys.executable,
            words,
            _environment(),
            file_actions=[*devnull, (os.POSIX_SPAWN_DUP2, fd, fd)],
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGIO, signal.SIGXCPU),
        )
    except OSError as error:
        raise DecodingFailed(
            f"can't start the process that decodes images ({error.strerror}): {sys.executable}"
        ) from error


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | _MALLOC_GIVES_BACK | {"OPENBLAS_NUM_THREADS": "1"}


class Pool:
    """At most MOST_CHILDREN children; who finds all of them busy waits."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  frozen
        self._limits = limits
        self._reset()

    def _reset(self) -> None:
        """No child, no turn taken, and no lock held."""
        self._children: set[Child] = set()
        self._idle: list[Child] = []
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(MOST_CHILDREN)

    def start(self) -> None:
        """Start a child where none waits and one more may be, and don't wait for it: it loads meanwhile."""
        with self._lock:
            if not self._idle and len(self._children) < MOST_CHILDREN:
                self._idle.append(self._new())

    def decode(self, data: bytes, title: str) -> Raw:
        """Raises ImageError."""
        with contextlib.suppress(_HungUp):
            return self._decode(data, title)
        try:
            return self._decode(data, title)
        except _HungUp as error:  # twice by chance is hardly ever
            raise DecodingFailed(str(error)) from error

    def _decode(self, data: bytes, title: str) -> Raw:
        with self._turns:
            child = self._taken()
            try:
                raw = child.decode(data, title)
            except ImageError:
                self._idle.append(child)
                raise
            except _Ended as error:
                self._end(child)
                if isinstance(error, _HungUp):
                    raise
                kind = DecodingFailed if isinstance(error, _EndedByMachine) else ImageError
                raise kind(str(error)) from error
            except BaseException:  # Ctrl-C in the middle of a reply
                self._end(child)
                raise
            self._idle.append(child)
            return raw

    def close(self) -> None:
        """End the children that wait."""
        for child in list(self._children):
            child.close()
        self._reset()

    def _taken(self) -> Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive():
                    return child
                self._children.discard(child)
                child.close()
            return self._new()

    def _new(self) -> Child:
        child = Child(self._limits)
        self._children.add(child)
        return child

    def _end(self, child: Child) -> None:
        try:
            child.kill()
        finally:
            self._children.discard(child)


POOL = Pool()
"""The one of this process."""

atexit.register(POOL.close)
# The children belong to the process that was forked: they end when it does, and not when both do.
os.register_at_fork(after_in_child=POOL.close)
