"""What a person sees when the database of registered images was deleted: a warning, a refusal, and the way on."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gistchain.cli.app import main
from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """run(*words) -> (exit code, stdout, stderr), in a home of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GISTCHAIN_HOME", str(tmp_path / "home"))

    def call(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["gistchain", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out = capfd.readouterr()
        return code, out.out, out.err

    return call


def test_nothing_is_signed_after_the_database_was_deleted_until_it_is_set_up_anew(run: Run, tmp_path: Path) -> None:
    home, first, other = tmp_path / "home", noun(1, tmp_path / "1.png"), noun(2, tmp_path / "2.png")
    assert run("register", first, "--caption", "one")[0] == 0
    with Image.open(first) as image:
        image.save(tmp_path / "copy.jpg", quality=85)
    assert json.loads(run("check", "copy.jpg", "--json")[1])["verdict"] == "copy"
    for path in home.glob("rareness.*"):
        path.unlink()

    code, out, err = run("check", "copy.jpg", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "original")
    assert "is gone, which held 1 image" in json.loads(out)["doubt"]
    assert err.count("which held 1 image") == 1
    for words in (("register", "copy.jpg", "--caption", "two"), ("register", first), ("rareness", "seed", tmp_path)):
        code, out, err = run(*words)
        assert code == 1
        assert "rareness rebuild" in err
    assert len(run("list")[1].splitlines()) == 1, "nothing was registered"
    assert "do not trust it" in run("rareness", "status")[1]
    (tmp_path / "in").mkdir()
    other.rename(tmp_path / "in" / "2.png")
    assert run("watch", tmp_path / "in", "--once", "--settle", "0.05")[0] == 1
    assert not list(tmp_path.glob("dupe*/*.json")), "no result for good"

    assert json.loads(run("rareness", "rebuild", "--json")[1])["lacking"] == 1
    code, out, err = run("register", tmp_path / "in" / "2.png", "--caption", "two", "--json")
    assert (code, json.loads(out)["rareness"]["lacking"]) == (0, 1)
    assert json.loads(run("show", "2", "--evidence")[1])["lacking"] == 1
    assert "not in the database" in run("check", "copy.jpg")[2]
    run("register", first)  # given again
    found = json.loads(run("check", "copy.jpg", "--json")[1])
    assert (found["verdict"], found["lacking"], found["doubt"]) == ("copy", 0, None)


def test_nothing_is_signed_either_where_the_memory_was_deleted_too(run: Run, tmp_path: Path) -> None:
    first, second = noun(1, tmp_path / "1.png"), noun(2, tmp_path / "2.png")
    assert run("register", first, "--caption", "one")[0] == 0
    for path in [*(tmp_path / "home").glob("rareness.*"), tmp_path / "home" / "database.json"]:
        path.unlink()
    assert run("check", second)[0] == 0
    assert run("check", second, "--fail-on", "copy")[0] == 1, "what is no copy here may be one all the same"
    assert "lacks 1 of the 1 image of" in json.loads(run("check", second, "--json")[1])["doubt"]
    code, _, err = run("register", second, "--caption", "two")
    assert code == 1
    assert "token 1 of this home's chain" in err
    run("register", first)  # given again
    assert run("register", second, "--caption", "two")[0] == 0


def test_a_chain_that_is_an_older_state_is_noticed_before_a_number_is_given_out_twice(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run("register", noun(1, tmp_path / "1.png"), "--caption", "one")[0] == 0
    before = (home / "chain.sqlite").read_bytes()
    assert run("register", noun(2, tmp_path / "2.png"), "--caption", "two")[0] == 0
    assert run("register", noun(3, tmp_path / "3.png"), "--caption", "three")[0] == 0
    for path in home.glob("chain.sqlite*"):
        path.unlink()
    (home / "chain.sqlite").write_bytes(before)
    assert "it is an older state" in json.loads(run("check", tmp_path / "3.png", "--json")[1])["doubt"]
    code, _, err = run("register", noun(4, tmp_path / "4.png"), "--caption", "four")
    assert code == 1
    assert "it is an older state" in err
    assert run("rareness", "rebuild", "--keep")[0] == 0
    assert run("register", tmp_path / "4.png", "--caption", "four")[0] == 0
