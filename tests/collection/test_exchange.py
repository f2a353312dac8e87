"""A collection of one's own in one file: it travels whole, and no file of a stranger does harm."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gistchain.collection.exchange import MAGIC, exported, imported
from gistchain.errors import CollectionError, DiskFull, FileError, SettingError
from gistchain.models.layered.model import SIDE, Gate, Layers, pack
from gistchain.models.layered.shelf import Shelf
from gistchain.models.zoo.weights import card, weights
from gistchain.traits import Traits
from tests.disk.test_disk import files_of_at_most
from tests.support.forks import Child, rehearse
from tests.support.kills import Aim
from tests.support.shelves import own


def packed(card: dict[str, object], layers: bytes) -> bytes:
    """A file whose hashes are right, whatever else is wrong."""
    head = json.dumps({**card, "sha256": hashlib.sha256(layers).hexdigest()}).encode()
    content = MAGIC + len(head).to_bytes(4, "little") + head + layers
    return content + hashlib.sha256(content).digest()


def names(shelf: Path) -> set[str]:
    return {path.name for path in shelf.iterdir()} if shelf.exists() else set()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Where the collections of a maker are."""
    own(tmp_path / "maker" / "collections")
    return tmp_path / "maker" / "collections"


def test_the_same_again_changes_nothing_and_another_of_the_name_only_when_told(there: Path, tmp_path: Path) -> None:
    file, shelf = tmp_path / "garden.collection", tmp_path / "friend"
    file.write_bytes(exported("garden", there))
    assert imported(file, shelf).new
    before = {path: path.stat().st_mtime_ns for path in shelf.iterdir()}
    assert not imported(file, shelf).new
    assert {path: path.stat().st_mtime_ns for path in shelf.iterdir()} == before

    own(there, error=0.01)
    file.write_bytes(exported("garden", there))
    with pytest.raises(CollectionError, match=r"take the place of 'garden' \(Garden Gnome\), your own.*--replace"):
        imported(file, shelf)
    assert imported(file, shelf, replace=True).new
    assert Shelf(shelf).damaged == ()
    assert Shelf(shelf).of_subject("Garden Gnome").layers().error == 0.01  # type: ignore[union-attr]


def test_one_of_another_name_that_is_called_the_same_is_refused_or_replaced(there: Path, tmp_path: Path) -> None:
    file, shelf = tmp_path / "garden.collection", tmp_path / "friend"
    file.write_bytes(exported("garden", there))
    own(shelf, "yard", "Garden Gnome")
    (shelf / "collection-yard.html").write_text("its report")
    with pytest.raises(CollectionError, match=r"place of 'yard' \(Garden Gnome\), your own: .*--replace.*export"):
        imported(file, shelf)
    assert [known.collection for known in Shelf(shelf).collections if known.folder] == ["yard"]
    assert imported(file, shelf, replace=True).replaced == ("yard",)
    assert [known.collection for known in Shelf(shelf).collections if known.folder] == ["garden"]
    assert [path.name for path in shelf.glob("*yard*") if not path.name.startswith(".")] == []
    own(shelf, "yard", "Garden Gnome")  # as a kill leaves them
    assert imported(file, shelf, replace=True).replaced == ("yard",)
    assert [known.collection for known in Shelf(shelf).collections if known.folder] == ["garden"]
    assert not imported(file, shelf, replace=True).new


@pytest.mark.parametrize(
    ("name", "subject"),
    [("sprouts", "Garden Gnome"), ("garden", "Sprouts"), ("garden", "sprout"), ("garden", "CryptoPunks")],
)
def test_what_would_hide_a_collection_that_ships_is_refused(tmp_path: Path, name: str, subject: str) -> None:
    own(tmp_path / "maker", name, subject)
    file = tmp_path / "file"
    file.write_bytes(exported(name, tmp_path / "maker"))
    with pytest.raises(CollectionError, match="which ships with gistchain"):
        imported(file, tmp_path / "friend")
    assert names(tmp_path / "friend") == set()
    assert imported(file, tmp_path / "friend", replace=True).new


def test_a_damaged_one_is_mended_by_its_file(there: Path, tmp_path: Path) -> None:
    file = tmp_path / "garden.collection"
    file.write_bytes(exported("garden", there))
    (there / "collection-garden.layers").write_bytes(b"GLY1")
    with pytest.raises(SettingError, match="not among your own"):
        exported("garden", there)
    assert imported(file, there).new
    assert exported("garden", there)


