"""A folder, or a collection that a package draws -> tokens that are at hand, nothing fetched.

Packaged: cryptopunks, nouns, dicebear:STYLE, robohash:SET, and pfp-30, which is thirty of these. What a token's number
gives is the same on every machine.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import io
import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gistchain.collection import metadata as folders
from gistchain.collection.folder import ListedToken, by_names, paired, why_no_image
from gistchain.collection.imports import metadata
from gistchain.collection.imports.record import About, Content, ImportedToken, Record
from gistchain.collection.imports.sources import Note, NotObtained, Obtained
from gistchain.collection.imports.standard import WIDTH
from gistchain.collection.known import dicebear, nouns, pfp30, punks, robohash
from gistchain.collection.metadata import normal
from gistchain.collection.tokens import Tokens
from gistchain.disk.read import read_regular
from gistchain.errors import CollectionError, SettingError
from gistchain.image import files_below
from gistchain.image.kinds import FILMS, HEAD_BYTES, READ, SVG, kind_of
from gistchain.image.reading import MAX_FILE_BYTES
from gistchain.text import well_formed

DEFAULT_LIMIT = 1_000
"""Of what is drawn from seeds, which has no end."""
_NOUNS = 100_000
_STYLES = "https://www.dicebear.com/styles"
_NO_IMAGE = "no file of the folder has its name or is the one that it names"
_NO_METADATA = 'metadata: no JSON with "attributes" has its name, or names it as its "image"'
_LICENCES = {"punks": "Larva Labs: for research, not to be published again", "nouns": "CC0 1.0"}


class Folder:
    """A maker's folder: images and ERC-721 metadata, in any usual layout."""

    def __init__(self, folder: Path, *, name: str, subject: str = "") -> None:
        """Raises CollectionError where the folder is not there."""
        if not folder.is_dir():
            raise CollectionError(
                f"{folder} is no folder, no file and no packaged collection: `gistchain collection import -h` lists "
                "what is taken"
            )
        self._folder, self._name, self._subject = folder, name, subject
        self._tokens: dict[str, ListedToken] = {}
        self._titles: dict[str, str] = {}
        self._without: dict[str, str] = {}
        self.origin = str(folder.resolve())

    def discover(self, record: Record, limit: int | None, note: Note) -> About:
        for one in self._read():
            note(one)
        every = [*self._tokens, *self._without]
        record.want(every[:limit])
        had = record.tokens("complete", "failed")
        record.put([replace(token, state="stale") for token in had if self._changed(token)])
        return About(self._name, self._subject, "folder", supply=len(every))

    def prepare(self) -> None:
        self._read()

    def _read(self) -> list[str]:
        """What is in the folder now; a note on images that are no token's. Raises CollectionError."""
        damaged: dict[str, str] = {}
        items, read = folders.items(self._folder, damaged)
        self._without = {name: f"metadata: {why}" for name, why in damaged.items()}
        images, unread = list[Path](), set[Path]()
        for path in files_below(self._folder):
            if _shows(path):
                images.append(path)
            else:
                unread.add(path)
        others = by_names(unread - set(read))
        damaged = {}
        tokens, _ = paired(images, items, self._folder, skip=True, damaged=damaged)
        self._without |= {name: f"image: {why}" for name, why in damaged.items()}
        self._tokens = {token.name: token for token in tokens}
        self._titles = {item.name: item.title or item.name for item in items}
        for item in sorted(items, key=lambda one: (len(one.name), one.name)):
            if item.name not in self._tokens and item.name not in self._without:
                self._without[item.name] = f"image: {why_no_image(item, others) or _NO_IMAGE}"
        return self._unclaimed(images, items)

    def _unclaimed(self, images: list[Path], items: list[folders.Item]) -> list[str]:
        """Images that no metadata claims are tokens whose metadata is missing; those of known tokens are only noted."""
        used = {token.image for token in self._tokens.values()}
        named = {item.image for item in items}
        beside: list[str] = []
        for path in sorted(images, key=lambda one: (len(one.stem), one.name)):
            if path in used:
                continue
            name, file = normal(path.stem), normal(path.name)
            if file in named or name in self._tokens:
                beside.append(file)
            else:
                self._without.setdefault(name, _NO_METADATA)
        if not beside:
            return []
        shown = f"{', '.join(beside[:3])}{' ...' if len(beside) > 3 else ''}"
        return [f"left out: {len(beside)} images that are no token's, as their tokens show others ({shown})"]

    def obtain(self, token: ImportedToken) -> Obtained:
        listed = self._tokens.get(token.id)
        if listed is None:
            raise NotObtained(self._without.get(token.id, "it is no longer in the folder"), token)
        raw, media = self._content(listed, token)
        kind = kind_of(media[:HEAD_BYTES]) or "unknown"
        source = well_formed(str(listed.image.relative_to(self._folder)))
        return replace(_at_hand(token, raw, media, kind, source), called=source)

    def _changed(self, token: ImportedToken) -> bool:
        """Whether its files are others than when it was imported, or when that failed."""
        listed = self._tokens.get(token.id)
        if listed is None:
            why = self._without.get(token.id)
            return why is not None and not token.problem.startswith(well_formed(why))
        if token.metadata is None or token.media is None:
            return token.state == "failed"
        try:
            contents = self._content(listed, token)
        except NotObtained:
            return True
        return [hashlib.sha256(one).hexdigest() for one in contents] != [token.metadata.sha256, token.media.sha256]

    def _content(self, listed: ListedToken, token: ImportedToken) -> tuple[bytes, bytes]:
        """(metadata, media). Raises NotObtained."""
        attributes = [{"trait_type": t, "value": v} for t, v in listed.attributes.items()]
        raw = json.dumps(
            {"name": self._titles[listed.name], "image": listed.image.name, "attributes": attributes}
        ).encode()
        try:
            media = read_regular(listed.image, at_most=MAX_FILE_BYTES)
        except (OSError, ValueError) as error:
            raise NotObtained(f"image: {error}", token) from error
        return raw, media


