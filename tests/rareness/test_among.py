"""The images of a folder compared with each other, and two files by themselves: library and command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from gistchain import systems
from gistchain.cli import rareness as cli_rareness
from gistchain.cli.terminal import Verb
from gistchain.image import read_image
from gistchain.rareness.among import Among, Group, beside, grouped
from gistchain.rareness.check import Checker
from gistchain.settings import load

Run = Callable[..., tuple[int, str, str]]


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()).resize((224, 150), Image.Resampling.BOX)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.png; b.jpg, a crop of it; c.png, another photo; d.png, the same file as a.png; e.webp, c.png turned; f.png."""
    where = tmp_path_factory.mktemp("images")
    rocket, coffee = photo("rocket"), photo("coffee")
    rocket.save(where / "a.png")
    rocket.crop((10, 8, 200, 140)).save(where / "b.jpg", quality=80)
    coffee.save(where / "c.png")
    (where / "d.png").write_bytes((where / "a.png").read_bytes())
    coffee.rotate(90, expand=True).save(where / "e.webp", quality=85)
    Image.new("RGB", (64, 64), "white").save(where / "f.png")
    return where


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return systems.checker(load({"home": tmp_path_factory.mktemp("home")}, {}))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run(*words) -> (exit code, stdout, stderr)."""
    monkeypatch.setenv("GISTCHAIN_HOME", str(tmp_path / "home"))
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(cls=Verb)(cli_rareness.check)
    app.command(cls=Verb)(cli_rareness.watch)  # of one command alone typer takes no name

    def call(*words: object) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


def test_each_image_is_compared_with_those_before_it(checker: Checker, folder: Path) -> None:
    with Among(checker) as among:
        found = {path.name: among.add(read_image(path, path.name)) for path in sorted(folder.iterdir())}
        pairs = [(pair.name, pair.of, pair.rareness.verdict) for pair in among.pairs]
        groups = among.groups()
    assert (found["a.png"], found["c.png"]) == (None, None)
    assert pairs == [("b.jpg", "a.png", "copy"), ("d.png", "a.png", "copy"), ("e.webp", "c.png", "copy")]
    assert groups == [Group(1, ("a.png", "b.jpg", "d.png")), Group(2, ("c.png", "e.webp"))]
    assert found["d.png"] is not None
    assert "very same file" in found["d.png"].reason
    assert len(checker.store) == 0, "nothing is kept"


def test_a_copy_of_a_copy_joins_the_group() -> None:
    assert grouped([("a", "b"), ("x", "y"), ("b", "c"), ("a", "d")]) == [
        Group(1, ("a", "b", "c", "d")), Group(2, ("x", "y")),
    ]  # fmt: skip
    assert grouped([]) == []


def test_two_files_are_compared_without_a_database(checker: Checker, folder: Path) -> None:
    with beside(checker, [read_image(folder / "a.png", "a.png")]) as alone:
        found = {name: alone.check(read_image(folder / name)) for name in ("b.jpg", "c.png", "d.png", "f.png")}
    verdicts = {name: rareness.verdict for name, rareness in found.items()}
    assert verdicts == {"b.jpg": "copy", "c.png": "original", "d.png": "copy", "f.png": "blank"}


def test_check_among_names_pairs_and_groups(run: Run, folder: Path, tmp_path: Path) -> None:
    code, out, err = run("check", folder, "--among", "--json", "--explain", tmp_path / "e.html")
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err
    assert [Path(line["image"]).name for line in lines[:-1]] == ["a.png", "b.jpg", "c.png", "d.png", "e.webp", "f.png"]
    assert [line["verdict"] for line in lines[:-1]] == ["original"] * 5 + ["blank"]
    assert [None if line["among"] is None else line["among"]["verdict"] for line in lines[:5]] == [
        None, "copy", None, "copy", "copy",
    ]  # fmt: skip
    a, b, c, d, e = (str(folder / name) for name in ("a.png", "b.jpg", "c.png", "d.png", "e.webp"))
    assert [(pair["image"], pair["of"], pair["verdict"]) for pair in lines[-1]["pairs"]] == [
        (b, a, "copy"), (d, a, "copy"), (e, c, "copy"),
    ]  # fmt: skip
    assert lines[-1]["groups"] == [{"group": 1, "images": [a, b, d]}, {"group": 2, "images": [c, e]}]
    assert (tmp_path / "e.html").read_text("utf-8").count("<article") == 6 + 3

    code, out, _ = run("check", folder, "--among", "--fail-on", "copy")
    assert code == cli_rareness.FOUND == 3
    assert f"  among these: copy of {a}" in out
    assert f"group 1: {a}\n  {b}  copy of {a}\n  {d}  copy of {a}\ngroup 2: {c}\n  {e}  copy of {c}\n" in out
    code, out, _ = run("check", a, c, "--among", "--fail-on", "copy,unsure")
    assert code == 0
    assert out.endswith("no image is a copy of another one of these\n")


def test_check_with_another_file_needs_no_database(run: Run, folder: Path, tmp_path: Path) -> None:
    code, out, _ = run("check", folder / "b.jpg", folder / "c.png", "--with", folder / "a.png", "--json")
    copy, other = map(json.loads, out.splitlines())
    assert code == 0
    assert (copy["verdict"], copy["nearest"]["name"], other["verdict"]) == ("copy", str(folder / "a.png"), "original")
    assert not (tmp_path / "home").exists()
    code, out, _ = run("check", folder / "f.png", "--with", folder / "a.png")
    assert (code, out.splitlines()[0]) == (0, f"{folder / 'f.png'}: nothing to compare")
    assert run("check", folder / "b.jpg", "--with", folder / "a.png", "--fail-on", "derivative,copy")[0] == 3
    assert run("check", folder / "c.png", "--with", folder / "a.png", "--fail-on", "derivative,copy")[0] == 0


def test_a_small_crop_that_is_given_first_is_found_the_other_way(run: Run, tmp_path: Path) -> None:
    whole = Image.fromarray(data.astronaut())
    whole.save(tmp_path / "whole.png")
    whole.crop((322, 290, 454, 422)).save(tmp_path / "crop.jpg", quality=80)
    code, out, _ = run("check", tmp_path / "crop.jpg", "--with", tmp_path / "whole.png", "--json")
    checked = json.loads(out)
    assert (code, checked["verdict"], checked["other_way"]["verdict"]) == (0, "original", "copy")
    assert checked["other_way"]["nearest"]["name"] == str(tmp_path / "crop.jpg")
    code, out, _ = run("check", tmp_path / "crop.jpg", "--with", tmp_path / "whole.png", "--fail-on", "copy")
    assert code == 3
    assert f"the other way: {tmp_path / 'whole.png'} is: copy of {tmp_path / 'crop.jpg'}" in out


def test_what_was_not_registered_is_not_called_so(run: Run, folder: Path) -> None:
    for others in (["--with", folder / "a.png"], ["--with", folder / "f.png"]):
        assert "registered" not in run("check", folder / "b.jpg", folder / "c.png", *others)[1]


def test_what_failed_comes_before_what_was_found(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"nonsense")
    words = ("check", tmp_path / "broken.png", folder / "b.jpg", "--with", folder / "a.png", "--fail-on", "copy")
    assert run(*words)[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--fail-on", "copies"), ("--fail-on", ""), ("--among", "--sense"), ("--among", "--with", "b.png"),
        ("--web", "--with", "b.png"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(run: Run, folder: Path, words: tuple[str, ...]) -> None:
    assert run("check", folder / "a.png", *words)[0] == 2


def test_a_missing_other_file_is_an_error(run: Run, folder: Path) -> None:
    code, _, err = run("check", folder / "a.png", "--with", folder / "none.png")
    assert code == 1
    assert "none.png" in err
