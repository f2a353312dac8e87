"""Words from anywhere -> words that can be shown to a person."""

from __future__ import annotations

from datetime import UTC, datetime


def printable(text: str) -> str:
    """The text with control and other unprintable characters as escapes, line ends included: no terminal obeys it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def utc(seconds: int) -> str:
    """A Unix time as a date; the number itself where it is beyond the calendar: anyone may claim any time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return f"{seconds} s"
