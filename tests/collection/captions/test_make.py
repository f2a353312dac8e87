"""Captions of a whole collection: what is written, what is counted, and what can't be captioned."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gistchain.collection.captions.make import How, caption_collection
from gistchain.collection.captions.rows import NAME, rows
from gistchain.collection.imports.record import FOLDER, About, ImportedToken, Record
from gistchain.collection.known import dicebear
from gistchain.errors import CollectionError, FileDamaged
from tests.support.collections import put_plain, put_tokens
from tests.support.places import ROOT


def test_every_token_of_a_real_collection_gets_its_caption_and_paraphrases(tmp_path: Path) -> None:
    tokens = dicebear.tokens("micah", [f"train-{n}" for n in range(6)])
    folder = put_tokens(tmp_path, "micah", tokens, side=64)
    done = caption_collection(folder, How(paraphrases=3))
    written = list(rows(folder))
    assert [row.caption for row in written] == [tokens.caption(n) for n in range(6)]
    assert all(len({text for text, _ in row.paraphrases}) == 3 for row in written)
    assert (done.tokens, done.different, done.shared) == (6, 6, 0)
    assert done.paraphrases == {"rules": 18}
    table = pq.read_table(folder / NAME)  # what another program sees
    assert table.column_names[:3] == ["token", "caption", "visible"]
    assert table["paraphrases"][0].as_py()[0]["by"] == "rules"


def test_the_same_command_writes_the_same_file(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "x", [(("hat", "red"),), (("hat", "blue"),)], subject="X")
    caption_collection(folder, How(seed=4))
    first = (folder / NAME).read_bytes()
    caption_collection(folder, How(seed=4))
    assert (folder / NAME).read_bytes() == first
    caption_collection(folder, How(seed=5))
    assert (folder / NAME).read_bytes() != first


def test_what_can_be_said_of_the_tokens_is_counted(tmp_path: Path) -> None:
    traits = [(("hat", "red"), ("Rank", "7")), (("hat", "red"), ("Rank", "7")), (("hat", "a,b"),), ()]
    folder = put_plain(tmp_path, "x", traits, subject="X")
    with Record(folder, write=True) as record:
        record.put([ImportedToken("99", "failed", problem="504"), ImportedToken("98", "burnt")])
    done = caption_collection(folder, How(paraphrases=0))
    assert (done.tokens, done.different, done.shared, done.bare, done.changed) == (4, 3, 2, 1, 1)
    assert done.others == {"burnt": 1, "failed": 1}
    assert done.abstract == {"Rank": 2}
    first = next(rows(folder))
    assert first.caption == "A picture of X, containing red hat, 7 Rank"  # the template names all
    assert first.visible == "A picture of X, containing red hat"
    assert first.abstract == ("Rank",)


def test_a_caption_of_ten_thousand_characters_is_bounded_and_said(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "x", [(("lore", "a" * 10_000), ("hat", "red"))], subject="X")
    done = caption_collection(folder, How())
    (row,) = rows(folder)
    assert row.caption == "A picture of X, containing red hat"
    assert row.original[0] == ("lore", "a" * 10_000)
    assert (done.left_out, row.left_out) == (1, 1)


def test_half_of_a_letter_in_a_value_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "x", [(("hat", "\ud800"),), (("hat", "red"),)], subject="X")
    assert caption_collection(folder, How()).tokens == 2
    assert next(rows(folder)).original == (("hat", "?"),)


def test_a_collection_without_complete_tokens_is_refused_by_what_it_has(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER / "x"
    with Record(folder, write=True) as record:
        with pytest.raises(CollectionError, match="has no tokens"):
            caption_collection(folder, How())
        record.set_about(About("x", "X", "contract"))
        record.put([ImportedToken("1", "failed", problem="504")])
    with pytest.raises(CollectionError, match=r"no complete token \(1 failed\)"):
        caption_collection(folder, How())
    assert not (folder / NAME).exists()


def test_missing_or_damaged_captions_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "x", [(("hat", "red"),)])
    with pytest.raises(CollectionError, match="collection caption x"):
        list(rows(folder))
    caption_collection(folder, How())
    data = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(data[: len(data) // 2])
    with pytest.raises(FileDamaged, match="collection caption x"):
        list(rows(folder))


_CHILD = """
import resource, signal, sys
from pathlib import Path
from gistchain.collection.captions.make import How, caption_collection
from tests.support.rights import without_rights
import pyarrow.parquet
if sys.argv[2] == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
else:
    without_rights()
caption_collection(Path(sys.argv[1]), How(paraphrases=8))
"""


def child(folder: Path, how: str) -> str:
    """What a captioning says that meets a full disk, or a folder that it may not write."""
    command = [sys.executable, "-c", _CHILD, str(folder), how]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr


def test_a_folder_that_cant_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "x", [(("hat", "red"),)])
    before = sorted(folder.iterdir())
    folder.chmod(0o500)
    try:
        said = child(folder, "rights")
    finally:
        folder.chmod(0o700)
    assert "FileError: can't write or read" in said, said
    assert sorted(folder.iterdir()) == before


def test_a_full_disk_leaves_the_earlier_captions(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "x", [(("hat", os.urandom(40).hex()),) for _ in range(400)])
    caption_collection(folder, How(paraphrases=0))
    before = (folder / NAME).read_bytes()
    said = child(folder, "full")
    assert "DiskFull" in said, said
    assert (folder / NAME).read_bytes() == before
    assert not list(folder.glob(".gistchain-*"))


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put_plain(tmp_path, "x", [(("hat", "red"),)])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CollectionError, match=r"pip install 'gistchain\[collections\]'"):
        caption_collection(folder, How())
