"""Words from anywhere -> words that can be shown to a person, on a terminal and on a page of HTML alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

# Printable by Unicode and yet invisible: fillers and joiners of scripts, variation selectors, the blank of Braille.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_MOST_MARKS = 4
"""Accents and the like on one letter: no language needs more, and a heap of them covers the lines above."""
_KEY = re.compile(r"\s*(0x)?[0-9a-fA-F]{32,}\s*")


def printable(text: str) -> str:
    """The text with all that can't be seen as escapes, so that a terminal or a browser shows it and obeys nothing.

    Escaped are control and format characters, line ends, blanks but the space, what turns the direction of reading or
    joins letters, surrogates, private and unassigned characters, invisible letters, and marks beyond the fourth. A byte
    of a file's name that is no UTF-8 is shown as \\xff.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        plain = character.isprintable() and marks <= _MOST_MARKS and not _INVISIBLE.match(character)
        shown.append(character if plain else _escape(character))
    return "".join(shown)


def well_formed(value: Any) -> Any:
    """A value for JSON with the surrogates in its texts as escapes: bytes of file names that are no UTF-8."""
    if isinstance(value, str):
        return _SURROGATES.sub(lambda found: _escape(found[0]), value)
    if isinstance(value, dict):
        return {well_formed(key): well_formed(each) for key, each in value.items()}
    return [well_formed(each) for each in value] if isinstance(value, list | tuple) else value


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # in place of a byte (PEP 383)
        return f"\\x{ord(character) - 0xDC00:02x}"
    return ascii(character)[1:-1]


def lines(texts: Iterable[str]) -> str:
    """A line for each text: a line end within one is shown as an escape, and can't pass for a line of ours."""
    return "\n".join(map(printable, texts))


def page(template: str, **values: object) -> str:
    """The HTML of a Jinja template; every text in it is escaped, and made printable, unless it is marked as HTML."""
    import jinja2
    from markupsafe import Markup

    def finalized(value: object) -> object:
        return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=finalized)
    return environment.from_string(template).render(values)


def is_key(text: str) -> bool:
    """Whether it looks like a private key, or like the words that stand for one: such a text is never shown."""
    return _KEY.fullmatch(text) is not None or len(text.split()) >= 12


def fitted(text: str, columns: int) -> str:
    """The text in exactly so many columns of a terminal, cut or filled up with spaces; wide letters take two."""
    room, kept = columns, []
    for letter in text:
        room -= _columns(letter)
        kept.append(letter)
        if room < 0:
            while kept and room < 1:
                room += _columns(kept.pop())
            return "".join(kept) + "…" + " " * (room - 1)
    return text + " " * room


def filled(text: str, columns: int, *, right: bool = False) -> str:
    """The text with spaces behind it, or before it, up to so many columns of a terminal; never cut."""
    spaces = " " * (columns - sum(map(_columns, text)))
    return spaces + text if right else text + spaces


def _columns(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def utc(seconds: int) -> str:
    """A Unix time as a date; the number itself where it is beyond the calendar: anyone may claim any time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return f"{seconds} s"
