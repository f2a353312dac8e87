"""Data sets of collections that have changed, of orders and words that contradict, and in place of an earlier one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from gistchain.collection.captions.make import How as CaptionsHow
from gistchain.collection.captions.make import caption_collection
from gistchain.collection.captions.rows import NAME
from gistchain.collection.imports.record import Content, ImportedToken, Record
from gistchain.collection.splits.make import How, split
from gistchain.errors import FileError, SettingError
from gistchain.rareness.check import Checker
from tests.support.collections import put

QUICK = How("x", look=False)


def small(home: Path, name: str, seed: int = 0) -> Path:
    """A captioned collection of four pictures of noise."""
    images = np.random.default_rng(seed).integers(0, 256, (4, 8, 8, 3), np.uint8)
    traits = [(("hat", f"{name} {n}"),) for n in range(4)]
    folder = put(home, name, images, traits, list("0123"), side=32)
    caption_collection(folder, CaptionsHow())
    return folder


def changed(folder: Path, token: str, **what: object) -> None:
    with Record(folder, write=True) as record:
        told = record.get(token)
        assert told is not None
        record.put([replace(told, **what)])  # type: ignore[arg-type]


STALE = "captioned before it changed: run `gistchain collection caption` again"


@pytest.mark.parametrize(
    "what",
    [
        {"attributes": (("hat", "new"),)},
        {"media": Content("1" * 64, 1, "PNG", "data")},
        {"metadata": Content("1" * 64, 1, "JSON", "data")},
    ],
)
def test_an_old_caption_never_stands_beside_a_new_picture(
    what: dict[str, object], checker: Checker, tmp_path: Path
) -> None:
    folder = small(tmp_path, "one")
    changed(folder, "2", **what)
    done = split([folder], QUICK, checker, output=tmp_path / "out")
    assert done.gaps() == [{"collection": "one", "pairs": 1, "why": STALE}]
    assert sum(done.pairs.values()) == 3
    assert STALE.partition(":")[0] in (tmp_path / "out" / "README.md").read_text("utf-8")
    caption_collection(folder, CaptionsHow())
    assert not split([folder], QUICK, checker, output=tmp_path / "mended").gaps()


def test_captions_that_call_the_collection_by_an_earlier_name_are_old_too(checker: Checker, tmp_path: Path) -> None:
    folder = small(tmp_path, "one")
    with Record(folder, write=True) as record:
        about = record.about()
        assert about is not None
        record.set_about(replace(about, subject="another"))
        record.put([ImportedToken("9", "failed", problem="504")])
    done = split([folder], QUICK, checker, output=tmp_path / "out")
    assert done.missing == {("one", STALE): 4}


def test_captions_that_do_not_say_what_they_were_made_of_are_not_taken(checker: Checker, tmp_path: Path) -> None:
    old, new = small(tmp_path, "old"), small(tmp_path, "new", 1)
    pq.write_table(pq.read_table(old / NAME).drop_columns(["made_of"]), old / NAME)
    done = split([old, new], QUICK, checker)
    assert "no column 'made_of'" in done.left_out["old"]
    assert "`gistchain collection caption old` makes it again" in done.left_out["old"]


def theirs(out: Path, name: str, content: str = "years of work") -> None:
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(content)


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"split.json": "{}"}, "split.json"),  # of another program
        ({"split.json": "[" * 100_000}, "split.json"),
        ({"split.json": "{}", "thesis.tex": "years of work"}, "thesis.tex"),
    ],
)
def test_a_folder_of_another_program_with_a_file_of_that_name_is_never_replaced(
    files: dict[str, str], named: str, checker: Checker, tmp_path: Path
) -> None:
    folder, out = small(tmp_path, "one"), tmp_path / "out"
    for name, content in files.items():
        theirs(out, name, content)
    with pytest.raises(FileError, match=f"holds something else .'{named}'"):
        split([folder], replace(QUICK, replace=True), checker, output=out)
    assert {path.name: path.read_text() for path in out.iterdir()} == files


@pytest.mark.parametrize("name", ["thesis.tex", "webdataset/train/thesis.tex", "data/thesis.tex", "notes/thesis.tex"])
def test_what_a_person_put_beside_a_data_set_is_not_removed_with_it(
    name: str, checker: Checker, tmp_path: Path
) -> None:
    folder, out = small(tmp_path, "one"), tmp_path / "out"
    split([folder], QUICK, checker, output=out)
    theirs(out, name)
    with pytest.raises(FileError, match="holds something else"):
        split([folder], replace(QUICK, replace=True), checker, output=out)
    assert (out / name).read_text() == "years of work"


def test_a_link_in_place_of_a_part_is_not_removed_and_not_followed(checker: Checker, tmp_path: Path) -> None:
    folder, out = small(tmp_path, "one"), tmp_path / "out"
    split([folder], QUICK, checker, output=out)
    (out / "data").rename(tmp_path / "elsewhere")
    (out / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileError, match="holds something else"):
        split([folder], replace(QUICK, replace=True), checker, output=out)
    assert list((tmp_path / "elsewhere").iterdir())


def test_the_order_in_which_collections_are_named_changes_no_byte(checker: Checker, tmp_path: Path) -> None:
    folders = [small(tmp_path, name, seed) for seed, name in enumerate(("b", "a", "c", "d"))]
    for out, some in (("one", folders), ("other", folders[::-1]), ("third", sorted(folders))):
        split(some, QUICK, checker, output=tmp_path / out)
    one, other, third = (
        {str(path.relative_to(tmp_path / out)): path.read_bytes() for path in (tmp_path / out).rglob("*.*")}
        for out in ("one", "other", "third")
    )
    assert one == other == third


@pytest.mark.parametrize(
    ("together", "apart", "told"),
    [
        ([("a", "b")], [("a", "b")], "'a' and 'b' are told to be together and to be apart"),
        ([("a", "b")], [("b", "a")], "'a' and 'b' are told to be together and to be apart"),
        ([("a", "a")], [], "'a' is told to be apart from or together with itself"),
        ([], [("b", "b")], "'b' is told to be apart from or together with itself"),
    ],
)
def test_words_that_contradict_are_refused(
    together: list[tuple[str, str]], apart: list[tuple[str, str]], told: str, checker: Checker, tmp_path: Path
) -> None:
    how = replace(QUICK, together=tuple(together), apart=tuple(apart))
    with pytest.raises(SettingError, match=told):
        split([tmp_path / "a", tmp_path / "b"], how, checker)
