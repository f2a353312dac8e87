"""Folders of images, or the sample collections -> a filled database of registered images (S1.10).

An image that the database holds already is passed over, so that seeding goes on where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gistchain.collection.known import pfp30
from gistchain.collection.known.seeds import EACH, Seed, seeds
from gistchain.errors import GistchainError, ImageError, ModelError
from gistchain.image import images_in, read_image
from gistchain.rareness.store.status import Rows
from gistchain.types import Picture


class Checker(Protocol):
    """What fills the database: a rareness.check.Checker."""

    @property
    def store(self) -> Rows: ...

    def remember(
        self, picture: Picture, rareness: None, *, name: str, collection: str, caption: str, seed: bool
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many images were new, known already, or could not be read; registered: how many there are now.

    A sample collection whose package is not installed counts as one failure.
    """

    new: int
    known: int
    failed: int
    registered: int


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One image of a collection, or the error in its place. share: of the collection that is done with it, 0..1."""

    collection: str
    share: float
    seed: Seed | GistchainError


def from_samples(each: int | None = None) -> Iterator[Step]:
    """The first `each` tokens of every collection of PFP-30, at most and by default EACH."""
    wanted = min(each or EACH, EACH)
    for collection in pfp30.ALL:
        try:
            for number, seed in enumerate(seeds(collection, wanted), 1):
                yield Step(collection, number / wanted, seed)
        except ModelError as error:
            yield Step(collection, 1.0, error)


def from_folders(folders: Sequence[Path], *, each: int | None = None, collection: str | None = None) -> Iterator[Step]:
    """The first `each` images of every folder, by default all. collection: by default the folder's own name.

    Raises ImageError for a folder that does not exist or has no images.
    """
    for folder in folders:
        paths = list(images_in([folder]).images)[:each]
        name = collection if collection is not None else folder.resolve().name
        for number, path in enumerate(paths, 1):
            yield Step(name, number / len(paths), _read(path, name))


def fill(
    checker: Checker,
    steps: Iterator[Step],
    *,
    progress: Callable[[str, float], None],
    failed: Callable[[GistchainError], None],
) -> Seeded:
    """Register every image as one without a token.

    progress: is called with each collection and the share of it that is done; failed: with what could not be read.
    """
    new = known = failures = 0
    for step in steps:
        progress(step.collection, step.share)
        if isinstance(step.seed, GistchainError):
            failures += 1
            failed(step.seed)
        elif checker.store.find(step.seed.picture.sha3_256) is not None:
            known += 1
        else:
            _remember(checker, step.seed)
            new += 1
    return Seeded(new, known, failures, len(checker.store))


def _read(path: Path, collection: str) -> Seed | ImageError:
    try:
        return Seed(read_image(path, path.name), collection, "")
    except ImageError as error:
        return error


def _remember(checker: Checker, seed: Seed) -> None:
    checker.remember(
        seed.picture, None, name=seed.picture.name, collection=seed.collection, caption=seed.caption, seed=True
    )
