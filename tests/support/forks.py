"""Processes that are forked from a server which has imported what is slow to import: many of them cost little.

With an aim a child says when it is there (kills.py), and is killed then; in a rehearsal it says all its steps.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from tests.support.kills import Aim, Appeared, run

HANGS_S = 120
"""No step takes so long, on however slow a machine."""

_FORKS = multiprocessing.get_context("forkserver")
# Importable only from the repository root; elsewhere children just start more slowly.
_FORKS.set_forkserver_preload(["tests.support.loaded"])


class Child:
    """action(*arguments) in a process of its own. The action is a function of a module, not one within a test."""

    def __init__(self, action: Callable[..., object], *arguments: Any, aim: Aim | Appeared | None = None) -> None:
        if aim is None:
            self.process = _FORKS.Process(target=action, args=arguments)
            self.process.start()
        else:
            self.process, self._pipe = _counting(aim, action, arguments)

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def ended(self) -> bool:
        return not self.process.is_alive()

    def wait(self) -> None:
        """Until it is where it was aimed."""
        assert self._pipe.poll(HANGS_S), "the child hangs"
        try:
            self._pipe.recv_bytes()
        except EOFError:
            raise AssertionError(f"the child ended before that, with {self.finish()}") from None

    def go_on(self) -> None:
        """After it has stood still."""
        self._pipe.send_bytes(b"go on")

    def kill(self) -> None:
        """By SIGKILL; it must not have ended before."""
        self.process.kill()
        assert self.finish() == -signal.SIGKILL

    def interrupt(self) -> None:
        """By ctrl-C."""
        os.kill(self.pid, signal.SIGINT)

    def finish(self) -> int:
        """Wait for its end; the exit code, below 0 for a signal."""
        self.process.join(HANGS_S)
        assert self.process.exitcode is not None, "the child hangs"
        return self.process.exitcode


def rehearse(action: Callable[..., object], *arguments: Any) -> list[str]:
    """The stages of all steps of a run that nothing disturbs."""
    process, pipe = _counting(None, action, arguments)
    stages = []
    with pipe:
        while pipe.poll(HANGS_S):
            try:
                stages.append(pipe.recv_bytes().decode())
            except EOFError:
                break
    process.join(HANGS_S)
    assert process.exitcode == 0
    return stages


def _counting(
    aim: Aim | Appeared | None, action: Callable[..., object], arguments: Sequence[Any]
) -> tuple[BaseProcess, Connection]:
    pipe, childs = _FORKS.Pipe()
    process = _FORKS.Process(target=run, args=(aim, childs, action, arguments))
    process.start()
    childs.close()  # so that the child's end is the end
    return process, pipe
