"""A table -> Markdown."""

from __future__ import annotations


def table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
