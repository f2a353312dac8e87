"""Requests on a file descriptor -> replies: the process in which untrusted images are decoded.

A request is a title and the bytes of a file, a reply is an error or a size, notes and raw pixels; `pool.py` is at the
other end. What could run away is bounded by the operating system, and the process ends when the other end does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import resource
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image


class Limits(NamedTuple):
    """For one image. cpu_s: processor time. memory_bytes: address space; 0.1 GiB of it are Python and Pillow.

    wall_s: from the request to the last pixel; it is kept by the other end.
    """

    cpu_s: int = 10
    memory_bytes: int = 1536 * 1024 * 1024
    wall_s: float = 60.0


_STRIP = 1 << 22  # pixels that are sent at a time
_PIECE = 1 << 22  # bytes


def main(fd: int, cpu_s: int, memory_bytes: int) -> None:
    """Answer until the other end is closed. cpu_s, memory_bytes: as in Limits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory_bytes)
    from gistchain.image import decode  # noqa: F401  loaded before the first request comes

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            _answer(fd, cpu_s)


def encoded(header: dict[str, Any]) -> bytes:
    """A header as it is sent: the length of its JSON in 4 bytes, and the JSON."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(4, "big") + text


def _answer(fd: int, cpu_s: int) -> None:
    header = json.loads(_received(fd, int.from_bytes(_received(fd, 4), "big")))
    data = _received(fd, header["bytes"])
    # Not more than this image may take; the limit counts what the process has used before.
    _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + cpu_s)
    with _ended_by_hangup(fd):
        reply, planes = _decoded(bytes(data), header["title"])
    _send(fd, encoded(reply))
    for plane in planes:
        for strip in _strips(plane):
            _send(fd, strip)


def _decoded(data: bytes, title: str) -> tuple[dict[str, Any], list[Image]]:
    from gistchain.errors import ImageError
    from gistchain.image.decode import decode

    try:
        done = decode(data, title)
    except ImageError as error:
        return {"error": str(error)}, []
    except MemoryError:
        return {"memory": True}, []
    reply = {"size": done.colours.size, "background": done.background, "notes": done.notes}
    return reply, [done.colours] if done.alpha is None else [done.colours, done.alpha]


def _strips(plane: Image) -> Iterator[bytes]:
    rows = max(1, _STRIP // plane.width)
    for top in range(0, plane.height, rows):
        yield plane.crop((0, top, plane.width, min(top + rows, plane.height))).tobytes()


@contextlib.contextmanager
def _ended_by_hangup(fd: int) -> Iterator[None]:
    """Meanwhile the process ends at once when the other end is closed: SIGIO, which nothing here handles."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        yield
    finally:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)


def _received(fd: int, length: int) -> bytearray:
    data = bytearray(length)
    view, at = memoryview(data), 0
    while at < length:
        piece = os.readv(fd, [view[at : at + _PIECE]])
        if not piece:
            raise EOFError
        at += piece
    return data


def _send(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view[:_PIECE]) :]


def _limit(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    # Some systems have no such limit, or a lower one that stays.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
