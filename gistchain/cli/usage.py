"""Words of a person that can't be used -> what is wrong with them, in plain words.

typer hands on what pydantic says of a value: "Input should be a valid integer, unable to parse string as an integer".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from gistchain.text import printable

STDIN = "-"
STDIN_NAME = "stdin"
"""What its picture is called in answers."""

_ADVICE = {
    "int": "give a whole number",
    "float": "give a number",
    "finite_number": "give a number",
    "greater_than_equal": "give {ge:g} or more",
    "greater_than": "give more than {gt:g}",
    "less_than_equal": "give {le:g} or less",
    "less_than": "give less than {lt:g}",
}
"""By the beginning of the names that pydantic has for errors; limits by its names for them."""
_ADDRESS = re.compile(r"(?P<kind>[a-z][a-z0-9+.-]+):/|data:", re.I)
_SHOWN = 60
"""Characters of an address that are repeated: a data: URI holds a whole file."""


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Usage errors of the body leave it with a message that needs no knowledge of Python."""
    try:
        yield
    except typer.BadParameter as error:
        listed: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
        if listed:
            error.message = printable(_plain(listed[0], error.message))
        raise


def _plain(error: dict[str, Any], otherwise: str) -> str:
    """error: one of pydantic's, with the type of the error, the input and the limits."""
    limits: dict[str, Any] = error.get("ctx", {})
    if error["type"] == "value_error":  # raised by a function, in its own words
        return str(limits.get("error", otherwise))
    advice = next((words for kind, words in _ADVICE.items() if error["type"].startswith(kind)), None)
    return otherwise if advice is None else f"{str(error['input'])[:_SHOWN]!r} can't be used: {advice.format(**limits)}"


def a_path(words: str | Path) -> Path:
    """The path that was typed, or that is taken by default. Raises ValueError where nothing or an address was typed."""
    if isinstance(words, Path):
        return words
    if not words:
        raise ValueError("it is empty: give a name, or leave the option out")
    if (told := about_address(words)) is not None:
        raise ValueError(told)
    return Path(words)


def about_address(words: str) -> str | None:
    """What to do with an address of the internet where a file is wanted; None for anything else.

    A file of that name is a file.
    """
    match = _ADDRESS.match(words)
    if match is None or _exists(words):
        return None
    shown = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."
    kind = (match["kind"] or "data").casefold()
    if kind == "file":
        path = shlex.quote(re.sub("^file:/*", "/", words))
        return f"{shown} is an address, and files are named by their path: give {path}"
    if kind == "data":
        return f"{shown} holds its content in itself, and only files are read: save the content to a file and give that"
    if kind in ("ipfs", "ipns", "ar"):
        return f"{shown} is not a file here: fetch it through a gateway of {kind}, save it and give the file"
    return f"{shown} is an address, and only files are read: download it, then give the file"


def _exists(words: str) -> bool:
    try:
        return Path(words).exists()
    except (OSError, ValueError):  # longer than names can be
        return False
