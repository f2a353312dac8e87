"""Features of a comparison -> the chance that it shows a copy: what training/rareness/fit.py has trained.

Three graphs (XGBoost, Keras, and XGBoost for what is no copy) and a card with what belongs to them: the names of the
features, how they are scaled for Keras, calibration, intervals and thresholds.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.models import onnx

CARD = "rareness"
GRAPHS = ("rareness-xgboost", "rareness-keras", "rareness-kin")


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
        raw = [_run("rareness-xgboost", rows)[:, 1], _run("rareness-keras", scaled(rows)).reshape(-1)]
        knots = _card()["calibration"]
        calibrated = [
            np.interp(_log_odds(chance.astype(np.float64)), knots[name]["log_odds"], knots[name]["chance"])
            for name, chance in zip(("xgboost", "keras"), raw, strict=True)
        ]
        return np.stack(calibrated, axis=1)

    def kin(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        shares = _run("rareness-kin", row[None])[0].astype(np.float64)
        found: NDArray[np.float64] = shares / shares.sum()
        return found

    def interval(self, chance: float) -> tuple[float, float]:
        knots = _card()["intervals"]
        low, high = (float(np.interp(chance, knots["chance"], knots[side])) for side in ("low", "high"))
        return low, high


def scaled(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """About -3..3, and 0 for what could not be measured."""
    about = _card()
    middle, spread = np.array(about["middle"], np.float32), np.array(about["spread"], np.float32)
    z: NDArray[np.float32] = np.clip((rows - middle) / spread, -3, 3).astype(np.float32)
    return np.nan_to_num(z, nan=0.0)


@functools.cache
def _card() -> dict[str, Any]:
    return onnx.card(CARD)


@functools.cache
def _session(name: str) -> Any:
    return onnx.session(name)


def _run(name: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    graph = _session(name)
    # Of XGBoost's two outputs the second holds the chances.
    outputs = [output.name for output in graph.get_outputs()]
    found: NDArray[np.float32] = graph.run([outputs[-1]], {graph.get_inputs()[0].name: np.ascontiguousarray(rows)})[0]
    return found


def _log_odds(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = np.clip(chance, 1e-7, 1 - 1e-7)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds
