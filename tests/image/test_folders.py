"""A file is what its first bytes say; a folder says what it skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gistchain
from gistchain.errors import ImageError
from gistchain.image import Skipped, images_in, read_image
from gistchain.image.kinds import kind_of
from tests.support.pictures import encoded

PIXEL = encoded(Image.new("RGB", (1, 1)))
PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((64, 48))


def heic(image: Image.Image, **options: object) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    return encoded(image, "HEIF", **options)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"])
def test_the_first_bytes_tell_every_kind_that_is_read(kind: str) -> None:
    assert kind_of(encoded(PHOTO, kind)[:64]) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", None), (b"hello", None), (b"BMW is a maker of cars and motorcycles in Munich", None),
        (b"P5 is a number", "PPM"), (b"P, the letter", None), (b"%PDF-1.7", "PDF"), (b"8BPS\0\1", "PSD"),
        (b"<svg xmlns=", "SVG"), (b"<?xml version='1.0'?><svg", "SVG"), (b"<?xml version='1.0'?>", "XML or SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"), (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"), (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "MP4"),
    ],
)  # fmt: skip
def test_the_first_bytes_tell_the_others(head: bytes, kind: str | None) -> None:
    assert kind_of(head) == kind


def test_a_file_is_read_whatever_its_name_ends_in(tmp_path: Path) -> None:
    for name in ("IMG_0001.HEIC", "IMG_0002.txt", "IMG_0003"):
        (tmp_path / name).write_bytes(encoded(PHOTO, "JPEG"))
    found = images_in([tmp_path])
    assert [path.name for path in found.images] == ["IMG_0001.HEIC", "IMG_0002.txt", "IMG_0003"]
    assert found.skipped == ()
    assert all(read_image(path).size == (64, 48) for path in found.images)


def test_what_a_folder_skips_is_counted_and_named_by_kind(tmp_path: Path) -> None:
    files = {
        "a.png": PIXEL,
        "b.png": b"<html>",
        "c.txt": b"x",
        "d.txt": b"x",
        "e.txt": b"x",
        "f.svg": b"<svg/>",
        "g": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = images_in([tmp_path])
    assert found.images == (tmp_path / "a.png",)
    assert Skipped(tmp_path / "f.svg", "SVG") in found.skipped
    assert found.notes() == (
        "skipped 4 files that are not images: b.png, c.txt, d.txt and 1 more",
        "skipped 1 SVG file, convert it: f.svg",
        "skipped 1 empty file: g",
    )


def test_what_is_no_file_is_skipped_by_name_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PIXEL)
    (tmp_path / "b.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "c.png").symlink_to(tmp_path / "c.png")
    (tmp_path / "d.png").symlink_to(tmp_path / "a.png")
    os.mkfifo(tmp_path / "e.png")
    found = images_in([tmp_path])
    assert [path.name for path in found.images] == ["a.png", "d.png"]
    assert found.notes() == (
        "skipped 2 links that lead nowhere: b.png, c.png",
        "skipped 1 pipe, socket or device: e.png",
    )
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "b.png").symlink_to("nowhere")
    with pytest.raises(ImageError, match=r"holds no image.*skipped 1 link that leads nowhere: b\.png"):
        images_in([tmp_path / "only"])


def test_a_path_that_was_named_is_never_skipped(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert images_in([tmp_path / "notes.txt"]).images == (tmp_path / "notes.txt",)


def test_folders_are_searched_in_order_without_hidden_files_and_loops(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z.jpg", "a/.hidden.png", ".git/x.png", "notes.txt", "a/deep/er/c.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PIXEL if name != "notes.txt" else b"some notes")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in images_in([tmp_path, tmp_path / "notes.txt"]).images]
    assert found == ["a/deep/er/c.webp", "a/z.jpg", "b.PNG", "notes.txt"]


def test_a_folder_is_entered_once_however_many_links_lead_to_it(tmp_path: Path) -> None:
    for level in range(30):  # 2^30 paths to the last one
        folder = tmp_path / f"{level:02}"
        folder.mkdir()
        if level:
            for name in ("x", "y"):
                (tmp_path / f"{level - 1:02}" / name).symlink_to(folder)
    (tmp_path / "29" / "a.png").write_bytes(PIXEL)
    assert len(images_in([tmp_path / "00"]).images) == 1


def test_folders_may_be_nested_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    Path("a.png").write_bytes(PIXEL)
    os.chdir(tmp_path)
    try:
        assert len(images_in([Path("d")]).images) == 1
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # shutil.rmtree is recursive


def test_a_folder_without_images_and_a_missing_path_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="holds no image"):
        images_in([tmp_path])
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(ImageError, match=r"holds no image.*skipped 1 PDF file, convert it: a\.pdf"):
        images_in([tmp_path])
    with pytest.raises(ImageError, match="doesn't exist"):
        images_in([tmp_path / "missing"])


def test_a_real_heic_is_read(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(heic(PHOTO, quality=95))
    assert images_in([tmp_path]).images == (path,)
    picture = read_image(path)
    assert picture.size == (64, 48)
    assert np.abs(picture.pixels.astype(int) - np.asarray(PHOTO)).mean() < 8


def test_a_heic_taken_sideways_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read_image(heic(PHOTO, quality=95, exif=exif.tobytes()))
    assert picture.size == (48, 64)
    assert np.abs(picture.pixels.astype(int) - np.rot90(np.asarray(PHOTO), -1)).mean() < 8


def test_without_the_extra_a_heic_says_what_to_install(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.heic").write_bytes(heic(PHOTO))
    (folder / "b.png").write_bytes(PIXEL)
    others = tmp_path / "packages"  # all that is installed here, but that
    others.mkdir()
    for packages in filter(os.path.isdir, sys.path):
        if packages.endswith("site-packages"):
            for entry in os.listdir(packages):
                if not entry.startswith("pillow_heif") and not (others / entry).exists():
                    (others / entry).symlink_to(Path(packages) / entry)
    paths = [str(Path(gistchain.__file__).parents[1]), str(others)]
    paths += [path for path in sys.path if path and not path.endswith("site-packages")]
    code = f"""
import sys; sys.path[:] = {paths!r}
from pathlib import Path
from gistchain.image import images_in, read_image
from gistchain.errors import ImageError
print(images_in([Path({str(folder)!r})]).notes()[-1])
try:
    read_image({str(folder / "a.heic")!r})
except ImageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    skipped, refused = done.stdout.splitlines()
    assert "HEIC file, pip install 'gistchain[heif]' to read it: a.heic" in skipped
    assert refused.endswith("a.heic is HEIC, which is read with the extra heif: pip install 'gistchain[heif]'")
