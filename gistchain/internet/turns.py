"""Hosts -> when each may be asked next, for threads that share a rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_MOST_WAIT_S = 120.0


class Turns:
    """per_s: requests a second to one host, 0 for no limit. pause: sleeps, in seconds."""

    def __init__(self, per_s: float, pause: Callable[[float], None] = time.sleep) -> None:
        self._apart_s = 1 / per_s if per_s else 0.0
        self._pause, self._lock = pause, threading.Lock()
        self._next_at: dict[str, float] = {}

    def wait(self, host: str) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next_at.get(host, 0.0))
            self._next_at[host] = at + self._apart_s
        if at > now:
            self._pause(min(at - now, _MOST_WAIT_S))

    def put_off(self, host: str, by_s: float) -> None:
        """Nobody asks the host for so long: it has said that it is asked too much."""
        with self._lock:
            at = time.monotonic() + min(by_s, _MOST_WAIT_S)
            self._next_at[host] = max(at, self._next_at.get(host, 0.0))
