"""ERC-721 metadata in any usual layout -> one item for each token, with its traits by name.

One JSON file for each token (with or without `.json`), or one that lists them all. `attributes` is a list of
{"trait_type", "value"}, or an object. Everything that is read here is untrusted.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from gistchain.disk.read import read_regular
from gistchain.errors import CollectionError
from gistchain.image import files_below
from gistchain.safejson import key_twice, parsed
from gistchain.text import well_formed

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""What can name a collection's files."""
LONGEST = 60  # characters of a trait type or value: longer ones are not traits
_LONGEST_NAME = 300  # of a token or a file: the rest is cut before it is looked at
_LONGEST_PATH = 8_192
_MOST_ATTRIBUTES = 1_000  # of one token
_MOST_FILE_BYTES = 64 * 2**20
_NOT_SHOWN = frozenset({"number", "date", "boost_number", "boost_percentage"})
NOTHING = frozenset({"", "none", "n/a", "null", "nothing"})


@dataclass(frozen=True, slots=True)
class Item:
    """Metadata of one token.

    name: its file's stem, or its number in a list. image: the file name, without folders, in "image", '' for none.
    title: its "name". odd: those of its attributes that can't be used.
    """

    name: str
    image: str
    title: str
    attributes: dict[str, str]
    odd: tuple[str, ...]


def items(folder: Path, damaged: dict[str, str] | None = None) -> tuple[list[Item], list[Path]]:
    """Every token's metadata in a folder, and the files that were read.

    damaged: where given, what is wrong with one token is noted there, by its name and with the reason, and the others
    are read. Links are followed, as for images; hidden entries are left out. Raises CollectionError where there is no
    metadata, and without `damaged` for JSON that can't be read and for two that claim to be the same token.
    """
    files = _metadata_files(folder)
    single: dict[str, Item] = {}
    lists: list[tuple[Path, list[dict[str, Any]]]] = []
    for path in files:
        with costs_one(normal(path.stem), damaged):
            content = _parsed(path)
            if isinstance(content, list) and content and all(isinstance(entry, dict) for entry in content):
                lists.append((path, content))
            elif isinstance(content, dict) and "attributes" in content:
                item = _item(content, normal(path.stem), path)
                if item.name in single:
                    raise CollectionError(
                        f"{path} and another file hold the metadata of {item.name!r}: keep one of them"
                    )
                single[item.name] = item
    taken = {*single, *(item.image for item in single.values()), *(damaged or ())}
    every = single | _listed(lists, taken, damaged)
    for name in damaged or ():  # of two that claim to be one token neither is taken
        every.pop(name, None)
    if not every and not damaged:
        raise CollectionError(
            f'{folder} holds no metadata: each token needs a JSON file with "attributes", as in ERC-721{_above(folder)}'
        )
    return list(every.values()), files


@contextmanager
def costs_one(name: str, damaged: dict[str, str] | None) -> Iterator[None]:
    """A CollectionError inside is noted in `damaged` under the token's name; raised where that is None."""
    try:
        yield
    except CollectionError as error:
        if damaged is None:
            raise
        damaged.setdefault(name, str(error))


def normal(name: str) -> str:
    """A name in the form in which names are compared: macOS stores letters and their accents apart.

    Bytes of a file's name that are no UTF-8 become \\xff, so that the name can be written down.
    """
    return unicodedata.normalize("NFC", well_formed(name[:_LONGEST_NAME]))  # takes quadratic time for a heap of accents


def without_number(title: str) -> tuple[str, str]:
    """The parts of a token's name: 'Cool Cat #12' -> ('Cool Cat', '12'). The second is '' where there is no number."""
    title = title.rstrip()
    start = len(title)
    while start and title[start - 1].isdecimal():
        start -= 1
    if start == len(title):
        return title, ""
    return title[:start].rstrip().removesuffix("#").rstrip(), title[start:]


def clean(text: str) -> str:
    """The text on one line, without commas, which separate the parts of a caption."""
    return " ".join("".join(c if c.isprintable() and c != "," else " " for c in text).split())


def _metadata_files(folder: Path) -> list[Path]:
    try:
        return [path for path in files_below(folder) if _may_be_metadata(path)]
    except OSError as error:
        raise CollectionError(f"can't look into {error.filename}: {error.strerror}") from error


def _above(folder: Path) -> str:
    """Where the JSON is, if the folder of the images alone was given."""
    above = folder.resolve().parent
    beside = [above, *(above / name for name in ("metadata", "json"))]
    try:
        there = any(_may_be_metadata(path) for one in beside if one.is_dir() for path in islice(one.iterdir(), 1_000))
    except OSError:
        there = False
    return f". The folder above has JSON: give {shlex.quote(str(above))}" if there else ""


