"""The folder service against half uploads, hostile names, kill -9, full disks and second watchers."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gistchain.errors import DiskFull, FileBusy, SettingError
from gistchain.image import MAX_FILE_BYTES
from gistchain.rareness.service import arrivals, watch
from gistchain.rareness.service.watch import Event
from gistchain.types import Picture, Rareness
from tests.support.forks import HANGS_S, Child, rehearse
from tests.support.kills import aims
from tests.support.pictures import scene, sha3
from tests.support.plain_checker import PlainChecker
from tests.support.senses import results

KILLS = 28
# Two pictures of 2 x 2 pixels whose SHA3-256 begin with the same ten hex digits, found by trying a million.
TWINS = [b"P6 2 2 255\n" + n.to_bytes(12, "big") for n in (704601, 1178161)]


class Counting:
    """Counts what is checked, by name."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._checker = PlainChecker()

    def check(self, picture: Picture) -> Rareness:
        self.names.append(picture.name)
        return self._checker.check(picture)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / watch.OUTPUT


def once(inbox: Path, check: watch.Check | None = None, **how: Any) -> list[Event]:
    how = {"settle_s": 0.05, "timeout_s": 0.5, "once": True, **how}
    return list(watch.watch(inbox, check or PlainChecker().check, **how))


class Live:
    """A watcher in a thread, with its events. between: called before each of its steps."""

    def __init__(
        self, inbox: Path, check: watch.Check, between: Callable[[], object] = lambda: None, **how: Any
    ) -> None:
        self.events: list[Event] = []
        self._over = False
        how = {"settle_s": 0.1, "patience_s": 0.1, "stop": lambda: (between(), self._over)[1], **how}
        self._thread = threading.Thread(target=lambda: self.events.extend(watch.watch(inbox, check, **how)))

    def __enter__(self) -> Live:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join(HANGS_S)
        assert not self._thread.is_alive()

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + HANGS_S
        while not condition():
            assert time.monotonic() < end, self.events
            time.sleep(0.02)

    def look_twice(self, inbox: Path, outbox: Path) -> None:
        """Two more images come and are done: whatever lay there before has been looked at meanwhile."""
        for n in (1001, 1002):
            path = scene(n, inbox / f"{n}.png")
            self.until(lambda path=path: sha3(path) in results(outbox))  # type: ignore[misc]


def test_every_image_gets_senses_object_beside_the_folder(inbox: Path, outbox: Path) -> None:
    paths = [scene(n, inbox / f"{n}.png") for n in range(3)]
    events = once(inbox)
    assert sorted(e.kind for e in events) == ["written"] * 3
    assert results(outbox).keys() == {sha3(path) for path in paths}
    assert {e.path for e in events} == {outbox / f"{sha3(path)[:10]}.json" for path in paths}


def test_a_file_is_checked_once_in_its_life(inbox: Path, outbox: Path) -> None:
    counting = Counting()
    scene(1, inbox / "a.png")
    assert [e.kind for e in once(inbox, counting.check)] == ["written"]
    assert once(inbox, counting.check) == []
    (outbox / ".gistchain-watch.done").unlink()  # the results alone are enough
    assert [e.kind for e in once(inbox, counting.check)] == ["known"]
    os.utime(inbox / "a.png", (1, 1))
    assert [e.kind for e in once(inbox, counting.check)] == ["known"]
    scene(2, inbox / "a.png")
    assert [e.kind for e in once(inbox, counting.check)] == ["written"]
    assert counting.names == ["a.png", "a.png"]


def test_a_torn_journal_loses_nothing(inbox: Path, outbox: Path) -> None:
    counting = Counting()
    for n in range(3):
        scene(n, inbox / f"{n}.png")
    once(inbox, counting.check)
    journal = outbox / ".gistchain-watch.done"
    journal.write_bytes(journal.read_bytes()[:-5])
    assert [e.kind for e in once(inbox, counting.check)] == ["known"]
    assert once(inbox, counting.check) == []
    assert len(counting.names) == 3


