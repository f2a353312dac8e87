"""Things to do -> what each gave, from threads that can be left behind in the middle of one.

A thread that waits for a slow server can't be woken, and concurrent.futures waits for its threads even at the end of
the process. These are daemons: who stops waits only for those that are just writing a file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Nobody waits for this any more: nothing is to be written."""


class Workers(Generic[T]):
    """Threads that do what is submitted. Leaving the `with` stops them: what they still do comes to nothing."""

    def __init__(self, count: int) -> None:
        self._tasks: SimpleQueue[tuple[Callable[[], T], Future[T]] | None] = SimpleQueue()
        self._done: SimpleQueue[Future[T]] = SimpleQueue()
        self._stopped, self._writing = threading.Event(), threading.Semaphore(count)
        self._count = count
        self.running = 0

    def submit(self, task: Callable[[], T]) -> None:
        self.running += 1
        self._tasks.put((task, Future()))

    def result(self) -> T:
        """What one of the submitted tasks gave, whichever is the next to end. Raises what it raised."""
        future = self._done.get()
        self.running -= 1
        return future.result()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around what a task writes, so that it writes nothing after the `with` has ended. Raises Stopped then."""
        with self._writing:
            if self._stopped.is_set():
                raise Stopped
            yield

    def __enter__(self) -> Self:
        for _ in range(self._count):
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stopped.set()
        for _ in range(self._count):
            self._tasks.put(None)
            self._writing.acquire()  # who writes now ends that; nobody begins
        for _ in range(self._count):
            self._writing.release()

    def _work(self) -> None:
        while (one := self._tasks.get()) is not None and not self._stopped.is_set():
            task, future = one
            with _Kept(future):
                future.set_result(task())
            self._done.put(future)


class _Kept(Generic[T]):
    """What is raised inside goes to who waits for the result, an interrupt too."""

    def __init__(self, future: Future[T]) -> None:
        self._future = future

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True
