"""Words of traits in any language -> English, by a table, a file of one's own, or a language model.

The original always stays beside the translation. What nobody knows stays as it is, and is counted.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from gistchain import safetoml
from gistchain.collection.metadata import clean
from gistchain.disk.read import read_regular
from gistchain.errors import CollectionError
from gistchain.safejson import parsed

PACKAGED = "words"
"""Names the table that ships."""
_MOST_BYTES = 16 * 2**20
_MOST_CHARACTERS = 120
_EVERY = ""


@dataclass(frozen=True, slots=True)
class Translated:
    """A trait in English. by: what translated a part of it, '' where nothing was to be translated or known."""

    type: str
    value: str
    by: str


@dataclass(slots=True)
class Table:
    """entries: (trait type, original), both folded -> English; the type '' stands for all. name: of what made it."""

    name: str
    entries: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, type_: str, original: str, english: str) -> None:
        """Raises CollectionError for a translation that can't be a part of a caption."""
        if (wrong := unusable(english)) is not None:
            raise CollectionError(f"{self.name} translates {original[:60]!r} by what {wrong}: mend or remove it")
        self.entries[folded(type_) if type_ else _EVERY, folded(original)] = english

    def of(self, type_: str, original: str) -> str | None:
        """The English for a value of this type, or for the type itself (''); None where it is not known."""
        word = folded(original)
        own = self.entries.get((folded(type_), word)) if type_ else None
        return own if own is not None else self.entries.get((_EVERY, word))


class Translator:
    """Tables, asked in their order. unknown: words that none of them knows, and that are not their English either."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables = tuple(tables)
        self._english = {folded(english) for table in self._tables for english in table.entries.values()}
        self.unknown: dict[str, int] = {}

    def trait(self, type_: str, value: str) -> Translated:
        """The trait with its type and value in English where a table knows them."""
        type_in_english, by_type = self._word("", type_)
        value_in_english, by_value = self._word(type_, value)
        return Translated(type_in_english, value_in_english, by_value or by_type)

    def _word(self, type_: str, original: str) -> tuple[str, str]:
        for table in self._tables:
            if (english := table.of(type_, original)) is not None:
                return english, table.name if english != original else ""
        if any(map(str.isalpha, original)) and folded(original) not in self._english:
            self.unknown[original] = self.unknown.get(original, 0) + 1
        return original, ""


def folded(word: str) -> str:
    """The form in which words are looked up: composed, in small letters, blanks as one."""
    return " ".join(unicodedata.normalize("NFKC", word[:10_000]).casefold().split())


def unusable(english: str) -> str | None:
    """Why a text can't stand for a word of a caption; None where it can."""
    if not english.strip() or english != clean(english):
        return "is empty, has a comma or is not one plain line"
    if len(english) > _MOST_CHARACTERS:
        return f"is longer than {_MOST_CHARACTERS} characters"
    letters = [letter for letter in english if letter.isalpha()]
    if any(not unicodedata.name(letter, "").startswith("LATIN") for letter in letters):
        return "is not written in Latin letters"
    return None


@cache
def packaged() -> Table:
    """Colours and common words of traits in eight languages, those that are no English word."""
    text = resources.files("gistchain.collection.captions").joinpath("words.toml").read_bytes()
    table = Table(PACKAGED)
    for words in safetoml.parsed(text).values():
        for english, originals in words.items():
            for original in originals:
                table.add("", original, english)
    return table


def table_of(path: Path) -> Table:
    """A table from a file: CSV with columns original, english and, if wanted, type; JSON or TOML of original = english,
    and of a trait type = {original = english} for the values of that type alone.

    Raises CollectionError for a file that can't be read as that.
    """
    try:
        data = read_regular(path, at_most=_MOST_BYTES)
    except OSError as error:
        raise CollectionError(f"can't read the table {path}: {error.strerror}") from error
    table = Table(path.name)
    try:
        if path.suffix.lower() == ".csv":
            _from_csv(table, data.decode("utf-8-sig"))
        else:
            read = safetoml.parsed if path.suffix.lower() == ".toml" else parsed
            _from_object(table, read(data.removeprefix(b"\xef\xbb\xbf")))
    except (ValueError, csv.Error) as error:
        raise CollectionError(f"the table {path} can't be read ({error}): mend it") from error
    if not table.entries:
        raise CollectionError(f"the table {path} translates nothing: give lines of an original and its English")
    return table


def _from_csv(table: Table, text: str) -> None:
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    if not {"original", "english"} <= set(rows.fieldnames or ()):
        raise ValueError("its first line has to name the columns original and english")
    for row in rows:
        table.add(row.get("type", ""), row["original"], row["english"].strip())


def _from_object(table: Table, content: Any) -> None:
    if not isinstance(content, Mapping):
        raise ValueError("it is not an object of original and English")
    for original, english in content.items():
        if isinstance(english, Mapping):
            for value, said in english.items():
                table.add(original, value, _text(value, said))
        else:
            table.add("", original, _text(original, english))


def _text(original: str, english: object) -> str:
    if not isinstance(english, str):
        raise ValueError(f"{json.dumps(original)[:80]} is not translated by a text")
    return english.strip()
