"""Three rankings of items -> one, by rank, and for each hit why it is one.

    words     traits that the phrases mean, titles, free captions        query.py, record.py
    looks     cosine of a text or a picture with the vectors of pictures     pictures.py
    picture   what rareness finds: the source of a crop, a copy, a sibling   source.py

Ranks are fused (Cormack et al. 2009): a hit gets weight / (60 + rank) of each ranking that has it. Words weigh most,
since a trait is a fact and a cosine a guess; equal ones are told apart by their looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gistchain.search.items import Item, Kind
from gistchain.search.pictures import Vectors
from gistchain.search.query import Phrase, Query
from gistchain.search.record import COLLECTION, Record, folded

Ranking = Literal["words", "looks", "picture"]
WEIGHTS: dict[Ranking, float] = {"words": 100.0, "looks": 1.0, "picture": 100.0}
_FLAT = 60.0
_RANKED = 300
"""Items of a ranking that count."""
_FOLDING = 2
"""Times the hits that are wanted: so many are loaded, as some fold into others."""
_SAME = 0.995
_EXCLUDES = 0.6
"""Share of a trait that a phrase of --not must name."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Items that meet all that are given. traits: (type or '', value). owner: an address, or how one begins.
    least, most: of the rareness score."""

    traits: tuple[tuple[str, str], ...] = ()
    collection: str = ""
    owner: str = ""
    verdict: str = ""
    kind: Kind | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One item that was found. score: of the fused rankings; ranks: in each of them, from 1. cosine: -2 where its
    picture has no vector. named: share of what was asked that its traits name, in 0..1. why: in words.
    same: further items that look the same and have the same traits."""

    number: int
    item: Item
    score: float
    ranks: dict[Ranking, int]
    named: float
    cosine: float
    why: tuple[str, ...]
    same: tuple[Item, ...] = ()


