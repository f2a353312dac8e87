"""Data sets that are written of a split, read back by programs that are not ours; and what must not be written."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import shutil
import subprocess
import sys
import tarfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from gistchain.collection.captions.make import How as CaptionsHow
from gistchain.collection.captions.make import caption_collection
from gistchain.collection.captions.rows import rows
from gistchain.collection.imports.record import FOLDER, ImportedToken, Record
from gistchain.collection.splits.export.pairs import Pair, pairs, slugs
from gistchain.collection.splits.export.parquet import Parquet
from gistchain.collection.splits.export.tars import Tars
from gistchain.collection.splits.make import How, split
from gistchain.collection.splits.report import Split
from gistchain.errors import CollectionError, FileError, SettingError
from gistchain.rareness.check import Checker
from tests.support.collections import put
from tests.support.pictures import noun
from tests.support.places import ROOT

LOUD = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlcroissant's libraries among themselves
NAMES = ("larva", "micah", "phunks", "planets", "portraits")


def folders(home: Path, *names: str) -> list[Path]:
    return [home / FOLDER / name for name in names or NAMES]


@pytest.fixture(scope="module")
def built(home: Path, checker: Checker, tmp_path_factory: pytest.TempPathFactory) -> tuple[Split, Path]:
    out = tmp_path_factory.mktemp("data") / "set"
    return split(folders(home), How("PFP-5", sample=12, look=False), checker, output=out), out


def tar_samples(folder: Path) -> dict[str, dict[str, bytes]]:
    """As webdataset reads: in the order of the tar, files with one stem before the first dot are a sample."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    for path in sorted(folder.glob("shard-*.tar")):
        with tarfile.open(path) as tar:
            last = ""
            for member in tar:
                key, _, extension = member.name.partition(".")
                assert key == last or key not in found, "a sample's files have to lie side by side"
                file = tar.extractfile(member)
                assert file is not None
                found[key][extension] = file.read()
                last = key
    return found


def test_every_pair_is_in_the_tars_with_its_picture_and_captions(built: tuple[Split, Path], home: Path) -> None:
    done, out = built
    seen = 0
    for row in done.parts():
        samples = tar_samples(out / "webdataset" / row["part"])
        assert len(samples) == row["obtained"]
        seen += len(samples)
        for key, files in samples.items():
            assert set(files) == {"png", "txt", "json"}
            assert re.fullmatch(r"[A-Za-z0-9_-]+", key)
            said = json.loads(files["json"])
            original = home / FOLDER / said["collection"] / "images" / f"{said['token']}.png"
            assert files["png"] == original.read_bytes()
            assert files["txt"].decode() == said["caption"]
    assert seen == 60


def test_parquet_has_the_same_pairs_and_says_how_datasets_reads_it(built: tuple[Split, Path]) -> None:
    done, out = built
    for row in done.parts():
        table = pq.read_table(out / "data" / f"{row['part']}-00000.parquet")
        samples = tar_samples(out / "webdataset" / row["part"])
        assert [f"{key}.png" for key in samples] == [one["path"] for one in table["image"].to_pylist()]
        assert [files["png"] for files in samples.values()] == [one["bytes"] for one in table["image"].to_pylist()]
        assert table["caption"].to_pylist() == [files["txt"].decode() for files in samples.values()]
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        assert list(features) == table.column_names
        assert features["image"] == {"_type": "Image"}
        assert all(len(texts) == 3 for texts in table["paraphrases"].to_pylist())


