"""A collection that is learnt again: at every moment the old model is whole, or the new one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gistchain.disk.write import write_whole
from gistchain.errors import DiskFull, ModelError
from gistchain.models.layered.shelving import shelve
from gistchain.models.zoo.weights import card, weights
from tests.support.forks import Child, rehearse
from tests.support.kills import Aim

OLD, NEW = b"old layers" * 1_000, b"new layers" * 1_100


def put(folder: Path, model: bytes) -> None:
    folder.mkdir(exist_ok=True)
    shelve(model, {"collection": "tinies"}, folder, "tinies")


def on_shelf(folder: Path) -> bytes:
    layers = weights("collection-tinies", folder, suffix=".layers")
    assert card("collection-tinies", folder)["sha256"] == hashlib.sha256(layers).hexdigest()
    return layers


def test_a_model_is_put_there_and_replaced(tmp_path: Path) -> None:
    for model in (OLD, NEW, NEW, OLD):
        put(tmp_path, model)
        assert on_shelf(tmp_path) == model
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "collection-tinies.json",
            "collection-tinies.layers",
        ]


@pytest.mark.parametrize("full_at", [0, 1])
def test_a_full_disk_leaves_the_old_model_whole(tmp_path: Path, full_at: int) -> None:
    put(tmp_path, OLD)
    written: list[Path] = []

    def full(content: bytes, path: Path) -> None:
        if len(written) == full_at:
            raise DiskFull(f"no space left for {path}")
        written.append(path)
        write_whole(path, content)

    with pytest.raises(DiskFull):
        shelve(NEW, {}, tmp_path, "tinies", put=full)
    assert on_shelf(tmp_path) == OLD
    put(tmp_path, NEW)
    assert on_shelf(tmp_path) == NEW


def test_a_kill_at_any_step_leaves_one_of_the_two_whole(tmp_path: Path) -> None:
    put(tmp_path / "rehearsal", OLD)
    steps = rehearse(put, tmp_path / "rehearsal", NEW)
    assert len(steps) > 6
    left = set()
    for number, stage in enumerate(steps, 1):
        folder = tmp_path / str(number)
        put(folder, OLD)
        child = Child(put, folder, NEW, aim=Aim(stage, steps[:number].count(stage)))
        child.wait()
        child.kill()
        left.add(on_shelf(folder))
        for model in (b"third" * 1_000, OLD):
            child = Child(put, folder, model, aim=Aim(stage, steps[:number].count(stage)))
            child.wait()
            child.kill()
            assert on_shelf(folder) in (OLD, NEW, model)
        put(folder, NEW)
        assert on_shelf(folder) == NEW
        assert not list(folder.glob("*.next"))
    assert left == {OLD, NEW}


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    (tmp_path / "collection-tinies.layers").write_bytes(NEW)
    with pytest.raises(ModelError, match="another file"):
        on_shelf(tmp_path)
    put(tmp_path, NEW)
    assert on_shelf(tmp_path) == NEW