def test_two_equal_files_share_one_result(inbox: Path, outbox: Path) -> None:
    scene(1, inbox / "a.png")
    scene(1, inbox / "b.png")
    assert sorted(e.kind for e in once(inbox)) == ["known", "written"]
    assert len(results(outbox)) == 1


def test_files_whose_ten_digits_agree_get_two_results(inbox: Path, outbox: Path) -> None:
    for name, data in zip("ab", TWINS, strict=True):
        (inbox / f"{name}.ppm").write_bytes(data)
    assert [e.kind for e in once(inbox)] == ["written"] * 2
    hashes = {hashlib.sha3_256(data).hexdigest() for data in TWINS}
    assert len({h[:10] for h in hashes}) == 1
    assert results(outbox).keys() == hashes
    assert sorted(len(path.stem) for path in outbox.glob("*.json")) == [10, 64]
    (outbox / ".gistchain-watch.done").unlink()
    assert [e.kind for e in once(inbox)] == ["known"] * 2


def test_a_strangers_file_with_the_name_of_a_result_stays(inbox: Path, outbox: Path) -> None:
    digits = sha3(scene(1, inbox / "a.png"))
    outbox.mkdir()
    (outbox / f"{digits[:10]}.json").write_text("mine")
    (event,) = once(inbox)
    assert (outbox / f"{digits[:10]}.json").read_text() == "mine"
    assert event.path == outbox / f"{digits}.json"


@pytest.mark.parametrize(
    ("name", "data"),
    [("nonsense.png", b"no image at all"), ("empty.png", b""), ("cut.png", None), ("paper.pdf", b"%PDF-1.7\n")],
)
def test_a_broken_file_gets_an_error_and_the_others_go_on(
    name: str, data: bytes | None, inbox: Path, outbox: Path
) -> None:
    broken = inbox / name
    broken.write_bytes(scene(1, inbox / "x").read_bytes()[:500] if data is None else data)
    (inbox / "x").unlink(missing_ok=True)
    scene(2, inbox / "whole.png")
    assert sorted(e.kind for e in once(inbox)) == ["refused", "written"]
    refused = results(outbox)[sha3(broken)]
    assert refused["kind"] == "ImageError"
    assert refused["error"].startswith(name)
    assert once(inbox) == []


def test_a_file_larger_than_an_image_may_be_is_refused_and_one_larger_still_is_left(inbox: Path, outbox: Path) -> None:
    for name, size in (("large.png", MAX_FILE_BYTES + 1), ("huge.png", 1 << 42)):
        with (inbox / name).open("wb") as file:
            file.truncate(size)
    scene(2, inbox / "whole.png")
    assert {(e.kind, e.name) for e in once(inbox)} == {
        ("refused", "large.png"), ("waiting", "huge.png"), ("written", "whole.png"),
    }  # fmt: skip
    assert len(results(outbox)) == 2


def test_an_image_that_sets_off_a_defect_does_not_end_the_service(inbox: Path, outbox: Path) -> None:
    def check(picture: Picture) -> Rareness:
        if picture.size == (2, 2):
            raise ZeroDivisionError("of a picture this small")
        return PlainChecker().check(picture)

    (inbox / "small.ppm").write_bytes(TWINS[0])
    scene(1, inbox / "a.png")
    assert sorted(e.kind for e in once(inbox, check)) == ["refused", "written"]
    assert "ZeroDivisionError" in results(outbox)[sha3(inbox / "small.ppm")]["error"]


