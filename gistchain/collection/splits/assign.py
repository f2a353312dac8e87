"""Families and their numbers of pairs -> the part of each collection, and how many of its tokens are taken.

The largest family goes where most pairs are missing, then the next. No part stays empty while another has two families.
Which of two families of one size comes first hangs on the seed alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gistchain.collection.splits.families import Family
from gistchain.collection.splits.sample import order
from gistchain.collection.splits.sizes import PARTS, PROPORTIONS, Part, Size


@dataclass(frozen=True, slots=True)
class Placed:
    """A collection in its part. family: its name. there: complete tokens. taken: of them, the first by hash."""

    collection: str
    family: str
    part: Part
    there: int
    taken: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """wanted: pairs by part. placed: in the order in which the collections were given."""

    wanted: Mapping[Part, int]
    placed: tuple[Placed, ...]

    def obtained(self, part: Part) -> int:
        return sum(one.taken for one in self.placed if one.part == part)

    def collections(self, part: Part) -> int:
        return sum(one.part == part and one.taken > 0 for one in self.placed)

    def families(self, part: Part) -> int:
        return len({one.family for one in self.placed if one.part == part and one.taken})


def assigned(families: Sequence[Family], there: Mapping[str, int], size: Size, seed: int = 0) -> Assignment:
    """there: collection -> how many complete tokens it has, in the order in which the collections were given."""
    counts = {name: min(count, size.each or count) for name, count in there.items()}
    wanted = size.pairs or _shares(sum(counts.values()))
    parts = _parts(families, counts, seed)
    placed = []
    for part in PARTS:
        names = [name for name in there if parts[name] == part]
        taken = {name: counts[name] for name in names}
        if size.pairs is not None:  # a data set of that name has no more
            taken = _capped(taken, wanted[part])
        family = {name: one.name for one in families for name in one.members}
        placed += [Placed(name, family[name], part, there[name], taken[name]) for name in names]
    position = {name: place for place, name in enumerate(there)}
    return Assignment(wanted, tuple(sorted(placed, key=lambda one: position[one.collection])))


def _shares(total: int) -> dict[Part, int]:
    """The PROPORTIONS of a whole; what rounding leaves goes to the training."""
    pairs: dict[Part, int] = {part: int(total * share) for part, share in PROPORTIONS.items()}
    pairs["train"] += total - sum(pairs.values())
    return pairs


def _parts(families: Sequence[Family], counts: Mapping[str, int], seed: int) -> dict[str, Part]:
    """Collection -> part, each family in one."""
    pairs = {family.name: sum(counts[name] for name in family.members) for family in families}
    missing = {part: sum(pairs.values()) * share for part, share in PROPORTIONS.items()}
    inside: dict[Part, list[Family]] = {part: [] for part in PARTS}
    for family in sorted(families, key=lambda one: (-pairs[one.name], order(one.name, f"split {seed}"))):
        part = max(PARTS, key=lambda one: missing[one])
        inside[part].append(family)
        missing[part] -= pairs[family.name]
    for empty in (part for part in ("test", "validation", "train") if not inside[part]):
        fullest = max(PARTS, key=lambda part: (len(inside[part]), PROPORTIONS[part]))
        if len(inside[fullest]) > 1:
            inside[empty].append(inside[fullest].pop())  # the smallest
    size = {part: sum(pairs[family.name] for family in inside[part]) for part in PARTS}
    if size["validation"] > size["test"]:
        inside["validation"], inside["test"] = inside["test"], inside["validation"]
    return {name: part for part in PARTS for family in inside[part] for name in family.members}


def _capped(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """The counts, each shrunk by the same share where they are more than `most` together; largest remainders first."""
    total = sum(counts.values())
    if total <= most:
        return dict(counts)
    taken = {name: count * most // total for name, count in counts.items()}
    rest = sorted(counts, key=lambda name: (-(counts[name] * most % total), name))
    for name in rest[: most - sum(taken.values())]:
        taken[name] += 1
    return taken
