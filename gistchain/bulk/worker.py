"""What one of several processes does with an image: read and describe it, and compare it with those before it.

    prepare   file ──> gist, what later images are compared with, its features
    compare   file, features ──> verdict, among the images that were there when it came

A process begins with `begin`, and ends when the one that started it does.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gistchain.bulk.journal import Journal
from gistchain.errors import GistchainError, ImageError
from gistchain.gist.packet import pack
from gistchain.image import read_image
from gistchain.opening import open_ledger
from gistchain.processes import work_for
from gistchain.rareness import evidence
from gistchain.systems import checker, rosis

if TYPE_CHECKING:
    from gistchain.rareness.check import Checker, Features
    from gistchain.rareness.store.store import Entry
    from gistchain.settings import Settings
    from gistchain.systems import Rosis
    from gistchain.types import Content, Ledger, Picture, Rareness


@dataclass(frozen=True, slots=True)
class Whose:
    """The account and the ledger of a run."""

    ledger: str
    owner: str


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """gist: its packet. entry: for the database."""

    image: bytes
    name: str
    caption: str
    confidence: float
    gist: bytes
    entry: Entry
    features: Features


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """document: the evidence. reason: for a person."""

    rareness: Rareness
    document: bytes
    content: Content
    reason: str


@dataclass(frozen=True, slots=True)
class _State:
    system: Rosis
    checker: Checker
    ledger: Ledger
    journal: Journal
    name: str


_state: _State | GistchainError | None = None


def begin(settings: Settings, wanted: dict[str, Any], whose: Whose, parent: int) -> None:
    """Load what this process needs. wanted: options of `rosis`. parent: the process to end with."""
    global _state
    import cv2

    work_for(parent)
    cv2.setNumThreads(1)  # there is a process for each core
    try:
        journal = Journal(settings.home, ledger=whose.ledger, owner=whose.owner)
        ledger = open_ledger(settings, write=False)
        _state = _State(rosis(settings, **wanted), checker(settings), ledger, journal, whose.ledger)
    except GistchainError as error:  # a process whose start fails breaks the pool, and nobody would be told why
        _state = error


def prepare(path: Path, image: bytes) -> Prepared:
    """Raises ImageError, also where the file is not the image with this hash, CaptionError, ModelError."""
    state = _begun()
    picture = _read(path, image)
    described = state.system.describe(picture)
    features = state.checker.features(picture)
    caption = described.gist.caption
    entry = state.checker.entry(picture, features, name=path.name, collection="", caption=caption, seed=False)
    payload = pack(described.gist)
    return Prepared(picture.sha3_256, path.name, caption, described.confidence, payload, entry, features)


def compare(path: Path, image: bytes, features: Features, rows: int | None, position: int) -> Compared:
    """Among the first `rows` images of the database, None for all, those count that became tokens, and those of the
    run that have an earlier position. Raises ImageError where the file is another one than `prepare` read."""
    state = _begun()
    picture = _read(path, image)
    judge = state.checker if rows is None else state.checker.until(rows)
    find = functools.cache(lambda sha3_256: _registered(state, sha3_256, position))
    rareness = judge.check(
        picture,
        counts=lambda entry: entry.sha3_256 != image and (entry.seed or find(entry.sha3_256) is not None),
        token=lambda entry: find(entry.sha3_256) or None,
        found=features,
    )
    return Compared(rareness, evidence.document(image, rareness), rareness.content, rareness.reason)


def _read(path: Path, image: bytes) -> Picture:
    picture = read_image(path)
    if picture.sha3_256 != image:
        raise ImageError(f"{path} was changed meanwhile: give it again")
    return picture


def _registered(state: _State, image: bytes, position: int) -> int | None:
    """The token of an image, 0 for one of the run that has none yet; None where it does not count."""
    if token := state.checker.store.noted(image, state.name):
        return token
    mine = state.journal.position(image)
    if mine is not None:
        return 0 if mine < position else None
    return state.ledger.find(image)


def _begun() -> _State:
    if isinstance(_state, GistchainError):
        raise _state
    if _state is None:
        raise AssertionError("begin() comes first")
    return _state