def test_hostile_names_are_names(inbox: Path, outbox: Path) -> None:
    names = [
        b"new\nline.png",
        b"\x1b[31mred.png",
        b"\xff\xfe.png",
        b"x" * 251 + b".png",
        b"; rm -rf *",
        b"-rf",
        "п.png".encode(),
    ]
    for n, name in enumerate(names):
        scene(n, inbox / "x")
        os.rename(inbox / "x", os.path.join(os.fsencode(inbox), name))
    (inbox / os.fsdecode(b"\xff broken \n.png")).write_bytes(b"nonsense")
    kinds = [e.kind for e in once(inbox)]
    assert kinds.count("written") == len(names)
    assert kinds.count("refused") == 1
    (error,) = (fields["error"] for fields in results(outbox).values() if "error" in fields)
    assert error.isprintable()
    assert len(results(outbox)) == len(names) + 1


def test_links_pipes_folders_and_temporary_names_are_passed_over(inbox: Path, tmp_path: Path) -> None:
    (inbox / "link.png").symlink_to(scene(1, tmp_path / "secret.png"))
    (inbox / "loop.png").symlink_to("loop.png")
    os.mkfifo(inbox / "pipe.png")
    scene(2, tmp_path / "deep.png")
    (inbox / "folder.png").mkdir()
    for name in (".hidden.png", "a.png.part", "b.PNG.crdownload", "c.png~", "d.tmp", "Thumbs.db"):
        scene(3, inbox / name)
    assert once(inbox) == []


