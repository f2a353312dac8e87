"""The fields of a table of rules, each checked where it is read; what nobody reads is an error that names it."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from gistchain.errors import CollectionError

LEAST_WEIGHT, MOST_WEIGHT = 1e-9, 1e12
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters that control, turn the direction of reading, or end a line."""
_JOINERS = "\u200c\u200d"
"""Of scripts and of emoji."""


class Fields:
    """One table. where: as messages call it."""

    def __init__(self, told: dict[str, Any], where: str) -> None:
        self._told, self.where = told, where
        self._read: set[str] = set()
        self._tables: dict[str, list[Fields]] = {}

    def raw(self, name: str) -> Any:
        self._read.add(name)
        return self._told.get(name)

    def text(self, name: str, *, needed: bool = False, most: int = 200, lines: bool = False) -> str:
        """lines: several are allowed."""
        value = self._given(name, needed)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > most or (needed and not value.strip()):
            raise CollectionError(f"{self.where}: {name} is a text of up to {most:,} letters")
        if any(unicodedata.category(c) in _UNSEEN and c not in _JOINERS + "\n\r\t" * lines for c in value):
            # It goes into metadata and prompts, where a line end makes another prompt and others turn what is read.
            raise CollectionError(f"{self.where}: {name} has {value[:40]!r}: take out what is no letter or sign to see")
        return value

    def texts(self, name: str) -> list[str]:
        value = self.raw(name)
        listed = [] if value is None else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise CollectionError(f"{self.where}: {name} is a list of texts")
        twice = next((one for one in listed if listed.count(one) > 1), None)
        if twice is not None:
            raise CollectionError(f"{self.where}: {name} has {twice!r} twice")
        return listed

    def whole(self, name: str, *, needed: bool = False, low: int, high: int, default: int = 0) -> int:
        value = self._given(name, needed)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            told = _shown(value)
            raise CollectionError(f"{self.where}: {name} is a whole number from {low:,} to {high:,}, not {told}")
        return value

    def share(self, name: str, *, default: float, high: float) -> float:
        value = self.raw(name)
        return default if value is None else number(value, f"{self.where}: {name}", high=high)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise CollectionError(f"{self.where}: {name} is true or false")
        return value

    def table(self, name: str) -> Fields | None:
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise CollectionError(f"{self.where}: [{name}] is a table")
        return Fields(value, f"[{name}]")

    def tables(self, name: str) -> list[Fields]:
        """The same ones at every call."""
        if name not in self._tables:
            value = self.raw(name)
            listed = [] if value is None else value
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise CollectionError(f"{self.where}: {name} is written as [[{name}]], once for each")
            self._tables[name] = [Fields(one, f"[[{name}]] {k}") for k, one in enumerate(listed, 1)]
        return self._tables[name]

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.raw(name)
        if value is not None and not isinstance(value, dict):
            raise CollectionError(f"{self.where}: {name} is a table such as {{ Crown = 5 }}")
        return value or {}

    def rest(self) -> dict[str, Any]:
        """What has not been read."""
        left = {name: value for name, value in self._told.items() if name not in self._read}
        self._read.update(left)
        return left

    def done(self) -> None:
        """Raises CollectionError for what nobody has read: a typing error would change a collection silently."""
        unknown = self._told.keys() - self._read
        if unknown:
            raise CollectionError(
                f"{self.where}: {sorted(unknown)[0]!r} is unknown: take it out, or check its spelling"
            )

    def _given(self, name: str, needed: bool) -> Any:
        value = self.raw(name)
        if value is None and needed:
            raise CollectionError(f"{self.where}: {name} is missing")
        return value


def number(value: object, where: str, *, high: float = MOST_WEIGHT) -> float:
    """A number of LEAST_WEIGHT to `high`: sums and ratios of such ones stay finite. Raises CollectionError."""
    try:
        read = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        read = math.nan
    if not LEAST_WEIGHT <= read <= high:
        bounds = f"from {LEAST_WEIGHT:g} to {high:g}"
        raise CollectionError(f"{where}: {_shown(value)} is no weight: give a number {bounds}")
    return read


def _shown(value: object) -> str:
    """For messages. Python shows neither a number of 5,000 digits nor what is nested too deeply."""
    try:
        return repr(value)[:100]
    except (ValueError, RecursionError):
        return "that"
