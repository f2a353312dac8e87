"""The embedded chain against kill -9, second processes, full disks and damaged files."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gistchain.errors import AlreadyRegistered, DiskFull, FileBusy, FileDamaged, LedgerError
from gistchain.ledger.evm import open_embedded
from tests.support.forks import HANGS_S, Child, rehearse
from tests.support.kills import aims

KILLS = max(50, int(os.environ.get("GISTCHAIN_TEST_KILLS", "0")))
"""Of 109 steps of 18 stages."""
KILLS_AT_BIRTH = 25


def gist_for(name: str) -> bytes:
    """A gist that anyone can recompute from its name, of a size that takes either way of storing."""
    size = random.Random(name).choice([9, 40, 64, 65, 200, 900])
    return hashlib.shake_256(name.encode()).digest(size)


def image_for(name: str) -> bytes:
    return hashlib.sha3_256(name.encode()).digest()


# What children do. Each writes its acknowledgements to the file `said`.


def register(home: Path, said: Path, prefix: str, count: int) -> None:
    with open_embedded(home) as ledger, said.open("ab", buffering=0) as file:
        for number in range(count):
            name = f"{prefix}/{number}"
            receipt = ledger.put(gist_for(name), image_sha3_256=image_for(name))
            os.write(file.fileno(), f"{receipt.token} {name}\n".encode())


def hold(home: Path, said: Path) -> None:
    with open_embedded(home):
        said.write_text("held\n")
        signal.pause()


def grow_to_the_limit(home: Path, said: Path) -> None:
    """Register under a limit on the size of files until that is refused; lift it and go on with the same ledger."""
    with open_embedded(home) as ledger, said.open("a") as file:
        sizes = [(home / name).stat().st_size for name in ("chain.sqlite", "chain.sqlite-wal")]
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) + 60_000, resource.RLIM_INFINITY))
        for number in range(1000):
            try:
                ledger.put(b"%900d" % number, image_sha3_256=image_for(f"full/{number}"))
            except DiskFull as refused:
                file.write(f"{number} {refused}\n")
                break
        counted = ledger.count()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        again = ledger.put(b"%900d" % number, image_sha3_256=image_for(f"full/{number}"))
        file.write(f"{counted} {again.token}\n")


def lines(said: Path) -> list[list[str]]:
    """What a child has acknowledged."""
    return [line.split(" ", 1) for line in said.read_text().splitlines()] if said.exists() else []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + HANGS_S
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_what_one_process_registers_the_next_one_reads(home: Path, said: Path) -> None:
    for prefix in ("one", "two"):
        assert Child(register, home, said, prefix, 2).finish() == 0
    names = ["one/0", "one/1", "two/0", "two/1"]
    with open_embedded(home) as ledger:
        assert [ledger.gist_of(token.id) for token in ledger.tokens()] == [gist_for(name) for name in names]
        assert ledger.put(b"five", image_sha3_256=image_for("five")).token == 5


def test_a_second_process_is_told_who_holds_the_chain(home: Path, said: Path) -> None:
    holder = Child(hold, home, said)
    wait_until(lambda: lines(said))
    began = time.monotonic()
    with pytest.raises(FileBusy, match=rf"process {holder.pid} since 20"):
        open_embedded(home, wait_s=0.3)
    assert time.monotonic() - began >= 0.3
    holder.kill()
    with open_embedded(home, wait_s=0) as ledger:
        assert ledger.count() == 0


def test_a_second_process_waits_for_a_short_command(home: Path, said: Path) -> None:
    first = Child(register, home, said, "first", 3)
    wait_until(lambda: lines(said))
    with open_embedded(home, wait_s=HANGS_S) as ledger:
        assert ledger.count() == 3
    assert first.finish() == 0


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(home: Path, tmp_path: Path) -> None:
    for begun in (tmp_path / "rehearsal", home):
        open_embedded(begun).close()
    steps = rehearse(register, tmp_path / "rehearsal", tmp_path / "rehearsed", "rehearsed", 3)
    aimed = aims(steps, KILLS, random.Random(9))
    assert {aim.stage for aim in aimed} == set(steps), "a kill at every stage"
    acknowledged: dict[int, str] = {}
    for run, aim in enumerate(aimed):
        said = tmp_path / f"said-{run}"
        child = Child(register, home, said, str(run), 10_000, aim=aim)
        child.wait()
        child.kill()
        new = {int(token): name for token, name in lines(said)}
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
        for token, name in list(acknowledged.items())[::5]:
            # Where the kill came before the caller could come back, the receipt is given once more, of the same token.
            try:
                known = ledger.put(gist_for(name), image_sha3_256=image_for(name)).token
            except AlreadyRegistered as refused:
                known = refused.token
            assert known == token
        assert ledger.count() == len(acknowledged)


def test_kill_9_while_a_chain_is_made_leaves_one_that_opens(tmp_path: Path) -> None:
    steps = rehearse(register, tmp_path / "rehearsal", tmp_path / "rehearsed", "born", 1)
    for run, aim in enumerate(aims(steps, KILLS_AT_BIRTH, random.Random(99))):
        home, said = tmp_path / str(run), tmp_path / f"said-{run}"
        child = Child(register, home, said, "born", 10_000, aim=aim)
        child.wait()
        child.kill()
        with open_embedded(home) as ledger:
            for token, name in lines(said):
                assert ledger.gist_of(int(token)) == gist_for(name)
            ledger.put(b"more", image_sha3_256=image_for("more"))
        shutil.rmtree(home)


def test_a_limit_on_the_size_of_files_is_said_and_costs_nothing(home: Path, said: Path) -> None:
    with open_embedded(home) as ledger:
        ledger.put(gist_for("before"), image_sha3_256=image_for("before"))
    assert Child(grow_to_the_limit, home, said).finish() == 0
    (number, message), (counted, again) = lines(said)
    assert "ulimit -f" in message
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
