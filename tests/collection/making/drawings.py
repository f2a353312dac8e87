"""Small layers and files of rules for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from gistchain.collection.making.make import Made, make

SIDE = 12
Box = tuple[int, int, int, int]


def layers(folder: Path, types: Mapping[str, Mapping[str, Box | None]], side: int = SIDE) -> Path:
    """A folder a type with a PNG a value: an opaque box in a colour of its own, nothing for None."""
    for t, (type_, values) in enumerate(types.items()):
        (folder / type_).mkdir(parents=True)
        for v, (name, box) in enumerate(values.items()):
            image = Image.new("RGBA", (side, side))
            if box is not None:
                image.paste((40 * (v + 1) % 256, 60 * (t + 1) % 256, 25 * (v + t + 2) % 256, 255), box)
            image.save(folder / type_ / f"{name}.png")
    return folder


def grid(values: int, types: int) -> dict[str, dict[str, Box | None]]:
    """So many types of so many values, a row of pixels each, so that all combinations differ."""
    return {f"T{t}": {f"v{v}#{v + 1}": (0, t, SIDE, t + 1) for v in range(values)} for t in range(types)}


def rules(folder: Path, count: int, more: str = "", *, seed: int = 1, layers: str = "layers") -> Path:
    path = folder / "rules.toml"
    path.write_text(f'name = "Things"\ncount = {count}\nseed = {seed}\n[layers]\nfolder = "{layers}"\n{more}', "utf-8")
    return path


def plan(path: Path, to: str = "plan", jobs: int = 1) -> Made:
    return make(path, path.parent / to, shelf=path.parent / "shelf", jobs=jobs)


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
