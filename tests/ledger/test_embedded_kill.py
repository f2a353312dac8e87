"""The embedded chain against kill -9, second processes, full disks and damaged files.

Run as a program, this file is the nursery: a process that has imported everything and opened nothing, and forks a
child for each line that it is told, so that a hundred children cost no imports.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gistchain.errors import AlreadyRegistered, DiskFull, FileBusy, FileDamaged, LedgerError
from gistchain.ledger.evm import open_embedded

KILLS = 100
KILLS_AT_BIRTH = 25


def gist_for(name: str) -> bytes:
    """A gist that anyone can recompute from its name, of a size that takes either way of storing."""
    size = random.Random(name).choice([9, 40, 64, 65, 200, 900])
    return hashlib.shake_256(name.encode()).digest(size)


def image_for(name: str) -> bytes:
    return hashlib.sha3_256(name.encode()).digest()


# What children do. Each writes its acknowledgements to `said`.


def register(home: Path, said: int, prefix: str, count: int) -> None:
    with open_embedded(home) as ledger:
        for number in range(count):
            name = f"{prefix}/{number}"
            receipt = ledger.put(gist_for(name), image_sha3_256=image_for(name))
            os.write(said, f"{receipt.token} {name}\n".encode())


def hold(home: Path, said: int) -> None:
    with open_embedded(home):
        os.write(said, b"held\n")
        time.sleep(600)


def fill_the_disk(home: Path, said: int) -> None:
    """Register under a limit on the size of files until that is refused; lift it and go on with the same ledger."""
    with open_embedded(home) as ledger:
        sizes = [(home / name).stat().st_size for name in ("chain.sqlite", "chain.sqlite-wal")]
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) + 60_000, resource.RLIM_INFINITY))
        for number in range(1000):
            try:
                ledger.put(b"%900d" % number, image_sha3_256=image_for(f"full/{number}"))
            except DiskFull as refused:
                os.write(said, f"{number} {refused}\n".encode())
                break
        counted = ledger.count()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        again = ledger.put(b"%900d" % number, image_sha3_256=image_for(f"full/{number}"))
        os.write(said, f"{counted} {again.token}\n".encode())


ACTIONS: dict[str, Callable[..., None]] = {"register": register, "hold": hold, "fill_the_disk": fill_the_disk}


def nursery() -> None:
    import eth_account
    import requests
    import web3

    import gistchain.ledger.pyevm

    assert all((eth_account, requests, web3, gistchain.ledger.pyevm))
    print("ready", flush=True)
    for line in sys.stdin:
        action, home, said, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            ACTIONS[action](Path(home), os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), *arguments)
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


class Child:
    """A process that runs one action; `said` is what it wrote."""

    def __init__(self, service: subprocess.Popen[str], home: Path, action: str, *arguments: object) -> None:
        self._service = service
        self._said = home.with_name(f"{home.name}.said.{time.monotonic_ns()}")
        self._say(json.dumps([action, str(home), str(self._said), *arguments]))
        self.pid = self._hear()

    def _say(self, line: str) -> None:
        assert self._service.stdin
        self._service.stdin.write(line + "\n")
        self._service.stdin.flush()

    def _hear(self) -> int:
        assert self._service.stdout
        return int(self._service.stdout.readline())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._hear()

    def finish(self) -> None:
        assert self._hear() == 0

    @property
    def said(self) -> list[list[str]]:
        if not self._said.exists():
            return []
        return [line.split(" ", 1) for line in self._said.read_text().splitlines()]


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Child]]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [sys.executable, "-c", "from tests.ledger.test_embedded_kill import nursery; nursery()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as service:
        assert service.stdout
        assert service.stdout.readline() == "ready\n"
        yield lambda home, action, *arguments: Child(service, home, action, *arguments)
        service.kill()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def wait_until(true: Callable[[], object], *, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_what_one_process_registers_the_next_one_reads(home: Path, start: Callable[..., Child]) -> None:
    for prefix in ("one", "two"):
        start(home, "register", prefix, 2).finish()
    names = ["one/0", "one/1", "two/0", "two/1"]
    with open_embedded(home) as ledger:
        assert [ledger.gist_of(token.id) for token in ledger.tokens()] == [gist_for(name) for name in names]
        assert ledger.put(b"five", image_sha3_256=image_for("five")).token == 5


def test_a_second_process_is_told_who_holds_the_chain(home: Path, start: Callable[..., Child]) -> None:
    holder = start(home, "hold")
    wait_until(lambda: holder.said)
    began = time.monotonic()
    with pytest.raises(FileBusy, match=rf"process {holder.pid} since 20"):
        open_embedded(home, wait_s=0.3)
    assert 0.3 <= time.monotonic() - began < 5
    holder.kill()
    with open_embedded(home, wait_s=5) as ledger:
        assert ledger.count() == 0


def test_a_second_process_waits_for_a_short_command(home: Path, start: Callable[..., Child]) -> None:
    first = start(home, "register", "first", 3)
    wait_until(lambda: first.said)
    with open_embedded(home, wait_s=30) as ledger:
        assert ledger.count() == 3
    first.finish()


@pytest.mark.timeout(900)
def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(home: Path, start: Callable[..., Child]) -> None:
    moments = random.Random(9)
    acknowledged: dict[int, str] = {}
    for run in range(KILLS):
        child = start(home, "register", str(run), 10_000)
        if run % 4 == 0:  # be sure of some acknowledgements; the others die anywhere, opening included
            wait_until(lambda child=child: child.said)  # type: ignore[misc]
        time.sleep(moments.uniform(0, 0.35))
        child.kill()
        new = {int(token): name for token, name in child.said}
        with open_embedded(home) as ledger:
            for token, name in new.items():
                assert ledger.gist_of(token) == gist_for(name)
                assert ledger.token(token).image_sha3_256 == image_for(name)
            # One more may have reached the disk before its acknowledgement; a retry finds it or makes it.
            unsure = f"{run}/{len(new)}"
            retried = ledger.put(gist_for(unsure), image_sha3_256=image_for(unsure))
            assert ledger.gist_of(retried.token) == gist_for(unsure)
            acknowledged |= {**new, retried.token: unsure}
            assert ledger.count() == len(acknowledged)  # an unsure one was not registered twice
    assert len(acknowledged) > KILLS
    with open_embedded(home) as ledger:
        assert sorted(acknowledged) == list(range(1, len(acknowledged) + 1))
        for token, name in acknowledged.items():
            assert ledger.gist_of(token) == gist_for(name)
        for name in list(acknowledged.values())[::10]:
            with pytest.raises(AlreadyRegistered):
                ledger.put(gist_for(name), image_sha3_256=image_for(name))


def test_kill_9_while_a_chain_is_made_leaves_one_that_opens(tmp_path: Path, start: Callable[..., Child]) -> None:
    moments = random.Random(99)
    for run in range(KILLS_AT_BIRTH):
        home = tmp_path / str(run)
        child = start(home, "register", "born", 10_000)
        time.sleep(moments.uniform(0, 0.25))
        child.kill()
        with open_embedded(home) as ledger:
            for token, name in child.said:
                assert ledger.gist_of(int(token)) == gist_for(name)
            ledger.put(b"more", image_sha3_256=image_for("more"))
        shutil.rmtree(home)


def test_a_full_disk_is_said_and_costs_nothing(home: Path, start: Callable[..., Child]) -> None:
    with open_embedded(home) as ledger:
        ledger.put(gist_for("before"), image_sha3_256=image_for("before"))
    child = start(home, "fill_the_disk")
    child.finish()
    (number, message), (counted, again) = child.said
    assert "make room" in message
    assert int(number) >= 1
    assert int(counted) == 1 + int(number)
    assert int(again) == int(counted) + 1
    with open_embedded(home) as ledger:
        assert ledger.count() == int(again)
        assert ledger.gist_of(1) == gist_for("before")
        for token in range(2, int(again) + 1):
            assert ledger.gist_of(token) == b"%900d" % (token - 2)


def read_all(home: Path) -> list[bytes]:
    with open_embedded(home) as ledger:
        return [ledger.gist_of(token.id) for token in ledger.tokens()]


@pytest.fixture
def chain_file(home: Path) -> Path:
    with open_embedded(home) as ledger:
        for number in range(5):
            ledger.put(gist_for(f"kept/{number}"), image_sha3_256=image_for(f"kept/{number}"))
    return home / "chain.sqlite"


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"not a database, but long enough to look" * 1000])
def test_a_chain_file_that_is_something_else_is_not_replaced(home: Path, chain_file: Path, content: bytes) -> None:
    chain_file.write_bytes(content)
    with pytest.raises(FileDamaged, match=r"restore it from a backup"):
        open_embedded(home)
    assert chain_file.read_bytes() == content


def test_a_database_of_another_program_is_not_touched(home: Path, chain_file: Path) -> None:
    chain_file.unlink()
    with sqlite3.connect(chain_file) as db:
        db.execute("CREATE TABLE chain (key BLOB)")
    db.close()
    with pytest.raises(FileDamaged):
        open_embedded(home)


def test_a_chain_file_that_is_gone_is_not_made_anew(home: Path, chain_file: Path) -> None:
    chain_file.unlink()
    with pytest.raises(FileDamaged, match="gone"):
        open_embedded(home)
    assert not chain_file.exists()
    (home / "ledgers.json").unlink()  # what the message says to do
    with open_embedded(home) as ledger:
        assert ledger.count() == 0


def test_half_a_chain_file_is_damaged(home: Path, chain_file: Path) -> None:
    whole = chain_file.read_bytes()
    chain_file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileDamaged):
        read_all(home)


def test_flipped_bytes_are_reported_and_never_read_as_a_gist(home: Path, chain_file: Path) -> None:
    whole = chain_file.read_bytes()
    where = random.Random(5)
    reported = 0
    for _ in range(40):
        broken = bytearray(whole)
        for _ in range(200):
            broken[where.randrange(len(broken))] ^= 1 << where.randrange(8)
        chain_file.write_bytes(broken)
        try:
            assert read_all(home) == [gist_for(f"kept/{number}") for number in range(5)]
        except FileDamaged:
            reported += 1
        except LedgerError as unread:
            if "this gistchain reads" not in str(unread):  # a bit of the format's number
                raise
            reported += 1
    assert reported > 10
