"""A model and its card -> the files of a collection, in place of earlier ones: at every moment one of the two is whole.

    1. NAME.layers.next   the new layers; the old card names those in NAME.layers still
    2. NAME.json          the new card, whose layers readers find in NAME.layers.next (models/zoo/weights.py)
    3. NAME.layers        the new layers take the place of the old ones

A kill or a full disk before 2 leaves the old model, afterwards the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from gistchain.disk.write import file_errors, sync_folder, write_whole
from gistchain.errors import ModelError
from gistchain.models.zoo.weights import NEXT, card, weights

Put = Callable[[bytes, Path], None]
"""Writes a file whole or not at all; raises FileError, DiskFull."""


def shelve(
    model: bytes, about: Mapping[str, object], folder: Path, name: str, *, put: Put = lambda c, p: write_whole(p, c)
) -> None:
    """Put layers and card of the collection `name` into a folder, by one process at a time.

    about: the card, whose sha256 is set to that of the layers. Raises FileError, DiskFull.
    """
    stem = f"collection-{name}"
    layers = folder / f"{stem}.layers"
    following = layers.with_name(layers.name + NEXT)
    with contextlib.suppress(ModelError):  # an earlier run may have ended between 2 and 3
        if weights(stem, folder, suffix=layers.suffix) and not _is(layers, card(stem, folder)["sha256"]):
            _take_place(following, layers)
    put(model, following)
    sha256 = hashlib.sha256(model).hexdigest()
    put((json.dumps({**about, "sha256": sha256}, indent=1) + "\n").encode(), folder / f"{stem}.json")
    _take_place(following, layers)


def remove(folder: Path, name: str) -> None:
    """Take the collection `name` from a folder, by one process at a time. Raises FileError."""
    stem = f"collection-{name}"
    with file_errors(folder / f"{stem}.json"):
        for suffix in (".json", ".layers", f".layers{NEXT}", ".html"):  # readers begin at the card
            (folder / f"{stem}{suffix}").unlink(missing_ok=True)
        sync_folder(folder)


def _take_place(following: Path, layers: Path) -> None:
    with file_errors(layers):
        os.replace(following, layers)
        sync_folder(layers.parent)


def _is(path: Path, sha256: object) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False
