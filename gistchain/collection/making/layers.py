"""A folder of layers, as HashLips reads them -> trait types with their values, files and weights.

    layers/1-Background/Blue#30.png      type Background, value Blue, weight 30
    layers/2-Hat/rare/Crown.png          value Crown, weight 1; folders within a type only keep order

Types are drawn in the order that is given, else in that of the folders' names, numbers by their size; a number before
the name is no part of it. The folder may come from anyone: links are not followed, and names are names only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gistchain.collection.making.fields import LEAST_WEIGHT, MOST_WEIGHT
from gistchain.collection.making.rules import NONE
from gistchain.collection.metadata import LONGEST, NOTHING, clean, normal
from gistchain.errors import CollectionError

_NUMBER = re.compile(r"^\d+[\s._-]+(?=\S)")
_MOST_TYPES, _MOST_VALUES, _DEEPEST = 64, 2_000, 8


@dataclass(frozen=True, slots=True)
class Layer:
    """One file. weight: what stands behind its last '#', else 1."""

    value: str
    weight: float
    file: Path


def listed(folder: Path, order: Sequence[str] = ()) -> tuple[dict[str, list[Layer]], list[str]]:
    """(trait type -> its files by name, notes on files that are passed over).

    order: names of the sub-folders, bottom first, with or without their number; those not named are not drawn.
    Raises CollectionError: no such folder, nothing in it, a value named twice, a weight that is none.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise CollectionError(
            f"{folder} is not a folder: give [layers] folder the one that holds a folder a trait type"
        )
    folders = _folders(folder)
    if not folders:
        raise CollectionError(f"{folder} holds no folders: each trait type needs one, with a PNG a value")
    found: dict[str, list[Layer]] = {}
    notes: list[str] = []
    for path in _ordered(folders, order, folder):
        type_ = _type_name(path)
        if type_ in found:
            raise CollectionError(f"{folder} has two folders for the trait type {type_!r}: rename one")
        found[type_] = _values(path, type_, notes)
    unused = [path.name for path in folders if _type_name(path) not in found]
    if unused:
        notes.append(f"not drawn, as [layers] order leaves it out: {', '.join(unused)}")
    if not order and len(found) > 1 and not any(_NUMBER.match(normal(path.name)) for path in folders):
        notes.append(
            f"the folders of layers have no numbers and are drawn by the alphabet, bottom first: {', '.join(found)}; "
            "another order is set by [layers] order"
        )
    return found, notes


def _ordered(folders: list[Path], order: Sequence[str], folder: Path) -> list[Path]:
    if not order:
        return sorted(folders, key=lambda path: _natural(path.name))
    chosen = []
    for name in order:
        fits = [path for path in folders if name in (path.name, _type_name(path))]
        if not fits:
            there = ", ".join(sorted(_type_name(path) for path in folders))
            raise CollectionError(f"[layers] order names {name!r}, and {folder} has no such folder; there are {there}")
        chosen.append(fits[0])
    return chosen


def _folders(folder: Path) -> list[Path]:
    paths = [path for path in _entries(folder) if path.is_dir()]
    if len(paths) > _MOST_TYPES:
        raise CollectionError(f"{folder} holds {len(paths)} folders: at most {_MOST_TYPES} trait types are drawn")
    return paths


def _entries(folder: Path) -> list[Path]:
    """What is in a folder but hidden files, by name. Raises CollectionError for a link."""
    try:
        paths = [folder / name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    except OSError as error:
        raise CollectionError(f"can't look into {folder}: {error.strerror}") from error
    for path in paths:
        if path.is_symlink():
            raise CollectionError(f"{path} is a link, which may lead anywhere: put the file or folder itself there")
    return paths


def _type_name(path: Path) -> str:
    name = normal(path.name)
    return _name(_NUMBER.sub("", name), path, "trait type")


def _name(name: str, path: Path, what: str) -> str:
    cleaned = clean(name)
    if not cleaned or cleaned != " ".join(name.split()) or len(cleaned) > LONGEST:
        raise CollectionError(
            f"{path} can't name a {what}: up to {LONGEST} letters on one line, no commas, are in metadata and captions"
        )
    return cleaned


def _values(folder: Path, type_: str, notes: list[str]) -> list[Layer]:
    layers: dict[str, Layer] = {}
    other = []
    for path in _below(folder):
        if path.suffix.lower() != ".png":
            other.append(path.name)
            continue
        value, weight = _said(path)
        if value in layers:
            raise CollectionError(f"{type_}: {value!r} is there twice, {layers[value].file} and {path}: keep one")
        layers[value] = Layer(value, weight, path)
        if len(layers) > _MOST_VALUES:
            raise CollectionError(f"{folder} holds more than {_MOST_VALUES:,} pictures: too many values of one type")
    if not layers:
        raise CollectionError(f"{folder} holds no PNG: put one there for each value of {type_!r}, or take it away")
    if other:
        notes.append(f"{type_}: passed over what is no PNG: {', '.join(other[:3])}{' ...' if len(other) > 3 else ''}")
    return list(layers.values())


def _below(folder: Path, depth: int = 0) -> list[Path]:
    if depth > _DEEPEST:
        raise CollectionError(f"{folder} lies more than {_DEEPEST} folders deep: take it out")
    files = []
    for path in _entries(folder):
        files += _below(path, depth + 1) if path.is_dir() else [path]
    return files


def _said(path: Path) -> tuple[str, float]:
    """(value, weight) by HashLips' rule: the value before the first '#', the weight behind the last."""
    stem = normal(path.stem)
    name, mark, _ = stem.partition("#")
    value = _name(name, path, "value")
    if value.casefold() in NOTHING:
        value = NONE
    if not mark:
        return value, 1.0
    try:
        weight = float(stem.rpartition("#")[2])
    except ValueError:  # HashLips takes 1 for it too
        return value, 1.0
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise CollectionError(
            f"{path}: the weight {stem.rpartition('#')[2]!r} is none: give a number from {LEAST_WEIGHT:g} to "
            f"{MOST_WEIGHT:g}"
        )
    return value, weight


def _natural(name: str) -> tuple[object, ...]:
    """Numbers by their size: '2-Hat' before '10-Eyes'."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)
