"""A finished plan that is made again -> what its owner has changed in it since, which is not written over.

plan.json has the SHA3-256 of each file. A file with another content may be a picture that was retouched by hand: the
command ends and names it. Files that are missing, empty or nothing but zeros, as a power cut leaves them, are nobody's
work and are made again. Where an earlier run was cut off while it replaced tokens, what it had begun to replace counts
as its own.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from gistchain.collection.making.output import Output
from gistchain.disk.read import read_regular
from gistchain.disk.write import file_errors
from gistchain.errors import FileError

_MOST_BYTES = 256 << 20
_NAMED = 8
_BEGUN = "replacing"
_INNER = ("images", "metadata")


class Guard:
    """Of one plan's folder."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._begun = {name for name in output.noted(f"{_BEGUN}-*") if isinstance(name, str)}

    def check(self) -> None:
        """Raises FileError, which names what is not as it was written."""
        changed = [name for name, sha3_256 in self._written() if self._is_other(name, sha3_256)]
        if changed:
            folder = self._output.folder
            are, them = ("is", "it") if len(changed) == 1 else ("are", "them")
            raise FileError(
                f"{named(changed)} in {folder} {are} not as mint-plan wrote {them}, and would be written over. To keep "
                f"{them}, leave the plan as it is, or make another with -o; to have {them} made anew, remove {them}"
            )

    def begin(self, names: Iterable[str]) -> None:
        """Files of a finished plan that are about to be replaced: what is cut off then is no change of the owner."""
        new = sorted(set(names) - self._begun)
        if self._output.finished is not None and new:
            self._begun.update(new)
            self._output.note(f"{_BEGUN}-{len(self._begun):07d}", new)

    def _written(self) -> list[tuple[str, str]]:
        """(name, SHA3-256) of each file, as plan.json says; of what it does not say nothing is known."""
        told = self._output.finished or {}
        found: list[tuple[str, str]] = []
        for token in told["tokens"] if isinstance(told.get("tokens"), list) else []:
            match token:
                case {"id": int(id_), "sha3_256": str(sha3_256)}:
                    found.append((f"images/{id_}.png", sha3_256))
        files = told.get("files")
        if isinstance(files, dict):
            found += [(name, sha3_256) for name, sha3_256 in files.items() if isinstance(sha3_256, str)]
        return found

    def _is_other(self, name: str, sha3_256: str) -> bool:
        """Whether the file is there with a content of somebody's."""
        if name in self._begun:
            return False
        path = self._output.folder / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):  # a pipe has no content to lose; links are refused on writing
                return False
            content = read_regular(path, at_most=_MOST_BYTES, follow=False)
        except FileNotFoundError:
            return False
        except (OSError, ValueError):  # not to be read, or too large: not what was written
            return True
        return bool(content.strip(b"\0")) and hashlib.sha3_256(content).hexdigest() != sha3_256


def strangers(folder: Path, ids: Collection[int]) -> list[str]:
    """Notes on what lies beside the plan's files, where `register images --batch` and `collection train` find it."""
    known = {"images": {f"{id_}.png" for id_ in ids}, "metadata": {f"{id_}.json" for id_ in ids}}
    known["metadata"].add("_metadata.json")
    does = {
        "images": "`gistchain register` would register images among them",
        "metadata": "`gistchain collection train` would read them",
    }
    notes = []
    for inner in _INNER:
        with file_errors(folder / inner):
            there = sorted(name for name in os.listdir(folder / inner) if not name.startswith("."))
        others = [f"{inner}/{name}" for name in there if name not in known[inner]]
        if others:
            notes.append(f"not of this plan: {named(others)}; {does[inner]}: take out what does not belong there")
    return notes


def named(names: list[str]) -> str:
    """The first few of them, and how many more."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