@LOUD
def test_the_data_card_is_valid_croissant_through_which_the_pictures_are_read(built: tuple[Split, Path]) -> None:
    logging.getLogger("absl").setLevel(logging.ERROR)
    done, out = built
    data = mlcroissant.Dataset(jsonld=str(out / "croissant.json"))
    assert not data.metadata.issues.errors
    for row in done.parts():
        part = row["part"]
        table = pq.read_table(out / "data" / f"{part}-00000.parquet")
        records = list(data.records(part))
        assert [one[f"{part}/caption"].decode() for one in records] == table["caption"].to_pylist()
        sizes = [Image.open(io.BytesIO(one["bytes"])).size for one in table["image"].to_pylist()]
        assert [one[f"{part}/image"].size for one in records] == sizes
        assert len(records[0][f"{part}/paraphrases"]) == 3
    parts = {one["parts/part"]: one for one in data.records("parts")}
    assert {part: (one["parts/wanted"], one["parts/obtained"]) for part, one in parts.items()} == {
        row["part"]: (row["wanted"], row["obtained"]) for row in done.parts()
    }
    beside = {one["beside_nft1000/what"]: one for one in data.records("beside_nft1000")}
    assert [beside[what]["beside_nft1000/nft1000"] for what in ("pairs", "themes", "phrases")] == [
        7_560_000, 356, 600_000,
    ]  # fmt: skip
    assert beside["pairs"]["beside_nft1000/here"] == 60
    licences = {one["collections/collection"]: one["collections/licence"] for one in data.records("collections")}
    assert "Larva Labs" in licences["larva"]
    assert licences["phunks"] == "not stated"


def test_the_card_for_people_has_the_yaml_that_datasets_reads(built: tuple[Split, Path]) -> None:
    done, out = built
    text = (out / "README.md").read_text("utf-8")
    _, front, page = text.split("---\n", 2)
    said = yaml.safe_load(front)
    assert said["license"] == "other"
    for one in said["configs"][0]["data_files"]:
        assert list(out.glob(one["path"])), one
    assert "| train |" in page
    assert "7,560,000" in page
    assert "| larva | phunks | they are near: 12 of 12 pictures |" in page
    assert json.loads((out / "split.json").read_text("utf-8")) == done.as_json()


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_collections_give_the_same_bytes_and_another_seed_others(
    built: tuple[Split, Path], home: Path, checker: Checker, tmp_path: Path
) -> None:
    how = How("PFP-5", sample=12, look=False)
    split(folders(home), how, checker, output=tmp_path / "again")
    assert contents(tmp_path / "again") == contents(built[1])
    with tarfile.open(next((tmp_path / "again").rglob("*.tar"))) as tar:
        about = tar.next()
        assert about is not None
        assert (about.mtime, about.uid, about.gid, about.uname) == (0, 0, 0, "")


def test_families_lie_in_one_part_though_they_are_several_collections(built: tuple[Split, Path]) -> None:
    done, _ = built
    part = {one.collection: one.part for one in done.assignment.placed}
    assert part["larva"] == part["phunks"]
    assert len(set(part.values())) == 3
    by_project = sum(row["collections"] for row in done.parts())
    assert (by_project, sum(row["families"] for row in done.parts())) == (5, 4)


HOSTILE = (
    "a\nb\r\n---\nlicense: mit", "\x00\x07\x1b[2J", "</script><script>alert(1)</script>", "x, y | z | `rm` <b>",
    "../../../../etc/passwd", "{{ 7*7 }}", "A" * 10_000, "\u202eabc", '": "b"}\n', "\ud83d",
)  # fmt: skip


def hostile_home(where: Path) -> Path:
    images = [Image.open(noun(n, where / f"{n}.png", 64)) for n in range(1, len(HOSTILE) + 1)]
    traits = [((value, value), ("hat", value), (value, "red")) for value in HOSTILE]
    ids = [f"../{value[:40]}" for value in HOSTILE if value.isascii()] + ["/", ".."]
    for name in ("evil", "worse", "worst"):
        pixels = [np.asarray(image.convert("RGB")) for image in images]
        folder = put(where, name, pixels, traits, list(map(str, range(len(ids)))), subject=HOSTILE[2], side=64)
        with Record(folder, write=True) as record:
            about = record.about()
            assert about is not None
            record.set_about(replace(about, licence=HOSTILE[0], contract=HOSTILE[3]))
            tokens = list(record.tokens())
            record.put([replace(token, id=one, owner=HOSTILE[1]) for token, one in zip(tokens, ids, strict=True)])
            for token in tokens:
                record._database.execute("DELETE FROM tokens WHERE id = ?", (token.id,))
        caption_collection(folder, CaptionsHow())
    return where


