"""Features of a comparison -> the chance that it shows a copy, by the classifiers of training/rareness/fit.py.

Three graphs (XGBoost, Keras, and XGBoost for images that are not copies) and a card with the names of the features,
their quantiles (Keras sees ranks), calibration, intervals and thresholds.
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
"""Share of each classifier in the mean of log odds. The trees are better by far on the tuning part."""
_EDGE = 1e-7
"""Chances nearer to 0 or 1 are cut off: their log odds are infinite."""
_REACH = 1.7
"""Largest rank that Keras sees: that of an even distribution of variance 1 is the root of 3."""


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
        chances: NDArray[np.float64] = shares / shares.sum()
        return chances

    def interval(self, chance: float) -> tuple[float, float]:
        knots = _card()["intervals"]
        low, high = (float(np.interp(chance, knots["chance"], knots[side])) for side in ("low", "high"))
        return low, high


def scaled(rows: NDArray[np.float32], knots: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """Each value's rank among the training rows, evenly spread in -1.7..1.7; 0 for what could not be measured.

    knots: the distinct quantiles of each feature there.
    """
    ranks = np.zeros(rows.shape, np.float32)
    for column, own in enumerate(knots):
        if len(own) > 1:
            ranks[:, column] = np.interp(rows[:, column], own, np.linspace(-_REACH, _REACH, len(own)))
    return np.nan_to_num(ranks, nan=0.0)


def log_odds(chance: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """ln(p / (1 - p)), finite."""
    inside = np.clip(np.asarray(chance, np.float64), _EDGE, 1 - _EDGE)
    odds: NDArray[np.float64] = np.log(inside / (1 - inside))
    return odds


def mixed(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean log odds of the classifiers, weighted by SHARES: shape (n, 2) -> (n,)."""
    odds: NDArray[np.float64] = log_odds(chances) @ np.array(list(SHARES.values()))
    return odds


def calibrated(odds: NDArray[np.float64], knots: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """The chance that the knots of a calibration give for these log odds."""
    return np.interp(odds, knots["log_odds"], knots["chance"])


@functools.cache
def _card() -> dict[str, Any]:
    return weights.card(CARD)


@functools.cache
def _session(name: str) -> Any:
    return onnx.session(name)


def _run(graph_name: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    graph = _session(graph_name)
    # The second of XGBoost's two outputs holds the chances.
    output, name = graph.get_outputs()[-1].name, graph.get_inputs()[0].name
    chances: NDArray[np.float32] = graph.run([output], {name: np.ascontiguousarray(rows)})[0]
    return chances
