"""`gistchain forms` and `register --form`: what an image could be on the chain, and every pixel back from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_the_forms_of_an_image_are_listed_with_bytes_and_what_comes_back(run: Run, tmp_path: Path) -> None:
    path = noun(1, tmp_path / "a.png", 32)
    code, out, _ = run("forms", path)
    assert code == 0
    assert "every pixel" in out
    (row,) = lines(run("forms", path, "--json")[1])
    forms = {form["form"]: form for form in row["forms"]}
    assert forms["caption"]["bytes"] < 12
    assert forms["exact"]["exact"]
    assert forms["file"]["bytes"] > path.stat().st_size
    assert {"latent", "subject"} <= set(forms)
    assert not Path("home").exists(), "nothing is registered"


def test_an_exact_form_gives_every_pixel_back(run: Run, tmp_path: Path) -> None:
    path = noun(2, tmp_path / "a.png")
    (done,) = lines(run("register", path, "--form", "exact", "--json")[1])
    assert done["layers"] == ["residual"]
    assert run("rebuild", done["token"], "-o", tmp_path / "back.png")[0] == 0
    assert np.array_equal(Image.open(tmp_path / "back.png"), Image.open(path).convert("RGB"))


def test_a_small_file_goes_to_the_chain_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.fromarray(data.chelsea()).resize((150, 100)).save(path, quality=60)
    code, out, err = run("register", path, "--form", "file")
    assert code == 0, err
    assert "the image file as it is" in out
    shown = lines(run("show", 1, "--json")[1])[0]
    assert shown["layers"] == ["file"]
    assert path.read_bytes().hex() in shown["gist"]
    assert run("rebuild", 1, "-o", tmp_path / "back.png")[0] == 0
    assert np.array_equal(Image.open(tmp_path / "back.png"), Image.open(path).convert("RGB"))


def test_a_file_that_no_contract_could_hold_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)).save(path)
    code, _, err = run("register", path, "--form", "file", "--caption", "noise")
    assert code == 2
    assert "can't be kept as it is" in err


def test_forms_that_exclude_each_other_are_refused(run: Run, tmp_path: Path) -> None:
    code, _, err = run("register", noun(3, tmp_path / "a.png"), "--form", "exact", "--latent")
    assert code == 2
    assert "--form exact gives every pixel" in err
