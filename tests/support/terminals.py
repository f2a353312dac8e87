"""A terminal that a program draws on: read all the while, or a full one would stop the program for ever."""

from __future__ import annotations

import os
import pty
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Screen:
    """end: the file that the program writes to. shown: what was written, once the `with` has ended."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.shown = ""


@contextmanager
def terminal() -> Iterator[Screen]:
    reader, end = pty.openpty()
    screen, parts = Screen(end), []

    def read() -> None:
        try:
            while part := os.read(reader, 65_536):
                parts.append(part)
        except OSError:  # Linux says EIO when nobody can write any more
            return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield screen
    finally:
        os.close(end)
        thread.join()
        os.close(reader)
        screen.shown = b"".join(parts).decode(errors="replace")
