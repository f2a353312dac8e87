"""What a training keeps on disk while it runs, so that an interrupted one can be continued; one process at a time.

It lies beside the shelf's files, in a folder that no reader looks for, and belongs to one state of the folder that is
learnt from: with another state the training starts again.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
import tokenize
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from gistchain.disk.lock import FileLock
from gistchain.disk.write import is_full, no_space, write_whole
from gistchain.errors import CollectionError, FileBusy, FileError, ModelError

Content = TypeVar("Content")

# What numpy and our own formats raise for damaged files.
_DAMAGE = ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile, tokenize.TokenError, ModelError


class Work:
    """The files of one training. tell: called with messages for a person.

    begun: whether an earlier run left any. resumed: whether it left some of its fits.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder, self._tell = folder, tell
        self.begun = folder.exists()
        self.resumed = any(folder.glob("*.checkpoint"))

    def only(self) -> None:
        """Removes what runs on other states left, and says what becomes of them: call it before the work."""
        stem, _, mine = self._folder.name.rpartition("-")
        for left in self._folder.parent.glob(f"{stem}-*"):
            state = left.name.removeprefix(f"{stem}-")
            if state != mine and re.fullmatch(r"[0-9a-f]{12}", state):
                self._tell("the folder or gistchain has changed since a run that was interrupted: starting again")
                shutil.rmtree(left)
        if self.resumed:
            self._tell("continuing where an earlier run was interrupted")

    def kept(self, name: str, parse: Callable[[Path], Content], make: Callable[[], bytes]) -> Content:
        """What `make` returns, parsed: made now, or in the run that was interrupted."""
        path = self._folder / name
        content = self._parsed(path, parse)
        if content is None:
            self.put(make(), path)
            content = parse(path)
        return content

    def checkpoint(self, name: str, parse: Callable[[Path], object]) -> Path:
        """Where a long step saves its progress. A file there that can't be parsed is thrown away."""
        path = self._folder / f"{name}.checkpoint"
        self._parsed(path, parse)
        return path

    def clock(self, name: str) -> Callable[[], None]:
        """A function that writes down, whenever it is called, the CPU time that a step has taken in all its runs."""
        path, started = self._folder / f"{name}.clock", time.process_time()
        before = _seconds(path)

        def touch() -> None:
            path.write_text(str(before + time.process_time() - started))

        return touch

    def spent_s(self) -> float:
        """CPU seconds that interrupted runs spent on their steps."""
        return sum(_seconds(path) for path in self._folder.glob("*.clock"))

    def put(self, content: bytes, path: Path) -> None:
        """Writes to `path`, whole or not at all; unfinished files stay in this folder."""
        self._folder.mkdir(exist_ok=True)
        write_whole(path, content, draft=self._folder / f"{path.name}.part")

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def _parsed(self, path: Path, parse: Callable[[Path], Content]) -> Content | None:
        if not path.exists():
            return None
        try:
            return parse(path)
        except _DAMAGE as error:
            self._tell(f"{path.name} of an interrupted run is damaged: that part starts again ({error})")
            path.unlink()
            return None


@contextlib.contextmanager
def opened(shelf: Path, name: str, digest: str, tell: Callable[[str], None]) -> Iterator[Work]:
    """The work on the collection `name` in the state `digest` of its folder and of gistchain.

    Raises FileBusy where another process is training it, CollectionError for a shelf that can't be written.
    """
    try:
        with FileLock(
            shelf / f".training-{name}.lock",
            what=f"the collection {name!r}",
            use="being trained",
            instead="wait for it, or give this one another --name",
        ):
            yield Work(shelf / f".training-{name}-{digest[:12]}", tell)
    except FileBusy:
        raise
    except FileError as error:
        raise CollectionError(f"{error}, then give the same command again: it goes on from here") from error
    except OSError as error:
        if is_full(error):
            full = no_space(error.filename or shelf, error, "it is cut short")
            raise CollectionError(f"{full}: the same command goes on from here") from error
        raise CollectionError(
            f"{error.filename or shelf} can't be written ({error.strerror}): check the rights, then give "
            "the same command again, it continues from here"
        ) from error


def _seconds(clock: Path) -> float:
    try:
        return float(clock.read_text("ascii"))
    except (OSError, ValueError):  # not there yet, or killed while it was written
        return 0.0
