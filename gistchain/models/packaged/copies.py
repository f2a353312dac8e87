"""Features of a comparison -> the chance that it shows a copy: what training/rareness/fit.py has trained.

Three graphs (XGBoost, Keras, and XGBoost for what is no copy) and a card with what belongs to them: the names of the
features, their quantiles (Keras sees ranks), calibration, intervals and thresholds.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.models.zoo import onnx, weights

CARD = "rareness"
GRAPHS = ("rareness-xgboost", "rareness-keras", "rareness-kin")
SHARES = {"xgboost": 0.75, "keras": 0.25}
"""Of each classifier in the mean of log odds. The trees are the better by far, as the tuning part says."""
_REACH = 1.7


class PackagedClassifiers:
    """Fulfils rareness.judge.Classifiers."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(name) for name in _card()["features"])

    @property
    def copy_from(self) -> float:
        return float(_card()["copy_from"])

    @property
    def doubt_from(self) -> float:
        return float(_card()["doubt_from"])

    def chances(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        raw = [_run("rareness-xgboost", rows)[:, 1], _run("rareness-keras", scaled(rows, _card()["knots"])).reshape(-1)]
        knots = _card()["calibration"]
        return np.stack([calibrated(log_odds(c), knots[name]) for name, c in zip(SHARES, raw, strict=True)], axis=1)

    def together(self, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        return calibrated(mixed(chances), _card()["calibration"]["together"])

    def kin(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        shares = _run("rareness-kin", row[None])[0].astype(np.float64)
        found: NDArray[np.float64] = shares / shares.sum()
        return found

    def interval(self, chance: float) -> tuple[float, float]:
        knots = _card()["intervals"]
        low, high = (float(np.interp(chance, knots["chance"], knots[side])) for side in ("low", "high"))
        return low, high


def scaled(rows: NDArray[np.float32], knots: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """How high among the training rows, -1.7..1.7, evenly spread; 0 for what could not be measured.

    knots: of each feature its quantiles there, each but once.
    """
    ranks = np.zeros(rows.shape, np.float32)
    for column, own in enumerate(knots):
        if len(own) > 1:
            ranks[:, column] = np.interp(rows[:, column], own, np.linspace(-_REACH, _REACH, len(own)))
    return np.nan_to_num(ranks, nan=0.0)


def log_odds(chance: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    kept = np.clip(np.asarray(chance, np.float64), 1e-7, 1 - 1e-7)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds


def mixed(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean log odds of the classifiers, each counted as SHARES says: shape (n, 2) -> (n,)."""
    odds: NDArray[np.float64] = log_odds(chances) @ np.array(list(SHARES.values()))
    return odds


def calibrated(odds: NDArray[np.float64], knots: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    return np.interp(odds, knots["log_odds"], knots["chance"])


@functools.cache
def _card() -> dict[str, Any]:
    return weights.card(CARD)


@functools.cache
def _session(name: str) -> Any:
    return onnx.session(name)


def _run(name: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    graph = _session(name)
    # Of XGBoost's two outputs the second holds the chances.
    outputs = [output.name for output in graph.get_outputs()]
    found: NDArray[np.float32] = graph.run([outputs[-1]], {graph.get_inputs()[0].name: np.ascontiguousarray(rows)})[0]
    return found