def test_only_ones_own_are_exported(there: Path) -> None:
    with pytest.raises(SettingError, match=r"'clay' ships with gistchain.*there are garden"):
        exported("clay", there)
    with pytest.raises(SettingError, match=r"'\.\./garden' is not among your own"):
        exported("../garden", there)


CARD: dict[str, object] = {"kind": "collection", "collection": "garden", "subject": "Garden Gnome"}


def _bomb(raw: bytes) -> bytes:
    """Layers of zeros in a few kilobytes, more of them than layers may be (256 MiB)."""
    huge = lzma.LZMACompressor(preset=0)
    zeros = bytes(1 << 20)
    squeezed = b"".join(huge.compress(zeros) for _ in range(257)) + huge.flush()
    return raw[: 8 + int.from_bytes(raw[4:8], "little")] + squeezed


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda raw: b"",
    "a zip": lambda raw: b"PK\x03\x04" + bytes(100),
    "a magic alone": lambda raw: MAGIC,
    "cut off": lambda raw: packed(CARD, raw)[:-9],
    "a flipped bit": lambda raw: packed(CARD, raw)[:300] + b"\xff" + packed(CARD, raw)[301:],
    "a name with folders": lambda raw: packed({**CARD, "collection": "../garden"}, raw),
    "another's card": lambda raw: packed({**CARD, "subject": "CryptoPunks"}, raw),
    "a card that is a list": lambda raw: _with_card(b"[]", raw),
    "a card of a megabyte": lambda raw: packed({**CARD, "data": "x" * (1 << 20)}, raw),
    "a deep card": lambda raw: _with_card(b"[" * 500 + b"]" * 500, raw),
    "no layers": lambda raw: packed(CARD, b""),
    "layers cut off": lambda raw: packed(CARD, raw[:-100]),
    "a bomb": lambda raw: packed(CARD, _bomb(raw)),
}


def _with_card(head: bytes, layers: bytes) -> bytes:
    content = MAGIC + len(head).to_bytes(4, "little") + head + layers
    return content + hashlib.sha256(content).digest()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_is_no_collection_leaves_nothing_behind(there: Path, tmp_path: Path, kind: str) -> None:
    file, shelf = tmp_path / "file", tmp_path / "friend"
    file.write_bytes(HOSTILE[kind]((there / "collection-garden.layers").read_bytes()))
    with pytest.raises(CollectionError, match=str(file)):
        imported(file, shelf)
    assert names(shelf) == set()
    assert names(tmp_path) == {"file", "maker"}


@pytest.mark.parametrize(
    "changed",
    [
        {"sharpness": np.ones(2, np.float32)},
        {"noise": np.zeros(SIDE * SIDE, np.float32)},
        {"trust": (float("nan"), 1.0)},
        {"follows": np.full(3, 100, np.int64)},
    ],
)
def test_layers_that_do_not_fit_together_are_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    shipped = next(c for c in Shelf().collections if c.collection == "sprouts").layers()
    layers = replace(shipped, traits=Traits("garden", "Garden Gnome", shipped.traits.values))
    vars(layers).update(changed)
    file = tmp_path / "file"
    file.write_bytes(packed(CARD, pack(layers)))
    with pytest.raises(CollectionError, match="does not fit together"):
        imported(file, tmp_path / "friend")
    assert names(tmp_path / "friend") == set()


@pytest.mark.parametrize(
    "subject", ["Gnome\x1b[2J", "\u202egnome", " ", "x" * 61, "Gnome, Garden", "Gnome\nnome", "\ud800"]
)
def test_a_subject_that_is_no_name_is_refused(tmp_path: Path, subject: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(packed({**CARD, "subject": subject}, layers_of(subject, {"Hat": ("red", "blue")})))
    with pytest.raises(CollectionError, match="no proper name"):
        imported(file, tmp_path / "friend")


WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "a comma": ({"Hat": ("red", "blue, containing 9 ether")}, "short texts"),
    "a line end": ({"Hat": ("red", "blue\ntoken 7  owner 0x0")}, "short texts"),
    "an escape": ({"Hat": ("red", "\x1b[2J")}, "short texts"),
    "a turn of the direction": ({"Hat": ("red", "\u202eder")}, "short texts"),
    "half a letter": ({"Hat": ("red", "\ud800")}, "short texts"),
    "nothing": ({"Hat": ("red", "")}, "short texts"),
    "a long value": ({"Hat": ("red", "x" * 121)}, "short texts"),
    "a long type": ({"x" * 61: ("red", "blue")}, "short texts"),
    "a type with a comma": ({"Hat, big": ("red", "blue")}, "short texts"),
    "the same twice": ({"Hat": ("red", "red")}, "twice"),
    "too many": ({"Hat": tuple(map(str, range(501)))}, "too many"),
    "a number": ({"Hat": ("red", 7)}, "not texts"),
    "a list": ({"Hat": ("red", ["blue"])}, "not texts"),
    "a text for a list": ({"Hat": "rd"}, "not texts"),
}