@LOUD
def test_words_of_strangers_stay_words_in_every_file(checker: Checker, tmp_path: Path) -> None:
    home = hostile_home(tmp_path)
    out = tmp_path / "out"
    done = split(folders(home, "evil", "worse", "worst"), How('evil"\n: x 😀', look=False), checker, output=out)
    assert sum(row["obtained"] for row in done.parts()) == 30
    for path in out.rglob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                assert re.fullmatch(r"[A-Za-z0-9_-]+\.(png|txt|json)", member.name)
                assert len(member.name) <= 100
                file = tar.extractfile(member)
                assert file is not None
                if member.name.endswith(".txt"):
                    caption = file.read().decode()
                    assert caption.isprintable()
                    assert len(caption) <= 2_000
    text = (out / "README.md").read_text("utf-8")
    _, front, page = text.split("---\n", 2)
    said = yaml.safe_load(front)
    assert said["license"] == "other"  # and not what a collection says of itself
    assert said["pretty_name"] == 'evil"\\n: x 😀'
    assert "<script" not in page
    assert "\x1b" not in text
    assert all(line.count("|") - line.count("\\|") in (0, 4, 5, 7, 8) for line in page.splitlines())
    card = (out / "croissant.json").read_text("utf-8")
    assert "</script" not in card
    assert json.loads(card)["license"]
    logging.getLogger("absl").setLevel(logging.ERROR)
    assert not mlcroissant.Dataset(jsonld=str(out / "croissant.json")).metadata.issues.errors
    (row, *_) = rows(folders(home, "evil")[0])
    assert row.original[0] == (HOSTILE[0], HOSTILE[0])  # kept as it was


def test_names_of_collections_never_give_two_pairs_one_key() -> None:
    names = ["a.b", "a_b", "a b", "..", "x" * 60, "x" * 61, "ä", "ö"]
    made = slugs(names)
    assert len(set(made.values())) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", slug) for slug in made.values())


def test_large_parts_are_cut_into_files_and_groups_of_rows(home: Path, checker: Checker, tmp_path: Path) -> None:
    done = split(folders(home), How("PFP-5", sample=12, look=False), checker)
    placed = next(one for one in done.assignment.placed if one.collection == "larva")
    some = [one for one in pairs(home / FOLDER / "larva", placed, "larva") if isinstance(one, Pair)]
    data = Parquet(tmp_path / "data", "train", most_bytes=5_000)
    with Tars(tmp_path / "tars", most_pairs=5) as tars, data as parquet:
        for one in some:
            tars.add(one)
            parquet.add(one)
        parquet.close()
    assert [path.name for path in tars.files] == [f"shard-{n:06d}.tar" for n in range(3)]
    assert len(tar_samples(tmp_path / "tars")) == 12
    assert sum(pq.read_metadata(path).num_rows for path in parquet.files) == 12


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("larva", "larva"), "'larva' was given twice"),
        ((), "no collection was named"),
    ],
)
def test_names_that_cant_be_split_are_refused(
    names: tuple[str, ...], message: str, home: Path, checker: Checker
) -> None:
    with pytest.raises(SettingError, match=message):
        split([home / FOLDER / name for name in names], How("x"), checker)


def test_a_name_that_is_told_apart_has_to_be_one_of_them(home: Path, checker: Checker) -> None:
    with pytest.raises(SettingError, match="'nobody' is told"):
        split(folders(home), How("x", apart=(("larva", "nobody"),)), checker)


