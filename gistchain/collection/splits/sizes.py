"""The published splits of NFT1000 (S3.8): how many pairs of picture and caption each part has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
PROPORTIONS: dict[Part, float] = {"train": 0.80, "validation": 0.05, "test": 0.15}
PUBLISHED = {"pairs": 7_560_000, "themes": 356, "phrases": 600_000}
"""What NFT1000 has in all, as its authors round it."""


NOT_STATED = "not stated"
"""The licence of a collection of which nobody tells it."""


@dataclass(frozen=True, slots=True)
class Size:
    """pairs: of each part at most, None for the PROPORTIONS of all. each: most of a collection, None for all."""

    pairs: dict[Part, int] | None = None
    each: int | None = None


NAMED: dict[str, Size] = {
    # 50,000 pairs of 100 collections are 500 of each; 992,051 of 1000 fit 1,000 of each where it has as many.
    "NFT100-mini": Size({"train": 40_000, "validation": 2_500, "test": 7_500}, 500),
    "NFT1000-mini": Size({"train": 794_698, "validation": 49_738, "test": 147_615}, 1_000),
    "NFT1000": Size({"train": 6_178_249, "validation": 383_916, "test": 1_000_838}),
}
