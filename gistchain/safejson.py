"""JSON from strangers: a file of a folder, an answer from the internet, the header of a checkpoint.

The chain's libraries raise Python's recursion limit so far (py_ecc: 100,000) that JSON nested as deep would end the
process instead of raising.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Literal

_DEEPEST = 100


class Twice(dict[str, Any]):
    """An object that has the key `key` twice."""

    key = ""


def parsed(raw: bytes, *, once: bool | Literal["marked"] = False) -> Any:
    """What the JSON says, with or without a byte order mark. Raises ValueError: damaged, or nested over 100 deep.

    once: also where an object has a key twice, of which readers take different ones; 'marked': such an object is read
    as Twice, so that others beside it can be used.
    """
    depth = 0
    # Strings are matched whole, so that a bracket in one counts for nothing.
    for found in re.finditer(rb'"(?:[^"\\]++|\\.)*+"?|[][{}]', raw, re.DOTALL):
        if found[0] in (b"[", b"{", b"]", b"}"):
            depth += 1 if found[0] in b"[{" else -1
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_MAKES[once])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError(f"it has the key {_twice(pairs)[:60]!r} twice")
    return read


def _twice(pairs: list[tuple[str, Any]]) -> str:
    """The first key that comes again. In linear time: a stranger's object may have a million keys."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return ""


def _marked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) == len(pairs):
        return read
    twice = Twice(read)
    twice.key = _twice(pairs)
    return twice


_MAKES: dict[bool | str, Callable[[list[tuple[str, Any]]], dict[str, Any]] | None]
_MAKES = {False: None, True: _once, "marked": _marked}


def key_twice(value: Any) -> str | None:
    """A key that some object in it has twice, of what was read as 'marked'; None for none."""
    if isinstance(value, Twice):
        return value.key
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for one in inner if (key := key_twice(one)) is not None), None)
