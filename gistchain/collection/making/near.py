"""Pictures of a plan beside the images of the database -> which are too near to one of another collection.

    every picture ── fingerprint, hashes in eight turns ── at or above CLOSE, near hashes, or nearest of the plan?
                                                              ├─ no: fine
                                                              └─ yes: laid over it, as `gistchain check` does

What comes from the plan itself does not count: files of its own that were registered under their own names, and images
whose collection has its name. Refused are copies, derivatives, and what can't be told from copies. A sibling is not:
drawings in a like style are siblings of each other, and one that has its own traits is nobody's copy.

Where many are close, as with the layers of a registered collection, the nearest MOST_LAID of the plan are laid over,
and how many more there are is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
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
    from gistchain.types import Hash, Picture, Verdict

CLOSE = 0.9
"""Correlation of fingerprints from which a token is always laid over the registered image. Thirty collections have at
most .86 with each other; copies that keep the frame reach .93, cropped ones .82 to .91 (benchmarks/mint_plan.py)."""
HASHES: dict[Hash, int] = {"pdq": 20, "phash": 4}
"""Bits by which hashes may differ. Wider ones, as `check` has them, are met by half of all pixel art."""
NEAREST_SHARE, LEAST_CLOSE = 0.02, 0.7
"""So many of a plan's tokens, those with the highest correlations at or above LEAST_CLOSE, are laid over too: a cropped
copy stands out among the tokens beside it."""
MOST_LAID, LEAST_MOST = 0.05, 100
"""Share of a plan, and a number, up to which tokens are laid over, which takes a second or two each."""
REFUSED: tuple[Verdict, ...] = ("copy", "derivative", "unsure")

_LIKELIEST = 40
_AT_ONCE, _LAID_AT_ONCE = 20, 2
"""Tokens of which a process is told at once; laying over takes seconds each, and someone waits for it."""


@dataclass(frozen=True, slots=True)
class Near:
    """A token that is too near. of: the name of the registered image; collection: its own, '' where it is not known;
    token: its number, None where this home knows of none. score: of rareness, 0..1, low for a copy. correlation: of the
    fingerprints."""

    id: int
    verdict: str
    of: str
    collection: str
    token: int | None
    score: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of one picture. correlation: with the nearest registered image that counts. hashes: share of
    bits by which its hashes differ, 1 where none is near. close: it should be laid over registered images; laid: it
    was. near: None where it is fine."""

    sha3_256: str
    correlation: float
    hashes: float
    laid: bool = False
    near: Near | None = None
    close: bool = False


class Nearness:
    """Looks up the pictures of one plan. open_checker: makes what compares, in each process."""

    def __init__(self, open_checker: Callable[[], Checker], collection: str, output: Output, *, jobs: int) -> None:
        self._open, self._collection, self._output, self._jobs = open_checker, collection, output, jobs
        self._known: dict[tuple[str, bool], Looked] = {}
        self.compared_with = len(open_checker().store)
        for told in output.noted(f"near-{self.compared_with}-*"):
            self._remember(told)

    def look(self, drawn: Sequence[Drawn], progress: Callable[[str, float], None]) -> list[Looked]:
        """Of each picture, in their order. Raises what a Checker raises."""
        if not self.compared_with:
            return [Looked(one.sha3_256, 0.0, 1.0) for one in drawn]
        first = self._looked(drawn, drawn, False, progress)
        most = int(len(drawn) * NEAREST_SHARE)
        order = sorted(range(len(drawn)), key=lambda place: (-first[place].correlation, place))
        wanted = {place for place in order[:most] if first[place].correlation >= LEAST_CLOSE}
        wanted |= {place for place, one in enumerate(first) if one.hashes < 1 or one.correlation >= CLOSE}
        nearest = sorted(wanted, key=lambda place: (first[place].hashes, -first[place].correlation, place))
        places = nearest[: max(LEAST_MOST, int(len(drawn) * MOST_LAID))]
        for place in nearest[len(places) :]:
            first[place] = replace(first[place], close=True)
        laid = self._looked([drawn[place] for place in places], drawn, True, progress)
        for place, one in zip(places, laid, strict=True):
            # Known by its picture, which another token may have had before.
            near = None if one.near is None else replace(one.near, id=drawn[place].id)
            first[place] = replace(one, close=True, near=near)
        return first

    def _looked(
        self, some: Sequence[Drawn], drawn: Sequence[Drawn], lay: bool, progress: Callable[[str, float], None]
    ) -> list[Looked]:
        todo = [one for one in some if (one.sha3_256, lay) not in self._known]
        work = [(one.id, self._output.image(one.id), one.sha3_256, lay) for one in todo]
        at_once = _LAID_AT_ONCE if lay else _AT_ONCE
        chunks = [work[start : start + at_once] for start in range(0, len(work), at_once)]
        what = f"laying {len(todo):,} tokens over what they look like, seconds each" if lay else (
            f"comparing {len(todo):,} tokens with {self.compared_with:,} images")  # fmt: skip
        own = {bytes.fromhex(one.sha3_256): self._output.image(one.id).name for one in drawn}
        started = (self._open, self._collection, own)
        if chunks:
            progress(what, 0.0)
        for number, done in enumerate(spread(_look, chunks, jobs=self._jobs, begin=_begin, started=started), 1):
            self._known.update(((one.sha3_256, lay), one) for one in done)
            name = f"near-{self.compared_with}-{int(lay)}-{done[0].sha3_256[:16]}"
            self._output.note(name, map(_told, done))
            progress(what, number / len(chunks))
        return [self._known[one.sha3_256, lay] for one in some]

    def _remember(self, told: object) -> None:
        match told:
            case [str(sha3_256), float(correlation), float(hashes), bool(laid), None]:
                self._known[sha3_256, laid] = Looked(sha3_256, correlation, hashes, laid)
            case [
                str(sha3_256),
                float(correlation),
                float(hashes),
                True,
                [int(id_), str(v), str(of), str(whose), int() | None as token, float(s)],
            ]:
                near = Near(id_, v, of, whose, token, s, correlation)
                self._known[sha3_256, True] = Looked(sha3_256, correlation, hashes, True, near)


