"""Candidate -> all that is known of it beside the registered images, before anything is concluded.

fingerprint ─ Pearson against all ─ neighbourhood ─ seven measures ┐
hashes in eight turns ─────────────────────────────────────────────┤─ shortlist ─ laid over one by one ─ rivals
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness import measures
from gistchain.rareness.align import both_ways
from gistchain.rareness.funnel import (
    NEIGHBOURHOOD,
    Agreement,
    Gain,
    Standing,
    agreement,
    pearson_gain,
    survivors,
    within,
)
from gistchain.rareness.hashes import THRESHOLDS
from gistchain.rareness.hashindex import Near
from gistchain.rareness.rivals import rivals
from gistchain.rareness.shortlist import guides, ranked
from gistchain.rareness.store import Entry, Store
from gistchain.rareness.thumbnail import thumbnail, unpack
from gistchain.rareness.verify import Candidate, Comparison, candidate, compare
from gistchain.rareness.views import View, view
from gistchain.types import Hashes, Pixels

SHORTLIST = 48
"""Registered images that are judged under shared alignments."""
COMPARED = 5
"""Of them, how many are laid over the candidate one by one."""
MEASURED = 12
"""Survivors to which all seven measures are applied."""
_SEARCHED = 3
"""Of the compared ones, for how many alignments of their own are searched."""
_HASH_HITS = 8
_VIEWS_KEPT = 512
_WITNESSES = 160
"""Most registered images that are asked whether they explain a place better: a trait comes back in other tokens."""

Counted = Callable[[Entry], bool]
"""Whether a registered image counts: seeds do, and those that the chain knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One registered image that was laid under the candidate. left: its error on the shortlist."""

    row: int
    entry: Entry
    seen: View
    comparison: Comparison
    left: float
    rivals: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """hits: by hash, nearest first. looked: best on the shortlist first; empty where nothing is registered."""

    candidate: Candidate
    fingerprint: NDArray[np.float32]
    turns: tuple[Hashes, ...]
    gain: Gain
    near: Standing
    agreement: Agreement
    hits: tuple[Near, ...]
    looked: tuple[Looked, ...]
    registered: int


class Examiner:
    """Compares candidates with the images of a store; keeps the last views, which neighbours share."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._views: OrderedDict[bytes, View] = OrderedDict()

    def examine(
        self,
        image: Pixels,
        fingerprint: NDArray[np.float32],
        turns: tuple[Hashes, ...],
        counts: Counted,
        without: int | None = None,
    ) -> Examined:
        """Everything about one image. turns: its hashes and those of its turns (hashes.turned).

        without: a row that is left out of all figures, the image's own from a try that failed.
        """
        approximate, bound = self._store.approximate(fingerprint)
        there = np.arange(len(approximate))
        there = there[there != without] if without is not None else there
        read: dict[int, NDArray[np.float32]] = {}

        def exact(rows: NDArray[np.int64]) -> NDArray[np.float64]:
            own = self._store.fingerprints(rows.tolist())
            read.update(zip(rows.tolist(), own, strict=True))
            return measures.pearson(fingerprint, own)

        gain = pearson_gain(approximate[there], bound, lambda rows: exact(there[rows]))
        gain = replace(gain, best=replace(gain.best, rows=there[gain.best.rows]))
        rows = gain.best.rows[:NEIGHBOURHOOD]
        fingerprints = np.array([read[row] for row in rows.tolist()], np.float32).reshape(len(rows), len(fingerprint))
        near = within(fingerprint, rows, fingerprints)
        hits = tuple(hit for hit in self._store.near(turns, THRESHOLDS) if hit[0] != without)
        order = {int(row): place for place, row in enumerate(rows)}
        measured = survivors(gain.best, near, MEASURED)
        agreed = agreement(
            measures.prepared(fingerprint), measured, fingerprints[[order[int(row)] for row in measured]]
        )
        checked = candidate(thumbnail(image))  # to the same pixels on the same way as what is kept of the registered
        entries = self._shortlist(survivors(gain.best, near, SHORTLIST).tolist(), hits, counts)
        witnesses = self._witnesses(gain.best.rows.tolist(), entries, counts)
        looked = self._look(checked, entries, near, hits, witnesses)
        return Examined(checked, fingerprint, turns, gain, near, agreed, hits, looked, len(there))

    def _shortlist(self, rows: list[int], hits: Sequence[Near], counts: Counted) -> list[tuple[int, Entry]]:
        by_hash = [hit[0] for hit in hits[:_HASH_HITS]]
        wanted = list(dict.fromkeys([*by_hash, *rows]))
        entries = self._store.entries(wanted)
        return [(row, entry) for row, entry in zip(wanted, entries, strict=True) if counts(entry)][:SHORTLIST]

    def _witnesses(self, rows: list[int], listed: list[tuple[int, Entry]], counts: Counted) -> list[Entry]:
        """Further images of the series that are on the list: of the next by Pearson, those of the same collections."""
        series = {entry.collection for _, entry in listed}
        known = {row for row, _ in listed}
        further = self._store.entries([row for row in rows if row not in known][: _WITNESSES - len(listed)])
        return [entry for entry in further if entry.collection in series and counts(entry)]

    def _look(
        self, checked: Candidate, entries: list[tuple[int, Entry]], near: Standing, hits: Sequence[Near],
        witnesses: list[Entry],
    ) -> tuple[Looked, ...]:  # fmt: skip
        if not entries:
            return ()
        views = [self._view(entry) for _, entry in entries]
        place = {row: index for index, (row, _) in enumerate(entries)}
        first = [row for row in (*(hit[0] for hit in hits[:1]), *near.rows.tolist()) if row in place]
        guiding = [place[row] for row in dict.fromkeys(first)] or [0]
        known = dict(zip(guiding, guides(checked, [views[index] for index in guiding]), strict=False))
        shared = [one for found in known.values() for one in both_ways(found)]
        left = ranked(checked, views, shared)
        best = sorted(range(len(views)), key=lambda index: left[index][0])[:COMPARED]
        found = []
        for rank, index in enumerate(best):
            comparison = compare(
                checked, views[index], (left[index][1],), known.get(index, ()), search=rank < _SEARCHED
            )
            others = [other for i, other in enumerate(views) if i != index]
            collection = entries[index][1].collection
            others += [self._view(entry) for entry in witnesses if entry.collection == collection]
            against = rivals(comparison, views[index], others)
            found.append(Looked(*entries[index], views[index], comparison, left[index][0], against))
        return tuple(found)

    def _view(self, entry: Entry) -> View:
        kept = self._views.get(entry.sha3_256)
        if kept is None:
            kept = self._views[entry.sha3_256] = view(unpack(entry.thumbnail))
            if len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        self._views.move_to_end(entry.sha3_256)
        return kept
