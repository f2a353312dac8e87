"""Rows -> the files of their pictures, drawn by several processes, and which of them have the same pixels.

What is drawn is noted after every hundred, so that an interrupted run goes on. A file is what was noted of it, or it is
drawn again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.making.art import Art, art
from gistchain.collection.making.guard import Guard
from gistchain.collection.making.output import Output, is_whole
from gistchain.collection.making.processes import spread
from gistchain.collection.making.repair import Row
from gistchain.collection.making.rules import Rules
from gistchain.disk.write import put_whole
from gistchain.errors import GistchainError
from gistchain.image import png_bytes

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture that was drawn. pixels: digest of what it looks like. sha3_256: of its file."""

    id: int
    row: Row
    pixels: str
    sha3_256: str


class Pictures:
    """The pictures of one plan in its folder."""

    def __init__(self, rules: Rules, shelf: Path, output: Output, guard: Guard, *, jobs: int) -> None:
        self._started, self._guard = (rules, shelf, output), guard
        self._rules, self._output, self._jobs = rules, output, jobs
        self._drawn: dict[tuple[int, Row], Drawn] = {}
        self._notes = 0
        for told in output.noted("drawn-*"):
            self._remember(told)
        if output.finished is not None:
            for token in output.finished.get("tokens", []):
                self._remember([token.get(key) for key in ("id", "row", "pixels", "sha3_256")])
        self._on_disk: dict[int, Row] = {}

    def draw(self, rows: Sequence[Row], progress: Callable[[float], None]) -> list[Drawn]:
        """The pictures of all tokens, in their order. Raises DiskFull, FileError, ImageError."""
        todo = [(id_, row) for id_, row in zip(self._rules.ids, rows, strict=True) if not self._is_there(id_, row)]
        self._guard.begin(f"images/{id_}.png" for id_, _ in todo)
        chunks = [todo[start : start + _AT_ONCE] for start in range(0, len(todo), _AT_ONCE)]
        for number, done in enumerate(spread(_draw, chunks, jobs=self._jobs, begin=_begin, started=self._started), 1):
            for drawn in done:
                self._drawn[drawn.id, drawn.row] = drawn
                self._on_disk[drawn.id] = drawn.row
            self._notes += 1
            name = f"drawn-{self._notes:05d}-{done[0].pixels[:8]}"
            self._output.note(name, [[one.id, one.row, one.pixels, one.sha3_256] for one in done])
            progress(number / len(chunks))
        return [self._drawn[id_, row] for id_, row in zip(self._rules.ids, rows, strict=True)]

    def alike(self, rows: Sequence[Row], progress: Callable[[float], None]) -> list[int]:
        """Draws what is missing; the places of tokens whose pixels an earlier token has."""
        seen: set[str] = set()
        found = []
        for place, drawn in enumerate(self.draw(rows, progress)):
            if drawn.pixels in seen:
                found.append(place)
            seen.add(drawn.pixels)
        return found

    def _is_there(self, id_: int, row: Row) -> bool:
        if id_ not in self._on_disk:
            drawn = self._drawn.get((id_, row))
            if drawn is None or not is_whole(self._output.image(id_), drawn.sha3_256):
                return False
            self._on_disk[id_] = row
        return self._on_disk[id_] == row

    def _remember(self, told: object) -> None:
        match told:
            case [int(id_), [*numbers], str(pixels), str(sha3_256)]:
                row = tuple(number for number in numbers if isinstance(number, int))
                self._drawn[id_, row] = Drawn(id_, row, pixels, sha3_256)


_state: tuple[Art, Output] | GistchainError | None = None


def _begin(rules: Rules, shelf: Path, output: Output) -> None:
    global _state
    try:
        _state = art(rules, shelf, looks=False), output
    except GistchainError as error:  # a process whose start fails breaks the pool, and nobody would be told why
        _state = error


def _draw(chunk: list[tuple[int, Row]]) -> list[Drawn]:
    if isinstance(_state, GistchainError):
        raise _state
    assert _state is not None
    source, output = _state
    done = []
    for id_, row in chunk:
        picture = source.picture(row)
        content = png_bytes(picture)
        put_whole(output.image(id_), content)
        done.append(Drawn(id_, row, digest_of(picture), hashlib.sha3_256(content).hexdigest()))
    return done


def digest_of(picture: NDArray[np.uint8]) -> str:
    """The same for pictures with the same size, colours and opacity."""
    digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=20)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()
