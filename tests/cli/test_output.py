"""Where a rebuilt picture goes: tried before the work, in the kind that the name says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from gistchain.pipeline import Registry
from tests.support.forks import HANGS_S
from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]


def _painted(*_: object, **__: object) -> None:
    raise AssertionError("nothing is painted before the place for it was tried")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-o", "missing/back.png"), "there is no folder missing"),
        (("-o", "."), "it is a folder"),
        (("-o", "back.tga"), ".png, .jpg"),
        (("-o", "back"), ".png, .jpg"),
        (("-o", "a.png/back.png"), "there is no folder a.png"),
        (("-o", "/proc/back.png"), "/proc/back.png"),
        (("-o", "/dev/null.png/x.png"), "no folder"),
        (("-o", "-", "--json"), "choose one"),
        (("--isotopes", "a.png"), "a.png is not a folder"),
        (("--isotopes", "a.png/all"), "a.png is not a folder"),
        (("--isotopes", "/proc/all"), "/proc/all"),
    ],
)
def test_a_place_that_can_not_be_written_is_told_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    noun(1, tmp_path / "a.png")
    monkeypatch.setattr(Registry, "rebuild", _painted)
    code, _, err = run("rebuild", 1, *words)
    assert code in (1, 2)
    assert told in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_a_picture_is_of_the_kind_that_its_name_says_or_goes_to_stdout(run: Run, tmp_path: Path) -> None:
    assert run("register", noun(1, tmp_path / "a.png"))[0] == 0
    for name, kind in (("back.JPG", "JPEG"), ("back.png", "PNG")):
        code, out, _ = run("rebuild", 1, "-o", name, "--seeds", 1, "--json")
        assert code == 0
        assert json.loads(out)["file"] == name
        with Image.open(name) as image:
            assert (image.format, image.size) == (kind, (320, 320))
    command = [sys.executable, "-m", "gistchain", "rebuild", "1", "-o", "-", "--seeds", "1", "--home", "home"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=HANGS_S)
    assert b"token 1" in done.stderr
    with Image.open(BytesIO(done.stdout)) as piped, Image.open("back.png") as written:
        assert piped.tobytes() == written.tobytes()
        assert "token 1" in str(piped.info["Title"])
