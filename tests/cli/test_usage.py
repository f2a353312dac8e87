"""Words that can't be used are answered in plain words, and what can be typed is offered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from gistchain.cli.app import app
from gistchain.cli.usage import a_path

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    "verb", ["", "register", "list", "models", "models check", "collection train", "rareness seed"]
)
def test_help_is_asked_for_with_one_letter_too(run: Run, verb: str) -> None:
    code, out, _ = run(*verb.split(), "-h")
    assert code == 0
    assert out.startswith(f"Usage: gistchain {verb}".rstrip())
    assert run(*verb.split(), "--help")[1] == out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rebuild", "first"), "'first' can't be used: give a whole number"),
        (("rebuild", "1.5"), "'1.5' can't be used: give a whole number"),
        (("rebuild", 1, "--seeds", 0), "'0' can't be used: give 1 or more"),
        (("rebuild", 1, "--choice", "nicest"), "'nicest' is not one of 'best', 'random', 'worst'"),
        (("register", "a.png", "--min-confidence", 2), "'2' can't be used: give 1 or less"),
        (("register", "a.png", "--min-confidence", "high"), "'high' can't be used: give a number"),
        (("register", "a.png", "--min-confidence", "nan"), "'nan' can't be used"),
        (("list", "--home", ""), "it is empty"),
        (("register", "a.png", "--key", ""), "it is empty"),
        (("rebuild", 1, "-o", ""), "it is empty"),
        (("watch", ""), "it is empty"),
        (("watch", "https://a.example/folder"), "https://a.example/folder is an address"),
        (("rebuild", 1, "-o", "s3://bucket/a.png"), "s3://bucket/a.png is an address"),
    ],
)
def test_a_value_that_can_not_be_used_is_told_without_jargon(run: Run, words: tuple[object, ...], told: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Input should" not in err
    assert "Value error" not in err
    assert list(Path().iterdir()) == [], "nothing was made of it"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("https://a.example/b.png", "download it"),
        ("HTTP://a.example/b.png", "download it"),
        ("ipfs://QmHash/1.png", "gateway"),
        ("file:///pictures/a.png", "give /pictures/a.png"),
        ("data:image/png;base64," + 5000 * "A", "save the content to a file"),
    ],
)
@pytest.mark.parametrize("verb", ["register", "check"])
def test_an_address_is_not_called_a_missing_file(run: Run, tmp_path: Path, verb: str, given: str, told: str) -> None:
    code, _, err = run(verb, given)
    assert code == 1
    assert told in err
    assert "exist" not in err
    assert max(map(len, err.splitlines())) < 300 + len(str(tmp_path))


def test_a_file_that_is_named_like_an_address_is_read(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "https:" / "a.example"
    folder.mkdir(parents=True)
    (folder / "b.png").write_bytes(b"nonsense")
    assert "not an image" in run("check", "https://a.example/b.png")[2]


@pytest.mark.parametrize(
    ("home", "told"), [("~nobody-of-this-name", "no such user"), ("x" * 300, "File name too long")]
)
def test_a_home_that_no_folder_can_be_is_told(run: Run, home: str, told: str) -> None:
    code, _, err = run("list", "--home", home)
    assert code == 2
    assert told in err


def test_a_name_longer_than_names_can_be_is_no_image(run: Run) -> None:
    code, _, err = run("check", "x" * 300)
    assert code == 1
    assert "File name too long" in err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gistchain rebu", {"rebuild"}),
        ("gistchain rebuild --choice ", {"best", "random", "worst"}),
        ("gistchain register --captioner s", {"second"}),
        ("gistchain models check ske", {"sketch"}),
        ("gistchain models check traits --kind pa", {"painter"}),
    ],
)
def test_tab_completes(run: Run, monkeypatch: pytest.MonkeyPatch, typed: str, offered: set[str]) -> None:
    monkeypatch.setenv("_GISTCHAIN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    code, out, _ = run()
    assert code == 0
    assert set(out.split()) == offered


def test_the_script_that_completes_is_shown(run: Run) -> None:
    assert "--install-completion" in run("-h")[1]
    assert "--install-completion" not in run("models", "-h")[1]


def test_what_is_taken_by_default_can_be_used() -> None:
    """A default goes through the same parser as a word that was typed."""
    command = typer.main.get_command(app).commands["demo"]  # type: ignore[attr-defined]
    assert command.make_context("demo", []).params["report"] == Path("report.html")
    assert a_path(Path("report.html")) == Path("report.html")
