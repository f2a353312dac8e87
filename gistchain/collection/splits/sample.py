"""An imported collection -> what rareness sees in a sample of its pictures; kept in its folder for the next time.

The sample is of the tokens whose ids come first by hash, in every collection by the same one: where a collection
redraws another token by token, both samples hold the same tokens.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.imports.record import About, ImportedToken, Record
from gistchain.disk.read import read_regular
from gistchain.disk.write import write_whole
from gistchain.errors import CollectionError, FileError, ImageError
from gistchain.image import read_image

if TYPE_CHECKING:
    from gistchain.rareness.check import Features
    from gistchain.types import Picture

NAME = "sample.npz"
SIZE = 60
"""Pictures of a collection that are compared with those of others."""
_MOST_TRIED = 3
"""Times SIZE: pictures that are tried, where some can't be read or show nothing."""
_MOST_BYTES = 64 * 2**20


class Looker(Protocol):
    """What sees the pictures: a rareness.check.Checker."""

    fingerprint_version: str

    def features(self, picture: Picture) -> Features: ...


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """folder, about: of the collection. tokens: how many are complete. pictures: paths of those that were looked at.

    fingerprints: (n, 10048) float16, each row with mean 0 and length 1, so that products are correlations. pdq: (n, 8,
    32) uint8, PDQ's 256 bits of the picture in eight turns. quality: (n,) PDQ's, 0..100.
    """

    folder: Path
    about: About
    tokens: int
    pictures: tuple[str, ...]
    fingerprints: NDArray[np.float16]
    pdq: NDArray[np.uint8]
    quality: NDArray[np.uint8]

    @property
    def name(self) -> str:
        return self.folder.name

    def __len__(self) -> int:
        return len(self.pictures)


def sampled(folder: Path, looker: Looker, *, size: int = SIZE, tick: Callable[[], None] = lambda: None) -> Sample:
    """The sample of a collection; taken from its folder where it was taken of these tokens before.

    tick: is called for every picture. Raises CollectionError where no token is complete or no picture can be read.
    """
    with Record(folder) as record:
        about, total = record.about(), record.counts().get("complete", 0)
        first = heapq.nsmallest(size * _MOST_TRIED, record.tokens("complete"), key=lambda token: order(token.id))
    if about is None or not first:
        raise CollectionError(f"{folder.name} has no complete token: import it again, or leave it out")
    key = _key(first, looker.fingerprint_version, size)
    seen = _kept(folder, key)
    if seen is None:
        seen = _looked_at(folder, first, looker, size, tick)
        if not seen.pictures:
            raise CollectionError(f"no picture of {folder.name} can be read, or none shows anything: import it again")
        with contextlib.suppress(FileError):  # it only saves time
            write_whole(folder / NAME, seen.packed(key))
    return Sample(folder, about, total, seen.pictures, seen.fingerprints, seen.pdq, seen.quality)


def order(token: str, salt: str = "") -> bytes:
    """Ids of tokens are put in order by it: by chance, and the same in every collection."""
    return hashlib.sha256(f"{salt}/{token}".encode("utf-8", "replace")).digest()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    pictures: tuple[str, ...]
    fingerprints: NDArray[np.float16]
    pdq: NDArray[np.uint8]
    quality: NDArray[np.uint8]

    def packed(self, key: str) -> bytes:
        file = io.BytesIO()
        np.savez(
            file, key=np.array(key), pictures=np.array(self.pictures), fingerprints=self.fingerprints, pdq=self.pdq,
            quality=self.quality,
        )  # fmt: skip
        return file.getvalue()


def _looked_at(folder: Path, tokens: list[ImportedToken], looker: Looker, size: int, tick: Callable[[], None]) -> _Seen:
    from gistchain.rareness.store.thumbnail import is_blank, thumbnail

    names: list[str] = []
    found: list[Features] = []
    for token in tokens:
        if len(names) == size:
            break
        tick()
        try:
            picture = read_image(folder / token.picture, token.picture)
        except ImageError:
            continue
        if not is_blank(thumbnail(picture.pixels)):  # it would be near to every other that shows nothing
            names.append(token.picture)
            found.append(looker.features(picture))
    return _Seen(
        tuple(names),
        _normal(np.array([one.fingerprint for one in found], np.float32)),
        np.array([[list(bytes.fromhex(turn.pdq)) for turn in one.turns] for one in found], np.uint8),
        np.array([one.hashes.pdq_quality for one in found], np.uint8),
    )


def _normal(fingerprints: NDArray[np.float32]) -> NDArray[np.float16]:
    if not len(fingerprints):
        return fingerprints.astype(np.float16)
    centred = fingerprints - fingerprints.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(length > 0, length, 1), np.float16)


def _key(tokens: list[ImportedToken], version: str, size: int) -> str:
    """Of what the sample was taken."""
    what = [f"{token.picture} {token.media.sha256 if token.media else ''}" for token in tokens]
    return hashlib.sha256("\n".join([version, str(size), *what]).encode("utf-8", "replace")).hexdigest()


def _kept(folder: Path, key: str) -> _Seen | None:
    try:
        with np.load(io.BytesIO(read_regular(folder / NAME, at_most=_MOST_BYTES))) as file:
            if str(file["key"]) != key:
                return None
            pictures = tuple(map(str, file["pictures"]))
            seen = _Seen(pictures, file["fingerprints"], file["pdq"], file["quality"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # not there, or damaged: it is taken again
        return None
    count = len(pictures)
    whole = seen.fingerprints.shape[:1] == seen.quality.shape == (count,) and seen.pdq.shape == (count, 8, 32)
    return seen if whole and seen.fingerprints.ndim == 2 else None
