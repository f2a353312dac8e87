"""A folder of images and ERC-721 metadata, in any usual layout -> tokens with named traits.

    images ────┐
               ├──> listed(): pairs of both, traits, notes, digest ──> read(): Tokens
    metadata ──┘

A token's image is the one that its metadata's "image" names, by the last part of that path or URL, else the one with
the same name as the metadata. Only the folder is read. Everything in it is untrusted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.metadata import LONGEST, NAME, Item, clean, costs_one, items, normal, without_number
from gistchain.collection.tokens import Tokens
from gistchain.errors import CollectionError, SettingError
from gistchain.image import images_in, read_image
from gistchain.image.kinds import HEAD_BYTES, kind_of
from gistchain.traits import Traits
from gistchain.types import Pixels

LEAST_TOKENS = 50
RECORD = "record.sqlite"
"""In the folder of an imported collection (imports/record.py)."""
_LEAST_HELD_OUT = 5
_MOST_VALUES_OF_A_TYPE = 500
_LONGEST_VALUE = 2 * LONGEST  # of a type that a token has twice, both values
_MOST_TYPES, _MOST_NUMBERS = 64, 50_000  # of a model's layers: a picture of 64 x 64 for each value and type


@dataclass(frozen=True, slots=True)
class ListedToken:
    """One token before its image is read."""

    name: str
    image: Path
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """The tokens of a folder. notes: what had to be left out. digest: of names, sizes and times of all files used."""

    tokens: tuple[ListedToken, ...]
    traits: Traits
    notes: tuple[str, ...]
    digest: str


def listed(folder: Path, *, name: str, subject: str = "", skip: bool = False) -> Listed:
    """The tokens of a folder, no image read yet.

    skip: leave out images without metadata and metadata without an image instead of refusing the folder.
    Raises CollectionError for a folder that does not fit together or has fewer than LEAST_TOKENS tokens, ImageError
    for one without images, SettingError for a name that can't be one of files or a subject of captions.
    """
    if not NAME.fullmatch(name):
        raise SettingError(f"{name!r} can't name a collection's files: give --name with letters a-z, digits and dashes")
    if not folder.is_dir():
        raise CollectionError(f"{folder} is not a folder: give the one that holds a collection's images and metadata")
    if subject and subject != clean(subject)[:LONGEST]:
        raise SettingError(f"{subject!r} can't stand in a caption: give up to {LONGEST} letters on one line, no commas")
    found = images_in([folder])
    images = list(found.images)
    metadata, files = items(folder)
    imported = (folder / RECORD).exists()
    others = by_names({file.path for file in found.skipped} - set(files))
    tokens, notes = paired(images, metadata, folder, skip or imported, by_name=imported, others=others)
    if len(tokens) < LEAST_TOKENS:
        raise CollectionError(
            f"{folder} has {len(tokens)} tokens with image and metadata: at least {LEAST_TOKENS} are needed"
        )
    tokens = _said_once(tokens)
    traits, left_out = _traits(tokens, name, subject or _subject(metadata, folder))
    return Listed(
        tuple(tokens), traits, (*notes, *_odd(metadata), *left_out), _digest(folder, [*images, *files], traits)
    )


def read(
    listing: Listed, reduced: Callable[[Pixels], Pixels], progress: Callable[[float], None] = lambda share: None
) -> Tokens:
    """The tokens with their images, each as `reduced` returns it. Raises ImageError for one that can't be read."""
    images, labels = [], []
    for number, token in enumerate(listing.tokens):
        images.append(reduced(read_image(token.image).pixels))
        labels.append(_labels(token, listing.traits))
        progress((number + 1) / len(listing.tokens))
    return Tokens(listing.traits, tuple(t.name for t in listing.tokens), np.stack(images), np.array(labels, np.int64))


