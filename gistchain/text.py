"""Words from anywhere -> words that can be shown to a person."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime


def printable(text: str) -> str:
    """The text with control and other unprintable characters as escapes, line ends included: no terminal obeys it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


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
