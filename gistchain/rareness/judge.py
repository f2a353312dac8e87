"""All that was examined -> a verdict with its score, interval and reason.

    rows of scores.table ─ XGBoost, Keras ─ chance of being a copy ─┬─ at least COPY: copy
                                                                    ├─ at least DOUBT: copy or sibling, cannot tell
                                                                    └─ below: derivative, sibling or original (kin)
Thresholds, calibration and intervals were set on collections that neither trained nor scored anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.rareness.examine import Examined
from gistchain.rareness.scores import table
from gistchain.types import Verdict


class Classifiers(Protocol):
    """The trained part of rareness."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of the columns."""
        ...

    @property
    def copy_from(self) -> float:
        """The chance from which an image is called a copy."""
        ...

    @property
    def doubt_from(self) -> float:
        """The chance from which it may be one."""
        ...

    def chances(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated chance of each row to be the candidate's source, by XGBoost and by Keras: shape (n, 2)."""
        ...

    def together(self, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of both one chance, calibrated again: shape (n, 2) -> (n,)."""
        ...

    def kin(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of an image that is no copy: the chances of derivative, sibling, original; shape (3,), of sum 1."""
        ...

    def interval(self, chance: float) -> tuple[float, float]:
        """Between which shares of images with about this chance the copies among them lie, with 90% confidence."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """best: which of the looked-at images, None where there was none. chance: of a copy, of the two together."""

    verdict: Verdict
    best: int | None
    chance: float
    by_xgboost: float
    by_keras: float
    interval: tuple[float, float]


def judge(examined: Examined, classifiers: Classifiers) -> Judged:
    """What the evidence comes to; interval: of the score."""
    if not examined.looked:
        return Judged("original", None, 0.0, 0.0, 0.0, (1.0, 1.0))
    names, rows = table(examined)
    if names != classifiers.names:
        raise ModelError("the classifiers weigh other features than these: train them anew (training.rareness.fit)")
    chances = classifiers.chances(rows)
    together = classifiers.together(chances)
    best = int(together.argmax())
    chance = float(together[best])
    low, high = classifiers.interval(chance)
    scores = (1 - max(high, chance), 1 - min(low, chance))
    return Judged(
        _verdict(chance, rows[best], classifiers),
        best,
        chance,
        float(chances[best, 0]),
        float(chances[best, 1]),
        scores,
    )


def _verdict(chance: float, row: NDArray[np.float32], classifiers: Classifiers) -> Verdict:
    if chance >= classifiers.copy_from:
        return "copy"
    if chance >= classifiers.doubt_from:
        return "unsure"
    kinds: tuple[Verdict, ...] = ("derivative", "sibling", "original")
    return kinds[int(classifiers.kin(row).argmax())]
