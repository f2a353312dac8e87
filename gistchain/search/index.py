"""A home's chain, followed registry and imports -> the index of what can be found, brought up to date.

    bring    words and numbers of what is new, thousands a second: every search does it
    embed    vectors of pictures, a few tens a second: `gistchain index`, and a search for the first of them

A picture is the one at hand: the standard form of a reference, the thumbnail that rareness keeps of a registered image;
else it is rebuilt from the gist, as no original is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np

from gistchain.disk.lock import FileLock
from gistchain.errors import FileError, GistchainError, ImageError
from gistchain.image import read_image
from gistchain.opening import Waiting, follow, open_ledger
from gistchain.pipeline import Registry
from gistchain.search import record as records
from gistchain.search import sources
from gistchain.search.items import Item
from gistchain.search.pictures import ROWS, Vectors, size_of
from gistchain.search.record import Record
from gistchain.settings import Settings
from gistchain.types import JointEmbedder, Picture, Pixels

Progress = Callable[[str, float], None]
_THREADS, _AT_ONCE = 2, 64


class Index:
    """The index of a home, open to be searched and added to. Close it, or use `with`."""

    def __init__(self, settings: Settings, embedder: JointEmbedder | None = None) -> None:
        """embedder: the default one unless another is given."""
        self.settings, self._embedder = settings, embedder
        self.record = Record(settings.home, write=True)

    @cached_property
    def embedder(self) -> JointEmbedder:
        from gistchain.systems import joint_embedder

        return joint_embedder() if self._embedder is None else self._embedder

    @cached_property
    def vectors(self) -> Vectors:
        """Raises SettingError where the home's are another model's."""
        name = getattr(self.embedder, "name", type(self.embedder).__name__)
        return Vectors(self.record, self.settings.home, name, size_of(self.embedder))

    def bring(self, note: Waiting) -> sources.Brought:
        """What is new, has changed or is gone. With `settings.rpc` its registry is followed first."""
        from gistchain.ledger.followed import Followed
        from gistchain.rareness.store.database import kept_names
        from gistchain.systems import collections

        settings, brought = self.settings, sources.Brought()
        traits_of = collections(settings)
        with ExitStack() as stack:
            stack.enter_context(
                FileLock(settings.home / f"{records.NAME}.lock", wait_s=10, use="indexing", waiting=note)
            )
            if settings.rpc:
                for _ in follow(settings, waiting=note):
                    pass
            ledger = stack.enter_context(open_ledger(settings, waiting=note, write=False))
            names = stack.enter_context(kept_names(settings.home, failed=lambda error: note(str(error))))
            registry = Registry(ledger)
            if settings.rpc:
                with Followed(settings.home) as followed:
                    sources.bring_followed(self.record, followed, registry, names, traits_of, brought)
            else:
                sources.bring_registry(self.record, registry, names, traits_of, brought)
            sources.bring_imports(self.record, settings.home, brought, note)
        return brought

    def embed(self, most: int | None, progress: Progress, note: Waiting) -> tuple[int, int]:
        """Give vectors to items that have none, at most so many; (how many got one, how many have no picture)."""
        done = missing = 0
        skipped = self.record.note_numbers("no picture")
        total = self.record.count_without_vector() if most is None else most
        with _pictures(self.settings) as picture_of, ThreadPoolExecutor(_THREADS) as pool:
            while most is None or done < most:
                wanted = self.record.without_vector(min(_AT_ONCE, (most or done + _AT_ONCE) - done), skipped)
                if not wanted:
                    break
                images: list[tuple[int, Pixels]] = []
                for number, item in wanted:
                    try:
                        images.append((number, picture_of(item)))
                    except GistchainError as error:
                        note(f"{item.source} {item.token} has no picture in the index: {error}")
                        skipped.append(number)
                        missing += 1
                if images:
                    found = list(pool.map(lambda pair: self.embedder.image.embed([pair[1]])[0], images))
                    self.vectors.add([number for number, _ in images], np.stack(found))
                done += len(images)
                progress("pictures", min(1.0, (done + missing) / max(1, total)))
        self.record.set_note_numbers("no picture", skipped)
        return done, missing

    def sources(self, picture: Picture) -> list[tuple[int, str]]:
        """Items that the picture may be made of, the likeliest first, each with what was done to it.

        The very file of a token comes first, without a look.
        """
        from gistchain.search.source import likeliest, sources

        same = [(item, "picture: the very same file") for item in self.record.with_media(picture.sha3_256.hex())]
        near = likeliest(picture.pixels, self.embedder.image, self.vectors)
        items = dict(zip(near, self.record.items(near), strict=True))
        with _pictures(self.settings) as picture_of:
            found = sources(picture.pixels, near, lambda number: picture_of(items[number]))
        told = {number for number, _ in same}
        return [*same, *((one.item, str(one)) for one in found if one.item not in told)]

    def close(self) -> None:
        self.record.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rebuild(home: Path) -> None:
    """Remove the index of a home; it is made anew from its chain and imports. Raises FileError."""
    with FileLock(home / f"{records.NAME}.lock", wait_s=10, use="indexing"):
        for name in (records.NAME, f"{records.NAME}-wal", f"{records.NAME}-shm", ROWS):
            try:
                (home / name).unlink(missing_ok=True)
            except OSError as error:
                raise FileError(f"can't remove {home / name} ({error.strerror}): remove it by hand") from error


@contextmanager
def _pictures(settings: Settings) -> Iterator[Callable[[Item], Pixels]]:
    """An item -> its picture. Raises GistchainError where there is none."""
    from gistchain.rareness.store.database import kept_thumbnail
    from gistchain.rareness.store.thumbnail import unpack

    opened: list[Registry] = []

    def picture_of(item: Item) -> Pixels:
        if item.kind == "reference":
            if not item.picture:
                raise ImageError("it has none")
            return read_image(settings.home / item.picture).pixels
        thumbnail = kept_thumbnail(settings.home, bytes.fromhex(item.media))
        if thumbnail is not None:
            return unpack(thumbnail)
        if not opened:
            from gistchain.opening import open as open_registry

            opened.append(stack.enter_context(open_registry(settings, rated=False, write=False)))
        if opened[0].ledger.name != item.source:
            raise ImageError(f"its registry is not open: give --rpc of {item.chain}")
        return opened[0].rebuild(int(item.token)).chosen.image

    with ExitStack() as stack:
        yield picture_of
