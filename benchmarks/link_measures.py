"""Rows of benchmarks.link_systems -> by kind of picture; and how well their captions were read."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU

from benchmarks.link_rows import Row
from benchmarks.link_systems import COLLECTIONS

MEASURES = {"ssim": 1, "perceptual": -1, "cosine": 1}
"""What is better: more, or less."""
Point = tuple[float, int]
"""(SNR in dB, budget)."""


def by_kind(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Of "tokens, awgn" and so on. Raises ValueError where a kind has rows of more than one version."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        part = "tokens" if row["image"].rpartition("-")[0] in COLLECTIONS else "photos"
        groups[f"{part}, {row['channel']}"].append(row)
    for found in groups.values():
        of_one_version(found)
    return dict(groups)


def of_one_version(rows: Sequence[Row]) -> None:
    """Raises ValueError for rows of more than one."""
    if len(versions := {row["version"] for row in rows}) > 1:
        raise ValueError(f"rows of versions {', '.join(sorted(versions))}: give those of one")


def reading(pairs: Sequence[tuple[str, str]]) -> Row:
    """BLEU of the corpus, and the share that is exact, of (what was read, what was meant); {} for none."""
    if not pairs:
        return {}
    read, meant = zip(*pairs, strict=True)
    return {
        "bleu": round(float(_bleu().corpus_score(list(read), [list(meant)]).score), 2),
        "exact": round(float(np.mean([a == b for a, b in pairs])), 4),
    }


def signature() -> str:
    """How sacrebleu counts."""
    _bleu().corpus_score(["a b"], [["a b"]])
    return str(_bleu().get_signature())


def average(values: Iterable[float], digits: int) -> float | None:
    """None for no values."""
    found = list(values)
    return round(float(np.mean(found)), digits) if found else None


@functools.cache
def _bleu() -> Any:
    return BLEU()
