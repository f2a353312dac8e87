"""Records of a collection -> how rare each token is, by OpenRarity's formula.

    score = sum of log2(1 / share of its values) / entropy of the collection's values

Every trait type counts, a type that a token lacks as the value "Null"; how many traits it has is one more type. First
come tokens with most values that nobody else has, then those with the higher score; scores as near as 1e-9 share a rank
(1, 2, 2, 4). Names are compared in lower case and without blanks at the ends. Only what is minted counts: the records
are all there is. https://github.com/OpenRarity/open-rarity
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gistchain.collection.metadata import NOTHING

_TRAIT_COUNT = "meta_trait:trait_count"
_NULL = None


@dataclass(frozen=True, slots=True)
class Rarity:
    """Of one token. rank: 1 is the rarest. unique: its values that no other token has. traits: how many it has."""

    rank: int
    score: float
    unique: int
    traits: int


def rarities(records: Sequence[Mapping[str, str]]) -> list[Rarity]:
    """The rarity of each record (trait type -> value), in their order."""
    tokens = [_counted(record) for record in records]
    counts: dict[str, Counter[str | None]] = {}
    for token in tokens:
        for type_, value in token.items():
            counts.setdefault(type_, Counter())[value] += 1
    for counter in counts.values():
        lacking = len(tokens) - sum(counter.values())
        if lacking:
            counter[_NULL] = lacking
    shares = [n / len(tokens) for counter in counts.values() for n in counter.values()]
    entropy = math.fsum(-share * math.log2(share) for share in shares) or 1.0
    information = {
        type_: {value: math.log2(len(tokens) / n) for value, n in counter.items()} for type_, counter in counts.items()
    }
    scores = [
        math.fsum(information[type_][token.get(type_, _NULL)] for type_ in sorted(counts)) / entropy for token in tokens
    ]
    unique = [sum(counts[type_][value] == 1 for type_, value in token.items()) for token in tokens]
    ranks = _ranks(scores, unique)
    return [
        Rarity(rank, score, alone, len(token) - 1)
        for rank, score, alone, token in zip(ranks, scores, unique, tokens, strict=True)
    ]


def _counted(record: Mapping[str, str]) -> dict[str, str]:
    plain = {type_.lower().strip(): value.lower().strip() for type_, value in record.items()}
    shown = {type_: value for type_, value in plain.items() if value not in NOTHING}
    return shown | {_TRAIT_COUNT: str(len(shown))}


def _ranks(scores: list[float], unique: list[int]) -> list[int]:
    order = sorted(range(len(scores)), key=lambda k: (unique[k], scores[k]), reverse=True)
    ranks = [0] * len(scores)
    for place, k in enumerate(order):
        before = order[place - 1]
        tied = place > 0 and math.isclose(scores[k], scores[before])
        ranks[k] = ranks[before] if tied else place + 1
    return ranks
