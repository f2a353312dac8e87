"""Work on many tokens -> done in several processes, results in the order of the work, whatever their number."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from gistchain.errors import ModelError
from gistchain.processes import deaf, work_for

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    begin: Callable[..., None],
    started: tuple[Any, ...],
) -> Iterator[Result]:
    """`work` of each item, in order. begin: called with `started` in each process first.

    With one job, or for one item, all is done in this process. Raises what `work` raises, ModelError where a process
    was ended.
    """
    if not items:
        return
    if jobs <= 1 or len(items) == 1:
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
            with deaf():
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


def _begin(begin: Callable[..., None], started: tuple[Any, ...], parent: int) -> None:
    work_for(parent)
    begin(*started)