def second_time(action: Callable[[], object]) -> Callable[[], bool]:
    """A `stop` that never stops, and acts when it is asked again: files have been listed then, and none is read yet."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            action()
        return False

    return stop


def test_a_file_that_turns_into_a_link_is_not_followed(inbox: Path, tmp_path: Path) -> None:
    secret = scene(1, tmp_path / "secret.png")
    path = scene(1, inbox / "a.png")
    exchange = second_time(lambda: (path.unlink(), path.symlink_to(secret)))
    assert [e.kind for e in once(inbox, settle_s=1, timeout_s=1.2, stop=exchange)] in ([], ["waiting"])
    assert path.is_symlink()


def test_a_file_that_goes_away_is_forgotten(inbox: Path, outbox: Path) -> None:
    path = scene(1, inbox / "a.png")
    scene(2, inbox / "b.png")
    assert [e.kind for e in once(inbox, settle_s=1, timeout_s=5, stop=second_time(path.unlink))] == ["written"]
    assert not path.exists()


def test_an_upload_that_never_ends_is_told_of_once_and_holds_up_nobody(inbox: Path, outbox: Path) -> None:
    whole = scene(1, inbox / "x").read_bytes()
    (inbox / "x").unlink()
    growing, over, size = inbox / "growing.png", threading.Event(), 0

    def grow() -> None:
        nonlocal size
        size = len(whole) if over.is_set() else size % (len(whole) - 1) + 1
        if not growing.exists() or growing.stat().st_size != size:
            growing.write_bytes(whole[:size])

    with Live(inbox, PlainChecker().check, grow, settle_s=0.5, timeout_s=1) as live:
        scene(2, inbox / "b.png")
        live.until(lambda: sha3(inbox / "b.png") in results(outbox))
        live.until(lambda: any(e.kind == "waiting" for e in live.events))
        assert len(results(outbox)) == 1
        scene(3, inbox / "c.png")  # the folder is listed anew: the growing one is looked at once more
        live.until(lambda: len(results(outbox)) == 2)
        over.set()
        scene(4, inbox / "d.png")
        live.until(lambda: hashlib.sha3_256(whole).hexdigest() in results(outbox))
    assert [e.name for e in live.events if e.kind == "waiting"] == ["growing.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes to a file")
def test_a_file_that_is_open_to_be_written_is_not_complete(inbox: Path, outbox: Path) -> None:
    data = scene(1, inbox / "x").read_bytes()
    (inbox / "x").unlink()
    with Live(inbox, PlainChecker().check) as live:
        with (inbox / "slow.png").open("wb", buffering=0) as file:
            file.write(data[:700])
            live.look_twice(inbox, outbox)
            assert len(results(outbox)) == 2
            file.write(data[700:])
        live.until(lambda: hashlib.sha3_256(data).hexdigest() in results(outbox))
    assert [e.kind for e in live.events] == ["written"] * 3


def test_an_upload_that_pauses_is_not_called_broken(inbox: Path, outbox: Path) -> None:
    data = scene(1, inbox / "x").read_bytes()
    (inbox / "x").unlink()
    with Live(inbox, PlainChecker().check, patience_s=3600) as live:
        (inbox / "slow.png").write_bytes(data[:700])
        live.look_twice(inbox, outbox)
        assert len(results(outbox)) == 2
        (inbox / "slow.png").write_bytes(data)
        live.until(lambda: len(results(outbox)) == 3)
    assert [e.kind for e in live.events] == ["written"] * 3


def test_new_files_are_seen_and_the_stop_is_obeyed(inbox: Path, outbox: Path) -> None:
    with Live(inbox, PlainChecker().check) as live:
        for n in range(5):
            scene(n, inbox / f"{n}.png")
            live.until(lambda n=n: len(results(outbox)) == n + 1)  # type: ignore[misc]


def test_a_folder_that_goes_away_is_waited_for(inbox: Path, outbox: Path) -> None:
    with Live(inbox, PlainChecker().check) as live:
        scene(1, inbox / "a.png")
        live.until(lambda: len(results(outbox)) == 1)
        os.rename(inbox, inbox.with_name("away"))
        live.until(lambda: any(e.kind == "trouble" for e in live.events))
        os.rename(inbox.with_name("away"), inbox)
        scene(2, inbox / "b.png")
        live.until(lambda: len(results(outbox)) == 2)
    assert [e.kind for e in live.events] == ["written", "trouble", "written"]


def test_the_output_may_lie_in_the_folder_but_not_be_it(inbox: Path) -> None:
    scene(1, inbox / "a.png")
    assert [e.kind for e in once(inbox, output=inbox / "results")] == ["written"]
    assert once(inbox, output=inbox / "results") == []
    with pytest.raises(SettingError, match="also the output"):
        once(inbox, output=inbox)
    with pytest.raises(SettingError, match="is not a folder"):
        once(inbox / "a.png")
    with pytest.raises(SettingError, match="can't make"):
        once(inbox, output=inbox / "a.png" / "out")


def test_a_second_watcher_is_told_who_the_first_is(inbox: Path) -> None:
    scene(1, inbox / "a.png")
    first = watch.watch(inbox, PlainChecker().check, settle_s=0.05)
    assert next(first).kind == "written"
    with pytest.raises(FileBusy, match=f"filled by process {os.getpid()}"):
        once(inbox)
    first.close()  # type: ignore[attr-defined]
    assert once(inbox) == []


def test_a_full_disk_is_told_of_and_tried_again(inbox: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_FIRST_PAUSE_S", 0.1)
    scene(1, inbox / "a.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    running = watch.watch(inbox, PlainChecker().check, settle_s=0.05)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        assert next(running).kind == "trouble"
        assert next(running).kind == "trouble"
        assert list(outbox.glob("*.json")) == []
        with pytest.raises(DiskFull, match="larger than a file may be"):
            once(inbox, output=outbox.with_name("other"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert next(running).kind == "written"
    running.close()  # type: ignore[attr-defined]
    assert sha3(inbox / "a.png") in results(outbox)
    assert [p.name for p in outbox.iterdir() if p.name.endswith(".part")] == []


def test_a_busy_database_is_waited_for(inbox: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_FIRST_PAUSE_S", 0.1)
    busy = [True, True]

    def check(picture: Picture) -> Rareness:
        if busy:
            busy.pop()
            raise FileBusy("held by another writer")
        return PlainChecker().check(picture)

    scene(1, inbox / "a.png")
    running = watch.watch(inbox, check, settle_s=0.05)
    assert [next(running).kind for _ in range(3)] == ["trouble", "trouble", "written"]
    running.close()  # type: ignore[attr-defined]
    assert len(results(outbox)) == 1
    scene(2, inbox / "b.png")
    busy.append(True)
    with pytest.raises(FileBusy):
        once(inbox, check)


def test_many_files_that_are_done_cost_little(inbox: Path, outbox: Path) -> None:
    outbox.mkdir()
    for n in range(20_000):
        (inbox / f"{n:07}.png").write_bytes(b"x")
    journal = arrivals.Journal(outbox / ".gistchain-watch.done")
    listed = arrivals.Arrivals(inbox, journal)
    for entry in os.scandir(os.fsencode(inbox)):
        status = entry.stat()
        listed.finish(arrivals.Arrival(entry.name, status.st_size, status.st_mtime_ns, 0, 0), bytes(32))
    journal.close()
    (outbox / f"{'0' * 10}.json").touch()  # the result of them all, as their hashes go
    assert (outbox / ".gistchain-watch.done").stat().st_size == 16 * 20_000
    scene(1, inbox / "new.png")
    looks: list[str] = []
    place, watching = str(inbox), True  # the hook stays for good, and is silent afterwards

    def seen_by(what: str, about: tuple[Any, ...]) -> None:
        if watching and what in ("open", "os.scandir") and isinstance(about[0], str | bytes):
            looks.append(os.fsdecode(about[0]))

    sys.addaudithook(seen_by)
    try:
        assert [e.name for e in once(inbox)] == ["new.png"]
    finally:
        watching = False
    looks = [Path(look).name for look in looks if look.startswith(place)]
    assert set(looks) == {"in", "new.png"}, "what is done is not opened again"
    assert len(looks) < 20, "nor is the folder listed for each file"


def test_more_new_files_than_are_waited_for_at_one_time(
    inbox: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST_WAITING", 7)
    for n in range(30):
        scene(n, inbox / f"{n}.png")
    assert len(once(inbox, settle_s=0.01)) == 30
    assert len(results(outbox)) == 30


def serve(inbox: Path, log: Path, once: bool = False) -> None:
    """What a child does: watches, for ever unless `once`; each check is a line of the log."""
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    checker = PlainChecker()

    def check(picture: Picture) -> Rareness:
        os.write(opened, picture.sha3_256.hex().encode() + b"\n")
        return checker.check(picture)

    for _ in watch.watch(inbox, check, settle_s=0.01, patience_s=0.01, once=once):
        pass


def upload(inbox: Path, number: int) -> set[str]:
    """Five images and a broken one, of this number's own; their hashes."""
    found = set()
    for n in range(6):
        path = inbox / f"{number}-{n}.png"
        path.write_bytes(b"broken %d" % number) if n == 3 else scene(100 * number + n, path)
        found.add(sha3(path))
    return found


def test_kill_9_at_any_moment_leaves_every_file_one_whole_result(inbox: Path, outbox: Path, tmp_path: Path) -> None:
    log, wanted = tmp_path / "log", set[str]()
    rehearsed = tmp_path / "rehearsal" / "in"
    rehearsed.mkdir(parents=True)
    upload(rehearsed, KILLS)
    steps = rehearse(serve, rehearsed, log.with_name("rehearsed"), True)
    aimed = aims(steps, KILLS, random.Random(4))
    assert {aim.stage for aim in aimed} == set(steps), "a kill at every stage"
    for number, aim in enumerate(aimed):
        wanted |= upload(inbox, number)
        child = Child(serve, inbox, log, aim=aim)
        child.wait()
        child.kill()
        for result in outbox.glob("*.json"):
            json.loads(result.read_text("ascii"))
    before = len(results(outbox))
    assert 0 < before < len(wanted)
    once(inbox)
    assert results(outbox).keys() == wanted
    checks = log.read_text().split()
    assert len(checks) <= before + KILLS, "only what was in work at a kill is done again"
