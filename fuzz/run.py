"""A target and CPU-seconds -> what came of it: how many inputs, the slowest, the largest in memory, and all failures.

The reader runs in a process of its own. Each input has a number, of which seed and number alone make it anew: what
kills the process, or what it hangs over, is known all the same. A process that died goes on behind that input.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from fuzz.targets import Target

FOUND = Path(__file__).parent / "found"
_MOST_FAILURES, _MOST_KEPT = 20, 3
_STUCK_S = 60.0
"""By the clock, beyond ten times the target's limit: a reader that waits, or is busy where Python can't stop it."""
_NEW = 77
"""Exit code of a process that has told what was wrong, and asks for a new one."""
_FORKS = multiprocessing.get_context("fork")
_NUMBER, _BEGAN, _DONE, _REFUSED, _WORST_S, _WORST_MB, _SPENT_S = range(7)


@dataclass(slots=True)
class Outcome:
    """inputs: read or refused. worst_s: CPU-seconds. failures: kind -> how often, and the files that are kept."""

    inputs: int = 0
    refused: int = 0
    worst_s: float = 0.0
    worst_mb: float = 0.0
    cpu_s: float = 0.0
    failures: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


class _TooLong(BaseException):
    """No reader catches it."""


def run(target: Target, *, seed: int, cpu_s: float, found: Path = FOUND) -> Outcome:
    """Feed the reader for so long. found: folder of the inputs that failed."""
    outcome, first = Outcome(), 0
    while outcome.cpu_s < cpu_s and sum(outcome.failures.values()) < _MOST_FAILURES:
        state = _FORKS.Array("d", 7, lock=False)
        pipe, childs = _FORKS.Pipe(duplex=False)
        left_s = cpu_s - outcome.cpu_s
        process = _FORKS.Process(target=_work, args=(target, seed, first, left_s, state, childs), daemon=True)
        process.start()
        childs.close()
        stuck = _watched(process, pipe, state, target, outcome, seed, found)
        outcome.inputs += int(state[_DONE])
        outcome.refused += int(state[_REFUSED])
        outcome.worst_s, outcome.worst_mb = (
            max(outcome.worst_s, state[_WORST_S]),
            max(outcome.worst_mb, state[_WORST_MB]),
        )
        outcome.cpu_s += state[_SPENT_S]
        if not stuck and process.exitcode == 0:
            break
        first = int(state[_NUMBER]) + 1
        outcome.cpu_s += target.limit_s if stuck else 0.1  # so that it ends
        if process.exitcode == _NEW:
            continue
        if not state[_BEGAN]:
            raise RuntimeError(f"the target {target.name} itself fails: exit code {process.exitcode}")
        kind = "stuck" if stuck else f"died-{process.exitcode}"
        _keep(outcome, target, seed, int(state[_NUMBER]), kind, made(target, seed, int(state[_NUMBER])), found)
    return outcome


def made(target: Target, seed: int, number: int, seeds: Sequence[bytes] | None = None) -> bytes:
    """The input of this number, the same at every run."""
    return target.made(random.Random(f"{seed} {target.name} {number}"), target.seeds() if seeds is None else seeds)


def _watched(
    process: BaseProcess, pipe: Connection, state: Any, target: Target, outcome: Outcome, seed: int, found: Path
) -> bool:
    """Until it ends; True where it had to be ended, as it was stuck."""
    while True:
        try:
            if pipe.poll(0.2):
                number, kind, said, data = pipe.recv()
                print(f"{target.name} {number}: {kind}\n{said}", flush=True)
                _keep(outcome, target, seed, number, kind, data, found)
        except EOFError:  # the other end is closed: it has ended
            process.join()
            return False
        began = state[_BEGAN]  # once: the other process sets it to 0 at any moment
        if began and time.monotonic() - began > 10 * target.limit_s + _STUCK_S:
            process.kill()
            process.join()
            return True


def _keep(outcome: Outcome, target: Target, seed: int, number: int, kind: str, data: bytes, found: Path) -> None:
    times = outcome.failures.get(kind, 0)
    outcome.failures[kind] = times + 1
    if times < _MOST_KEPT:
        found.mkdir(parents=True, exist_ok=True)
        path = found / f"{target.name}-{seed}-{number}-{kind}.bin"
        path.write_bytes(data)
        outcome.kept.append(path.name)


def _work(target: Target, seed: int, first: int, cpu_s: float, state: Any, pipe: Connection) -> None:
    signal.signal(signal.SIGPROF, _stop)
    parent = os.getppid()
    warnings.simplefilter("ignore")
    seeds, read = target.seeds(), target.reader()
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = size + 2 * target.limit_mb * 10**6 + 10**9  # what reserves memory and leaves it unused is no harm
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    started, failed, before_mb = _cpu_s(target), 0, _peak_mb(target)
    for number in itertools.count(first):
        state[_SPENT_S] = _cpu_s(target) - started
        if state[_SPENT_S] > cpu_s or failed >= _MOST_FAILURES or os.getppid() != parent:
            return
        data = made(target, seed, number, seeds)
        state[_NUMBER], state[_BEGAN] = number, time.monotonic()
        kind, said = _tried(target, read, data, before_mb, state)
        state[_BEGAN] = 0
        if kind is not None:
            failed += 1
            pipe.send((number, kind, said, data))
        if kind == "memory":  # a new process tells what the next ones take
            sys.exit(_NEW)


def _tried(target: Target, read: Any, data: bytes, before_mb: float, state: Any) -> tuple[str | None, str]:
    """(kind of failure or None, what to print of it) of one input; its figures go into `state`.

    before_mb: the process before the first input. The largest input is one that raises the peak.
    """
    kind, said = None, ""
    began = _cpu_s(target)
    signal.setitimer(signal.ITIMER_PROF, target.limit_s)
    try:
        read(data)
    except target.errors:
        state[_REFUSED] += 1
    except _TooLong:
        kind = "time"
    except BaseException as error:  # noqa: BLE001  # whatever a reader raises is what was looked for
        kind, said = type(error).__name__, traceback.format_exc(limit=-4)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    took_s, took_mb = _cpu_s(target) - began, _peak_mb(target, before_mb)
    state[_DONE] += 1
    state[_WORST_S], state[_WORST_MB] = max(state[_WORST_S], took_s), max(state[_WORST_MB], took_mb)
    if kind is None and took_mb > target.limit_mb:
        kind, said = "memory", f"{took_mb:.0f} MB"
    return kind, said


def _peak_mb(target: Target, before_mb: float = 0.0) -> float:
    """The most memory that this process has had, less `before_mb`; or a child of it, where that is more."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000 - before_mb
    if not target.children:
        return own
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    return max(own, ended, *(_high_mb(_of(child, "status")) for child in _children()))


def _high_mb(status: str) -> float:
    """The peak of a process (proc(5): VmHWM); one that has ended and was not waited for has none."""
    found = status.partition("VmHWM:")[2].split()
    return int(found[0]) / 1000 if found else 0.0


def _cpu_s(target: Target) -> float:
    """CPU-seconds of this process, and of its children."""
    if not target.children:
        return time.process_time()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    alive = [_of(child, "stat").rpartition(")")[2].split()[11:13] for child in _children()]
    return (
        time.process_time() + ended.ru_utime + ended.ru_stime + tick_s * sum(int(t) for ticks in alive for t in ticks)
    )


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def _of(process: str, what: str) -> str:
    """What proc(5) says of a process; '' where it has ended meanwhile."""
    try:
        return Path("/proc", process, what).read_text()
    except OSError:
        return ""


def _stop(*_: object) -> None:
    raise _TooLong
