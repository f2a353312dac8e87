"""RoboHash robots and cats with named traits: seeds -> images and labels, put together from the package's own parts.

Set 1: robots by Zikri Kader (CC BY 3.0), set 4: cats by David Revoy (CC BY 4.0). Needs the `samples` extra: robohash.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gistchain.collection.tokens import Tokens
from gistchain.errors import ModelError
from gistchain.traits import Traits
from gistchain.types import Pixels

SETS = ("robohash-1", "robohash-4")
_SUBJECTS = {"robohash-1": "RoboHash Robot", "robohash-4": "RoboHash Cat"}
_CREDITS = {
    "robohash-1": "set 1, robots by Zikri Kader (CC BY 3.0)",
    "robohash-4": "set 4, cats by David Revoy (CC BY 4.0)",
}
_DRAWN_AT = 256
_VISIBLE = 16  # of 255, at 64 x 64: as for DiceBear


def traits(name: str) -> Traits:
    """The trait types are the folders of parts, in the order of drawing; set 1 has colours too."""
    colours = _colours(name)
    values = {"color": tuple(colours)} if colours else {}
    for part, files in _parts(name, colours[0] if colours else "").items():
        values[part] = tuple(str(number + 1) for number in range(len(files)))
    return Traits(name, _SUBJECTS[name], values)


def tokens(name: str, seeds: Sequence[str], *, size: int = 64) -> Tokens:
    """Tokens at size x size over white; a part that others hide at 64 x 64 is not labelled.

    Raises ModelError where the `samples` extra is not installed.
    """
    made = traits(name)
    drawn = [_token(name, made, seed, size) for seed in seeds]
    images, labels = np.stack([i for i, _ in drawn]), np.array([row for _, row in drawn], np.int64)
    return Tokens(made, tuple(f"{name}-{seed}" for seed in seeds), images, labels)


def _token(name: str, made: Traits, seed: str, size: int) -> tuple[Pixels, list[int]]:
    digest = hashlib.sha256(f"{name}/{seed}".encode()).digest()
    row = [digest[2 * k] % len(values) + 1 for k, values in enumerate(made.values.values())]
    whole = _draw(name, row, 64)
    first = 1 if _colours(name) else 0
    for k in range(first, len(row)):
        without = _draw(name, [0 if j == k else v for j, v in enumerate(row)], 64)
        if np.abs(without.astype(int) - whole).max() < _VISIBLE:
            row[k] = 0
    return whole if size == 64 else _draw(name, row, size), row


def _draw(name: str, row: Sequence[int], size: int) -> Pixels:
    colours = _colours(name)
    canvas = Image.new("RGBA", (_DRAWN_AT, _DRAWN_AT), (255, 255, 255, 255))
    chosen = row[1:] if colours else row
    for files, value in zip(_parts(name, colours[row[0] - 1] if colours else "").values(), chosen, strict=True):
        if value:
            canvas = Image.alpha_composite(canvas, _part(files[value - 1]))
    how = Image.Resampling.BOX if size <= _DRAWN_AT else Image.Resampling.BICUBIC
    return np.asarray(canvas.convert("RGB").resize((size, size), how))


@functools.lru_cache(maxsize=1024)
def _part(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGBA").resize((_DRAWN_AT, _DRAWN_AT), Image.Resampling.LANCZOS)


@functools.cache
def _parts(name: str, colour: str) -> dict[str, list[Path]]:
    """Part -> its files. A folder is called `{order of choice}#{order of drawing}{part}`."""
    folder = _folder(name) / colour
    folders = sorted((f for f in folder.iterdir() if f.is_dir()), key=lambda f: f.name.partition("#")[2])
    named = {re.sub(r"^\d+", "", f.name.partition("#")[2]).lower(): sorted(f.iterdir()) for f in folders}
    return {part: sorted(files, key=lambda p: p.name[-6:]) for part, files in named.items()}


@functools.cache
def _colours(name: str) -> list[str]:
    return sorted(f.name for f in _folder(name).iterdir() if "#" not in f.name)


def _folder(name: str) -> Path:
    spec = importlib.util.find_spec("robohash")
    if spec is None or spec.origin is None:
        raise ModelError("RoboHash images need robohash: pip install 'gistchain[samples]'")
    return Path(spec.origin).parent / "sets" / name.replace("robohash-", "set")


def credit(name: str) -> str:
    """Artist and licence of a set."""
    return _CREDITS[name]
