"""A collection in its part -> its pairs of picture and captions, one by one."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gistchain.collection.captions.rows import CaptionRow, made_of, rows
from gistchain.collection.imports.record import About, Record
from gistchain.collection.splits.assign import Placed
from gistchain.collection.splits.sample import order
from gistchain.disk.read import read_regular
from gistchain.errors import CollectionError

_MOST_BYTES = 100 * 2**20
_PNG = b"\x89PNG\r\n\x1a\n"
_LONGEST_SLUG, _LONGEST_STEM = 36, 48
"""Characters of a key's two parts: names in a tar have at most 100."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture with its captions. key: names it in the data set. png: the file. alike: tokens of its collection in
    the data set with the same caption, itself among them (T3.2)."""

    key: str
    png: bytes
    row: CaptionRow
    placed: Placed
    about: About
    alike: int

    def said(self) -> dict[str, Any]:
        """All but the picture, for JSON."""
        return {
            "collection": self.placed.collection,
            "family": self.placed.family,
            "token": self.row.token,
            "subject": self.about.subject,
            "caption": self.row.caption,
            "visible_caption": self.row.visible,
            "paraphrases": [text for text, _ in self.row.paraphrases],
            "attributes": [{"trait_type": type_, "value": value} for type_, value, _ in self.row.traits],
            "original": [{"trait_type": type_, "value": value} for type_, value in self.row.original],
            "abstract": list(self.row.abstract),
            "captions_alike": self.alike,
            "chain": self.about.chain,
            "contract": self.about.contract,
            "licence": self.about.licence,
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """A token that was to be in the data set and is not. why: in a few words."""

    token: str
    why: str


def pairs(folder: Path, placed: Placed, slug: str, *, seed: int = 0) -> Iterator[Pair | Missing]:
    """The taken tokens of a collection, in the order of its record: the first `placed.taken` by hash.

    slug: of keys. Raises CollectionError without captions, FileDamaged.
    """
    chosen, times = _chosen(folder, placed, seed)
    with Record(folder) as record:
        about = record.about()
        if about is None:
            raise CollectionError(f"{folder.name} does not say where it comes from: import it again")
        for row in rows(folder):
            if row.token not in chosen:
                continue
            token = record.get(row.token)
            if token is None or token.state != "complete" or not token.picture:
                yield Missing(row.token, "not complete any more")
                continue
            if row.made_of != made_of(about, token):
                yield Missing(row.token, "captioned before it changed: run `gistchain collection caption` again")
                continue
            png = _png(folder / token.picture)
            if isinstance(png, str):
                yield Missing(row.token, png)
                continue
            yield Pair(f"{slug}-{_stem(token.picture)}", png, row, placed, about, times[_digest(row.caption)])


def slugs(names: list[str]) -> dict[str, str]:
    """Name of a collection -> the first part of its keys: letters, digits, - and _, no two the same."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST_SLUG]
        taken = plain in found.values() or plain != name
        found[name] = f"{plain}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}" if taken else plain
    return found


def _chosen(folder: Path, placed: Placed, seed: int) -> tuple[set[str], Counter[bytes]]:
    """The tokens, and how often each caption is among theirs."""
    salt = f"{seed}/{placed.collection}"
    known = [(order(row.token, salt), row.token, _digest(row.caption)) for row in rows(folder)]
    known.sort()
    first = known[: placed.taken]
    return {token for _, token, _ in first}, Counter(caption for *_, caption in first)


def _digest(caption: str) -> bytes:
    return hashlib.sha256(caption.encode()).digest()[:16]


def _stem(picture: str) -> str:
    """Of a key: a name without dots, at which webdataset ends it, and without folders."""
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", Path(picture).stem)
    if stem == Path(picture).stem and len(stem) <= _LONGEST_STEM:
        return stem
    return f"{stem[:24]}-{hashlib.sha256(picture.encode('utf-8', 'replace')).hexdigest()[:16]}"


def _png(path: Path) -> bytes | str:
    """The file, or why it can't be taken."""
    try:
        data = read_regular(path, at_most=_MOST_BYTES)
    except (OSError, ValueError):
        return "its picture can't be read"
    return data if data.startswith(_PNG) else "its picture is no PNG"
