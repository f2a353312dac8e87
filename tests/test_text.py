"""Words of strangers are shown, never obeyed: on a terminal and on a page of HTML."""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict

import pytest

from gistchain.text import is_key, page, printable, utc

CATEGORIES: dict[str, list[str]] = defaultdict(list)
for _number in range(sys.maxunicode + 1):
    CATEGORIES[unicodedata.category(chr(_number))].append(chr(_number))
# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt, and the blank of Braille.
IGNORED = [0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0x200B, 0x2010),
           *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x2800, 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0,
           *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B),
           *range(0xE0000, 0xE1000)]  # fmt: skip


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_characters_that_can_be_seen_stay_and_all_others_are_escaped(category: str) -> None:
    ignored = {chr(number) for number in IGNORED}
    characters = set(CATEGORIES[category])
    escaped = {c for c in characters if printable(c) != c}
    if category[0] in "CZ":  # control, format, surrogate, private, unassigned; separators
        assert escaped == characters - {" "}
    else:
        assert escaped == characters & ignored
    assert all(printable(c).isascii() and printable(c).isprintable() for c in escaped)


def test_all_that_is_shown_is_shown_the_same_a_second_time() -> None:
    text = printable("Noun \u2713 \x1b[2J\n\u202e\udcff \u00e9")
    assert text == "Noun \u2713 \\x1b[2J\\n\\u202e\\xff \u00e9"
    assert printable(text) == text


def test_a_heap_of_accents_is_not_piled_up() -> None:
    assert printable("e" + "\u0301" * 500) == "e" + "\u0301" * 4 + "\\u0301" * 496
    assert printable("Vi\u1ec7t e\u0323\u0302") == "Vi\u1ec7t e\u0323\u0302"


def test_a_page_shows_what_a_terminal_shows_and_escapes_html() -> None:
    words = "<b>\u202e\u200b\x1b&\n\udcff"
    assert page('<p title="{{ w }}">{{ w }}</p>{{ 5 }}', w=words) == (
        '<p title="{0}">{0}</p>5'.format("&lt;b&gt;\\u202e\\u200b\\x1b&amp;\\n\\xff")
    )
    assert page("{{ w|join(', ') }}", w=["a\nb", "<i>"]) == "a\\nb, &lt;i&gt;"


def test_a_key_is_told_from_the_name_of_a_file() -> None:
    assert all(map(is_key, ["0x" + "ab" * 32, "AB" * 32, "ab" * 31, f" {'1' * 63}\n", "test " * 11 + "junk"]))
    assert not any(map(is_key, ["my.key", "keys/default.key", "0x1234", "a b c.key", ""]))


def test_a_time_is_a_date_and_an_impossible_one_a_number() -> None:
    assert utc(0) == "1970-01-01 00:00:00 UTC"
    assert utc(2**70) == f"{2**70} s"