def held_out(names: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) True for a tenth of the tokens, at least five, by the hash of their names: the same at every call."""
    hashes = [hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest() for name in names]
    last = sorted(hashes)[: max(_LEAST_HELD_OUT, len(names) // 10)][-1]
    return np.array([digest <= last for digest in hashes])


def check_traits(traits: Traits) -> None:
    """Whether a stranger's traits could come from a folder. Raises ValueError for words that no caption can hold."""
    if not _fits(traits.subject, LONGEST):
        raise ValueError("its tokens have no proper name")
    for type_, values in traits.values.items():
        if not _fits(type_, LONGEST) or not all(_fits(value, _LONGEST_VALUE) for value in values):
            raise ValueError("its traits are not short texts on one line without commas")
        if not 0 < len(values) == len(set(values)) <= _MOST_VALUES_OF_A_TYPE:
            raise ValueError("a trait type has no values, too many, or the same twice")
    if not traits.values or _too_many(traits.values):
        raise ValueError("it has no traits, or too many")


def paired(
    images: list[Path],
    metadata: list[Item],
    folder: Path,
    skip: bool,
    *,
    by_name: bool = False,
    damaged: dict[str, str] | None = None,
    others: Mapping[str, Path] | None = None,
) -> tuple[list[ListedToken], list[str]]:
    """The tokens with image and metadata, in the order of their names, and notes on what has no partner.

    by_name: whatever file the metadata names, as imported images are called by their tokens. damaged: as for `items`.
    others: of `by_names`, files that are no image.
    """
    files: dict[str, list[Path]] = {}
    for path in images:
        for name in {normal(path.name), normal(path.stem)}:
            files.setdefault(name, []).append(path)
    named = [[] if by_name else _first(files, item.image, PurePosixPath(item.image).stem) for item in metadata]
    times = Counter(path[0] for path in named if path)
    tokens, without_image = [], []
    for item, pointed in zip(metadata, named, strict=True):
        own = _first(files, item.name)
        # An image that many tokens name is a placeholder.
        paths = own if not pointed or (times[pointed[0]] > 1 and own) else pointed
        with costs_one(item.name, damaged):
            if len(paths) > 1:
                raise CollectionError(
                    f"{paths[0]} and {paths[1]} may both be the image of {item.name!r}: keep one of them"
                )
            if paths:
                tokens.append(ListedToken(item.name, paths[0], item.attributes))
            else:
                why = why_no_image(item, others or {})
                without_image.append(f"{item.name}: {why}" if why else item.name)
    used = {token.image for token in tokens}
    notes = _unpaired("metadata without an image", without_image, folder, skip)
    notes += _unpaired("images without metadata", [p.name for p in images if p not in used], folder, skip)
    return sorted(tokens, key=lambda token: (len(token.name), token.name)), notes


def by_names(files: Iterable[Path]) -> dict[str, Path]:
    """Files by their names and by their stems, as tokens name their images."""
    return {name: path for path in sorted(files) for name in (normal(path.name), normal(path.stem))}


def why_no_image(item: Item, others: Mapping[str, Path]) -> str:
    """What is wrong with the file that should be the token's image; '' where there is none. others: of `by_names`."""
    path = next((others[name] for name in (item.image, item.name) if name in others), None)
    if path is None:
        return ""
    name = normal(path.name)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return f"{name} can't be read ({error.strerror})"
    if not head:
        return f"{name} is empty"
    kind = kind_of(head)
    return f"{name} is of the kind {kind}, which is not read" if kind else f"{name} is broken, or no image"


def _first(by_name: dict[str, list[Path]], *names: str) -> list[Path]:
    return next((by_name[name] for name in names if name and name in by_name), [])


def _unpaired(what: str, which: list[str], folder: Path, skip: bool) -> list[str]:
    if not which:
        return []
    summary = f"{len(which)} {what} ({', '.join(sorted(which)[:3])}{' ...' if len(which) > 3 else ''})"
    if skip:
        return [f"left out: {summary}"]
    raise CollectionError(
        f"{folder}: {summary}. A token's image and JSON need the same name, or the JSON's \"image\" must name the "
        "file; --skip leaves out what does not fit"
    )


