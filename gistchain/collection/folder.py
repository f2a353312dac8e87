"""A folder of images and ERC-721 metadata, as its makers have it -> tokens with named traits.

Metadata: one JSON file a token (with or without `.json`), or one that lists all of them. A token's image is the file of
the same stem, or the one that its "image" names. `attributes` is a list of {"trait_type", "value"}, or an object.
Everything in the folder is untrusted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gistchain.collection.tokens import Tokens
from gistchain.errors import CollectionError
from gistchain.image import images_in, read_image
from gistchain.traits import Traits
from gistchain.types import Pixels

LEAST_TOKENS = 50
_MOST_FILE_BYTES = 200 * 2**20
_MOST_VALUES = 500
_DEEPEST = 50
_LONGEST = 60  # characters of a trait type or value: what is longer is no trait
_NOT_SHOWN = frozenset({"number", "date", "boost_number", "boost_percentage"})
_NOTHING = frozenset({"", "none", "n/a", "null", "nothing"})


@dataclass(frozen=True, slots=True)
class Token:
    """One token before its image is read."""

    name: str
    image: Path
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """The tokens of a folder, and what had to be left out. digest: of names, sizes and times of all files read."""

    tokens: tuple[Token, ...]
    traits: Traits
    notes: tuple[str, ...]
    digest: str


def listed(folder: Path, *, name: str, subject: str = "", skip: bool = False) -> Listed:
    """The tokens of a folder, no image read yet.

    skip: leave out images without metadata and metadata without an image instead of refusing the folder.
    Raises CollectionError for a folder that does not fit together or has fewer than LEAST_TOKENS tokens.
    """
    if not folder.is_dir():
        raise CollectionError(f"{folder} is no folder: give the one that holds a collection's images and metadata")
    images = {path: path.stem for path in images_in([folder])}
    metadata, files = _metadata(folder)
    tokens, notes = _paired(images, metadata, folder, skip)
    if len(tokens) < LEAST_TOKENS:
        raise CollectionError(
            f"{folder} has {len(tokens)} tokens with image and metadata: at least {LEAST_TOKENS} are needed"
        )
    traits, left_out = _traits(tokens, name, subject or _subject(metadata, folder))
    stamps = [f"{p.relative_to(folder)} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in sorted({*images, *files})]
    digest = hashlib.sha256("\n".join([name, subject, *stamps]).encode()).hexdigest()
    return Listed(tuple(tokens), traits, (*notes, *left_out), digest)


def read(found: Listed, side: int, progress: Callable[[float], None] = lambda share: None) -> Tokens:
    """Their images at side x side, squeezed if not square. Raises ImageError for one that can't be read."""
    images, labels = [], []
    for number, token in enumerate(found.tokens):
        images.append(_reduced(read_image(token.image).pixels, side))
        labels.append(_labels(token, found.traits))
        progress((number + 1) / len(found.tokens))
    return Tokens(found.traits, tuple(t.name for t in found.tokens), np.stack(images), np.array(labels, np.int64))