@dataclass(slots=True)
class Found:
    """hits: best first. items: how many meet the filters. looked: how many of them have a vector. error: the most by
    which any cosine can be wrong."""

    hits: list[Hit]
    items: int
    looked: int
    error: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What to rank by: a query of words, a vector (size,) of a text or a picture, items in the order in which rareness
    found them with the reason of each. without: phrases that no hit may have."""

    query: Query | None = None
    vector: NDArray[np.float32] | None = None
    sources: tuple[tuple[int, str], ...] = ()
    without: Query | None = None
    itself: int | None = None


def find(record: Record, vectors: Vectors | None, wanted: Wanted, filters: Filters, count: int) -> Found:
    """The `count` best hits."""
    top = record.highest() + 1
    meets = allowed(record, filters, top)
    if wanted.without is not None:
        for phrase in wanted.without.known:
            for meant in phrase.meant:
                if meant.share > _EXCLUDES or len(phrase.meant) == 1:
                    meets[record.having(meant.trait.kind)] = False
    if wanted.itself is not None:
        meets[wanted.itself] = False
    words, weight = _by_words(record, wanted.query, top)
    looks = np.full(top, -2, np.float32)
    found = Found([], int(meets.sum()), 0)
    if vectors is not None and wanted.vector is not None:
        scanned = vectors.scan(wanted.vector[None])
        there = scanned.items >= 0
        looks[scanned.items[there]] = scanned.cosines[0][there]
        found.error = scanned.error
    found.looked = int((meets & (looks > -2)).sum())
    ranks: dict[Ranking, dict[int, int]] = {
        "words": _ranked(words, looks, meets & (words > 0)),
        "looks": _ranked(looks, words, meets & (looks > -2)),
        "picture": {item: place for place, (item, _) in enumerate((s for s in wanted.sources if meets[s[0]]), 1)},
    }
    scores: dict[int, float] = {}
    for name, places in ranks.items():
        for item, rank in places.items():
            scores[item] = scores.get(item, 0.0) + WEIGHTS[name] / (_FLAT + rank)
    best = sorted(scores, key=lambda item: (-scores[item], item))[: count * _FOLDING]
    reasons = dict(wanted.sources)
    hits = []
    for number, one in zip(best, record.items(best), strict=True):
        own: dict[Ranking, int] = {name: there[number] for name, there in ranks.items() if number in there}
        named = float(words[number] / weight) if weight else 0.0
        why = _why(one, wanted.query, own, float(looks[number]), reasons.get(number))
        hits.append(Hit(number, one, scores[number], own, named, float(looks[number]), why))
    found.hits = _folded(hits, record, vectors)[:count]
    return found


def allowed(record: Record, filters: Filters, top: int) -> NDArray[np.bool_]:
    """(top,) whether an item meets the filters; top: one more than the highest number."""
    conditions: list[tuple[str, list[object]]] = []
    if filters.owner:
        low = filters.owner.casefold()
        conditions.append(("owner >= ? and owner < ?", [low, low + "\U0010ffff"]))
    if filters.collection:
        conditions.append(("(subject = ? or source = ?)", [folded(filters.collection), filters.collection]))
    if filters.verdict:
        conditions.append(("verdict = ?", [filters.verdict]))
    if filters.kind is not None:
        conditions.append(("kind = ?", [filters.kind]))
    if filters.least is not None:
        conditions.append(("score >= ?", [filters.least]))
    if filters.most is not None:
        conditions.append(("score >= 0 and score <= ?", [filters.most]))
    meets = np.zeros(top, bool)
    values = [value for _, some in conditions for value in some]
    where = " and ".join(condition for condition, _ in conditions)
    meets[record.matching(where, values) if conditions else record.every()] = True
    for type_, value in filters.traits:
        having = np.zeros(top, bool)
        for trait in record.traits_called(type_, value):
            having[record.having(trait.kind)] = True
        meets &= having
    return meets


def _by_words(record: Record, query: Query | None, top: int) -> tuple[NDArray[np.float32], float]:
    """How much of what was asked each item has, and the most that there could be."""
    scores, whole = np.zeros(top, np.float32), 0.0
    if query is None:
        return scores, whole
    every = max(1, len(record.every()))
    for phrase in query.known:
        best = np.zeros(top, np.float32)
        for meant in reversed(phrase.meant):  # the best last
            having = record.having(meant.trait.kind)
            best[having] = np.maximum(best[having], meant.share)
        rare = np.log1p(every / max(1, int((best > 0).sum()))) / np.log1p(every)
        weight = len(phrase.words) * (0.5 + 0.5 * float(rare))
        scores += np.float32(weight) * best
        whole += weight
    if query.unknown:
        titled = record.titled(query.unknown)
        if titled:
            most = titled[0][1] or 1.0
            weight = float(len(query.unknown))
            for item, score in titled:
                scores[item] += weight * score / most
            whole += weight
        elif query.known:
            whole += len(query.unknown)
    return scores, whole


def _ranked(scores: NDArray[np.float32], then: NDArray[np.float32], which: NDArray[np.bool_]) -> dict[int, int]:
    """Item -> rank of the best: equal scores have one rank. then: which of equal ones count where they are too many."""
    items = np.flatnonzero(which)
    if len(items) > _RANKED:
        least = np.partition(scores[items], -_RANKED)[-_RANKED]
        items = items[scores[items] >= least]
    order = items[np.lexsort((items, -then[items], -scores[items]))][:_RANKED]
    ranks = np.searchsorted(-scores[order], -scores[order]) + 1
    return dict(zip(order.tolist(), ranks.tolist(), strict=True))


def _why(
    item: Item, query: Query | None, ranks: dict[Ranking, int], cosine: float, source: str | None
) -> tuple[str, ...]:
    told = [source] if source else []
    if query is not None and "words" in ranks:
        told += [f"{phrase}: {said}" for phrase in query.phrases if (said := _said(item, phrase))]
    if "looks" in ranks:
        told.append(f"looks: cosine {cosine:.2f}, place {ranks['looks']}")
    return tuple(told)


def _said(item: Item, phrase: Phrase) -> str:
    """The trait of the item that a phrase means most."""
    own = {(t, v) for t, v in [*item.traits, (COLLECTION, item.subject)]}
    for meant in phrase.meant:
        if (meant.trait.type, meant.trait.value) in own:
            return f"{meant.trait.value} {meant.trait.type}".strip()
    return ""


def _folded(hits: Sequence[Hit], record: Record, vectors: Vectors | None) -> list[Hit]:
    """Hits that show the same and have the same traits as a better one become a part of it."""
    kept: list[Hit] = []
    alike: list[list[Item]] = []
    looks: list[NDArray[np.float32] | None] = []
    for hit in hits:
        look = None if vectors is None or hit.cosine < -1 else vectors.of(hit.number)
        same = next((k for k, other in enumerate(kept) if _is_same(hit, look, other, looks[k])), None)
        if same is None:
            kept.append(hit)
            alike.append([])
            looks.append(look)
        else:
            alike[same].append(hit.item)
    return [_with_same(hit, tuple(items)) for hit, items in zip(kept, alike, strict=True)]


def _is_same(hit: Hit, look: NDArray[np.float32] | None, other: Hit, its: NDArray[np.float32] | None) -> bool:
    one, two = hit.item, other.item
    if one.media and one.media == two.media:
        return True
    if look is None or its is None or folded(one.subject) != folded(two.subject):
        return False
    return set(one.traits) == set(two.traits) and float(look @ its) >= _SAME


def _with_same(hit: Hit, same: tuple[Item, ...]) -> Hit:
    return hit if not same else Hit(hit.number, hit.item, hit.score, hit.ranks, hit.named, hit.cosine, hit.why, same)
