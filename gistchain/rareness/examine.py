"""Candidate -> all that is known of it beside the registered images, before anything is concluded.

fingerprint ─ Pearson against all ─ neighbourhood ─ seven measures ┐
hashes in eight turns ─────────────────────────────────────────────┤─ shortlist ─ laid over one by one ─ rivals
turns, crops and frames undone ─ fingerprint ─ Pearson once more ──┘
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.backgrounds import Colour, laid_on
from gistchain.rareness.funnel import Agreement, Fingerprints, Gain, Standing, agreement, correlated, survivors
from gistchain.rareness.hashes import THRESHOLDS
from gistchain.rareness.overlay.align import Alignment, both_ways
from gistchain.rareness.overlay.restored import restored
from gistchain.rareness.overlay.rivals import rivals
from gistchain.rareness.overlay.shortlist import Chosen, guides, shortlist
from gistchain.rareness.overlay.verify import Candidate, Comparison, compare
from gistchain.rareness.overlay.views import View, view
from gistchain.rareness.store.hashindex import Near
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import thumbnail, unpack, unpack_opacity
from gistchain.types import Fingerprinter, Hashes, Pixels

SHORTLIST, AGAIN = 40, 24
"""Registered images that are judged under shared alignments: of the first look, and more of the second."""
MEASURED = 12
"""Survivors to which all seven measures are applied."""
_HASH_HITS = 8
"""Rows with the nearest hashes that are always on the list."""
_WITNESSES = 160
"""Most registered images that are asked whether they explain a place better: a trait comes back in other tokens."""
_VIEWS_KEPT = 512

Counted = Callable[[Entry], bool]
"""Whether a registered image counts: seeds do, and those that the chain knows."""
_Entries = dict[int, Entry]
"""By row, the likeliest first."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One registered image that was laid under the candidate. left, structure: its figures on the shortlist."""

    row: int
    entry: Entry
    view: View
    comparison: Comparison
    left: float
    structure: float
    rivals: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What was found. again: gain and near of the second look, None where there was nothing to undo.

    hits: rows with near hashes, nearest first. looked: the likeliest first; empty where nothing is registered.
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


