"""Folders of images, or the sample collections -> a filled database of registered images (S1.10).

An image that the database holds already is passed over, so that seeding goes on where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gistchain.collection.known import pfp30
from gistchain.collection.known.seeds import EACH, Seed, seeds
from gistchain.errors import GistchainError, ImageError, ModelError, RarenessError
from gistchain.image import images_in, read_image
from gistchain.rareness.store.status import Rows
from gistchain.types import Picture

if TYPE_CHECKING:
    from types import TracebackType

_THREADS = 2
_AT_ONCE = 16
"""Images that are kept in one transaction: each is a write that waits for the disk."""
OF_ONE_IMAGE = (ImageError, RarenessError)
"""What is wrong with one image does not stop the others; what is wrong with a model or the disk stops all."""


class Checker(Protocol):
    """What fills the database: a rareness.check.Checker."""

    @property
    def store(self) -> Rows: ...

    def entry(
        self, picture: Picture, rareness: None, *, name: str, collection: str, caption: str, seed: bool
    ) -> Any: ...

    def keep(self, entries: Sequence[Any]) -> None: ...


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


def from_folders(
    folders: Sequence[Path],
    *,
    each: int | None = None,
    collection: str | None = None,
    skipped: Callable[[str], None] = lambda note: None,
) -> Iterator[Step]:
    """The first `each` images of every folder, by default all. collection: by default the folder's own name.

    skipped: is told which files of a folder are no images.
    Raises ImageError for a folder that does not exist or has no images.
    """
    for folder in folders:
        found = images_in([folder])
        for note in found.notes():
            skipped(note)
        paths = found.images[:each]
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
    known = failures = 0
    with _Keeper(checker, failed) as keeper:
        for step in steps:
            progress(step.collection, step.share)
            if isinstance(step.seed, GistchainError):
                failures += 1
                failed(step.seed)
            elif keeper.has(step.seed.picture):
                known += 1
            else:
                keeper.take(step.seed)
    return Seeded(keeper.kept, known, failures + keeper.failures, len(checker.store))


class _Keeper:
    """Looks at images in threads, since the networks leave Python's lock free, and keeps some at a time, in order."""

    def __init__(self, checker: Checker, failed: Callable[[GistchainError], None]) -> None:
        """failed: is told which images can't be looked at; they are passed over. kept, failures: how many."""
        self._checker, self._failed = checker, failed
        self.kept = self.failures = 0
        self._pool = ThreadPoolExecutor(_THREADS)
        self._waiting: dict[bytes, Future[Any]] = {}
        """SHA3-256 of an image that is not kept yet -> its entry."""

    def has(self, picture: Picture) -> bool:
        return picture.sha3_256 in self._waiting or self._checker.store.find(picture.sha3_256) is not None

    def take(self, seed: Seed) -> None:
        self._waiting[seed.picture.sha3_256] = self._pool.submit(self._entry, seed)
        if len(self._waiting) >= 2 * _AT_ONCE:  # the threads go on with the second half
            self._keep(_AT_ONCE)

    def _entry(self, seed: Seed) -> Any:
        about = {"name": seed.picture.name, "collection": seed.collection, "caption": seed.caption}
        try:
            return self._checker.entry(seed.picture, None, seed=True, **about)
        except OF_ONE_IMAGE as error:
            raise type(error)(f"{seed.picture.name}: {error}") from error  # networks know no names

    def _keep(self, count: int) -> None:
        first = list(self._waiting)[:count]
        entries = []
        for sha3_256 in first:
            try:
                entries.append(self._waiting[sha3_256].result())
            except OF_ONE_IMAGE as error:
                self.failures += 1
                self._failed(error)
        if entries:
            self._checker.keep(entries)
        self.kept += len(entries)
        for sha3_256 in first:
            del self._waiting[sha3_256]

    def __enter__(self) -> _Keeper:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None and self._waiting:
                self._keep(len(self._waiting))
        finally:
            self._pool.shutdown(cancel_futures=True)


def _read(path: Path, collection: str) -> Seed | ImageError:
    try:
        return Seed(read_image(path, path.name), collection, "")
    except ImageError as error:
        return error
