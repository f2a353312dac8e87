"""Pictures -> captions of their pieces, for the corrector's training."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.conformance.checks import shapes
from training.data import photos
from training.text import pieces


def test_a_small_image_is_cut_as_far_as_it_has_pixels() -> None:
    assert [part.shape for part in pieces.pieces(shapes(1, (2, 1)))] == [(1, 2, 3)]
    assert len(list(pieces.pieces(shapes(1, (40, 30))))) == 14


def test_the_captions_of_a_folder_are_written_each_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, out = tmp_path / "images", tmp_path / "captions.txt"
    images.mkdir()
    for name, seed in (("a", 1), ("b", 2), ("same as b", 2)):
        Image.fromarray(shapes(seed)).save(images / f"{name}.png")
    cut_off = (images / "a.png").read_bytes()[:200]
    (images / "broken.png").write_bytes(cut_off)
    (images / "words.txt").write_text("no image", "utf-8")
    pieces.main(["--images", str(images), "--out", str(out)])
    said, told = out.read_text("utf-8").splitlines(), capsys.readouterr()
    assert 2 < len(said) == len(set(said)) <= 2 * (1 + 4 + 9)
    assert "words.txt" in told.err
    assert "broken.png" in told.err
    assert f"{len(said)} captions" in told.out

    pieces.main(["--images", str(images), "--out", str(out), "--captioner", "photo", "--most", "1"])
    assert len(out.read_text("utf-8").splitlines()) < len(said)


def test_what_can_not_be_captioned_is_told_and_no_file_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "captions.txt"
    out.write_text("a dog\n", "utf-8")
    for images, captioner, told in (
        (tmp_path / "none", "photo", "doesn't exist"),
        (tmp_path, "photo", "no image"),
        (tmp_path, "nobody", "no image"),
    ):
        with pytest.raises(SystemExit, match=told):
            pieces.main(["--images", str(images), "--out", str(out), "--captioner", captioner])
    Image.fromarray(shapes(1)).save(tmp_path / "a.png")
    with pytest.raises(SystemExit, match="there is no captioner 'nobody'"):
        pieces.main(["--images", str(tmp_path), "--out", str(out), "--captioner", "nobody"])
    assert out.read_text("utf-8") == "a dog\n"


@pytest.mark.skipif(not photos.READY.exists(), reason="needs python -m training.data.photos")
def test_nothing_that_is_held_out_is_captioned_for_training() -> None:
    taken = {source.args[0].name for source in pieces.of_training()}  # type: ignore[attr-defined]
    assert len(taken) > 1_000
    assert taken.isdisjoint(p.name for p in (*photos.held_out_photos(), *photos.held_out_drawings()))