def test_a_collection_without_captions_or_tokens_is_left_out_with_its_reason(
    home: Path, checker: Checker, tmp_path: Path
) -> None:
    copied = tmp_path / FOLDER
    shutil.copytree(home / FOLDER, copied)
    (copied / "micah" / "captions.parquet").unlink()
    with Record(copied / "planets", write=True) as record:
        record.put([ImportedToken(token.id, "failed", problem="504") for token in record.tokens()])
    (copied / "larva" / "images" / "0.png").write_bytes(b"<html>")
    out = tmp_path / "out"
    done = split(folders(tmp_path), How("x", sample=12, look=False), checker, output=out)
    assert set(done.left_out) == {"micah", "planets"}
    assert "collection caption micah" in done.left_out["micah"]
    assert {"collection": "larva", "pairs": 1, "why": "its picture is no PNG"} in done.gaps()
    assert sum(row["obtained"] for row in done.parts()) == 35
    shutil.rmtree(copied / "larva")
    shutil.rmtree(copied / "phunks")
    (copied / "portraits" / "captions.parquet").unlink()
    with pytest.raises(CollectionError, match=r"none of the collections can be used.*collection caption"):
        split(folders(tmp_path, "micah", "planets", "portraits"), How("x"), checker)


def test_a_folder_that_holds_something_else_is_not_touched(home: Path, checker: Checker, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    how = How("x", sample=12, look=False, replace=True)
    with pytest.raises(FileError, match=r"holds something else .'thesis.tex'"):
        split(folders(home), how, checker, output=out)
    assert (out / "thesis.tex").read_text() == "years of work"
    with pytest.raises(FileError, match="not a folder"):
        split(folders(home), how, checker, output=out / "thesis.tex")
    with pytest.raises(FileError, match="is not a folder"):
        split(folders(home), how, checker, output=out / "thesis.tex" / "below")


def test_an_earlier_data_set_is_replaced_only_when_that_is_said(home: Path, checker: Checker, tmp_path: Path) -> None:
    out, how = tmp_path / "out", How("x", sample=12, look=False, formats=("webdataset",))
    split(folders(home), how, checker, output=out)
    with pytest.raises(FileError, match="--replace"):
        split(folders(home), how, checker, output=out)
    split(folders(home, "larva", "micah", "planets"), replace(how, replace=True), checker, output=out)
    assert len(json.loads((out / "split.json").read_text())["collections"]) == 3
    assert not (out / "data").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


_CHILD = """
import os, resource, signal, sys
from pathlib import Path
from gistchain import systems
from gistchain.collection.splits import make
from gistchain.settings import load
home, out, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
checker = systems.checker(load({"home": home}, {}))
import pyarrow.parquet
# Where the tests run in the background, children inherit that ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
if how == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
if how == "rights":
    from tests.support.rights import without_rights
    without_rights()
def progress(what, share):
    print("looked")
    if how == "interrupt" and what == "write" and share > 0.5:
        os.kill(os.getpid(), signal.SIGINT)
folders = [home / "imports" / name for name in ("larva", "micah", "planets")]
make.split(folders, make.How("x", sample=12, look=False), checker, output=out, progress=progress)
"""


def child(home: Path, out: Path, how: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _CHILD, str(home), str(out), how]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("how", "error"), [("interrupt", "KeyboardInterrupt"), ("full", "DiskFull")])
def test_nothing_half_is_left_where_it_is_interrupted_or_the_disk_is_full(
    how: str, error: str, home: Path, built: tuple[Split, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = child(home, out, how)
    assert error in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cant_be_written_is_named_before_the_work(home: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        done = child(home, tmp_path / "out", "rights")
    finally:
        tmp_path.chmod(0o700)
    assert "FileError: can't write or read" in done.stderr, done.stderr
    assert "out (Permission denied)" in done.stderr
    assert "looked" not in done.stdout


def test_pictures_can_be_looked_at_from_the_parquet(built: tuple[Split, Path]) -> None:
    table = pq.read_table(built[1] / "data" / "train-00000.parquet")
    first: dict[str, Any] = table["image"][0].as_py()
    assert Image.open(io.BytesIO(first["bytes"])).format == "PNG"
