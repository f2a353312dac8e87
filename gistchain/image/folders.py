"""Paths that a person named -> the image files among them, found by their first bytes, and what was skipped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gistchain.errors import ImageError
from gistchain.image.kinds import HEAD_BYTES, INSTALL_HEIF, READ, kind_of

EMPTY, NO_IMAGE = "empty file", "file that is not an image"
DANGLING, SPECIAL = "link that leads nowhere", "pipe, socket or device"
_PLURAL = {
    EMPTY: "empty files",
    NO_IMAGE: "files that are not images",
    DANGLING: "links that lead nowhere",
    SPECIAL: "pipes, sockets or devices",
}
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file of a folder that is not read. kind: EMPTY, NO_IMAGE, DANGLING, SPECIAL, or the format: HEIC, SVG ..."""

    path: Path
    kind: str


@dataclass(frozen=True, slots=True)
class Found:
    """The images, in order, and the files of the same folders that are none."""

    images: tuple[Path, ...]
    skipped: tuple[Skipped, ...]

    def notes(self) -> tuple[str, ...]:
        """One line for each kind of skipped file: how many, and the first names."""
        kinds: dict[str, list[Path]] = {}
        for file in self.skipped:
            kinds.setdefault(file.kind, []).append(file.path)
        return tuple(_note(kind, paths) for kind, paths in kinds.items())


def images_in(paths: Iterable[Path]) -> Found:
    """Every image file: paths as given, whatever they hold; folders searched to the bottom in order of name.

    In a folder a file is what its first bytes say, hidden entries are left out, and what is no image is in `skipped`.
    Raises ImageError for a path that doesn't exist and for a folder that holds no image.
    """
    images: list[Path] = []
    skipped: list[Skipped] = []
    for path in paths:
        if path.is_dir():
            found = _in_folder(path)
            images += found.images
            skipped += found.skipped
        elif path.exists():
            images.append(path)
        else:
            raise ImageError(f"{path} doesn't exist: check the path")
    return Found(tuple(images), tuple(skipped))


def files_below(folder: Path) -> Iterator[Path]:
    """Every file of a folder and its subfolders in order of name, hidden entries left out.

    Links are followed, but each folder is entered once, however many links lead to it. Raises OSError for a folder
    that can't be read.
    """
    return (path for path in _below(folder) if path.is_file())


def _below(folder: Path) -> Iterator[Path]:
    """The same with what is no file and no folder, such as a link that leads nowhere."""
    entered = {_identity(folder)}
    waiting = [_listed(folder)]  # not recursive: folders may be nested thousands deep
    while waiting:
        path = next(waiting[-1], None)
        if path is None:
            waiting.pop()
        elif path.is_dir():
            if (identity := _identity(path)) not in entered:
                entered.add(identity)
                waiting.append(_listed(path))
        else:
            yield path


def heif_installed() -> bool:
    """Whether HEIC can be read: the extra `heif` is installed."""
    from importlib.util import find_spec

    return find_spec("pillow_heif") is not None


def _in_folder(folder: Path) -> Found:
    images: list[Path] = []
    skipped: list[Skipped] = []
    readable = {*READ, "HEIC"} if heif_installed() else set(READ)
    try:
        for path in _below(folder):
            kind = _kind(path)
            if kind is None or kind in readable:
                images.append(path)
            else:
                skipped.append(Skipped(path, kind))
    except OSError as error:
        raise ImageError(f"can't look into {error.filename}: {error.strerror}") from error
    found = Found(tuple(images), tuple(skipped))
    if not images:
        seen = f": {'; '.join(found.notes())}" if skipped else ""
        raise ImageError(f"{folder} holds no image that is read here ({', '.join((*READ, 'HEIC'))}){seen}")
    return found


def _kind(path: Path) -> str | None:
    """What it is, or None where it can't be opened: reading it will say why."""
    if not path.is_file():
        return SPECIAL if path.exists() else DANGLING
    return _sniffed(path)


def _sniffed(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    if not head:
        return EMPTY
    return kind_of(head) or NO_IMAGE


def _note(kind: str, paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_MOST_NAMED])
    if len(paths) > _MOST_NAMED:
        names += f" and {len(paths) - _MOST_NAMED:,} more"
    one = len(paths) == 1
    if kind in _PLURAL:
        return f"skipped {len(paths):,} {kind if one else _PLURAL[kind]}: {names}"
    advice = f"{INSTALL_HEIF} to read" if kind == "HEIC" else "convert"
    return f"skipped {len(paths):,} {kind} file{'' if one else 's'}, {advice} {'it' if one else 'them'}: {names}"


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _listed(folder: Path) -> Iterator[Path]:
    return iter([folder / name for name in sorted(os.listdir(folder)) if not name.startswith(".")])
