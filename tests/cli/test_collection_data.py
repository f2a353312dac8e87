"""`gistchain collection caption` and `split`, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.generate import JSON_KEYS
from gistchain.collection.captions.rows import rows
from tests.support.collections import put_plain

Run = Callable[..., tuple[int, str, str]]


def test_captions_are_made_in_words_and_in_json(run: Run, tmp_path: Path) -> None:
    folder = put_plain(tmp_path / "home", "katzen", [(("Augen", "blau"), ("Level", "3"))], subject="Katzen")
    code, out, err = run("collection", "caption", "katzen", "--translate", "words", "--paraphrases", 2)
    assert (code, err) == (0, "")
    assert "captions of 1 tokens" in out
    assert "pixels can't show: Level" in out
    (row,) = rows(folder)
    assert row.caption == "A picture of Katzen, containing blue eyes, 3 Level"
    assert len(row.paraphrases) == 2
    code, out, _ = run("collection", "caption", "katzen", "--json")
    assert code == 0
    assert list(json.loads(out)) == JSON_KEYS["collection caption"].split()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nobody",), 1, "no imported collection is called 'nobody': there are katzen"),
        (("katzen", "--translate", "endpoint"), 2, "no language model is set"),
        (("katzen", "--translate", "none.csv"), 1, "can't read the table none.csv"),
        (("katzen", "--paraphrases", "9"), 2, "9"),
        (("katzen", "--allow-host", "evil.example"), 2, "can't be allowed"),
    ],
)
def test_wrong_words_are_told_what_is_wrong(
    words: tuple[str, ...], code: int, message: str, run: Run, tmp_path: Path
) -> None:
    put_plain(tmp_path / "home", "katzen", [(("Augen", "blau"),)])
    ended, out, err = run("collection", "caption", *words)
    assert (ended, out) == (code, "")
    assert message in " ".join(err.split())


def test_hostile_values_are_shown_and_not_obeyed(run: Run, tmp_path: Path) -> None:
    put_plain(tmp_path / "home", "x", [(("\x1b[2Jlevel", "\n1"), ("\u202ehat", "无无"))])
    code, out, _ = run("collection", "caption", "x", "--translate", "words", "--abstract", "hat")
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
