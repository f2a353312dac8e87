"""The fields of a table of rules, each checked where it is read. Keys that a table can't have are told first: of a key
that is misspelt nobody should read that it is missing."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from gistchain.errors import CollectionError

LEAST_WEIGHT, MOST_WEIGHT = 1e-9, 1e12
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters that control, turn the direction of reading, or end a line."""
_JOINERS = "\u200c\u200d"
"""Of scripts and of emoji."""

TRAITS = "*"
"""In place of the name of a key: any key may stand there, as it is the name of a trait type."""
TOP = (
    "name", "count", "seed", "first_id", "subject", "description", "symbol", "base_uri", "external_url",
    "animation_url", "background_color", "banner_image", "external_link", "layers", "painter", "trait", "exclude",
    "require", "number", "prompts",
)  # fmt: skip
KEYS: dict[str, tuple[str, ...]] = {
    "layers": ("folder", "order", "scale"),
    "painter": ("collection", "side"),
    "trait": ("type", "values", "none", "shown"),
    "exclude": (TRAITS,),
    "require": ("if", "then"),
    "number": ("type", "from", "to", "display_type"),
    "prompts": ("lora", "lora_scale", "rare_weight", "emphasis"),
}
"""What the tables of rules can have; TOP is what stands above all tables. docs/collections.md explains each."""
_ALONE = ("layers", "painter", "prompts")
"""Tables that are there once; the others are written as [[table]]."""


class Fields:
    """One table. where: as messages call it. keys: what it can have.

    Raises CollectionError for any other key: a typing error would change a collection silently. hint: what to write,
    where no known key is like it."""

    def __init__(self, told: dict[str, Any], where: str, keys: Collection[str], hint: str = "") -> None:
        self._told, self.where = told, where
        self._tables: dict[str, list[Fields]] = {}
        unknown = [name for name in told if name not in keys and TRAITS not in keys]
        if unknown:
            raise CollectionError(f"{where}: {_shown(unknown[0])} is unknown: {_instead(unknown[0], keys, hint)}")

    def raw(self, name: str) -> Any:
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

    def factor(self, name: str, *, default: float, high: float, what: str) -> float:
        """what: as a message calls the number."""
        value = self.raw(name)
        return default if value is None else number(value, f"{self.where}: {name}", high=high, what=what)

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
        return Fields(value, f"[{name}]", KEYS[name])

    def tables(self, name: str) -> list[Fields]:
        """The same ones at every call."""
        if name not in self._tables:
            value = self.raw(name)
            listed = [] if value is None else value
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise CollectionError(f"{self.where}: {name} is written as [[{name}]], once for each")
            self._tables[name] = [Fields(one, f"[[{name}]] {k}", KEYS[name]) for k, one in enumerate(listed, 1)]
        return self._tables[name]

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.raw(name)
        if value is not None and not isinstance(value, dict):
            raise CollectionError(f"{self.where}: {name} is a table such as {{ Crown = 5 }}")
        return value or {}

    def all(self) -> dict[str, Any]:
        return dict(self._told)

    def _given(self, name: str, needed: bool) -> Any:
        value = self.raw(name)
        if value is None and needed:
            raise CollectionError(f"{self.where}: {name} is missing")
        return value


def _instead(name: str, keys: Collection[str], hint: str) -> str:
    """What to do about a key that is unknown."""
    near = get_close_matches(name.casefold(), keys, 1)
    if not hint and name in TOP:  # TOML gives a table all lines up to the next one
        return "it belongs above the first [table] of the file"
    if near:
        return f"is {near[0]!r} meant?"
    if hint:
        return hint
    tables = [table for table, inner in KEYS.items() if name in inner]
    if tables:
        return f"it belongs into [{tables[0]}]" if tables[0] in _ALONE else f"it belongs into a [[{tables[0]}]]"
    return f"there are {', '.join(keys)}"


def number(value: object, where: str, *, high: float = MOST_WEIGHT, what: str = "weight") -> float:
    """A number of LEAST_WEIGHT to `high`: sums and ratios of such ones stay finite. Raises CollectionError."""
    read = _read(value)
    if not LEAST_WEIGHT <= read <= high:
        bounds = f"from {LEAST_WEIGHT:g} to {high:g}"
        never = "; for a value that no token has, { count = 0 }" if read == 0 and what == "weight" else ""
        raise CollectionError(f"{where}: {_shown(value)} is no {what}: give a number {bounds}{never}")
    return read


def percent(value: str, where: str) -> float:
    """Of "5%". Raises CollectionError."""
    read = _read(value.removesuffix("%"))
    if not LEAST_WEIGHT <= read <= 100:
        raise CollectionError(f'{where}: {_shown(value)} is no share of the tokens: give one up to 100, such as "5%"')
    return read


def _read(value: object) -> float:
    """NaN for what is no number."""
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _shown(value: object) -> str:
    """For messages. Python shows neither a number of 5,000 digits nor what is nested too deeply."""
    try:
        return repr(value)[:100]
    except (ValueError, RecursionError):
        return "that"
