"""A function that makes a model -> the same, run once a process for each name, whichever threads ask for it.

functools.cache would make a model twice where two threads ask at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
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
        return made.result()

    def _fill(self, name: str, made: Future[Model]) -> None:
        try:
            made.set_result(self._make(name))
        except BaseException as error:  # noqa: BLE001 whoever waits must hear of it, of Ctrl-C too
            with self._turn:  # a later call may try again
                del self._made[name]
            made.set_exception(error)

    def clear(self) -> None:
        """Make every model anew."""
        with self._turn:
            self._made.clear()
