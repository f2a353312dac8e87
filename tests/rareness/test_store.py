"""The store: what was added is there, exactly, after kills, torn files, full disks and other writers."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import resource
import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gistchain.errors import DiskFull, FileBusy, FileDamaged, FileError, OtherFingerprint, RarenessError
from gistchain.rareness.fingerprint import SIZE
from gistchain.rareness.hashes import BITS, THRESHOLDS, distance
from gistchain.rareness.store.database import set_aside
from gistchain.rareness.store.layout import LAYOUT
from gistchain.rareness.store.store import Entry, Store
from gistchain.types import Hashes
from tests.support.forks import Child, rehearse
from tests.support.kills import Aim
from tests.support.tiny import file_system, read_only

ROW = LAYOUT.row
HEADER = 4096


def fingerprint(number: int) -> NDArray[np.float32]:
    return np.maximum(np.random.default_rng(number).standard_normal(SIZE) - 0.2, 0).astype(np.float32)


def hashes(number: int, quality: int = 80) -> Hashes:
    rng = np.random.default_rng(number)
    pdq, phash, ahash, dhash = (rng.bytes(bits // 8).hex() for bits in BITS.values())
    return Hashes(pdq, quality, phash, ahash, dhash)


def entry(number: int) -> Entry:
    digest = hashlib.sha3_256(number.to_bytes(8)).digest()
    thumbnail = b"webp" + bytes([number % 256]) * 50
    return Entry(
        digest, f"{number}.png", "some", "a hat", number % 2 == 0, hashes(number), fingerprint(number), thumbnail
    )


def opened(folder: Path, **options: float) -> Store:
    return Store(folder, version="1", **options)


def is_whole(store: Store, count: int) -> None:
    """Asserts that the store holds entries 0..count - 1, and scans as if each had been compared exactly."""
    assert len(store) == count
    kept = store.fingerprints(range(count))
    assert np.array_equal(kept, np.stack([fingerprint(number) for number in range(count)]))
    wanted = fingerprint(count // 2)
    found, bound = store.approximate(wanted)
    assert found.shape == (count,)
    assert np.abs(found - np.corrcoef(wanted, kept)[0, 1:]).max() <= bound < 0.02


def same(one: Entry, other: Entry) -> bool:
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(Entry)]
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


def test_what_was_added_is_found_again_to_the_bit(tmp_path: Path) -> None:
    store = opened(tmp_path / "new" / "folder")
    assert len(store) == 0
    assert store.approximate(fingerprint(1))[0].shape == (0,)
    assert store.near([hashes(1)], THRESHOLDS) == []
    assert store.add(entry(number) for number in range(5)) == 5
    again = opened(tmp_path / "new" / "folder")
    for number in range(5):
        assert again.find(entry(number).sha3_256) == number
    assert all(same(kept, entry(number)) for kept, number in zip(again.entries([3, 0]), [3, 0], strict=True))
    assert again.find(bytes(32)) is None
    is_whole(again, 5)


def test_an_image_is_kept_once_and_as_it_came_first(tmp_path: Path) -> None:
    store = opened(tmp_path)
    renamed = dataclasses.replace(entry(1), name="other")
    assert store.add([entry(0), entry(1), renamed]) == 2
    assert store.add([renamed, entry(2)]) == 1
    assert [kept.name for kept in store.entries([0, 1, 2])] == ["0.png", "1.png", "2.png"]


def test_names_that_are_no_text_and_a_neuralhash_come_back_the_same(tmp_path: Path) -> None:
    store = opened(tmp_path)
    hostile = os.fsdecode(b"a\xff\x00'; drop table images; --\n\xe2\x80\xae.png")
    odd = dataclasses.replace(
        entry(1), name=hostile, caption="\ud800", hashes=dataclasses.replace(hashes(1), neuralhash="ab" * 12)
    )
    store.add([odd])
    assert same(store.entries([0])[0], odd)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_fingerprint_that_is_not_finite_is_refused_before_anything_is_written(tmp_path: Path, value: float) -> None:
    store = opened(tmp_path)
    bad = fingerprint(1)
    bad[77] = value
    with pytest.raises(RarenessError, match="77"):
        store.add([entry(0), dataclasses.replace(entry(1), fingerprint=bad)])
    assert len(store) == 0
    with pytest.raises(RarenessError):
        store.approximate(bad)


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": np.ones(SIZE - 1, np.float32)},
        {"fingerprint": np.ones(SIZE, np.float64)},
        {"sha3_256": b"short"},
        {"hashes": dataclasses.replace(hashes(1), pdq="ab")},
        {"hashes": dataclasses.replace(hashes(1), phash="not hex at all!!")},
        {"hashes": dataclasses.replace(hashes(1), neuralhash="ab")},
    ],
)
def test_what_can_not_be_kept_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    store = opened(tmp_path)
    with pytest.raises(RarenessError):
        store.add([entry(0), dataclasses.replace(entry(1), **change)])  # type: ignore[arg-type]
    assert len(store) == 0


def test_a_row_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add([entry(0)])
    for row in (1, -1):
        with pytest.raises(RarenessError, match=f"no row {row}"):
            store.fingerprints([row])


def test_near_finds_what_a_comparison_of_all_pairs_finds(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    turns = [hashes(100 + turn, quality) for turn, quality in enumerate((80, 80, 49, 100))]
    entries = []
    for number in range(200):
        start, flips = turns[int(rng.integers(4))], int(rng.integers(0, 45))
        entries.append(dataclasses.replace(entry(number), hashes=_damaged(start, flips, rng)))
    store = opened(tmp_path)
    store.add(entries)
    found = store.near(turns, THRESHOLDS)
    wanted = [near for near in (_nearest(row, one.hashes, turns) for row, one in enumerate(entries)) if near]
    assert found == sorted(wanted, key=lambda near: (near[2] / BITS[near[1]], -BITS[near[1]], near[0]))  # type: ignore[index]
    assert {near[1] for near in found} == set(BITS)
    assert 20 < len(found) < 200
    assert {near[1] for near in store.near(turns, {"ahash": 64})} == {"ahash"}


def _damaged(start: Hashes, flips: int, rng: np.random.Generator) -> Hashes:
    changed = {}
    for name, bits in BITS.items():
        value = int(getattr(start, name), 16)
        for bit in rng.choice(bits, min(bits, int(flips * rng.random() * 2)), replace=False).tolist():
            value ^= 1 << bit
        changed[name] = f"{value:0{bits // 4}x}"
    return Hashes(pdq_quality=int(rng.integers(30, 100)), **changed)


def _nearest(row: int, kept: Hashes, turns: list[Hashes]) -> tuple[int, str, int, int] | None:
    best: tuple[int, str, int, int] | None = None
    for name, of in BITS.items():
        for turn, wanted in enumerate(turns):
            if name == "pdq" and min(kept.pdq_quality, wanted.pdq_quality) < 50:
                continue
            bits = distance(getattr(kept, name), getattr(wanted, name))
            if bits <= THRESHOLDS[name] and (best is None or bits / of < best[2] / BITS[best[1]]):  # type: ignore[index]
                best = (row, name, bits, turn)
    return best


def test_evidence_is_kept_under_its_hash_and_nothing_else_is(tmp_path: Path) -> None:
    document = b'{"verdict": "copy"}'
    digest = hashlib.sha3_256(document).digest()
    opened(tmp_path).keep_evidence(digest, document)
    store = opened(tmp_path)
    store.keep_evidence(digest, document)
    assert store.evidence(digest) == document
    assert store.evidence(bytes(32)) is None
    with pytest.raises(RarenessError, match="not the SHA3-256"):
        store.keep_evidence(bytes(32), document)
    with sqlite3.connect(tmp_path / "rareness.sqlite") as database:
        database.execute("update evidence set document = cast('forged' as blob)")
    database.close()
    with pytest.raises(FileDamaged, match=digest.hex()):
        store.evidence(digest)


def test_fingerprints_of_another_version_are_refused_and_can_be_set_aside(tmp_path: Path) -> None:
    opened(tmp_path).add([entry(0)])
    with pytest.raises(OtherFingerprint, match=r"version 1.*version 2.*gistchain rareness rebuild"):
        Store(tmp_path, version="2")
    aside = set_aside(tmp_path)
    assert aside is not None
    anew = Store(tmp_path, version="2")
    assert len(anew) == 0
    anew.add([entry(1)])
    assert same(opened(aside).entries([0])[0], entry(0))
    assert set_aside(tmp_path) == tmp_path / "old-2"
    assert set_aside(tmp_path) is None


def test_an_open_store_sees_what_others_write_and_when_it_is_exchanged(tmp_path: Path) -> None:
    reader, writer = opened(tmp_path), opened(tmp_path)
    assert len(reader) == 0
    for count in (1, 2, 3):
        writer.add([entry(count - 1)])
        is_whole(reader, count)
    shutil.copytree(tmp_path, tmp_path / "backup")
    writer.add([entry(3), entry(4)])
    assert len(reader) == 5
    for name in ("rareness.sqlite", "rareness.rows"):
        shutil.copy(tmp_path / "backup" / name, tmp_path / name)
    for leftover in ("rareness.sqlite-wal", "rareness.sqlite-shm"):
        (tmp_path / leftover).unlink(missing_ok=True)
    is_whole(reader, 3)
    set_aside(tmp_path)
    with pytest.raises(FileError, match="can't use"):
        len(reader)
    opened(tmp_path).add([entry(0)])
    is_whole(reader, 1)


@pytest.mark.parametrize(
    "length",
    [
        0,
        1,
        HEADER - 1,
        HEADER,
        HEADER + 1,
        HEADER + ROW.itemsize - 1,
        HEADER + ROW.itemsize,
        HEADER + 70_000,
    ],
)
def test_rows_that_were_cut_off_are_written_again(tmp_path: Path, length: int) -> None:
    opened(tmp_path).add(entry(number) for number in range(9))
    os.truncate(tmp_path / "rareness.rows", length)
    is_whole(opened(tmp_path), 9)


@pytest.mark.parametrize("place", [0, 9, 20, 35, HEADER, HEADER + 5_000, HEADER + ROW.itemsize - 1, HEADER + 85_000])
def test_rows_with_a_changed_byte_are_written_again(tmp_path: Path, place: int) -> None:
    opened(tmp_path).add(entry(number) for number in range(9))
    path = tmp_path / "rareness.rows"
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :])
    is_whole(opened(tmp_path), 9)
    assert path.read_bytes() == whole


def test_rows_of_another_store_or_none_are_written_anew_also_while_it_is_open(tmp_path: Path) -> None:
    store = opened(tmp_path / "one")
    store.add(entry(number) for number in range(4))
    opened(tmp_path / "other").add(entry(number) for number in (7, 6, 5, 4))
    rows = tmp_path / "one" / "rareness.rows"
    for damage in (
        lambda: shutil.copy(tmp_path / "other" / "rareness.rows", rows.with_suffix(".new")).replace(rows),
        rows.unlink,
        lambda: rows.with_suffix(".new").write_bytes(b"") or rows.with_suffix(".new").replace(rows),
    ):
        damage()  # type: ignore[no-untyped-call]
        is_whole(store, 4)


def test_a_row_of_the_record_that_is_not_what_was_written_is_named(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add(entry(number) for number in range(3))
    with sqlite3.connect(tmp_path / "rareness.sqlite") as database:
        packed = bytearray(database.execute("select fingerprint from looks where row = 1").fetchone()[0])
        packed[len(packed) // 2] ^= 1
        database.execute("update looks set fingerprint = ? where row = 1", (bytes(packed),))
        database.execute("update images set caption = cast('forged' as blob) where row = 2")
    database.close()
    assert len(store.fingerprints([0, 2])) == 2
    for damaged in (lambda: store.fingerprints([1]), lambda: store.entries([1])):
        with pytest.raises(FileDamaged, match="row 1 "):
            damaged()
    with pytest.raises(FileDamaged, match="row 2 "):
        store.entries([2])


@pytest.mark.parametrize("damage", [b"not a database at all" * 1000, b"SQLite format 3\0" + bytes(9000)])
def test_a_damaged_record_says_what_to_do(tmp_path: Path, damage: bytes) -> None:
    store = opened(tmp_path)
    store.add([entry(0)])
    (tmp_path / "rareness.sqlite").write_bytes(damage)
    for use in (lambda: len(store), lambda: store.add([entry(1)]), lambda: opened(tmp_path)):
        with pytest.raises(FileDamaged, match="rareness rebuild"):
            use()
    assert set_aside(tmp_path) is not None
    assert len(opened(tmp_path)) == 0


def test_a_folder_that_can_not_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "rareness.sqlite").mkdir()
    with pytest.raises(FileError, match=r"rareness.sqlite.*permissions"):
        opened(tmp_path)
    with pytest.raises(FileError, match="can't make the folder"):
        opened(Path("/proc/nowhere")).add([])


def test_looking_makes_nothing_and_needs_no_right_to_write(tmp_path: Path) -> None:
    assert len(opened(tmp_path / "new")) == 0
    assert opened(tmp_path / "new").find(entry(0).sha3_256) is None
    assert not (tmp_path / "new").exists()
    with file_system(tmp_path / "disc", kilobytes=30_000) as disc:
        for name in ("whole", "without-rows"):
            opened(disc / name).add([entry(0), entry(1)])
        (disc / "without-rows" / "rareness.rows").unlink()
        read_only(disc)
        for name in ("whole", "without-rows"):
            is_whole(opened(disc / name), 2)
            with pytest.raises(FileError):
                opened(disc / name).add([entry(2)])


def test_a_writer_that_never_lets_go_is_named_and_readers_go_on(tmp_path: Path) -> None:
    store = opened(tmp_path, busy_timeout_s=0.1)
    store.add([entry(0)])
    holder = sqlite3.connect(tmp_path / "rareness.sqlite")
    holder.execute("begin immediate")
    with pytest.raises(FileBusy, match="try again"):
        store.add([entry(1)])
    is_whole(store, 1)
    holder.close()
    assert store.add([entry(1)]) == 1


def test_a_full_disk_under_the_record_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path)
    store.add([entry(0)])
    real = sqlite3.connect

    def small(*arguments: object, **options: object) -> sqlite3.Connection:
        database = real(*arguments, **options)  # type: ignore[call-overload]
        database.execute("pragma max_page_count=30")
        return database

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(DiskFull, match="nothing was written"):
        store.add(entry(number) for number in range(1, 20))
    monkeypatch.undo()
    is_whole(store, 1)
    store.add(entry(number) for number in range(1, 4))
    is_whole(opened(tmp_path), 4)


def _fill_up(folder: Path, largest_file: int, last_words: Path) -> None:
    store = opened(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        store.add(entry(number) for number in range(2, 12))
    except DiskFull as error:
        assert len(store) == 2
        last_words.write_text(str(error))


def test_a_full_disk_under_the_rows_loses_nothing(tmp_path: Path) -> None:
    folder, last_words = tmp_path / "store", tmp_path / "said"
    opened(folder).add([entry(0), entry(1)])
    os.truncate(folder / "rareness.rows", HEADER + 2 * ROW.itemsize)
    # Enough for the record, not for the rows to grow.
    assert Child(_fill_up, folder, 1_000_000, last_words).finish() == 0
    assert "would be larger than a file may be" in last_words.read_text()
    assert "rareness.rows" in last_words.read_text()
    is_whole(opened(folder), 2)


def _write(folder: Path, first: int, last: int, batch: int) -> None:
    """Adds entries in batches and says after each how many."""
    store = opened(folder)
    for start in range(first, last, batch):
        stop = min(last, start + batch)
        store.add(entry(number) for number in range(start, stop))
        (folder / "said.new").write_text(str(stop))
        os.replace(folder / "said.new", folder / "said")


def said(folder: Path) -> int:
    """How many rows the last writer said to be kept, 0 for none."""
    path = folder / "said"
    return int(path.read_text()) if path.exists() else 0


def test_a_kill_at_any_step_of_writing_loses_nothing_that_was_said_to_be_kept(tmp_path: Path) -> None:
    opened(tmp_path / "rehearsal").add([entry(0), entry(1)])
    steps = rehearse(_write, tmp_path / "rehearsal", 2, 6, 2)
    assert len(steps) > 20
    for number, stage in enumerate(steps, 1):
        folder = tmp_path / str(number)
        opened(folder).add([entry(0), entry(1)])
        child = Child(_write, folder, 2, 6, 2, aim=Aim(stage, steps[:number].count(stage)))
        child.wait()
        child.kill()
        store, kept = opened(folder), said(folder) or 2
        assert len(store) in (kept, kept + 2)
        is_whole(store, len(store))
        store.add(entry(number) for number in range(len(store), 7))
        is_whole(store, 7)


def test_kills_while_it_writes_lose_nothing(tmp_path: Path) -> None:
    """The child goes on while it is killed: some of these fall within a commit."""
    moments, folder, kept = random.Random(4), tmp_path / "store", 2
    for begun in (tmp_path / "rehearsal", folder):
        opened(begun).add([entry(0), entry(1)])
    steps = rehearse(_write, tmp_path / "rehearsal", 2, 6, 2)
    for stage in [stage for stage in dict.fromkeys(steps) if steps.count(stage) > 1]:
        child = Child(_write, folder, kept, 10_000, 2, aim=Aim(stage, moments.randint(1, 2), stand=False))
        child.wait()
        child.kill()
        store, promised = opened(folder), max(kept, said(folder))
        assert len(store) in (promised, promised + 2)
        kept = len(store)
        is_whole(store, kept)
    assert kept > 2


def test_two_writers_take_turns_and_readers_see_whole_states(tmp_path: Path) -> None:
    reader = opened(tmp_path)
    writers = [Child(_write, tmp_path, first, first + 30, 5) for first in (0, 20)]
    counts = []
    while not all(child.ended for child in writers):
        counts.append(len(reader))
        assert len(reader.approximate(fingerprint(0))[0]) >= counts[-1]
    assert [child.finish() for child in writers] == [0, 0]
    assert counts == sorted(counts)
    assert len(reader) == 50
    rows = [reader.find(entry(number).sha3_256) for number in range(50)]
    assert sorted(row for row in rows if row is not None) == list(range(50))
    found, _ = reader.approximate(fingerprint(44))
    assert int(found.argmax()) == rows[44]
    is_the_same = opened(tmp_path).approximate(fingerprint(44))[0]
    assert found.tobytes() == is_the_same.tobytes()


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = opened(tmp_path)
    threads = [
        threading.Thread(target=store.add, args=([entry(number) for number in range(first, first + 5)],))
        for first in (0, 3, 6)
    ] + [threading.Thread(target=store.approximate, args=(fingerprint(1),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store) == 11
