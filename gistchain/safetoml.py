"""TOML that anyone may have written -> its content, or one kind of error.

Nested too deeply it is refused, as in safejson, for the same reason: tomllib calls itself for each
[, and Python's recursion limit may have been raised so far that the process would end.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

_DEEPEST = 100
# Strings and comments are matched whole, so that a bracket in one counts for nothing.
_TOKEN = re.compile(
    rb'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[][{}]', re.DOTALL
)


def parsed(raw: bytes) -> dict[str, Any]:
    """What the TOML says. Raises ValueError: damaged, no UTF-8, or nested over 100 deep."""
    depth = 0
    for found in _TOKEN.finditer(raw):
        if found[0] in (b"[", b"{", b"]", b"}"):
            depth += 1 if found[0] in b"[{" else -1
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
    told = tomllib.loads(raw.decode())
    level: list[Any] = [told]
    for _ in range(_DEEPEST):  # keys such as a.a.a nest too
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
                 if isinstance(inner, dict | list)]  # fmt: skip
        if not level:
            return told
    raise ValueError(f"it is nested more than {_DEEPEST} deep")