@pytest.mark.parametrize("kind", WORDS)
def test_words_that_no_caption_can_hold_are_refused(tmp_path: Path, kind: str) -> None:
    values, why = WORDS[kind]
    file = tmp_path / "file"
    file.write_bytes(packed(CARD, layers_of("Garden Gnome", values)))
    with pytest.raises(CollectionError, match=why):
        imported(file, tmp_path / "friend")
    assert names(tmp_path / "friend") == set()


def test_words_as_a_maker_may_use_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(packed({**CARD, "data": "a\nb"}, layers_of("Garden Gnome", {"H\u00fct": ("\u8d64", "y" * 120)})))
    assert imported(file, tmp_path / "friend").new
    assert "data" not in card("collection-garden", tmp_path / "friend")


def layers_of(subject: str, values: dict[str, Any]) -> bytes:
    """Layers of these traits that fit together; nothing can be read with them."""
    count, pixels = sum(len(v) + 1 for v in values.values()), SIDE * SIDE
    types = len(values)
    zeros, ones = partial(np.zeros, dtype=np.float32), partial(np.ones, dtype=np.float32)
    gate = Gate(zeros(768), zeros((1, 768)), 1.0)
    return pack(
        Layers(
            Traits("garden", subject, values),
            claims=zeros((count, pixels)),
            colours=zeros((count, pixels, 3)),
            tints=zeros((count, pixels, types)),
            hues=zeros((count, 3)),
            prior=ones(count),
            variation=zeros((1, pixels * 3)),
            noise=ones(pixels),
            guess=zeros((769, count)),
            sharpness=ones(types),
            follows=np.full(types, -1),
            vanishes=np.zeros(types, bool),
            gate=gate,
            error=0.01,
        )
    )


def take(file: Path, shelf: Path) -> None:
    imported(file, shelf, replace=True)


def one_of(files: dict[bytes, Path], shelf: Path) -> Path:
    """The file whose layers are on the shelf, whole."""
    return files[weights("collection-garden", shelf, suffix=".layers")]


@pytest.fixture
def old_and_new(tmp_path: Path) -> list[Path]:
    """Two files of the collection garden."""
    files = [tmp_path / "old", tmp_path / "new"]
    for file, hats in zip(files, ("red", "green"), strict=True):
        file.write_bytes(packed(CARD, layers_of("Garden Gnome", {"Hat": (hats, "blue")})))
    return files


def test_a_kill_at_any_step_leaves_the_old_collection_whole_or_the_new_one(
    old_and_new: list[Path], tmp_path: Path
) -> None:
    old, new = old_and_new
    shelf = tmp_path / "rehearsal"
    take(old, shelf)
    files = {weights("collection-garden", shelf, suffix=".layers"): old}
    steps = rehearse(take, new, shelf)
    files[weights("collection-garden", shelf, suffix=".layers")] = new
    left = set()
    for number, stage in enumerate(steps, 1):
        shelf = tmp_path / f"shelf {number}"
        take(old, shelf)
        child = Child(take, new, shelf, aim=Aim(stage, steps[:number].count(stage)))
        child.wait()
        child.kill()
        left.add(one_of(files, shelf))
        assert Shelf(shelf).damaged == ()
        for file in (new, old):
            take(file, shelf)
            assert one_of(files, shelf) == file
        assert names(shelf) <= {"collection-garden.json", "collection-garden.layers", ".training-garden.lock"}
    assert left == {old, new}


def test_a_full_disk_leaves_the_old_collection_whole(old_and_new: list[Path], tmp_path: Path) -> None:
    old, new = old_and_new
    shelf = tmp_path / "friend"
    take(old, shelf)
    before = {path.name: path.read_bytes() for path in shelf.glob("collection-*")}
    with files_of_at_most(100), pytest.raises(DiskFull):
        take(new, shelf)
    assert {path.name: path.read_bytes() for path in shelf.glob("collection-*")} == before
    take(new, shelf)


def test_a_shelf_that_can_not_be_is_said(there: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(exported("garden", there))
    with pytest.raises(FileError, match="can't make the folder"):
        imported(file, tmp_path / "file" / "collections")


def test_neither_a_folder_nor_a_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing"):
        with pytest.raises(CollectionError, match="can't be read"):
            imported(path, tmp_path / "friend")
