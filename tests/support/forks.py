"""Processes that are forked from a server which has imported what is slow to import: many of them cost little.

With an aim a child says when it is there (kills.py), and is killed then; in a rehearsal it says all its steps.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from tests.support.kills import Aim, run

HANGS_S = 120
"""No step takes so long, on however slow a machine."""

_FORKS = multiprocessing.get_context("forkserver")
# Found from the repository's root, where it isn't it only costs time.
_FORKS.set_forkserver_preload(["tests.support.loaded"])


class Child:
    """action(*arguments) in a process of its own. The action is a function of a module, not one within a test."""

    def __init__(self, action: Callable[..., object], *arguments: Any, aim: Aim | None = None) -> None:
        self._hears: Connection | None = None
        if aim is None:
            self.process = _FORKS.Process(target=action, args=arguments)
            self.process.start()
            return
        self._hears, says = _FORKS.Pipe(duplex=False)
        self.process = _FORKS.Process(target=run, args=(aim, says, action, arguments))
        self.process.start()
        says.close()  # so that the child's end is the end

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def ended(self) -> bool:
        return not self.process.is_alive()

    def wait(self) -> None:
        """Until it is where it was aimed, or has ended."""
        assert self._hears is not None
        assert self._hears.poll(HANGS_S), "the child hangs"
        with self._hears:
            try:
                self._hears.recv_bytes()
            except EOFError:
                self.process.join()

    def kill(self) -> None:
        """By SIGKILL; it must not have ended before."""
        self.process.kill()
        assert self.finish() == -signal.SIGKILL

    def finish(self) -> int:
        """Wait for its end; the exit code, below 0 for a signal."""
        self.process.join(HANGS_S)
        assert self.process.exitcode is not None, "the child hangs"
        return self.process.exitcode


def rehearse(action: Callable[..., object], *arguments: Any) -> list[str]:
    """The stages of all steps of a run that nothing disturbs."""
    hears, says = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=run, args=(None, says, action, arguments))
    process.start()
    says.close()
    stages = []
    with hears:
        while hears.poll(HANGS_S):
            try:
                stages.append(hears.recv_bytes().decode())
            except EOFError:
                break
    process.join(HANGS_S)
    assert process.exitcode == 0
    return stages
