"""What a split is, and what was written of it: the figures of the command's answer and of both data cards."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gistchain.collection.imports.record import About
from gistchain.collection.splits.assign import Assignment, Placed
from gistchain.collection.splits.export.pairs import Missing, Pair
from gistchain.collection.splits.families import Families
from gistchain.collection.splits.sizes import NAMED, NOT_STATED, PARTS, PUBLISHED, Part
from gistchain.disk.draft import Kind
from gistchain.safejson import parsed

MARK = "split.json"
"""The file that every data set of ours holds."""
_FIGURES = {"name", "seed", "parts", "pairs", "families", "collections", "missing"}


def _is_mark(content: bytes) -> bool:
    told = parsed(content)
    return isinstance(told, dict) and told.keys() >= _FIGURES


_PARTS = "|".join(PARTS)
KIND = Kind(
    MARK,
    _is_mark,
    re.compile(
        rf"README\.md|croissant\.json|{re.escape(MARK)}|webdataset(/({_PARTS})(/shard-[0-9]{{6,}}\.tar)?)?"
        rf"|data(/({_PARTS})-[0-9]{{5,}}\.parquet)?"
    ),
)
"""What a folder holds that `split` has written, and may put another in the place of."""


@dataclass(slots=True)
class Split:
    """A split of collections. about: of each of them. left_out: collections that can't be used -> why.

    uncaptioned: complete tokens that have no caption, by collection. output: where it was written, None where it was
    not. The rest is known when it was: pairs by collection; missing: (collection, why) -> pairs; alike: by part, pairs
    whose caption another token of their collection has too.
    """

    name: str
    seed: int
    families: Families
    assignment: Assignment
    about: Mapping[str, About]
    left_out: Mapping[str, str]
    uncaptioned: Mapping[str, int]
    output: Path | None
    pairs: Counter[str] = field(default_factory=Counter)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    alike: Counter[Part] = field(default_factory=Counter)
    size_bytes: int = 0
    _phrases: set[bytes] = field(default_factory=set)

    def wrote(self, pair: Pair) -> None:
        self.pairs[pair.placed.collection] += 1
        self.alike[pair.placed.part] += pair.alike > 1
        self.size_bytes += len(pair.png)
        for type_, value, _ in pair.row.traits:
            self._phrases.add(hashlib.sha256(f"{value} {type_}".encode("utf-8", "replace")).digest()[:10])

    def missed(self, placed: Placed, token: Missing) -> None:
        self.missing[placed.collection, token.why] += 1

    def written_share(self) -> float:
        """Of the pairs that are to be written, those that are, or are known to be missing."""
        total = sum(one.taken for one in self.assignment.placed)
        return (sum(self.pairs.values()) + sum(self.missing.values())) / max(1, total)

    @property
    def themes(self) -> int:
        """Different subjects."""
        return len({about.subject or about.name for about in self.about.values()})

    @property
    def phrases(self) -> int | None:
        """Different `{value} {trait_type}`; None where nothing was written."""
        return len(self._phrases) if self.output is not None else None

    @property
    def title(self) -> str:
        """What the data set is called in its cards: none of the published ones, which hold other collections."""
        count = len(self.assignment.placed)
        of = f"{count:,} collection{'s' if count != 1 else ''}"
        published = self.name.casefold() in {name.casefold() for name in NAMED}
        return f"{self.name}-style split of {of}" if published else self.name

    def empty(self) -> str:
        """Which parts hold no family, and why, in a sentence; '' for none."""
        none = [part for part in PARTS if not self.assignment.families(part)]
        count = len({one.family for one in self.assignment.placed})
        if not none or count >= len(PARTS):
            return ""
        there = "there is only one" if count == 1 else f"there are only {count}"
        return f"no pairs for {' and '.join(none)}: a family stays in one part, and {there}"

    def obtained(self, part: Part) -> int:
        """Pairs that were written; where nothing was, those that would be."""
        placed = [one for one in self.assignment.placed if one.part == part]
        if self.output is None:
            return sum(one.taken for one in placed)
        return sum(self.pairs[one.collection] for one in placed)

    def licence(self, collection: str) -> str:
        return self.about[collection].licence or NOT_STATED

    def parts(self) -> list[dict[str, Any]]:
        """A row for each part."""
        return [
            {
                "part": part,
                "wanted": self.assignment.wanted[part],
                "obtained": self.obtained(part),
                "collections": self.assignment.collections(part),
                "families": self.assignment.families(part),
                "captions_alike": self.alike[part] if self.output is not None else None,
            }
            for part in PARTS
        ]

    def collections(self) -> list[dict[str, Any]]:
        """A row for each collection."""
        return [
            {
                "collection": one.collection,
                "subject": self.about[one.collection].subject,
                "part": one.part,
                "family": one.family,
                "there": one.there,
                "pairs": self.pairs[one.collection] if self.output is not None else one.taken,
                "licence": self.licence(one.collection),
                "chain": self.about[one.collection].chain,
                "contract": self.about[one.collection].contract,
            }
            for one in self.assignment.placed
        ]

    def gaps(self) -> list[dict[str, Any]]:
        """A row for everything that is missing."""
        return [
            *({"collection": name, "pairs": 0, "why": why} for name, why in sorted(self.left_out.items())),
            *(
                {"collection": name, "pairs": count, "why": "newer than the captions"}
                for name, count in sorted(self.uncaptioned.items())
            ),
            *({"collection": name, "pairs": count, "why": why} for (name, why), count in sorted(self.missing.items())),
        ]

    def as_json(self) -> dict[str, Any]:
        """All of it but the place, in plain values."""
        joined = [
            {"one": one.one, "other": one.other, "why": one.why, "near": one.near, "of": one.of}
            for one in self.families.joined
        ]
        closest = self.families.closest
        return {
            "name": self.name,
            "seed": self.seed,
            "parts": self.parts(),
            "pairs": sum(self.obtained(part) for part in PARTS),
            "themes": self.themes,
            "phrases": self.phrases,
            "published": dict(PUBLISHED),
            "families": [list(family.members) for family in self.families.families],
            "joined": joined,
            "closest": None if closest is None else {"one": closest.one, "other": closest.other,
                                                     "near": closest.near, "of": closest.of},
            "unseen": self.families.unseen,
            "collections": self.collections(),
            "missing": self.gaps(),
        }  # fmt: skip
