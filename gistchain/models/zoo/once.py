"""A function that makes a model -> the same, run once a process for each name, whichever threads ask for it.

functools.cache would make a model twice where two threads ask at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

Model = TypeVar("Model")


class Once(Generic[Model]):
    """The models that `make` has made, by name. Threads that ask for the same one wait for the first of them."""

    def __init__(self, make: Callable[[str], Model]) -> None:
        self._make = make
        self._turn = threading.Lock()
        self._made: dict[str, Future[Model]] = {}

    def __call__(self, name: str) -> Model:
        with self._turn:
            made = self._made.get(name)
            mine = made is None
            if made is None:
                made = self._made[name] = Future()
        if mine:
            self._fill(name, made)
        try:
            return made.result()
        except CancelledError:
            return self(name)

    def _fill(self, name: str, made: Future[Model]) -> None:
        try:
            made.set_result(self._make(name))
        finally:
            if not made.done():  # what it raised is raised here; those who wait, and later callers, try again
                with self._turn:
                    del self._made[name]
                made.cancel()

    def clear(self) -> None:
        """Make every model anew."""
        with self._turn:
            self._made.clear()
