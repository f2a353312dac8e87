"""The folder service where others may write to both folders, and where memory or disk run out for a while."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import pytest

from gistchain.errors import DecodingFailed, FileError
from gistchain.rareness.service import arrivals, watch
from gistchain.rareness.service.journal import Journal
from gistchain.rareness.service.watch import Event
from gistchain.types import Picture, Rareness
from tests.support.pictures import scene, sha3
from tests.support.plain_checker import PlainChecker
from tests.support.senses import results

CV2 = cv2.error("OpenCV(5) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 4294967296 bytes")
DONE = ".gistchain-watch.done"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    folder = tmp_path / watch.OUTPUT
    folder.mkdir()
    return folder


def once(inbox: Path, check: watch.Check | None = None) -> list[Event]:
    return list(watch.watch(inbox, check or PlainChecker().check, settle_s=0.05, timeout_s=0.5, once=True))


class Failing:
    """Raises the error for each picture, as often as it was told; afterwards it checks."""

    def __init__(self, error: Exception, times: int = 1) -> None:
        self._error, self._times = error, times

    def check(self, picture: Picture) -> Rareness:
        if self._times:
            self._times -= 1
            raise self._error
        return PlainChecker().check(picture)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("std::bad_alloc"), CV2, DecodingFailed("a.png: the process that reads it died")],
    ids=lambda error: type(error).__name__,
)
def test_want_of_memory_is_no_result(inbox: Path, outbox: Path, error: Exception) -> None:
    paths = [scene(n, inbox / f"{n}.png") for n in (1, 2)]
    failing = Failing(error)
    events = once(inbox, failing.check)
    assert sorted(event.kind for event in events) == ["trouble", "written"]
    assert len(results(outbox)) == 1
    assert [event.kind for event in once(inbox, failing.check)] == ["written"]
    assert results(outbox).keys() == {sha3(path) for path in paths}


def test_a_file_that_wants_memory_holds_up_no_other_and_is_tried_again(
    inbox: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_FIRST_PAUSE_S", 0.05)
    paths = [scene(n, inbox / f"{n}.png") for n in range(3)]
    kinds: list[str] = []
    failing = Failing(MemoryError(), times=4)
    running = watch.watch(inbox, failing.check, settle_s=0.05, stop=lambda: len(results(outbox)) == 3)
    kinds += [event.kind for event in running]
    assert kinds.count("trouble") == 4
    assert results(outbox).keys() == {sha3(path) for path in paths}


def test_what_wants_memory_every_time_is_written_as_a_defect_in_the_end(
    inbox: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(watch, "_LONGEST_PAUSE_S", 0.001)
    path = scene(1, inbox / "a.png")
    failing = Failing(MemoryError(), times=1_000)
    kinds = []
    for event in watch.watch(inbox, failing.check, settle_s=0.01, patience_s=0, stop=lambda: "refused" in kinds):
        kinds.append(event.kind)
    assert kinds == ["trouble"] * 10 + ["refused"]
    assert results(outbox)[sha3(path)]["kind"] == "Defect"


@pytest.mark.parametrize("said", ["can't allocate a colour", "the allocation of rows", "out of memory of the device"])
def test_a_defect_that_speaks_of_memory_is_no_want_of_it(inbox: Path, outbox: Path, said: str) -> None:
    path = scene(1, inbox / "a.png")
    assert [event.kind for event in once(inbox, Failing(ValueError(said)).check)] == ["refused"]
    assert results(outbox)[sha3(path)]["kind"] == "Defect"


def test_a_defect_of_ours_is_said_and_tried_again_by_the_next_run(inbox: Path, outbox: Path) -> None:
    path = scene(1, inbox / "a.png")
    failing = Failing(RuntimeError("matrix is singular"))
    (event,) = once(inbox, failing.check)
    assert event.kind == "refused"
    assert event.path is not None
    assert "report it" in json.loads(event.path.read_text())["error"]
    assert [event.kind for event in once(inbox, failing.check)] == ["written"]
    assert "error" not in results(outbox)[sha3(path)]
    assert once(inbox, failing.check) == []
    assert len(results(outbox)) == 1


def test_a_result_that_was_deleted_is_made_again(inbox: Path, outbox: Path) -> None:
    for n in range(3):
        scene(n, inbox / f"{n}.png")
    events = once(inbox)
    gone = events[1].path
    assert gone is not None
    gone.unlink()
    assert [(event.kind, event.path) for event in once(inbox)] == [("written", gone)]
    assert once(inbox) == []
    for path in outbox.glob("*.json"):
        path.unlink()
    assert [event.kind for event in once(inbox)] == ["written"] * 3


def test_a_result_that_is_deleted_while_the_service_runs_is_made_again(
    inbox: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "RELIST_S", 0.05)
    scene(1, inbox / "a.png")
    written: list[Path] = []
    for event in watch.watch(inbox, PlainChecker().check, settle_s=0.05, stop=lambda: len(written) == 2):
        assert event.kind == "written"
        assert event.path is not None
        written.append(event.path)
        if len(written) == 1:
            event.path.unlink()
    assert written[0] == written[1]
    assert written[0].exists()


@pytest.mark.parametrize("kind", ["link", "hard link", "dangling link", "pipe"])
def test_nothing_in_the_place_of_the_journal_is_followed_or_waited_for(
    inbox: Path, outbox: Path, tmp_path: Path, kind: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"important 12345")
    place = outbox / DONE
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "hard link":
        os.link(victim, place)
    else:
        place.symlink_to(victim if kind == "link" else tmp_path / "nowhere")
    scene(1, inbox / "a.png")
    assert [event.kind for event in once(inbox)] == ["written"]
    assert victim.read_bytes() == b"important 12345"
    assert not (tmp_path / "nowhere").exists()
    assert once(inbox) == []


def test_a_folder_in_the_place_of_the_journal_is_named(inbox: Path, outbox: Path) -> None:
    (outbox / DONE).mkdir()
    with pytest.raises(FileError, match=r"watch.done is a folder"):
        once(inbox)


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_lies_in_the_place_of_a_result_is_neither_read_nor_waited_for(
    inbox: Path, outbox: Path, tmp_path: Path, kind: str
) -> None:
    whole = sha3(scene(1, inbox / "a.png"))
    place = outbox / f"{whole[:10]}.json"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link":
        forged = tmp_path / "forged.json"
        forged.write_text(json.dumps({"hash_of_candidate_image_file": whole}))
        place.symlink_to(forged)
    else:
        place.mkdir()
    (event,) = once(inbox)
    assert (event.kind, event.path) == ("written", outbox / f"{whole}.json")
    assert place.is_symlink() == (kind == "link")
    assert once(inbox) == []


def test_a_pipe_in_the_place_of_the_lock_is_not_waited_for(inbox: Path, outbox: Path) -> None:
    os.mkfifo(outbox / ".gistchain-watch.lock")
    with pytest.raises(FileError, match="not a regular file"):
        once(inbox)


def test_a_folder_of_everything_that_is_no_upload_is_gone_through(inbox: Path, outbox: Path) -> None:
    good = [scene(1, inbox / "good.png")]
    odd = Path(os.fsdecode(os.fsencode(inbox) + b"/\x1b[31m\xff\nx.png"))
    good.append(scene(2, odd))
    (inbox / "link.png").symlink_to("/etc/passwd")
    (inbox / "loop").symlink_to(inbox)
    os.mkfifo(inbox / "pipe.png")
    (inbox / "folder.png").mkdir()
    (inbox / "empty.png").touch()
    (inbox / "junk.png").write_bytes(os.urandom(5_000))
    with (inbox / "sparse.png").open("wb") as file:
        file.truncate(2 << 30)
    events = once(inbox)
    assert sorted(event.kind for event in events) == ["refused", "refused", "waiting", "written", "written"]
    assert {name for name, result in results(outbox).items() if "error" not in result} == {sha3(path) for path in good}


def test_the_journal_holds_a_million_files_in_16_bytes_each(tmp_path: Path) -> None:
    journal = Journal(tmp_path / DONE)
    (tmp_path / ("ab" * 5 + ".json")).touch()
    for signature in range(60_000):
        journal.add(signature, b"\xab" * 32 if signature % 2 else b"\xcd" * 32)
    journal.close()
    assert (tmp_path / DONE).stat().st_size == 16 * 60_000
    again = Journal(tmp_path / DONE)
    assert [signature in again for signature in (0, 1, 2, 59_999, 60_001)] == [False, True, False, True, False]
    again.close()
