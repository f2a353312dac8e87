"""Pictures are written as what their name says, whole, with what is known of them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from gistchain.errors import FileError, SettingError
from gistchain.image import check_output, read_image, write_image, write_png

PIXELS = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((70, 50))
)
TEXTS = {"Title": "token 7", "Description": "a boat at sea, 海 \x1b[31m<&\"'", "Source": "Ethereum, token 7"}
SAID = {**TEXTS, "Description": "a boat at sea, 海 \\x1b[31m<&\"'"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.png", "PNG"), ("a.PNG", "PNG"), ("a.jpg", "JPEG"), ("a.jpeg", "JPEG"), ("a.webp", "WEBP"), ("a.avif", "AVIF")],
)
def test_the_suffix_says_what_is_written(name: str, kind: str, tmp_path: Path) -> None:
    check_output(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    write_image(PIXELS, tmp_path / name, TEXTS)
    with Image.open(tmp_path / name) as image:
        assert image.format == kind
    assert np.abs(read_image(tmp_path / name).pixels.astype(int) - PIXELS).mean() < (0.01 if kind == "PNG" else 4)


def test_a_png_carries_its_texts_in_any_script(tmp_path: Path) -> None:
    write_image(PIXELS, tmp_path / "a.png", TEXTS)
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert image.text == SAID
    data = (tmp_path / "a.png").read_bytes()
    assert b"iTXtDescription" in data
    assert b"tEXtTitle" in data


@pytest.mark.parametrize("kind", ["jpg", "webp", "avif"])
def test_other_kinds_carry_them_as_xmp(kind: str, tmp_path: Path) -> None:
    write_image(PIXELS, tmp_path / f"a.{kind}", TEXTS)
    with Image.open(tmp_path / f"a.{kind}") as image:
        description = ElementTree.fromstring(image.info["xmp"])[0][0]
    assert {key: description.get(f"{{http://purl.org/dc/elements/1.1/}}{key.lower()}") for key in TEXTS} == SAID


@pytest.mark.parametrize("name", ["a.gif", "a", "a.txt", ".png"])
def test_another_suffix_is_refused_with_the_list(name: str, tmp_path: Path) -> None:
    for attempt in (check_output, lambda path: write_image(PIXELS, path)):
        with pytest.raises(SettingError, match=r"ends in \.png, \.jpg"):
            attempt(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_says_so_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "missing" / "new.png", tmp_path / "folder.png", Path("/proc/new.png")):
        with pytest.raises(FileError, match="can't write"):
            check_output(path)
        with pytest.raises(FileError, match="can't write"):
            write_image(PIXELS, path)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_file_that_is_there_is_left_alone_by_the_check(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"mine")
    check_output(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"mine"


def test_sides_that_a_format_does_not_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="at most 16,383"):
        write_image(np.zeros((1, 16_384, 3), np.uint8), tmp_path / "a.webp")


def test_a_written_png_is_read_back_and_leaves_nothing_else(tmp_path: Path) -> None:
    for _ in range(2):
        write_png(PIXELS, tmp_path / "new")
    assert (read_image(tmp_path / "new").pixels == PIXELS).all()
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
