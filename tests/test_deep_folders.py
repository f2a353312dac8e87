"""Folders that a stranger arranged so that searching them takes for ever, or deeper than Python calls itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gistchain.image import files_below

_LEVELS = 1_500


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder with 1,500 folders in one another and a file at the bottom; removed again, as pytest itself can't."""
    opened = [os.open(tmp_path, os.O_RDONLY)]
    for _ in range(_LEVELS):
        os.mkdir("a", dir_fd=opened[-1])
        opened.append(os.open("a", os.O_RDONLY, dir_fd=opened[-1]))
        os.close(opened[-2])
    bottom = opened[-1]
    os.close(os.open("b.png", os.O_CREAT | os.O_WRONLY, dir_fd=bottom))
    yield tmp_path
    os.unlink("b.png", dir_fd=bottom)
    for _ in range(_LEVELS):
        above = os.open("..", os.O_RDONLY, dir_fd=bottom)
        os.rmdir("a", dir_fd=above)
        os.close(bottom)
        bottom = above
    os.close(bottom)


def test_folders_in_folders_are_searched_to_the_bottom(deep: Path) -> None:
    (found,) = files_below(deep)
    assert found.name == "b.png"
    assert len(found.relative_to(deep).parts) == _LEVELS + 1


def test_each_folder_is_searched_once_however_many_links_lead_to_it(tmp_path: Path) -> None:
    for level in range(31):  # 2 links from each to the next: 2^30 ways to the last
        (tmp_path / f"{level:02}").mkdir()
        (tmp_path / f"{level:02}" / "p.png").write_bytes(b"")
        if level:
            for name in "ab":
                (tmp_path / f"{level - 1:02}" / name).symlink_to(tmp_path / f"{level:02}")
    assert [path.name for path in files_below(tmp_path / "00")] == ["p.png"] * 31
