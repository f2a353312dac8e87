"""Pictures of a plan beside the images of the database -> which are too near to one of another collection.

    every picture ── fingerprint, hashes in eight turns ── any row at or above CLOSE, or with near hashes? ── no ─> fine
                                                             └─ yes: laid over it, as `gistchain check` does ─> verdict

What comes from the plan itself does not count: files of its own under their own names, and images whose collection has
its name. Refused are
copies, derivatives, siblings and what can't be told apart from them: all say that it is drawn from another's drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gistchain.collection.making.output import Output
from gistchain.collection.making.pictures import Drawn
from gistchain.collection.making.processes import spread
from gistchain.errors import GistchainError
from gistchain.image import read_image

if TYPE_CHECKING:
    from gistchain.rareness.check import Checker
    from gistchain.rareness.store.store import Entry
    from gistchain.types import Picture

CLOSE = 0.75
"""Correlation of fingerprints from which a token is laid over the registered image, unless its hashes are near."""
_HASHES = {"pdq": 20, "phash": 4}
"""Bits that hashes may differ by. Wider ones, as `check` has them, are met by half of all pixel art."""
_LIKELIEST = 40
_AT_ONCE = 20
REFUSED = ("copy", "derivative", "unsure", "sibling")


@dataclass(frozen=True, slots=True)
class Near:
    """A token that is too near. of: the name of the registered image, collection: its own; score: of rareness, 0..1,
    low for a copy. correlation: of the fingerprints."""

    id: int
    verdict: str
    of: str
    collection: str
    score: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of one picture. laid: whether it was laid over a registered image. near: None where it is fine."""

    sha3_256: str
    correlation: float
    laid: bool
    near: Near | None


class Nearness:
    """Looks up the pictures of one plan. open_checker: makes what compares, in each process."""

    def __init__(self, open_checker: Callable[[], Checker], collection: str, output: Output, *, jobs: int) -> None:
        self._open, self._collection, self._output, self._jobs = open_checker, collection, output, jobs
        self._looked: dict[str, Looked] = {}
        self._rows = len(open_checker().store)
        for told in output.noted(f"near-{self._rows}-*"):
            self._remember(told)

    @property
    def compared_with(self) -> int:
        return self._rows

    def look(self, drawn: Sequence[Drawn], progress: Callable[[float], None]) -> list[Looked]:
        """Of each picture, in their order. Raises what a Checker raises."""
        if not self._rows:
            return [Looked(one.sha3_256, 0.0, False, None) for one in drawn]
        todo = [(one.id, self._output.image(one.id), one.sha3_256) for one in drawn if one.sha3_256 not in self._looked]
        chunks = [todo[start : start + _AT_ONCE] for start in range(0, len(todo), _AT_ONCE)]
        own = {bytes.fromhex(one.sha3_256): self._output.image(one.id).name for one in drawn}
        started = (self._open, self._collection, own)
        for number, done in enumerate(spread(_look, chunks, jobs=self._jobs, begin=_begin, started=started), 1):
            self._looked.update((one.sha3_256, one) for one in done)
            self._output.note(f"near-{self._rows}-{done[0].sha3_256[:16]}", map(_told, done))
            progress(number / len(chunks))
        return [self._looked[one.sha3_256] for one in drawn]

    def _remember(self, told: object) -> None:
        match told:
            case [str(sha3_256), float(correlation), bool(laid), None]:
                self._looked[sha3_256] = Looked(sha3_256, correlation, laid, None)
            case [
                str(sha3_256),
                float(correlation),
                bool(laid),
                [int(id_), str(verdict), str(of), str(whose), float(s)],
            ]:
                near = Near(id_, verdict, of, whose, s, correlation)
                self._looked[sha3_256] = Looked(sha3_256, correlation, laid, near)


def _told(one: Looked) -> list[object]:
    near = one.near
    said = None if near is None else [near.id, near.verdict, near.of, near.collection, near.score]
    return [one.sha3_256, one.correlation, one.laid, said]


@dataclass(frozen=True, slots=True)
class _State:
    checker: Checker
    collection: str
    own: dict[bytes, str]


_state: _State | GistchainError | None = None


def _begin(open_checker: Callable[[], Checker], collection: str, own: dict[bytes, str]) -> None:
    global _state
    import cv2

    cv2.setNumThreads(1)  # there is a process for each core
    try:
        _state = _State(open_checker(), collection, own)
    except GistchainError as error:
        _state = error


def _look(chunk: list[tuple[int, Path, str]]) -> list[Looked]:
    if isinstance(_state, GistchainError):
        raise _state
    assert _state is not None
    return [_looked(_state, id_, read_image(path), sha3_256) for id_, path, sha3_256 in chunk]


def _looked(state: _State, id_: int, picture: Picture, sha3_256: str) -> Looked:
    checker, store = state.checker, state.checker.store
    features = checker.features(picture)
    approximate, _ = store.approximate(features.fingerprint)
    order = np.argsort(-approximate, kind="stable")[:_LIKELIEST]
    by_hash = [row for row, *_ in store.near(features.turns, _HASHES)][:_LIKELIEST]  # type: ignore[arg-type]
    likely = dict.fromkeys([*by_hash, *(int(row) for row in order if approximate[row] >= CLOSE)])

    def counts(entry: Entry) -> bool:
        return state.own.get(entry.sha3_256) != entry.name and entry.collection != state.collection

    foreign = [row for row in likely if counts(store.entries([row])[0])]
    best = float(max((approximate[row] for row in order[:1]), default=0.0))
    if not foreign:
        return Looked(sha3_256, round(best, 4), False, None)
    best = float(max(approximate[row] for row in foreign))
    found = checker.check(picture, counts=counts, token=lambda entry: None, found=features)
    if found.verdict not in REFUSED or found.nearest is None:
        return Looked(sha3_256, round(best, 4), True, None)
    there = found.nearest
    near = Near(id_, found.verdict, there.name, there.collection, round(found.score, 4), round(best, 4))
    return Looked(sha3_256, near.correlation, True, near)