def _digest(folder: Path, files: list[Path], traits: Traits) -> str:
    """With the times of change (ctime) too: the times of modification can be set back by any program."""
    lines = [repr((traits.collection, traits.subject, *traits.values.items()))]
    for path in sorted(set(files)):
        stat = path.stat()
        lines.append(f"{path.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}")
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _subject(metadata: list[Item], folder: Path) -> str:
    """The part before the number that most tokens' names have in common; else the name of the folder."""
    names = Counter(clean(without_number(item.title)[0]) for item in metadata)
    name, count = names.most_common(1)[0]
    if not name or count <= len(metadata) / 2:
        name = clean(folder.resolve().name.replace("_", " "))
    return name[:LONGEST].strip() or "Token"


def _odd(metadata: list[Item]) -> list[str]:
    first = next((item for item in metadata if item.odd), None)
    if first is None:
        return []
    count = sum(len(item.odd) for item in metadata)
    which = f"the first: {first.odd[0]} of {first.name}"
    return [f"left out: {count} attributes whose value is not a text of up to {LONGEST} characters ({which})"]


def _traits(tokens: Sequence[ListedToken], name: str, subject: str) -> tuple[Traits, list[str]]:
    """The traits, types in the order of their first appearance, values sorted; and notes on types that are left out."""
    counts: dict[str, Counter[str]] = {}
    for token in tokens:
        for type_, value in token.attributes.items():
            counts.setdefault(type_, Counter())[value] += 1
    values, notes = {}, []
    for type_, count in counts.items():
        if len(count) > min(_MOST_VALUES_OF_A_TYPE, max(10, len(tokens) / 3)):
            notes.append(f"left out: {type_}, whose {len(count)} values hardly repeat")
        elif len(count) == 1 and sum(count.values()) == len(tokens):
            notes.append(f"left out: {type_}, which is {next(iter(count))} everywhere")
        else:
            values[type_] = tuple(sorted(count))
    if not values:
        raise CollectionError(f"the metadata of {name!r} names no trait that some tokens have and others do not")
    if _too_many(values):
        raise CollectionError(
            f"the metadata of {name!r} names {len(values)} trait types with {sum(map(len, values.values()))} values: "
            "too many for "
            'a model; take out those that no picture shows, or mark them with "display_type": "number"'
        )
    return Traits(name, subject, values), notes


def _said_once(tokens: Sequence[ListedToken]) -> list[ListedToken]:
    """With 'Big' for the value 'Big Beard' of the type 'Beard', as captions put the type behind it.

    Where two values of a type would be the same then, its values stay as they are.
    """
    values: dict[str, set[str]] = {}
    for token in tokens:
        for type_, value in token.attributes.items():
            values.setdefault(type_, set()).add(value)
    short = {type_: {value: _without_type(value, type_) for value in known} for type_, known in values.items()}
    for type_, names in short.items():
        if len(set(names.values())) < len(names):
            names.update({value: value for value in values[type_]})
    return [
        replace(token, attributes={type_: short[type_][value] for type_, value in token.attributes.items()})
        for token in tokens
    ]


def _without_type(value: str, type_: str) -> str:
    behind = f" {type_}".casefold()
    return value[: -len(behind)].rstrip() or value if value.casefold().endswith(behind) else value


def _fits(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text == clean(text)


def _too_many(values: dict[str, tuple[str, ...]]) -> bool:
    every = sum(len(v) + 1 for v in values.values())
    return len(values) > _MOST_TYPES or every * (len(values) + 4) > _MOST_NUMBERS


def _labels(token: ListedToken, traits: Traits) -> list[int]:
    return [
        values.index(token.attributes[type_]) + 1 if token.attributes.get(type_) in values else 0
        for type_, values in traits.values.items()
    ]
