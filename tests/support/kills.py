"""Kills that are aimed by what a process has done, never by the clock, so that they hit on any machine.

A process counts its steps: the calls that change a disk, and SQLite's statements but for SELECT. At the step that it
is given it tells its parent, and then either stands still (a kill there leaves exactly what was done before) or goes on
(a kill meanwhile may land inside a write or a commit).
"""

from __future__ import annotations

import functools
import glob
import os
import random
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from operator import itemgetter
from pathlib import Path
from types import FrameType
from typing import Any

import gistchain

_CALLS = (
    "fdatasync", "fsync", "ftruncate", "link", "mkdir", "pwrite", "remove", "rename", "replace", "rmdir", "unlink",
    "write",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PACKAGE = str(Path(gistchain.__file__).parent) + os.sep


@dataclass
class Aim:
    """The nth step of a stage, from 1. stand: whether the process stands still there, else it goes on.

    Not every run has as many steps of a stage (a trie's depth hangs on hashes); or_else, a stage and its step, is
    where a run with fewer is met.
    """

    stage: str
    nth: int = 1
    stand: bool = True
    or_else: tuple[str, int] | None = None
    _seen: Counter[str] = field(default_factory=Counter)

    def reached(self, stage: str) -> bool:
        self._seen[stage] += 1
        now = stage, self._seen[stage]
        return now in ((self.stage, self.nth), self.or_else)


@dataclass
class Appeared:
    """The first step that finds a file of this pattern; the process stands still there."""

    pattern: str
    stand: bool = True

    def reached(self, stage: str) -> bool:
        return bool(glob.glob(self.pattern))


def aims(stages: Sequence[str], kills: int, rng: random.Random) -> list[Aim]:
    """A moment for each kill, in mixed order. stages: of all steps of a rehearsal, as `counting` tells them.

    Each stage is hit at one of its steps if there are kills enough, and first those of different files; the rest are
    spread evenly over the steps. Of those, every other kill falls while the process goes on.
    """
    moments, seen = [], Counter[str]()
    for stage in stages:
        seen[stage] += 1
        moments.append((stage, seen[stage]))
    each = [(stage, rng.randint(1, count)) for stage, count in seen.items()]
    once: tuple[str, int] | None = None
    after: dict[str, tuple[str, int] | None] = {}  # every run has those that the rehearsal had once
    for stage, nth in reversed(moments):
        after.setdefault(stage, once)
        once = (stage, nth) if seen[stage] == 1 else once
    rng.shuffle(each)
    turns = Counter[str]()
    each = [moment for _, moment in sorted(((_turn(turns, moment[0]), moment) for moment in each), key=itemgetter(0))]
    rest = max(0, kills - len(each))
    spread = [moments[int((k + rng.random()) * len(moments) / rest)] for k in range(rest)]
    found = [Aim(*moment, or_else=after.get(moment[0])) for moment in each[:kills]]
    found += [Aim(*moment, k % 2 == 1, after.get(moment[0])) for k, moment in enumerate(spread)]
    rng.shuffle(found)
    return found


def file_of(stage: str) -> str:
    """The file of gistchain that is at work."""
    return stage.rpartition(" in ")[2].partition("(")[2].rstrip(")")


def _turn(turns: Counter[str], stage: str) -> int:
    turns[file_of(stage)] += 1
    return turns[file_of(stage)]


def counting(step: Callable[[str], None]) -> None:
    """From now on, in this process for good, `step` is called before each step with what it is about.

    Stages read `fsync in _write_durably (disk/write.py)`; `COMMIT` and the like for SQLite.
    """
    busy = threading.local()

    def told(what: str) -> None:
        if getattr(busy, "now", False):  # a step within a step, or one of the report itself
            return
        busy.now = True
        try:
            step(f"{what} in {_caller()}")
        finally:
            busy.now = False

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def called(*arguments: Any, **options: Any) -> Any:
            told(name)
            return real(*arguments, **options)

        return called

    def statement(sql: str) -> None:
        verb = sql.split(None, 1)[0].upper()
        if verb != "SELECT":
            told(verb)

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database = connect(*arguments, **options)
        database.set_trace_callback(statement)
        return database

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            told("open")

    for name in _CALLS:
        setattr(os, name, counted(name, getattr(os, name)))
    connect, sqlite3.connect = sqlite3.connect, traced  # type: ignore[assignment]
    sys.addaudithook(audit)


def run(
    aim: Aim | Appeared | None, parent: Connection, action: Callable[..., object], arguments: Sequence[Any]
) -> None:
    """action(*arguments) in this process, which counts its steps meanwhile.

    With an aim it tells the parent its stage when it is there, and goes on when it is answered if it is to stand still.
    Without one it tells the stage of every step.
    """
    told = False

    def step(stage: str) -> None:
        nonlocal told
        if aim is None:
            parent.send_bytes(stage.encode())
        elif not told and aim.reached(stage):
            told = True
            parent.send_bytes(stage.encode())
            if aim.stand:
                parent.recv_bytes()

    counting(step)
    try:
        action(*arguments)
    finally:
        parent.close()


def _caller() -> str:
    """The function of gistchain that is at work, the innermost one; `elsewhere` if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_PACKAGE):
            return f"{frame.f_code.co_name} ({name.removeprefix(_PACKAGE)})"
        frame = frame.f_back
    return "elsewhere"