def _may_be_metadata(path: Path) -> bool:
    return path.suffix.lower() == ".json" or (not path.suffix and path.name.isdigit())


def _parsed(path: Path) -> Any:
    try:
        return parsed(read_regular(path, at_most=_MOST_FILE_BYTES), once="marked")
    except OSError as error:
        raise CollectionError(f"can't read {path}: {error.strerror}") from error
    except ValueError as error:
        raise CollectionError(f"{path} is not JSON ({error}): repair it, or move it out of the folder") from error


def _listed(
    lists: list[tuple[Path, list[dict[str, Any]]]], taken: set[str], damaged: dict[str, str] | None
) -> dict[str, Item]:
    """The items of lists, but those of tokens that have a file of their own. Two lists may hold the same item twice."""
    listed: dict[str, Item] = {}
    for path, content in lists:
        for number, entry in enumerate(content, 1):
            name = _number(entry)
            if "attributes" not in entry or (name and name in taken):
                continue
            with costs_one(name or f"{normal(path.name)} entry {number}", damaged):
                item = _item(entry, name, path)
                if item.image and item.image in taken:
                    continue
                if not name:
                    raise CollectionError(
                        f'{path} does not say which image an entry is of: give each an "image", "edition" or "id"'
                    )
                if listed.setdefault(name, item).attributes != item.attributes:
                    raise CollectionError(f"{path}: {name!r} is there twice, with different attributes: keep one")
    return listed


def _number(entry: dict[str, Any]) -> str:
    """The name of a list's entry: its edition, its id or the number in its name, else the stem of its image."""
    for key in ("edition", "tokenId", "token_id", "id"):
        if isinstance(entry.get(key), int | str):
            return normal(str(entry[key]))
    if isinstance(name := entry.get("name"), str) and (number := without_number(name[-_LONGEST_NAME:])[1]):
        return number
    return PurePosixPath(_file_name(entry)).stem


def _item(content: dict[str, Any], name: str, path: Path) -> Item:
    if (twice := key_twice(content)) is not None:
        raise CollectionError(f"{path}: {name!r} has the key {twice[:60]!r} twice, and readers take different ones")
    attributes: dict[str, str] = {}
    odd = []
    for type_, value in _named_values(content, name, path):
        if value is None:
            odd.append(type_)
        elif value.casefold() not in NOTHING:  # of a type that a token has twice, both values
            both = f"{attributes[type_]} and {value}" if type_ in attributes else value
            if len(both) <= 2 * LONGEST:
                attributes[type_] = both
            else:
                odd.append(type_)
    title = content["name"][:_LONGEST_NAME] if isinstance(content.get("name"), str) else ""
    return Item(name, _file_name(content), title, attributes, tuple(odd))


def _file_name(content: dict[str, Any]) -> str:
    """The last part of the file name, path or URL in "image"; '' for data URIs."""
    image = content.get("image")
    if not isinstance(image, str) or len(image) > _LONGEST_PATH or image.lstrip().startswith("data:"):
        return ""
    path = re.split("[?#]", image, maxsplit=1)[0] if "://" in image else image
    return normal(PurePosixPath(unquote(path).replace("\\", "/")).name)


def _named_values(content: dict[str, Any], name: str, path: Path) -> Iterator[tuple[str, str | None]]:
    """Trait type and value; None for a value that is not a short text. Bars, dates and fractions are left out."""
    given = content["attributes"]
    if isinstance(given, dict):
        given = [{"trait_type": k, "value": v} for k, v in given.items()]
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise CollectionError(f"{path}: the attributes of {name!r} are not a list of trait_type and value")
    if len(given) > _MOST_ATTRIBUTES:
        raise CollectionError(f"{path}: {name!r} has {len(given):,} attributes: at most {_MOST_ATTRIBUTES:,} are read")
    for entry in given:
        type_, value = entry.get("trait_type"), entry.get("value")
        if str(entry.get("display_type")) in _NOT_SHOWN or isinstance(value, float) or value is None:
            continue
        # Cut before they are cleaned, generously: blanks may be left out.
        if not isinstance(type_, str) or not (words_of_type := clean(type_[: 20 * LONGEST])):
            continue  # OpenSea's properties without a name
        words = clean(str(value)[: 20 * LONGEST]) if isinstance(value, str | int) else "?" * (LONGEST + 1)
        short = len(words) <= LONGEST and len(words_of_type) <= LONGEST
        yield words_of_type[:LONGEST].strip(), words if short else None
