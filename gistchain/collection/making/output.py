"""The folder that a plan is written to: one plan at a time, one process at a time, files whole or not there.

    images/ID.png   metadata/ID.json, _metadata.json   contract.json   rarity.csv   prompts.txt   sheet.html   plan.json
    .making/        only while it is written: the lock, whose plan it is, which pictures are drawn

plan.json comes last, and has the SHA3-256 of every picture and every other file: what a power cut has left unfinished
is seen and made again, and what someone has changed in a finished plan is seen and not written over (Guard).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gistchain.disk.lock import FileLock
from gistchain.disk.read import read_regular
from gistchain.disk.write import file_errors, make_folder, write_whole
from gistchain.errors import CollectionError, FileError, ImageError
from gistchain.safejson import parsed

PLAN = "plan.json"
_WORK = ".making"
_OURS = {_WORK, PLAN, "images", "metadata", "contract.json", "rarity.csv", "prompts.txt", "sheet.html"}
_MOST_BYTES = 256 << 20


class Output:
    """The folder of one plan. finished: what its plan.json says, None where it is not finished."""

    def __init__(self, folder: Path, digest: str, name: str) -> None:
        self.folder, self._digest, self._name = folder, digest, name
        self.finished: dict[str, Any] | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Output]:
        """Raises FileError for a folder that holds anything else, FileBusy where another process writes it."""
        self._check()
        fresh = not self.folder.exists()
        make_folder(self.folder)
        with FileLock(self.folder / _WORK / "lock", what=self.folder, use="being written"):
            self._check()
            if self.finished is None:
                self._put_work("plan", self._digest.encode())
            for inner in ("images", "metadata"):
                make_folder(self.folder / inner)
            try:
                yield self
            # Rules that can't hold, layers that can't be drawn: the folder would wait for a plan that never comes.
            except (CollectionError, ImageError):
                if fresh:
                    shutil.rmtree(self.folder, ignore_errors=True)
                raise
            except FileError:
                if self.finished is not None and os.listdir(self.folder / _WORK) == ["lock"]:
                    self._sweep()  # refused before anything was begun
                raise
            self._sweep()

    def image(self, id_: int) -> Path:
        return self.folder / "images" / f"{id_}.png"

    def written(self, name: str) -> object:
        """SHA3-256 of a file that is no picture, as a finished plan says; None where nothing is known."""
        files = (self.finished or {}).get("files")
        return files.get(name) if isinstance(files, dict) else None

    def note(self, name: str, lines: Iterable[object]) -> None:
        """Keep, until all is finished, what was worked out: the same command goes on from there."""
        import json

        self._put_work(f"{name}.json", json.dumps(list(lines)).encode())

    def noted(self, pattern: str) -> Iterator[Any]:
        """What was kept under names of this pattern; what is damaged is left out."""
        for path in sorted((self.folder / _WORK).glob(f"{pattern}.json")):
            with contextlib.suppress(ValueError, OSError):
                yield from parsed(read_regular(path, at_most=_MOST_BYTES, follow=False))

    def finish(self, content: bytes) -> None:
        write_whole(self.folder / PLAN, content, draft=self.folder / _WORK / "draft")

    def _put_work(self, name: str, content: bytes) -> None:
        write_whole(self.folder / _WORK / name, content, draft=self.folder / _WORK / f"{name}.draft")

    def _sweep(self) -> None:
        with file_errors(self.folder):
            shutil.rmtree(self.folder / _WORK)

    def _check(self) -> None:
        with file_errors(self.folder):
            if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
                raise FileError(f"can't write {self.folder}: it is not a folder, give another name with -o")
            there = sorted(os.listdir(self.folder)) if self.folder.exists() else []
        if not there:
            return
        whose = self._whose(there)
        if whose is None or not set(there) <= _OURS:
            other = next((name for name in there if name not in _OURS), there[0])
            raise FileError(
                f"can't write {self.folder}: it holds something else ({other!r}), give an empty folder with -o"
            )
        if whose != self._digest:
            raise FileError(
                f"{self.folder} holds another plan, of other rules or layers: give another folder with -o, or remove it"
            )

    def _whose(self, there: list[str]) -> str | None:
        """The digest of the plan that is there, None where there is none."""
        if there == [_WORK] and not (self.folder / _WORK / "plan").exists():
            return self._digest  # killed before it was said
        try:
            if PLAN in there:
                told = parsed(read_regular(self.folder / PLAN, at_most=_MOST_BYTES, follow=False))
                if isinstance(told, dict) and isinstance(told.get("rules"), str):
                    self.finished = told if told["rules"] == self._digest else None
                    return str(told["rules"])
            return read_regular(self.folder / _WORK / "plan", at_most=100, follow=False).decode("ascii")
        except (OSError, ValueError):
            return None


def is_whole(path: Path, sha3_256: str) -> bool:
    """Whether the file is there with this content."""
    try:
        return hashlib.sha3_256(read_regular(path, at_most=_MOST_BYTES, follow=False)).hexdigest() == sha3_256
    except OSError:
        return False
