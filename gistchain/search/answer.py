"""A plan -> what the index says: every number is counted, every token in the answer is a row that was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.search.find import Filters, allowed
from gistchain.search.items import Item
from gistchain.search.pictures import Vectors
from gistchain.search.plan import Plan
from gistchain.search.query import Phrase
from gistchain.search.record import Record

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Said:
    """The answer to a plan. found: how many items meet it. items: the first of them, in the plan's order; rarity: bits
    of each where that is the order. values: (value, how many items have it). owners: (address, how many of the
    items); unowned: those whose owner nobody tells."""

    plan: Plan
    found: int
    items: tuple[Item, ...] = ()
    rarity: tuple[float, ...] = ()
    values: tuple[tuple[str, int], ...] = ()
    owners: tuple[tuple[str, int], ...] = ()
    unowned: int = 0


def said(plan: Plan, record: Record, vectors: Vectors | None = None, *, every: bool = False) -> Said:
    """every: all items that are found, else the first. Raises SettingError for a token that is not there, or whose
    picture is not in the index."""
    top = record.highest() + 1
    meets = allowed(
        record, Filters(collection=plan.collection, owner=plan.owner, verdict=plan.verdict, kind=plan.kind), top
    )
    if plan.not_verdict:
        meets[record.matching("verdict in ('', ?)", [plan.not_verdict])] = False
    if plan.token:
        own = np.zeros(top, bool)
        own[record.called("", plan.token)] = True
        meets &= own
    for phrase in plan.having:
        meets &= _having(record, phrase, top)
    for phrase in plan.without:
        meets &= ~_having(record, phrase, top)
    numbers = np.flatnonzero(meets)
    if plan.what == "count":
        return Said(plan, len(numbers))
    if plan.what == "values":
        return Said(plan, len(numbers), values=_values(record, plan, meets))
    order, rarity = _ordered(record, vectors, plan, numbers)
    most_owners = plan.first if plan.what == "owners" and plan.order == "commonest" else None
    chosen = order[: plan.first] if plan.first is not None and most_owners is None else order
    if plan.what == "owners":
        owned = record.items(chosen.tolist())
        owners = Counter(item.owner for item in owned if item.owner)
        return Said(
            plan, len(numbers), items=tuple(owned[:_SHOWN]), owners=tuple(owners.most_common(most_owners)),
            unowned=sum(not item.owner for item in owned),
        )  # fmt: skip
    shown = chosen.tolist() if every else chosen[: plan.first or _SHOWN].tolist()
    return Said(
        plan,
        len(numbers),
        items=tuple(record.items(shown)),
        rarity=tuple(float(rarity[n]) for n in shown) if rarity is not None else (),
    )


def _having(record: Record, phrase: Phrase, top: int) -> NDArray[np.bool_]:
    """Items with one of the traits that a phrase means."""
    having = np.zeros(top, bool)
    for meant in phrase.meant:
        having[record.having(meant.trait.kind)] = True
    return having


def _values(record: Record, plan: Plan, meets: NDArray[np.bool_]) -> tuple[tuple[str, int], ...]:
    counted = [
        (trait.value, int(meets[record.having(trait.kind)].sum()))
        for trait in record.traits()
        if trait.type.casefold() == plan.of_type.casefold()
    ]
    there = [pair for pair in counted if pair[1]]
    there.sort(key=lambda pair: (pair[1] if plan.order == "rarest" else -pair[1], pair[0]))
    return tuple(there[: plan.first] if plan.first is not None else there)


def _ordered(
    record: Record, vectors: Vectors | None, plan: Plan, numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """The items in the plan's order, and the bits of rarity of all where that is it."""
    if plan.like:
        return _alike(record, vectors, plan.like, numbers), None
    if plan.order in ("rarest", "commonest"):
        bits = _rarity(record, record.highest() + 1)
        sign = -1 if plan.order == "rarest" else 1
        return numbers[np.lexsort((numbers, sign * bits[numbers]))], bits
    if plan.order == "newest":
        return numbers[::-1], None
    return numbers, None


def _rarity(record: Record, top: int) -> NDArray[np.float64]:
    """Bits of each item's traits: the sum of log2(items of its collection / those of them that have the trait)."""
    bits = np.zeros(top)
    for collection in record.collections():
        members = np.zeros(top, bool)
        members[record.having(collection.kind)] = True
        whole = int(members.sum())
        for trait in record.traits():
            having = record.having(trait.kind)
            own = having[members[having]]
            if len(own):
                bits[own] += np.log2(whole / len(own))
    return bits


def _alike(record: Record, vectors: Vectors | None, like: str, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    source, _, token = like.rpartition(":")
    found: Sequence[int] = record.called(source, token)
    if len(found) != 1:
        raise SettingError(
            f"{like}: " + ("several sources have it: say NAME:ID" if found else "there is no such token here")
        )
    vector = None if vectors is None else vectors.of(found[0])
    if vector is None or vectors is None:
        raise SettingError(f"{like}: its picture is not in the index: `gistchain index` adds it")
    scanned = vectors.scan(vector[None])
    cosines = np.full(record.highest() + 1, -2, np.float32)
    cosines[scanned.items[scanned.items >= 0]] = scanned.cosines[0][scanned.items >= 0]
    others = numbers[(numbers != found[0]) & (cosines[numbers] > -2)]
    ordered: NDArray[np.int64] = others[np.argsort(-cosines[others], kind="stable")]
    return ordered
