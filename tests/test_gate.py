"""The gate: near images are found, unregistered ones don't count, a broken file says so."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from gistchain.errors import DiskFull, LedgerBusy, LedgerDamaged, LedgerError
from gistchain.rareness.gate import Gate
from gistchain.rareness.hashes import BITS, distance, hashes
from gistchain.types import Hashes, Pixels

FLAT = np.full((64, 64, 3), 200, np.uint8)


def scene(seed: int) -> Pixels:
    """A smooth random picture: hashes of noise alone would say little."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((256, 256), Image.Resampling.BICUBIC))


def brighter(image: Pixels) -> Pixels:
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(1.1))


def key(number: int) -> bytes:
    return number.to_bytes(32)


def everything(sha3_256: bytes) -> int:
    return int.from_bytes(sha3_256)


def test_hashes_have_their_bits_and_are_near_for_a_brighter_copy() -> None:
    one, copy, other = hashes(scene(1)), hashes(brighter(scene(1))), hashes(scene(2))
    for name, bits in BITS.items():
        assert len(getattr(one, name)) == bits // 4
        assert distance(getattr(one, name), getattr(one, name)) == 0
        assert distance(getattr(one, name), getattr(copy, name)) < distance(getattr(one, name), getattr(other, name))
    assert one.pdq_quality > 50
    assert hashes(FLAT).pdq_quality == 0


@pytest.mark.parametrize("shape", [(1, 1, 3), (10, 20_000, 3), (24, 24, 3)])
def test_an_image_of_any_size_has_hashes(shape: tuple[int, int, int]) -> None:
    assert len(hashes(np.zeros(shape, np.uint8)).pdq) == 64


def test_distance_counts_differing_bits() -> None:
    assert distance("00ff", "01f0") == 5


def test_near_images_come_nearest_first_each_once(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "home" / "hashes.sqlite")
    assert gate.near(hashes(scene(1)), everything) == []
    gate.remember(key(7), hashes(brighter(scene(1))))
    gate.remember(key(8), hashes(scene(1)))
    gate.remember(key(8), hashes(scene(1)))
    gate.remember(key(9), hashes(scene(2)))
    matches = gate.near(hashes(scene(1)), everything)
    assert [match.token for match in matches] == [8, 7]
    assert (matches[0].bits, matches[0].of) == (0, 256)
    assert all(0 <= match.bits < match.of for match in matches)


def test_an_image_that_the_chain_does_not_know_is_not_near(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "hashes.sqlite")
    gate.remember(key(1), hashes(scene(1)))
    asked: list[bytes] = []
    assert gate.near(hashes(scene(1)), asked.append) == []
    assert asked == [key(1)]


def test_a_crowd_of_near_images_costs_few_questions_to_the_chain(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "hashes.sqlite")
    kept = hashes(scene(1))
    for number in range(1, 151):
        gate.remember(key(number), kept)
    asked: list[bytes] = []
    known = gate.near(kept, lambda sha3_256: asked.append(sha3_256) or everything(sha3_256))  # type: ignore[func-returns-value]
    assert len(known) == len(asked) == 10
    asked.clear()
    assert gate.near(kept, asked.append) == []
    assert len(asked) == 100


def test_the_pdq_hash_of_a_flat_image_counts_for_nothing(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "hashes.sqlite")
    gate.remember(key(1), hashes(FLAT))
    assert [match.hash for match in gate.near(hashes(FLAT), everything)] == ["phash"]


def test_what_was_remembered_is_there_after_a_restart(tmp_path: Path) -> None:
    Gate(tmp_path / "hashes.sqlite").remember(key(1), hashes(scene(1)))
    assert [match.token for match in Gate(tmp_path / "hashes.sqlite").near(hashes(scene(1)), everything)] == [1]


def _remember_many(path: Path, first: int, kept: Hashes, count: int = 20) -> None:
    gate = Gate(path)
    for number in range(first, first + count):
        gate.remember(key(number), kept)


def test_many_processes_write_and_threads_read(tmp_path: Path) -> None:
    path = tmp_path / "hashes.sqlite"
    kept = hashes(scene(1))
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_remember_many, args=(path, 100 * number, kept)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    gate = Gate(path)
    readers = [threading.Thread(target=lambda: gate.near(kept, everything)) for _ in range(4)]
    for reader in readers:
        reader.start()
    for worker in (*readers, *writers):
        worker.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(gate.near(kept, everything, most=100)) == 40
    assert len(gate.near(kept, everything)) == 10


def test_a_writer_that_never_lets_go_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hashes.sqlite"
    gate = Gate(path, busy_timeout_s=0.1)
    holder = sqlite3.connect(path)
    holder.execute("begin immediate")
    with pytest.raises(LedgerBusy, match=r"hashes.sqlite.*try again"):
        gate.remember(key(1), hashes(scene(1)))
    assert gate.near(hashes(scene(1)), everything) == []
    holder.close()


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b""])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "hashes.sqlite"
    gate = Gate(path)
    path.write_bytes(damage)
    with pytest.raises(LedgerDamaged, match="move it away"):
        gate.remember(key(1), hashes(scene(1)))


def test_a_folder_in_its_place_says_so(tmp_path: Path) -> None:
    (tmp_path / "hashes.sqlite").mkdir()
    with pytest.raises(LedgerError, match=r"hashes.sqlite.*permissions"):
        Gate(tmp_path / "hashes.sqlite")
    with pytest.raises(LedgerError, match="can't make the folder"):
        Gate(Path("/proc/nowhere/hashes.sqlite"))


def test_a_full_disk_says_so_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hashes.sqlite"
    gate = Gate(path)
    kept = hashes(scene(1))
    gate.remember(key(1), kept)
    real = sqlite3.connect

    def small(*arguments: object, **options: object) -> sqlite3.Connection:
        database = real(*arguments, **options)  # type: ignore[call-overload]
        database.execute("pragma max_page_count=3")
        return database

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(DiskFull, match="nothing was written"):
        _remember_many(path, 2, kept, 400)
    monkeypatch.undo()
    assert gate.near(kept, everything)[0].token == 1
