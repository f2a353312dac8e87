"""A full disk is called a full disk, whatever was to be written there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.pictures import noun
from tests.support.tiny import file_system, fill

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    with file_system(tmp_path / "full") as place:
        fill(place)
        yield place


@pytest.mark.parametrize(
    "words",
    [
        ("register", "a.png", "--home", "full/home"),
        ("rareness", "seed", "images", "--home", "full/home"),
        ("rareness", "crawl", "--warc", "a.warc", "--home", "full/home"),
        ("watch", "images", "--once", "--settle", "0.01", "--output", "full/results"),
        ("check", "a.png", "--explain", "full/why.html"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_full_disk_is_called_one(run: Run, full: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    noun(1, tmp_path / "a.png")
    (tmp_path / "images").mkdir()
    noun(1, tmp_path / "images" / "a.png")
    (tmp_path / "a.warc").write_bytes(b"")
    code, out, err = run(*words, "--json")
    assert code == 1
    assert "no space left for" in err
    assert json.loads(out.splitlines()[-1])["kind"] == "DiskFull"
    assert [path.name for path in full.rglob("*.png")] == []


def test_a_picture_that_finds_no_room_is_not_half_there(run: Run, full: Path, tmp_path: Path) -> None:
    assert run("register", noun(1, tmp_path / "a.png"))[0] == 0
    for words in (("-o", "full/back.png"), ("--isotopes", "full/all", "-o", "back.png")):
        code, out, err = run("rebuild", 1, *words, "--json")
        assert code == 1
        assert "no space left for full/" in err
        assert json.loads(out)["kind"] == "DiskFull"
    assert list(full.rglob("*.png")) == []


@pytest.mark.parametrize("names", range(1, 8))
def test_a_disk_without_room_for_one_more_file_is_full_too(run: Run, tmp_path: Path, names: int) -> None:
    noun(1, tmp_path / "a.png")
    with file_system(tmp_path / "full", names=1 + names):
        code, _, err = run("register", "a.png", "--home", "full/home")
    assert code == 1
    assert "no space left for" in err