def _told(one: Looked) -> list[object]:
    near = one.near
    said = None if near is None else [near.id, near.verdict, near.of, near.collection, near.token, near.score]
    return [one.sha3_256, one.correlation, one.hashes, one.laid, said]


@dataclass(frozen=True, slots=True)
class _State:
    checker: Checker
    collection: str
    own: dict[bytes, str]
    rows: dict[int, bool] = field(default_factory=dict)
    """What `counts` says of a row of the store: an own collection's are met with every token."""

    def counts_row(self, row: int) -> bool:
        if row not in self.rows:
            self.rows[row] = self.counts(self.checker.store.entries([row])[0])
        return self.rows[row]

    def counts(self, entry: Entry) -> bool:
        # What is registered has no collection; a seed of another one may be a stranger's copy, byte by byte.
        own = not entry.collection and self.own.get(entry.sha3_256) == entry.name
        return not own and entry.collection != self.collection


_state: _State | GistchainError | None = None


def _begin(open_checker: Callable[[], Checker], collection: str, own: dict[bytes, str]) -> None:
    global _state
    import cv2

    cv2.setNumThreads(1)  # there is a process for each core
    try:
        _state = _State(open_checker(), collection, own)
    except GistchainError as error:  # a process whose start fails breaks the pool, and nobody would be told why
        _state = error


def _look(chunk: list[tuple[int, Path, str, bool]]) -> list[Looked]:
    if isinstance(_state, GistchainError):
        raise _state
    assert _state is not None
    return [(_laid if lay else _first)(_state, id_, read_image(path), sha3_256) for id_, path, sha3_256, lay in chunk]


def _first(state: _State, id_: int, picture: Picture, sha3_256: str) -> Looked:
    """By fingerprint and hashes alone."""
    from gistchain.rareness.hashes import BITS

    store = state.checker.store
    fingerprint, turns = state.checker.glance(picture)
    approximate, _ = store.approximate(fingerprint)
    order = np.argsort(-approximate, kind="stable")[:_LIKELIEST].tolist()
    likely = next(filter(state.counts_row, order), None)
    hits = store.near(turns, HASHES)[:_LIKELIEST]
    shares = [bits / BITS[name] for row, name, bits, _ in hits if state.counts_row(row)]
    correlation = 0.0 if likely is None else round(float(approximate[likely]), 4)
    return Looked(sha3_256, correlation, round(min(shares, default=1.0), 4))


def _laid(state: _State, id_: int, picture: Picture, sha3_256: str) -> Looked:
    """Laid over what it may come from."""
    found = state.checker.check(picture, counts=state.counts)
    there = found.nearest
    if there is None:
        return Looked(sha3_256, 0.0, 1.0, True)
    correlation = round(there.pearson, 4)
    if found.verdict not in REFUSED:
        return Looked(sha3_256, correlation, 1.0, True)
    score = round(found.score, 4)
    near = Near(id_, found.verdict, there.name, there.collection, there.token, score, correlation)
    return Looked(sha3_256, correlation, 1.0, True, near)
