"""All that was examined -> a verdict with its score, interval and sub-scores.

    rows of scores.table ─ XGBoost, Keras ─ chance of being a copy ─┬─ at least COPY: copy
                                                                    ├─ at least DOUBT: copy or sibling, cannot tell
                                                                    └─ below: derivative, sibling or original (kin)
Thresholds, calibration and intervals were set on collections that neither trained nor scored anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.rareness.examine import Examined, Looked
from gistchain.rareness.hashes import BITS
from gistchain.rareness.scores import table
from gistchain.rareness.store.hashindex import Near
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
        """Calibrated chances that each row is the candidate's source, by XGBoost and by Keras: shape (n, 2)."""
        ...

    def together(self, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """One chance from both, calibrated again: shape (n, 2) -> (n,)."""
        ...

    def kin(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """The chances of derivative, sibling and original for an image that is not a copy; shape (3,), sum 1."""
        ...

    def interval(self, chance: float) -> tuple[float, float]:
        """The share of copies among images with about this chance: its interval of 90% confidence."""
        ...


SUBSCORES = ("pearson", "gain", "within", "dependence", "survivors", "hashes", "structure", "residual", "rivals")
_ALL = (*SUBSCORES, "combined", "xgboost", "keras")


@dataclass(frozen=True, slots=True)
class Judged:
    """best: the image that is most likely the source, None where nothing was looked at. score: 0 a copy .. 1.

    interval: of the score, with 90% confidence. subscores: of `subscores`, with xgboost and keras: 1 less the chance of
    a copy by each of the two; the score comes from both, by their log odds.
    """

    verdict: Verdict
    best: Looked | None
    score: float
    interval: tuple[float, float]
    subscores: dict[str, float]


BLANK = Judged("blank", None, 0.5, (0.0, 1.0), dict.fromkeys(_ALL, 0.5))
"""The verdict on an image that shows nothing: it may be rare or not, and nothing in it could tell."""
EQUAL = Judged("copy", None, 0.0, (0.0, 0.0), dict.fromkeys(_ALL, 0.0))
"""The verdict on an image that equals a registered one: nothing needs to be examined."""


def judge(examined: Examined, classifiers: Classifiers) -> Judged:
    """What the evidence comes to. Raises ModelError where the classifiers were trained on other features."""
    if not examined.looked:
        return Judged("original", None, 1.0, (1.0, 1.0), dict.fromkeys(_ALL, 1.0))
    names, rows = table(examined)
    if names != classifiers.names:
        raise ModelError("the classifiers expect other features: train them again (python -m training.rareness.fit)")
    chances = classifiers.chances(rows)
    together = classifiers.together(chances)
    first = int(together.argmax())
    chance, (by_xgboost, by_keras) = float(together[first]), chances[first].tolist()
    low, high = classifiers.interval(chance)
    best = examined.looked[first]
    return Judged(
        verdict=_verdict(chance, rows[first], classifiers),
        best=best,
        score=1 - chance,
        interval=(1 - max(high, chance), 1 - min(low, chance)),
        subscores=subscores(examined, best) | {"xgboost": 1 - by_xgboost, "keras": 1 - by_keras},
    )


def subscores(examined: Examined, best: Looked) -> dict[str, float]:
    """S1.4: SUBSCORES, each in 0..1, 1 where the image is rare; combined: their mean, the Combined Relative Rareness
    Score."""
    features, agreement = best.comparison.features, examined.agreement
    survived = agreement.passed[-1] / max(1, len(agreement.rows)) if agreement.passed else 0.0
    raw = {
        "pearson": 1 - examined.gain.best.maximum,
        "gain": 1 - examined.gain.fitted_gain,
        "within": 1 - examined.near.maximum,
        "dependence": 1 - agreement.total,
        "survivors": 1 - survived,
        "hashes": 2 * _hash_share(examined.hits),
        "structure": 1 - features["structure_q5"],
        "residual": features["residual_q99"],
        "rivals": best.rivals["rival_contrast"],
    }
    shares = {name: float(np.clip(value, 0, 1)) if np.isfinite(value) else 0.5 for name, value in raw.items()}
    return shares | {"combined": sum(shares.values()) / len(shares)}


def _hash_share(hits: Sequence[Near]) -> float:
    """Share of the bits in which the nearest hash differs; half of them, as of unrelated images, where none is near."""
    return hits[0][2] / BITS[hits[0][1]] if hits else 0.5


def _verdict(chance: float, row: NDArray[np.float32], classifiers: Classifiers) -> Verdict:
    if chance >= classifiers.copy_from:
        return "copy"
    if chance >= classifiers.doubt_from:
        return "unsure"
    kinds: tuple[Verdict, ...] = ("derivative", "sibling", "original")
    return kinds[int(classifiers.kin(row).argmax())]
