"""Words of strangers are shown, never obeyed."""

from __future__ import annotations

from gistchain.text import printable, utc


def test_control_characters_are_shown_as_escapes() -> None:
    assert printable("Noun \u2713 \x1b[2J\n\u202e\udcff") == "Noun \u2713 \\x1b[2J\\n\\u202e\\udcff"


def test_a_time_is_a_date_and_an_impossible_one_a_number() -> None:
    assert utc(0) == "1970-01-01 00:00:00 UTC"
    assert utc(2**70) == f"{2**70} s"
