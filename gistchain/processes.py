"""Processes that work for this one: they hear nothing of Ctrl-C, which is for it alone, and they end with it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

_LOOKS_S = 1.0


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """A process that is started in here never hears of Ctrl-C: until it runs our code, seconds later, it would end with
    a traceback. What is pressed meanwhile comes to this process afterwards. Any `submit` to a pool may start one."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def work_for(parent: int) -> None:
    """The first thing that such a process does. parent: the id of the process that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS_S)
    os._exit(1)