def held_out(names: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) a tenth of the tokens, by the hash of their names: the same ones however often a folder is read."""
    return np.array([hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[0] % 10 == 0 for name in names])


def _reduced(image: Pixels, side: int) -> Pixels:
    how = Image.Resampling.BOX if min(image.shape[:2]) >= side else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(image).resize((side, side), how))


def _metadata(folder: Path) -> tuple[dict[str, dict[str, Any]], list[Path]]:
    """Stem -> metadata of one token, and the files that were read."""
    found: dict[str, dict[str, Any]] = {}
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not _hidden(p, folder) and _may_be_metadata(p)]
    lists = []
    for path in files:
        content = _parsed(path)
        if isinstance(content, list) and content and all(isinstance(item, dict) for item in content):
            lists.append(content)
        elif isinstance(content, dict) and "attributes" in content:
            if path.stem in found:
                raise CollectionError(f"{path} and another file hold the metadata of {path.stem!r}: keep one of them")
            found[path.stem] = content
    for content in lists:  # single files are more particular than a list of all
        for number, item in enumerate(content):
            if "attributes" in item:
                found.setdefault(_stem_of(item, number), item)
    if not found:
        raise CollectionError(
            f'{folder} holds no metadata: each token needs a JSON file with "attributes", as ERC-721 has it'
        )
    return found, files


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _may_be_metadata(path: Path) -> bool:
    return path.suffix.lower() == ".json" or (not path.suffix and path.name.isdigit())


def _parsed(path: Path) -> Any:
    if path.stat().st_size > _MOST_FILE_BYTES:
        raise CollectionError(f"{path} has more than {_MOST_FILE_BYTES >> 20} MiB: that is no metadata")
    raw = path.read_bytes()
    depth = deepest = 0
    for bracket in re.findall(rb"[][{}]", raw):  # the chain's libraries raise the recursion limit beyond the stack
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    try:
        if deepest > _DEEPEST:
            raise ValueError(f"it is nested {deepest} deep")
        return json.loads(raw.decode("utf-8-sig"))
    except ValueError as error:
        raise CollectionError(f"{path} is no JSON ({error}): repair it, or move it out of the folder") from error


def _stem_of(item: dict[str, Any], number: int) -> str:
    """Of the image of an item in a list: what "image" names, else its edition or id, else its place in the list."""
    if isinstance(image := item.get("image"), str) and (stem := _named_by(image)):
        return stem
    for key in ("edition", "tokenId", "token_id", "id"):
        if isinstance(item.get(key), int | str):
            return str(item[key])
    return str(number)


def _named_by(image: str) -> str:
    """The stem of a file name, path or URL; '' for data URIs."""
    return "" if image.startswith("data:") else Path(image.split("?")[0].rstrip("/").rsplit("/", 1)[-1]).stem


def _paired(
    images: dict[Path, str], metadata: dict[str, dict[str, Any]], folder: Path, skip: bool
) -> tuple[list[Token], list[str]]:
    of_stem: dict[str, Path] = {}
    for path, stem in images.items():
        if stem in of_stem and stem in metadata:
            raise CollectionError(f"{of_stem[stem]} and {path} are both image {stem!r}: keep one of them")
        of_stem[stem] = path
    tokens, without_image = [], []
    for stem, content in metadata.items():
        named = _named_by(content["image"]) if isinstance(content.get("image"), str) else ""
        image = of_stem.get(stem) or of_stem.get(named)
        if image is None:
            without_image.append(stem)
        else:
            tokens.append(Token(stem, image, _attributes(content, stem, folder)))
    used = {token.image for token in tokens}
    unused = [path.name for path in images if path not in used]
    notes = []
    for what, which in (("metadata without an image", without_image), ("images without metadata", unused)):
        if which:
            told = f"{len(which)} {what} ({', '.join(sorted(which)[:3])}{' ...' if len(which) > 3 else ''})"
            if not skip:
                raise CollectionError(
                    f"{folder}: {told}. A token's image and JSON need the same name, or the JSON's \"image\" must name "
                    "the file; --skip leaves out what does not fit"
                )
            notes.append(f"left out: {told}")
    return sorted(tokens, key=lambda token: (len(token.name), token.name)), notes


def _attributes(content: dict[str, Any], stem: str, folder: Path) -> dict[str, str]:
    """Trait type -> value; a type that a token has twice has both values, joined."""
    found: dict[str, str] = {}
    for type_, value in _named_values(content, stem, folder):
        found[type_] = f"{found[type_]} and {value}" if type_ in found else value
    return found


def _named_values(content: dict[str, Any], stem: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Numbers that are shown as a bar or a date are no traits of the picture."""
    given = content["attributes"]
    if isinstance(given, dict):
        given = [{"trait_type": k, "value": v} for k, v in given.items()]
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise CollectionError(f"{folder}: the attributes of {stem!r} are no list of trait_type and value")
    for item in given:
        type_, value = item.get("trait_type"), item.get("value")
        if item.get("display_type") in ("number", "date", "boost_number", "boost_percentage") or isinstance(
            value, float
        ):
            continue
        if isinstance(type_, str) and isinstance(value, str | int):
            type_, words = _clean(type_), _clean(str(value))
            if type_ and words.casefold() not in _NOTHING:
                yield type_, words


def _clean(text: str) -> str:
    """On one line, without what would cut a caption in two."""
    return " ".join("".join(c if c.isprintable() and c != "," else " " for c in text).split())[:_LONGEST].strip()


def _subject(metadata: dict[str, dict[str, Any]], folder: Path) -> str:
    """What the tokens' names have in common before their number; else the name of the folder."""
    names = Counter(_clean(re.sub(r"\s*#?\s*\d+\s*$", "", str(item.get("name", "")))) for item in metadata.values())
    name, count = names.most_common(1)[0]
    return name if name and count > len(metadata) / 2 else _clean(folder.resolve().name.replace("_", " ")) or "Token"


def _traits(tokens: Sequence[Token], name: str, subject: str) -> tuple[Traits, list[str]]:
    """Types in the order in which most tokens have them, values by how common they are."""
    counts: dict[str, Counter[str]] = {}
    for token in tokens:
        for type_, value in token.attributes.items():
            counts.setdefault(type_, Counter())[value] += 1
    values, notes = {}, []
    for type_, found in counts.items():
        if len(found) > min(_MOST_VALUES, max(10, len(tokens) / 3)):
            notes.append(f"left out: {type_}, whose {len(found)} values hardly repeat")
        elif len(found) == 1 and sum(found.values()) == len(tokens):
            notes.append(f"left out: {type_}, which is {next(iter(found))} everywhere")
        else:
            values[type_] = tuple(sorted(found))
    if not values:
        raise CollectionError(f"the metadata of {name!r} names no trait that some tokens have and others do not")
    return Traits(name, subject, values), notes


def _labels(token: Token, traits: Traits) -> list[int]:
    return [
        values.index(token.attributes[type_]) + 1 if token.attributes.get(type_) in values else 0
        for type_, values in traits.values.items()
    ]
