"""A database that is gone, put back from long ago or damaged is noticed, and nothing is signed by it."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gistchain.disk.lock import FileLock
from gistchain.errors import DatabaseLost, FileBusy, FileDamaged, LedgerError
from gistchain.rareness.store.database import set_aside
from gistchain.rareness.store.trust import NAME, Trust, set_up
from tests.rareness.test_store import entry, opened
from tests.support.forks import Child, rehearse
from tests.support.kills import aims

KILLS = 12


def filled(home: Path, count: int) -> Trust:
    """A home that remembers a database of `count` images."""
    opened(home).add(entry(number) for number in range(count))
    trust = Trust(home)
    trust.keep()
    return trust


def digests(*numbers: int) -> list[bytes]:
    return [entry(number).sha3_256 for number in numbers]


def on_chain(*numbers: int) -> Callable[[int], tuple[int, list[bytes]]]:
    """A chain whose tokens are these images."""
    return lambda token: (len(numbers), digests(*numbers)[token:])


def gone(home: Path) -> None:
    for path in home.glob("rareness.*"):
        path.unlink()


def empty(home: Path) -> None:
    gone(home)
    opened(home).add([])


def older(home: Path) -> None:
    gone(home)
    for path in (home / "backup").iterdir():
        shutil.copy(path, home)


def garbled(home: Path) -> None:
    (home / NAME).write_bytes(b"{")


@pytest.mark.parametrize(
    ("lose", "said"),
    [
        (gone, "rareness.sqlite is gone, which held 3 images"),
        (empty, "that held 3 images, this holds 0"),
        (older, "older state: it held 3 images, 2 are left"),
        (garbled, "database.json can't be read"),
    ],
    ids=["gone", "empty", "older", "garbled"],
)
def test_a_database_that_is_not_what_it_was_is_noticed(tmp_path: Path, lose: Callable[[Path], None], said: str) -> None:
    filled(tmp_path, 2)
    (tmp_path / "backup").mkdir()
    for path in tmp_path.glob("rareness.*"):
        shutil.copy(path, tmp_path / "backup")
    trust = filled(tmp_path, 3)
    assert trust.lost() is None
    lose(tmp_path)
    doubt = trust.lost()
    assert doubt is not None
    assert said in doubt
    assert "rareness rebuild" in doubt
    with pytest.raises((DatabaseLost, FileDamaged), match="rareness rebuild"):
        trust.require()
    with pytest.raises((DatabaseLost, FileDamaged)):  # it does not make itself trusted
        trust.keep()
    assert Trust(tmp_path).lost() is not None

    set_up(tmp_path, keep=False)
    assert trust.lost() is None
    opened(tmp_path).add([entry(7)])
    trust.keep()
    assert json.loads((tmp_path / NAME).read_text())["rows"] == 1


def test_a_database_that_is_put_back_is_trusted_again(tmp_path: Path) -> None:
    trust = filled(tmp_path, 3)
    shutil.copytree(tmp_path, tmp_path / "moved")
    gone(tmp_path)
    assert trust.lost() is not None
    assert Trust(tmp_path / "moved").lost() is None, "a copy of the home is as good"
    shutil.copy(tmp_path / "moved" / "rareness.sqlite", tmp_path)
    assert trust.lost() is None


def test_a_fresh_home_and_one_whose_memory_was_not_written_yet_are_trusted(tmp_path: Path) -> None:
    assert Trust(tmp_path / "new").lost() is None
    opened(tmp_path).add([entry(1)])
    assert Trust(tmp_path).lost() is None
    assert not (tmp_path / NAME).exists(), "looking writes nothing"


def test_without_memory_the_homes_own_chain_tells_what_is_missing(tmp_path: Path) -> None:
    opened(tmp_path).add([entry(1)])
    assert Trust(tmp_path, chain=on_chain(1)).lost() is None
    doubt = Trust(tmp_path, chain=on_chain(1, 2, 3)).lost()
    assert doubt is not None
    assert "lacks 2 of the 3 images" in doubt
    trust = Trust(tmp_path, chain=on_chain(1, 2, 3))
    trust.require()  # images may be given again
    opened(tmp_path).add([entry(2)])
    trust.keep()
    assert "lacks 1 of the 3 images" in str(Trust(tmp_path, chain=on_chain(1, 2, 3)).lost())
    opened(tmp_path).add([entry(3)])
    assert Trust(tmp_path, chain=on_chain(1, 2, 3)).lost() is None


def test_a_database_that_is_older_together_with_its_memory_is_noticed_beside_the_chain(tmp_path: Path) -> None:
    opened(tmp_path).add([entry(1), entry(2)])
    trust = Trust(tmp_path, chain=on_chain(1, 2))
    trust.look_up("own", [(1, digests(1)[0]), (2, digests(2)[0])])
    trust.keep()
    assert Trust(tmp_path, chain=on_chain(1, 2)).lost() is None
    assert "lacks 1 of the 3 images" in str(Trust(tmp_path, chain=on_chain(1, 2, 3)).lost())
    assert "had 2 tokens and has 1" in str(Trust(tmp_path, chain=on_chain(1)).lost())


@pytest.mark.parametrize("error", [FileDamaged("its last state"), LedgerError("another registry")])
def test_a_chain_that_can_not_be_read_is_a_doubt_and_a_busy_one_is_asked_again(
    tmp_path: Path, error: Exception
) -> None:
    opened(tmp_path).add([entry(1)])
    answers: list[Exception | list[bytes]] = [FileBusy("in use"), error, digests(1)]

    def chain(token: int) -> tuple[int, list[bytes]]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return len(answer), answer[token:]

    trust = Trust(tmp_path, chain=chain)
    assert trust.state() == (0, None)
    doubt = trust.state()[1]
    assert doubt is not None
    assert f"can't be read ({error})" in doubt
    assert trust.state() == trust.state() == (0, None)
    assert answers == []


def test_the_state_is_worked_out_again_only_after_a_change(tmp_path: Path) -> None:
    trust = filled(tmp_path, 2)
    assert trust.state() == (0, None)
    opens: list[str] = []
    watching = True

    def seen_by(what: str, _: object) -> None:
        if watching and what in ("open", "sqlite3.connect"):
            opens.append(what)

    sys.addaudithook(seen_by)
    assert trust.state() == (0, None)  # the hook stays for good, and is silent afterwards
    watching, seen = False, list(opens)
    assert seen == []
    set_up(tmp_path, keep=True, tokens=digests(7))
    assert trust.state() == (1, None)
    opened(tmp_path).add([entry(7)])
    assert trust.state() == (0, None)
    garbled(tmp_path)
    assert "can't be read" in str(trust.state()[1])
    gone(tmp_path)


def test_tokens_that_the_database_lacks_are_named_until_they_are_given_up_or_given_again(tmp_path: Path) -> None:
    trust = filled(tmp_path, 2)
    tokens = list(enumerate(digests(0, 5, 6), 1))
    with pytest.raises(DatabaseLost, match=r"tokens 2, 3 of this home's chain"):
        trust.look_up("evm:1", iter(tokens))
    opened(tmp_path).add([entry(5)])
    with pytest.raises(DatabaseLost, match=r"token 3 of this home's chain"):
        trust.look_up("evm:1", iter(tokens))
    assert set_up(tmp_path, keep=True, chain="evm:1", tokens=digests(0, 5, 6)) == (None, 1)
    assert trust.looked_up("evm:1") == 3
    assert trust.lost() is None
    trust.look_up("evm:1", iter(tokens))
    assert trust.lacking() == 1
    opened(tmp_path).add([entry(6)])
    assert trust.lacking() == 0
    trust.keep()
    assert json.loads((tmp_path / NAME).read_text())["missing"] == []
    assert trust.looked_up("evm:2") == 0, "another chain is looked at from its first token on"


def test_a_database_that_is_set_aside_leaves_its_tokens_as_missing(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    opened(tmp_path).name_token(entry(1).sha3_256, "evm:1:0x1", 4)
    assert set_up(tmp_path, keep=False) == (tmp_path / "old-1", 1)
    assert Trust(tmp_path).lacking() == 1
    set_up(tmp_path, keep=False)
    assert Trust(tmp_path).lacking() == 1, "the database that is set aside now does not know of it"


def test_a_kill_between_setting_aside_and_noting_it_forgets_no_token(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    opened(tmp_path).name_token(entry(1).sha3_256, "evm:1:0x1", 4)
    set_aside(tmp_path)
    assert set_up(tmp_path, keep=False) == (None, 1)
    assert Trust(tmp_path).lacking() == 1


def test_only_one_process_writes_the_memory_at_a_time(tmp_path: Path) -> None:
    trust = filled(tmp_path, 1)
    with FileLock(tmp_path / ".database.lock"), pytest.raises(FileBusy, match=r"database.json is in use by process"):
        Trust(tmp_path, wait_s=0.0).keep()
    trust.keep()


def _add(home: Path) -> None:
    """What `register` does with the database, twice."""
    for number in (10, 11):
        trust = Trust(home)
        trust.require()
        opened(home).add([entry(number)])
        trust.keep()


def _anew(home: Path) -> None:
    set_up(home, keep=False)
    _add(home)


@pytest.mark.parametrize("work", [_add, _anew])
def test_a_kill_at_any_moment_locks_nobody_out(tmp_path: Path, work: Callable[[Path], None]) -> None:
    filled(tmp_path / "home", 2)
    shutil.copytree(tmp_path / "home", tmp_path / "rehearsal")
    steps = rehearse(work, tmp_path / "rehearsal")
    for number, aim in enumerate(aims(steps, KILLS, random.Random(3))):
        home = tmp_path / str(number)
        shutil.copytree(tmp_path / "home", home)
        child = Child(work, home, aim=replace(aim, stand=True))
        child.wait()
        child.kill()
        if work is _anew and Trust(home).lost() is not None:
            set_up(home, keep=False)
        _add(home)
        assert Trust(home).lost() is None, aim