class Examiner:
    """Compares candidates with the images of a store; keeps the last views, which neighbours share."""

    def __init__(self, store: Store, fingerprinter: Fingerprinter) -> None:
        """fingerprinter: for the second look, at the image with its transform undone."""
        self._store, self._fingerprinter = store, fingerprinter
        self._views: OrderedDict[tuple[bytes, Colour | None], View] = OrderedDict()

    def of(self, store: Store) -> Examiner:
        """The same for another store; the views that are kept are shared, as they belong to images and not to rows."""
        other = copy.copy(self)
        other._store = store
        return other

    def examine(
        self,
        image: Pixels,
        fingerprint: NDArray[np.float32],
        turns: tuple[Hashes, ...],
        counts: Counted,
        without: int | None = None,
        *,
        background: Colour | None = None,
        seen: Callable[[Pixels], Pixels] | None = None,
    ) -> Examined:
        """Everything about one image. turns: its hashes and those of its turns (hashes.turned).

        without: a row that is left out of all figures, the image's own from an attempt that failed. background: on
        which transparent registered images are seen, by default their own. seen: what the fingerprint was taken of,
        where that is not the image itself (renditions.py).

            gain, near    the fingerprint against all registered ones, and within its neighbourhood
            agreement     seven measures of the best
            hits          near hashes
            first         the likeliest by hashes and fingerprint
            alignments    with the first two of them, whose frame their siblings share
            undone        the image without its turn, crop or frame: looked up once more
            second        the likeliest then
            looked        the best of all laid over the image one by one, with rivals of their series
        """
        registered = Fingerprints(self._store, without=without)
        gain, near = correlated(fingerprint, registered)
        measured = survivors(gain.best, near, MEASURED)
        agreed = agreement(fingerprint, measured, registered.of(measured))
        hits = tuple(hit for hit in self._store.near(turns, THRESHOLDS) if hit[0] != without)
        by_hash = [row for row, *_ in hits]

        # Through the thumbnail: the pixels come the same way as those that are kept of the registered images.
        candidate = Candidate.of(thumbnail(image))
        likely = [*by_hash[:_HASH_HITS], *survivors(gain.best, near, SHORTLIST).tolist()]
        first = self._listed(likely, SHORTLIST, counts)
        alignments = self._aligned(candidate, first, [*by_hash[:1], *near.rows.tolist()], background)

        undone = self._undone(candidate, first, alignments, background)
        again, second = None, {}
        if undone is not None:
            undone = undone if seen is None else seen(undone)
            again = correlated(self._fingerprinter.fingerprint([undone])[0], registered)
            second = self._listed(survivors(again[0].best, again[1], AGAIN).tolist(), AGAIN, counts)

        listed = first | second
        order = [*(again[0].best.rows.tolist() if again else ()), *gain.best.rows.tolist()]
        witnesses = self._witnesses(order, listed, counts)
        looked = self._looked(candidate, listed, alignments, (list(first), list(second)), witnesses, background)
        return Examined(candidate, fingerprint, turns, gain, near, again, agreed, hits, looked)

    def _listed(self, rows: list[int], most: int, counts: Counted) -> _Entries:
        """The first of the rows that count."""
        wanted = list(dict.fromkeys(rows))
        entries = self._store.entries(wanted)
        counted = [(row, entry) for row, entry in zip(wanted, entries, strict=True) if counts(entry)]
        return dict(counted[:most])

    def _aligned(
        self, candidate: Candidate, listed: _Entries, order: list[int], background: Colour | None
    ) -> dict[int, list[Alignment]]:
        """The alignments with the first listed rows in this order, by row."""
        first = [row for row in dict.fromkeys(order) if row in listed] or list(listed)[:1]
        return dict(zip(first, guides(candidate, [self._view(listed[row], background) for row in first]), strict=False))

    def _undone(
        self,
        candidate: Candidate,
        listed: _Entries,
        alignments: dict[int, list[Alignment]],
        background: Colour | None,
    ) -> Pixels | None:
        """The candidate in the frame of the row that it fits best; None where it fits none."""
        pairs = [(alignment, row) for row, some in alignments.items() for alignment in some]
        if not pairs:
            return None
        alignment, guide = max(pairs, key=lambda pair: pair[0].agreement)
        collection = listed[guide].collection
        series = [self._view(entry, background) for entry in listed.values() if entry.collection == collection]
        return restored(candidate, self._view(listed[guide], background), alignment, series)

    def _witnesses(self, order: list[int], listed: _Entries, counts: Counted) -> list[Entry]:
        """Further images of the collections on the list, the next in this order."""
        collections = {entry.collection for entry in listed.values()}
        further = [row for row in dict.fromkeys(order) if row not in listed][: max(0, _WITNESSES - len(listed))]
        return [entry for entry in self._store.entries(further) if entry.collection in collections and counts(entry)]

    def _looked(
        self,
        candidate: Candidate,
        listed: _Entries,
        alignments: dict[int, list[Alignment]],
        orders: tuple[list[int], list[int]],
        witnesses: list[Entry],
        background: Colour | None,
    ) -> tuple[Looked, ...]:
        """The likeliest of the list, laid over the candidate one by one. orders: rows of the first and second look."""
        if not listed:
            return ()
        views = {row: self._view(entry, background) for row, entry in listed.items()}
        shared = [alignment for some in alignments.values() for alignment in both_ways(some)]
        looked = []
        for chosen in shortlist(candidate, views, shared, *orders):
            collection = listed[chosen.row].collection
            others = [other for row, other in views.items() if row != chosen.row]
            others += [self._view(entry, background) for entry in witnesses if entry.collection == collection]
            known = alignments.get(chosen.row, ())
            looked.append(_laid_over(candidate, chosen, listed[chosen.row], views[chosen.row], known, others))
        return tuple(looked)

    def _view(self, entry: Entry, background: Colour | None) -> View:
        key = (entry.sha3_256, None if entry.background is None else background)
        kept = self._views.get(key)
        if kept is None:
            kept = self._views[key] = view(_pixels(entry, background))
            if len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        self._views.move_to_end(key)
        return kept


def _pixels(entry: Entry, background: Colour | None) -> Pixels:
    """Its thumbnail; that of a transparent image laid over the background."""
    pixels = unpack(entry.thumbnail)
    if entry.background is None or background is None:
        return pixels
    return laid_on(pixels, unpack_opacity(entry.thumbnail), entry.background, background)


def _laid_over(
    candidate: Candidate, chosen: Chosen, entry: Entry, registered: View, known: Sequence[Alignment],
    others: list[View],
) -> Looked:  # fmt: skip
    comparison = compare(candidate, registered, (chosen.alignment,), known, search=chosen.search)
    explained = rivals(comparison, registered, others)
    return Looked(chosen.row, entry, registered, comparison, chosen.left, chosen.structure, explained)
