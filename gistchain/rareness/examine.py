"""Candidate -> all that is known of it beside the registered images, before anything is concluded.

fingerprint ─ Pearson against all ─ neighbourhood ─ seven measures ┐
hashes in eight turns ─────────────────────────────────────────────┤─ shortlist ─ laid over one by one ─ rivals
turns, crops and frames undone ─ fingerprint ─ Pearson once more ──┘
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness import measures
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
from gistchain.rareness.overlay.align import Alignment, both_ways
from gistchain.rareness.overlay.restored import restored
from gistchain.rareness.overlay.rivals import rivals
from gistchain.rareness.overlay.shortlist import by_colours, by_structure, guides
from gistchain.rareness.overlay.verify import Candidate, Comparison, candidate, compare
from gistchain.rareness.overlay.views import View, view
from gistchain.rareness.store.hashindex import Near
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import thumbnail, unpack
from gistchain.types import Hashes, Pixels

SHORTLIST, AGAIN = 40, 24
"""Registered images that are judged under shared alignments: of the first look, and more of the second."""
_BY_COLOURS = 28
"""Of them, how many are judged by colours too, which takes ten times as long as by structure."""
_FIRSTS = {"colours": 3, "second": 2, "structure": 2, "first": 1}
"""How many of each order are laid over the candidate one by one."""
COMPARED = 6
"""And how many at most."""
MEASURED = 12
"""Survivors to which all seven measures are applied."""
_SEARCHED = {"colours": 2, "structure": 1, "second": 1}
"""For how many of each order alignments of their own are searched."""
_HASH_HITS = 8
_VIEWS_KEPT = 512
_WITNESSES = 160
"""Most registered images that are asked whether they explain a place better: a trait comes back in other tokens."""

Counted = Callable[[Entry], bool]
"""Whether a registered image counts: seeds do, and those that the chain knows."""
Fingerprint = Callable[[Pixels], NDArray[np.float32]]
_Listed = list[tuple[int, Entry]]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One registered image that was laid under the candidate. left, structure: how it did on the shortlist."""

    row: int
    entry: Entry
    seen: View
    comparison: Comparison
    left: float
    structure: float
    rivals: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What was found. again: gain and near of the second look, None where there was nothing to undo.

    hits: by hash, nearest first. looked: best on the shortlist first; empty where nothing is registered.
    """

    candidate: Candidate
    fingerprint: NDArray[np.float32]
    turns: tuple[Hashes, ...]
    gain: Gain
    near: Standing
    again: tuple[Gain, Standing] | None
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
        fingerprint: Fingerprint,
        turns: tuple[Hashes, ...],
        counts: Counted,
        without: int | None = None,
    ) -> Examined:
        """Everything about one image. turns: its hashes and those of its turns (hashes.turned).

        without: a row that is left out of all figures, the image's own from a try that failed.
        """
        numbers = fingerprint(image)
        read: dict[int, NDArray[np.float32]] = {}
        gain, near = self._funnel(numbers, read, without)
        measured = survivors(gain.best, near, MEASURED).tolist()
        own = np.array([read[row] for row in measured], np.float32).reshape(len(measured), len(numbers))
        agreed = agreement(measures.prepared(numbers), np.array(measured, np.int64), own)
        hits = tuple(hit for hit in self._store.near(turns, THRESHOLDS) if hit[0] != without)
        checked = candidate(thumbnail(image))  # to the same pixels on the same way as what is kept of the registered
        by_hash = [hit[0] for hit in hits]
        first = self._listed(
            [*by_hash[:_HASH_HITS], *survivors(gain.best, near, SHORTLIST).tolist()], SHORTLIST, counts
        )
        known = self._guides(checked, first, [*by_hash[:1], *near.rows.tolist()])
        undone = self._undone(checked, first, known)
        again = None if undone is None else self._funnel(fingerprint(undone), read, without)
        second = self._listed(survivors(again[0].best, again[1], AGAIN).tolist(), AGAIN, counts) if again else []
        everyone = list(dict(first + second).items())
        like = [*(again[0].best.rows.tolist() if again else ()), *gain.best.rows.tolist()]
        further = self._witnesses(list(dict.fromkeys(like)), everyone, counts)
        orders = {"first": [row for row, _ in first], "second": [row for row, _ in second]}
        looked = self._look(checked, everyone, known, orders, further)
        return Examined(checked, numbers, turns, gain, near, again, agreed, hits, looked, gain.registered)

    def _funnel(
        self, numbers: NDArray[np.float32], read: dict[int, NDArray[np.float32]], without: int | None
    ) -> tuple[Gain, Standing]:
        """(against all, within the neighbourhood). read: fingerprints by row; what is read is added."""
        approximate, bound = self._store.approximate(numbers)
        there = np.arange(len(approximate))
        there = there[there != without] if without is not None else there

        def exact(rows: NDArray[np.int64]) -> NDArray[np.float64]:
            new = [row for row in rows.tolist() if row not in read]
            read.update(zip(new, self._store.fingerprints(new), strict=True))
            return measures.pearson(numbers, np.array([read[row] for row in rows.tolist()], np.float32))

        gain = pearson_gain(approximate[there], bound, lambda rows: exact(there[rows]))
        gain = replace(gain, best=replace(gain.best, rows=there[gain.best.rows]))
        rows = gain.best.rows[:NEIGHBOURHOOD]
        fingerprints = np.array([read[row] for row in rows.tolist()], np.float32).reshape(len(rows), len(numbers))
        return gain, within(numbers, rows, fingerprints)

    def _listed(self, rows: list[int], most: int, counts: Counted) -> _Listed:
        wanted = list(dict.fromkeys(rows))
        entries = self._store.entries(wanted)
        return [(row, entry) for row, entry in zip(wanted, entries, strict=True) if counts(entry)][:most]

    def _guides(self, checked: Candidate, listed: _Listed, order: list[int]) -> dict[int, list[Alignment]]:
        """The alignments with the first of the list, in this order, by row."""
        there = dict(listed)
        first = [row for row in dict.fromkeys(order) if row in there] or list(there)[:1]
        return dict(zip(first, guides(checked, [self._view(there[row]) for row in first]), strict=False))

    def _undone(self, checked: Candidate, listed: _Listed, known: dict[int, list[Alignment]]) -> Pixels | None:
        """The candidate in the frame of the guide that it fits best."""
        found = [(one, row) for row, alignments in known.items() for one in alignments]
        if not found:
            return None
        one, row = max(found, key=lambda pair: pair[0].agreement)
        there = dict(listed)
        series = [self._view(entry) for _, entry in listed if entry.collection == there[row].collection]
        return restored(checked, self._view(there[row]), one, series)

    def _witnesses(self, rows: list[int], listed: _Listed, counts: Counted) -> list[Entry]:
        """Further images of the series that are on the list: of the next by Pearson, those of the same collections."""
        series = {entry.collection for _, entry in listed}
        known = {row for row, _ in listed}
        further = self._store.entries([row for row in rows if row not in known][: max(0, _WITNESSES - len(listed))])
        return [entry for entry in further if entry.collection in series and counts(entry)]

    def _look(
        self, checked: Candidate, listed: _Listed, known: dict[int, list[Alignment]], orders: dict[str, list[int]],
        witnesses: list[Entry],
    ) -> tuple[Looked, ...]:  # fmt: skip
        if not listed:
            return ()
        entries = dict(listed)
        views = {row: self._view(entry) for row, entry in listed}
        shared = [one for found in known.values() for one in both_ways(found)]
        structure = dict(zip(views, by_structure(checked, list(views.values()), shared), strict=True))
        orders["structure"] = sorted(views, key=lambda row: -structure[row])
        firsts = [row for order in orders.values() for row in order[: _FIRSTS["colours"]]]
        judged = list(dict.fromkeys([*firsts, *orders["structure"][:_BY_COLOURS]]))
        left = dict(zip(judged, by_colours(checked, [views[row] for row in judged], shared), strict=True))
        orders["colours"] = sorted(judged, key=lambda row: left[row][0])
        chosen = list(dict.fromkeys(row for name, most in _FIRSTS.items() for row in orders[name][:most]))[:COMPARED]
        searched = {row for name, most in _SEARCHED.items() for row in orders[name][:most]}
        found = []
        for row in chosen:
            comparison = compare(checked, views[row], (left[row][1],), known.get(row, ()), search=row in searched)
            collection = entries[row].collection
            others = [other for at, other in views.items() if at != row]
            others += [self._view(entry) for entry in witnesses if entry.collection == collection]
            against = rivals(comparison, views[row], others)
            found.append(Looked(row, entries[row], views[row], comparison, left[row][0], structure[row], against))
        return tuple(found)

    def _view(self, entry: Entry) -> View:
        kept = self._views.get(entry.sha3_256)
        if kept is None:
            kept = self._views[entry.sha3_256] = view(unpack(entry.thumbnail))
            if len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        self._views.move_to_end(entry.sha3_256)
        return kept