class Packaged:
    """A collection that an installed package holds or draws."""

    def __init__(self, wanted: str, *, name: str, subject: str = "") -> None:
        """wanted: as in the module's docstring. Raises SettingError for another, ModelError without the package."""
        self._collection = collection_of(wanted)
        self._wanted, self._name, self._subject = wanted, name, subject
        self.origin = wanted

    def discover(self, record: Record, limit: int | None, note: Note) -> About:
        supply = {"punks": 10_000, "nouns": _NOUNS}.get(self._collection, 0)
        count = min(limit or (10_000 if self._collection == "punks" else DEFAULT_LIMIT), supply or 10**6)
        subject = self._subject or pfp30.traits(self._collection).subject
        for start in range(0, count, 1_000):
            record.want(str(number) for number in range(start, min(start + 1_000, count)))
        return About(self._name, subject, "packaged", supply=supply or count, licence=_licence(self._collection))

    def prepare(self) -> None:
        pass

    def obtain(self, token: ImportedToken) -> Obtained:
        tokens, at = _drawn(self._collection, int(token.id))
        attributes = tokens.traits.attributes(tokens.labels[at].tolist())
        title = f"{tokens.traits.subject} #{token.id}"
        image = Image.fromarray(np.ascontiguousarray(tokens.image(at)))
        file = io.BytesIO()
        image.save(file, "PNG")
        raw = json.dumps({"name": title, "image": f"{token.id}.png", "attributes": attributes}).encode()
        return _at_hand(token, raw, file.getvalue(), "PNG", self._wanted)


def collection_of(wanted: str) -> str:
    """The name in PFP-30, or of an installed DiceBear style. Raises SettingError, ModelError without DiceBear."""
    kind, _, which = wanted.partition(":")
    if wanted in ("cryptopunks", "punks"):
        return "punks"
    if wanted == "nouns":
        return "nouns"
    if kind == "robohash" and f"robohash-{which}" in pfp30.ALL:
        return f"robohash-{which}"
    if kind == "dicebear" and which in dicebear.installed():
        return which
    if kind == "dicebear":
        raise SettingError(_no_style(wanted, which))
    raise SettingError(
        f"{wanted[:80]!r} is no packaged collection: cryptopunks, nouns, dicebear:STYLE, robohash:1, robohash:4 and "
        "pfp-30 are"
    )


def _no_style(wanted: str, which: str) -> str:
    """There are sixty: a few are named, those first whose names are near."""
    styles = dicebear.installed()
    near = difflib.get_close_matches(which.casefold(), styles, 3) if which else []
    if near:
        return f"{wanted[:80]!r} is no style of DiceBear: did you mean {' or '.join(f'dicebear:{s}' for s in near)}?"
    few = ", ".join(f"dicebear:{style}" for style in dicebear.STYLES)
    what = f"{wanted[:80]!r} is no style of DiceBear" if which else "dicebear has many styles"
    return f"{what}: give dicebear:STYLE, as in {few}; {_STYLES} shows all, and {len(styles)} are installed"


def each_of(wanted: str) -> list[str]:
    """The collections that a SOURCE stands for: thirty for pfp-30 (pfp30.py), else itself."""
    return [_source_of(collection) for collection in pfp30.ALL] if wanted == "pfp-30" else [wanted]


def _source_of(collection: str) -> str:
    if collection in ("punks", "nouns"):
        return "cryptopunks" if collection == "punks" else collection
    kind, _, which = collection.partition("-")
    return f"robohash:{which}" if kind == "robohash" else f"dicebear:{collection}"


def _licence(collection: str) -> str:
    if collection in _LICENCES:
        return _LICENCES[collection]
    return robohash.credit(collection) if collection in robohash.SETS else dicebear.credit(collection)


def is_packaged(wanted: str) -> bool:
    return wanted in ("cryptopunks", "punks", "nouns") or wanted.partition(":")[0] in ("dicebear", "robohash")


_ONE_AT_A_TIME = threading.Lock()


@functools.cache
def _every_punk() -> Tokens:
    return punks.tokens()


def _punks() -> Tokens:
    with _ONE_AT_A_TIME:  # a cache lets two threads that are early both work it out
        return _every_punk()


def _drawn(collection: str, number: int) -> tuple[Tokens, int]:
    """Tokens, and which of them has this number."""
    if collection == "punks":
        return _punks(), number
    if collection == "nouns":
        rng = np.random.default_rng([2026, number])
        return nouns.tokens(nouns.sample(1, rng=rng, held=False)), 0
    return pfp30.drawn(collection, [str(number)], size=WIDTH), 0


def _at_hand(token: ImportedToken, raw: bytes, media: bytes, kind: str, source: str) -> Obtained:
    try:
        told = metadata.told(raw)
    except CollectionError as error:
        raise NotObtained(f"metadata: {error}", token) from error

    def content(data: bytes, what: str) -> Content:
        return Content(hashlib.sha256(data).hexdigest(), len(data), what, source)

    token = replace(
        token,
        title=told.title,
        attributes=told.attributes,
        image_uri=told.image,
        metadata=content(raw, "JSON"),
        media=content(media, kind),
    )
    return Obtained(token, raw, media)


def _shows(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            kind = kind_of(file.read(HEAD_BYTES))
    except OSError:
        return False
    return kind in READ or kind in SVG or kind in FILMS or kind == "HEIC"
