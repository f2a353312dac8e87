"""Whole-file writes, locks and SQLite files: what is on the disk after an error, and what the error says."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest

from gistchain.disk.lock import FileLock
from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import check_writable, make_folder, write_whole
from gistchain.errors import DiskFull, FileBusy, FileDamaged, FileError


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_written_file_is_whole_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    write_whole(path, b"first", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    write_whole(path, b"third", keep_existing=True)
    assert path.read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["a.key"]


def test_a_limit_on_the_size_of_files_is_no_full_disk_and_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, b"old")
    with (
        files_of_at_most(1_000),
        pytest.raises(DiskFull, match=r"/a would be larger than a file may be .*nothing was written; .*ulimit -f"),
    ):
        write_whole(path, bytes(10_000))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_draft_that_a_kill_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "draft").write_bytes(b"half of")
    write_whole(tmp_path / "a", b"whole", draft=tmp_path / "draft")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a"]


def test_a_place_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match=r"missing/a .No such file"):
        write_whole(tmp_path / "missing" / "a", b"")
    with pytest.raises(FileError, match="can't make the folder"):
        make_folder(tmp_path / "file" / "folder")
    for path in (tmp_path / "file" / "a", tmp_path / "missing" / "folder" / "a"):
        with pytest.raises(FileError, match=f"there is no folder {path.parent}, make it first"):
            check_writable(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="it is a folder"):
        check_writable(tmp_path / "folder")
    check_writable(tmp_path / "new")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_lock_names_its_holder_and_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.lock"
    holder = FileLock(path)
    with pytest.raises(FileBusy, match=rf"^the chain is in use by process {os.getpid()} since 20.*: wait$"):
        FileLock(path, what="the chain", instead="wait")
    began = time.monotonic()
    with pytest.raises(FileBusy, match=f"^{path.parent} is in use by"):
        FileLock(path, wait_s=0.2)
    assert time.monotonic() - began >= 0.2
    holder.close()
    holder.close()
    with FileLock(path):
        pass


def test_whoever_waits_for_a_lock_is_told_for_whom_after_a_second(tmp_path: Path) -> None:
    told: list[str] = []
    with FileLock(tmp_path / "a.lock", waiting=told.append):
        with pytest.raises(FileBusy, match=r"since 20.* \(waited 0.5 s\): "):
            FileLock(tmp_path / "a.lock", wait_s=0.5, waiting=told.append)
        assert told == []
        with pytest.raises(FileBusy):
            FileLock(tmp_path / "a.lock", wait_s=1.5, waiting=told.append)
    assert len(told) == 1
    assert told[0].startswith(f"{tmp_path} is in use by process {os.getpid()} since 20")
    assert told[0].endswith("waiting for it, 1.5 s at most")


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"content")
    (tmp_path / "a.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(FileError):
        FileLock(tmp_path / "a.lock")
    assert (tmp_path / "precious").read_bytes() == b"content"


@pytest.fixture
def file(tmp_path: Path) -> SqliteFile:
    folder = tmp_path / "a home? #1%"
    folder.mkdir()
    made = SqliteFile(folder / "a.sqlite", "mend it", timeout_s=0.1)
    with made.opened("rwc", ("journal_mode = wal",)) as database:
        database.execute("create table words (word text)")
    return made


def test_what_was_not_committed_is_undone(file: SqliteFile) -> None:
    assert [path.name for path in file.path.parent.iterdir()] == ["a.sqlite"]
    with file.opened("rw") as database:
        database.execute("begin")
        database.execute("insert into words values ('a')")
    with file.opened("rw") as database:
        assert database.execute("select count(*) from words").fetchone() == (0,)


def test_another_writer_is_said_to_be_there(file: SqliteFile) -> None:
    with file.opened("rw") as writer:
        writer.execute("begin immediate")
        with pytest.raises(FileBusy, match=r"another process .waited 0\.1 s.: try again"), file.opened("rw") as second:
            second.execute("begin immediate")


def test_a_file_that_is_missing_or_a_folder_is_not_called_damaged(file: SqliteFile, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(FileError, match=r"can't use .*permissions") as error:
            SqliteFile(path, "mend it").connect("rw")
        assert type(error.value) is FileError
    assert not (tmp_path / "missing").exists()


def test_damage_says_what_to_do(file: SqliteFile) -> None:
    with file.opened("rw") as database:
        database.execute("insert into words values (cast(x'ff' as text))")
        database.execute("create table other (word text)")
    for query in ("select word from words", "select missing from words", "select * from nowhere"):
        with pytest.raises(FileDamaged, match=r"a\.sqlite is damaged .*: mend it$"), file.opened("rw") as database:
            database.execute(query).fetchall()
    file.path.write_bytes(b"no database at all" * 1_000)
    with pytest.raises(FileDamaged), file.opened("rw") as database:
        database.execute("select * from words")


def test_a_fault_of_our_own_is_not_blamed_on_the_file(file: SqliteFile) -> None:
    with closing(file.connect("rw")) as database:
        database.close()
        with pytest.raises(sqlite3.ProgrammingError), file.errors():
            database.execute("select 1")
    with pytest.raises(KeyError), file.errors():
        raise KeyError


@pytest.fixture
def shadowed(file: SqliteFile, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    """Calls a function after each time that the file itself was copied, with how often that was."""
    real, times = shutil.copyfile, count(1)

    def between(happens: Callable[[int], None]) -> None:
        def copyfile(source: object, to: object) -> None:
            real(str(source), str(to))
            if str(source) == str(file.path):
                happens(next(times))

        monkeypatch.setattr(shutil, "copyfile", copyfile)

    return between


def test_a_copy_is_of_one_time_though_a_writer_clears_its_log_meanwhile(
    file: SqliteFile, shadowed: Callable[[Callable[[int], None]], None]
) -> None:
    with closing(file.connect("rw", ("journal_mode = wal", "wal_autocheckpoint = 0"))) as writer:
        writer.execute("create table later (x)")
        for number in range(100):
            writer.execute("insert into later values (?)", (number,))

        def clears(time: int) -> None:
            if time == 1:
                writer.execute("pragma wal_checkpoint(truncate)")
                writer.execute("insert into later values (100)")

        shadowed(clears)
        with closing(file._copied()) as copy:
            assert copy.execute("select count(*) from later").fetchone() == (101,)


def test_a_file_that_is_written_to_all_the_time_is_not_copied_for_ever(
    file: SqliteFile, shadowed: Callable[[Callable[[int], None]], None]
) -> None:
    with closing(file.connect("rw", ("journal_mode = wal", "wal_autocheckpoint = 0"))) as writer:
        writer.execute("create table later (x)")

        def writes(time: int) -> None:
            writer.execute("insert into later values (?)", (time,))

        shadowed(writes)
        with pytest.raises(FileBusy, match="written to all the time"):
            file._copied()


@pytest.mark.parametrize("size", [20_000, 50_000])  # no room for the index of the log, and for the log itself
def test_a_limit_on_the_size_of_files_is_said_by_a_database_too(file: SqliteFile, size: int) -> None:
    with (
        files_of_at_most(size),
        pytest.raises(DiskFull, match=r"larger than a file may be .*nothing was written"),
        file.opened("rw") as database,
    ):
        database.execute("insert into words values (?)", ("a" * 100_000,))
    with file.opened("rw") as database:
        assert database.execute("select count(*) from words").fetchone() == (0,)


def test_a_pipe_or_a_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(FileError, match="not a regular file"):
            write_whole(path, b"content")
    assert pipe.is_fifo()


def test_a_name_as_long_as_names_can_be_is_written_and_a_longer_one_is_refused(tmp_path: Path) -> None:
    longest = tmp_path / ("n" * 255)
    write_whole(longest, b"content")
    assert longest.read_bytes() == b"content"
    with pytest.raises(FileError, match="can't write or read"):
        write_whole(tmp_path / ("n" * 256), b"content")
    assert os.listdir(tmp_path) == [longest.name]


def test_a_lock_that_is_closed_is_free_though_a_forked_child_lives(tmp_path: Path) -> None:
    held, wakes = FileLock(tmp_path / "lock"), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(wakes[1])
        os.read(wakes[0], 1)  # until the parent is done
        os._exit(0)
    os.close(wakes[0])
    try:
        held.close()
        FileLock(tmp_path / "lock").close()
    finally:
        os.close(wakes[1])
        os.waitpid(child, 0)


@pytest.mark.parametrize("open_", [lambda file: file.connect("rw"), SqliteFile.snapshot])
def test_a_pipe_in_place_of_a_database_is_not_waited_on(
    tmp_path: Path, open_: Callable[[SqliteFile], sqlite3.Connection]
) -> None:
    os.mkfifo(tmp_path / "a.sqlite")
    with pytest.raises(FileError, match="not a regular file"):
        open_(SqliteFile(tmp_path / "a.sqlite", instead="mend it"))
