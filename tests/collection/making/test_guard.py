"""A finished plan that is made again: what is missing is mended, what its owner changed is not written over."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gistchain.errors import FileDamaged, FileError
from tests.collection.making.drawings import SIDE, content, plan


def test_a_finished_plan_is_mended(things: Path) -> None:
    plan(things)
    folder = things.parent / "plan"
    before = content(folder)
    (folder / "images" / "3.png").write_bytes(b"")
    (folder / "metadata" / "4.json").unlink()
    plan(things)
    assert content(folder) == before


def retouched(path: Path) -> None:
    Image.new("RGB", (SIDE, SIDE), "white").save(path)


def junk(path: Path) -> None:
    path.write_bytes(b"\0mine\0")


def words(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("Things", "My things"), "utf-8")


@pytest.mark.parametrize(
    ("name", "change"),
    [("images/3.png", retouched), ("images/3.png", junk), ("metadata/4.json", words),
     ("metadata/_metadata.json", words), ("rarity.csv", junk), ("prompts.txt", words),
     ("contract.json", words), ("sheet.html", words)],
)  # fmt: skip
def test_what_its_owner_changed_in_a_finished_plan_is_not_written_over(
    things: Path, name: str, change: Callable[[Path], None]
) -> None:
    if name == "prompts.txt":
        things.write_text('subject = "Things"\n' + things.read_text("utf-8"), "utf-8")
    plan(things)
    folder = things.parent / "plan"
    before = content(folder)
    change(folder / name)
    changed = content(folder)
    assert changed != before
    with pytest.raises(FileError, match=rf"^{name} in \S+plan is not as mint-plan wrote it.*made anew, remove it$"):
        plan(things)
    assert content(folder) == changed
    (folder / name).unlink()
    plan(things)
    assert content(folder) == before


def test_the_first_changed_files_are_named_and_the_others_counted(things: Path) -> None:
    plan(things)
    for number in range(1, 11):
        junk(things.parent / "plan" / "images" / f"{number}.png")
    with pytest.raises(FileError, match=r"images/8\.png and 2 more in .* are not as .* remove them"):
        plan(things)


@pytest.mark.parametrize("left", [b"", bytes(700)])
def test_what_a_power_cut_leaves_is_nobodys_work(things: Path, left: bytes) -> None:
    plan(things)
    folder = things.parent / "plan"
    before = content(folder)
    for name in ("images/3.png", "metadata/4.json", "sheet.html"):
        (folder / name).write_bytes(left)
    plan(things)
    assert content(folder) == before


def test_files_that_are_none_of_the_plans_are_named(things: Path) -> None:
    assert plan(things).notes == plan(things).notes
    folder = things.parent / "plan"
    for name in ("images/61.png", "images/sketch.PNG", "images/.hidden", "metadata/old.json"):
        (folder / name).write_bytes(b"mine")
    notes = plan(things).notes
    assert any("images/61.png, images/sketch.PNG; `gistchain register` would register" in note for note in notes)
    assert any("metadata/old.json; `gistchain collection train` would read" in note for note in notes)
    assert not any("hidden" in note for note in notes)


@pytest.mark.parametrize(
    "tokens",
    [None, 3, {}, [], [3], "one less", {"row": None}, {"row": 3}, {"row": [0, 0]}, {"row": [99] * 4},
     {"row": [-1] * 4}, {"row": ["0"] * 4}, {"row": [True] * 4}, {"id": 99}, {"id": "1"}],
)  # fmt: skip
def test_a_plan_that_someone_has_altered_is_told(things: Path, tokens: object) -> None:
    plan(things)
    record = things.parent / "plan" / "plan.json"
    told = json.loads(record.read_text("utf-8"))
    if tokens == "one less":
        told["tokens"].pop()
    elif isinstance(tokens, dict) and tokens:
        told["tokens"][7] |= tokens
    else:
        told["tokens"] = tokens
    record.write_text(json.dumps(told), "utf-8")
    with pytest.raises(FileDamaged, match=r"plan\.json is damaged.*remove the folder"):
        plan(things)


def test_a_pipe_in_place_of_a_picture_is_not_waited_for(things: Path) -> None:
    plan(things)
    folder = things.parent / "plan"
    before = content(folder)
    (folder / "images" / "3.png").unlink()
    os.mkfifo(folder / "images" / "3.png")
    plan(things)
    assert content(folder) == before
