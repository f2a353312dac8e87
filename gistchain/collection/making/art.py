"""Rules -> what draws a row: its picture, and a look, which is cheap and the same for rows with the same picture.

    layers ── read_image ── cut to what shows ── alpha_composite, bottom first ── enlarged ──> picture

The look of layers leaves out what is covered: from the top down, a layer whose every visible pixel lies under opaque
ones does not show. Two rows with one look have one picture. Different looks may still have one picture, by chance or
where only covered parts differ: pictures.py finds that by the pixels.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.making.rules import Rules, Value
from gistchain.errors import CollectionError, ImageError
from gistchain.image import read_image

_MOST_PIXELS = 16_000_000  # of one layer
_MOST_KEPT_BYTES = 384 << 20  # of decoded layers in each process

Row = tuple[int, ...]


class Art(Protocol):
    """What draws the tokens of a collection."""

    def look(self, row: Row) -> Hashable:
        """Rows with the same look have the same picture."""
        ...

    def picture(self, row: Row) -> NDArray[np.uint8]:
        """(height, width, 3), or 4 channels where some of it is transparent."""
        ...


def art(rules: Rules, shelf: Path, *, looks: bool = True) -> Art:
    """looks: whether looks are asked for too. Raises CollectionError, ImageError for layers that can't be drawn or
    differ in size."""
    if rules.painter:
        from gistchain.collection.making.painted import Painted

        return Painted(rules.painter, rules.types, shelf, rules.side)
    return Drawn(rules, looks=looks)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Where a layer shows anything, and where it covers all below it, as packed bits. same: digest of its pixels."""

    any: NDArray[np.uint8]
    opaque: NDArray[np.uint8]
    same: bytes


_NOTHING = b""


class Drawn:
    """Fulfils Art by layers. notes: what reading them had to decide."""

    def __init__(self, rules: Rules, *, looks: bool = True) -> None:
        """looks: whether all layers are read at once, for their looks.

        Raises ImageError for a file that is no picture, CollectionError for sizes that differ.
        """
        self._types, self._scale = rules.types, rules.scale
        self._kept: OrderedDict[Path, _Cut] = OrderedDict()
        self._kept_bytes = 0
        self.size: tuple[int, int] | None = None
        self.notes: list[str] = []
        self._first: Path | None = None
        files = [value.file for type_ in rules.types for value in type_.values if value.file is not None]
        if not files:
            raise CollectionError("no value has a picture: nothing can be drawn")
        self._seen = [[self._look_at(value) for value in type_.values] for type_ in rules.types] if looks else []
        if not looks:
            self._read(files[0])

    def look(self, row: Row) -> Hashable:
        covered: NDArray[np.uint8] | None = None
        shown: list[bytes] = []
        for t in range(len(row) - 1, -1, -1):
            seen = self._seen[t][row[t]]
            if seen is None or (covered is not None and not (seen.any & ~covered).any()):
                shown.append(_NOTHING)
                continue
            shown.append(seen.same)
            covered = seen.opaque if covered is None else covered | seen.opaque
        return tuple(shown)

    def picture(self, row: Row) -> NDArray[np.uint8]:
        from PIL import Image

        assert self.size is not None
        canvas = Image.new("RGBA", self.size)
        for type_, value in zip(self._types, row, strict=True):
            file = type_.values[value].file
            if file is not None:
                cut = self._cut(file)
                if cut.image is not None:
                    canvas.alpha_composite(cut.image, cut.at)
        if self._scale > 1:
            width, height = self.size
            canvas = canvas.resize((width * self._scale, height * self._scale), Image.Resampling.NEAREST)
        pixels = np.array(canvas)
        if (pixels[..., 3] == 255).all():
            return np.ascontiguousarray(pixels[..., :3])
        pixels[pixels[..., 3] == 0] = 0  # what full transparency hides is no difference
        return pixels

    def _look_at(self, value: Value) -> _Seen | None:
        if value.file is None:
            return None
        pixels = self._read(value.file, told=True)
        alpha = pixels[..., 3]
        if not alpha.any():
            return None
        pixels[alpha == 0] = 0
        same = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
        return _Seen(np.packbits(alpha > 0), np.packbits(alpha == 255), same)

    def _read(self, file: Path, *, told: bool = False) -> NDArray[np.uint8]:
        """(height, width, 4)."""
        picture = read_image(file)
        width, height = picture.size
        if width * height > _MOST_PIXELS:
            raise ImageError(f"{file} has {width} x {height} pixels: a layer has at most {_MOST_PIXELS:,}")
        if self.size is None:
            self.size, self._first = picture.size, file
        if picture.size != self.size:
            raise CollectionError(
                f"layers differ in size: {self._first} has {self.size[0]} x {self.size[1]} pixels and {file} has "
                f"{width} x {height}; draw all of them on one canvas"
            )
        if told:
            notes = [note for note in picture.notes if note.startswith(("frame", "read at"))]
            self.notes += [f"{file}: {note}" for note in notes]
        colours = picture.pixels if picture.colours is None else picture.colours
        alpha = np.full((height, width), 255, np.uint8) if picture.alpha is None else picture.alpha
        return np.dstack([colours, alpha])

    def _cut(self, file: Path) -> _Cut:
        """The layer without its empty border; those that were used last are kept."""
        cut = self._kept.get(file)
        if cut is None:
            cut = self._kept[file] = _Cut(self._read(file))
            self._kept_bytes += cut.size_bytes
            while self._kept_bytes > _MOST_KEPT_BYTES and len(self._kept) > 1:
                self._kept_bytes -= self._kept.popitem(last=False)[1].size_bytes
        self._kept.move_to_end(file)
        return cut


class _Cut:
    """A layer cut to what shows. image: None where nothing does."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        from PIL import Image

        rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=axis)) for axis in (1, 0))
        self.image, self.at, self.size_bytes = None, (0, 0), 0
        if len(rows):
            part = np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
            self.image = Image.fromarray(part, "RGBA")
            self.at, self.size_bytes = (int(columns[0]), int(rows[0])), part.nbytes
