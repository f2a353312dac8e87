"""gistchain search and index: a hit a line, told where it is, in words that a person understands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.search.conftest import some_punks
from tests.support.collections import put, put_tokens

Run = Callable[..., tuple[int, str, str]]


def test_what_was_imported_is_found_by_words_by_likeness_and_by_a_picture(run: Run, tmp_path: Path) -> None:
    put_tokens(tmp_path / "home", "cryptopunks", some_punks(12), side=96)
    code, out, err = run("search", "mohawk", "with", "an", "earing", "--json", "-n", 3, "--verify")
    hits = [json.loads(line) for line in out.splitlines()]
    assert (code, len(hits)) == (0, 3)
    assert "'earing' read as" in err or "ear" in json.dumps(hits[0]["why"])
    assert hits[0]["kind"] == "reference"
    assert hits[0]["chain_says"]["state"] == "not asked"
    assert hits[0]["ranks"]["words"] == 1
    assert "cosine" in hits[0]
    code, out, _ = run("search", "--like", "cryptopunks:3", "-n", 2)
    assert code == 0
    assert "cryptopunks 3\n" not in out
    assert out.startswith("1. cryptopunks ")
    code, out, _ = run("search", "--image", "home/imports/cryptopunks/images/5.png", "-n", 1, "--sheet", "s.html")
    assert out.startswith("1. cryptopunks 5 ")
    page = (tmp_path / "s.html").read_text("utf-8")
    assert "data:image/png;base64," in page
    assert "<script" not in page


def test_the_index_is_made_goes_on_and_is_made_anew(run: Run, tmp_path: Path) -> None:
    put_tokens(tmp_path / "home", "cryptopunks", some_punks(3), side=96)
    keys = {"tokens", "references", "new", "gone", "pictures", "without_picture", "failed"}
    code, out, _ = run("index", "--json")
    first = json.loads(out)
    assert (code, first.keys(), first["references"], first["pictures"]) == (0, keys, 3, 3)
    assert json.loads(run("index", "--json")[1])["pictures"] == 0
    (tmp_path / "home" / "search.sqlite").write_bytes(b"something else" * 500)
    code, _, err = run("search", "mohawk")
    assert code == 1
    assert "gistchain index --rebuild" in err
    assert json.loads(run("index", "--rebuild", "--json")[1])["pictures"] == 3


def test_a_picture_that_is_gone_costs_its_place_in_the_index_alone(run: Run, tmp_path: Path) -> None:
    folder = put_tokens(tmp_path / "home", "cryptopunks", some_punks(3), side=96)
    (folder / "images" / "1.png").unlink()
    code, out, err = run("index", "--json")
    assert (code, json.loads(out)["without_picture"]) == (0, 1)
    assert "cryptopunks 1 has no picture" in err
    assert json.loads(run("index", "--json")[1])["without_picture"] == 0  # it is not tried again and again


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what to search for"),
        (("cap", "--like", "1"), "one of them"),
        (("--like", "77"), "none that is called so"),
        (("!!",), "no word to search for"),
        (("--image", "nothing.png"), "nothing.png"),
    ],
)
def test_what_can_not_be_searched_for_is_refused(run: Run, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    put_tokens(tmp_path / "home", "cryptopunks", some_punks(2), side=96)
    code, out, err = run("search", *words)
    assert code in (1, 2)
    assert (out, said in err) == ("", True)


def test_an_empty_home_says_what_to_do(run: Run) -> None:
    code, out, err = run("search", "cap")
    assert (code, out) == (0, "")
    assert "gistchain collection import" in err


def test_words_of_strangers_are_shown_and_not_obeyed(run: Run, tmp_path: Path) -> None:
    evil = '\x1b[2J<script>alert(1)</script>" OR NEAR('
    put(tmp_path / "home", "evil", some_punks(2).images, [((evil, evil),), (("hat", "red"),)], ["1", "2"], subject=evil)
    for words in (("alert",), (evil,), ("red", "--not", evil), ("red", "--trait", f"{evil}={evil}")):
        code, out, err = run("search", *words, "--sheet", "s.html")
        assert code == 0
        assert "\x1b" not in out + err
        assert "<script" not in (tmp_path / "s.html").read_text("utf-8")
    assert run("search", "red", "-n", 1)[1].startswith("1. evil 2")
