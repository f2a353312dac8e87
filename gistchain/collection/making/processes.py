"""Work on many tokens -> done in several processes, results in the order of the work, whatever their number."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from gistchain.errors import ModelError

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOOKS_S = 1.0


def spread(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    begin: Callable[..., None],
    started: tuple[Any, ...],
) -> Iterator[Result]:
    """`work` of each item, in order. begin: called with `started` in each process first.

    With one job all is done in this process. Raises what `work` raises, ModelError where a process was ended.
    """
    if jobs <= 1 or len(items) <= 1:
        begin(*started)
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        min(jobs, len(items)), context, initializer=_begin, initargs=(begin, started, os.getpid())
    )
    waiting: deque[Future[Result]] = deque()
    rest = iter(items)
    try:
        for item in rest:
            with _deaf():  # any of them may start a process
                waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise ModelError(
            "a process was ended by the system: there may be too little memory; take fewer with --jobs, the same "
            "command goes on from here"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """A process that is started in here never hears of Ctrl-C: until it runs our code, seconds later, it would end with
    a traceback. What is pressed meanwhile comes to this process afterwards."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _begin(begin: Callable[..., None], started: tuple[Any, ...], parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    begin(*started)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS_S)
    os._exit(1)
