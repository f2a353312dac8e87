"""A table -> Markdown, and what stands in its cells."""

from __future__ import annotations

from collections.abc import Sequence


def table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def interval(values: Sequence[float], digits: int = 3) -> str:
    """Of (mean, low, high)."""
    middle, low, high = (f"{value:.{digits}f}" for value in values)
    return f"{middle} [{low}, {high}]"
