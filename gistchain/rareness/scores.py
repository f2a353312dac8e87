"""What was examined -> the numbers that the classifiers weigh: a row for each registered image that was laid under.

Few numbers of each kind, each with a meaning; those of difference.py, verify.py and rivals.py have their names there.
Some are also taken relative to the other images on the list: a source stands out among its siblings in everything at
once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.examine import Examined, Looked
from gistchain.rareness.funnel import Standing
from gistchain.rareness.hashes import shares
from gistchain.rareness.measures import Dependence

RELATIVE = {
    "agreement": 1, "smooth_agreement": 1, "structure_mean": 1, "structure_q5": 1, "luma_q5": 1, "residual_mean": -1,
    "residual_q99": -1, "palette_q99": -1, "missing": -1, "extra": -1, "changed_peak": -1, "colour_error": -1,
    "left": -1, "structure": 1, "pearson": 1, "local": 1, "again": 1,
}  # fmt: skip
"""Features that are also taken relative to the best and to the median of the others, with the sign under which more is
better."""
_LAST_PLACE = 20
"""Places from here on count as equal."""


def table(examined: Examined) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """(names, rows): shape (len(examined.looked), len(names)); NaN where something could not be measured."""
    own = [_own(examined, looked) for looked in examined.looked]
    names = list(own[0]) if own else []
    plain = np.array([[row[name] for name in names] for row in own], np.float64).reshape(len(own), len(names))
    relative = {}
    for name, sign in RELATIVE.items():
        values = sign * plain[:, names.index(name)] if own else np.zeros(0)
        relative[f"{name}_over_best"] = [_over(values, k, np.max) for k in range(len(values))]
        relative[f"{name}_over_others"] = [_over(values, k, np.median) for k in range(len(values))]
    rows = np.concatenate([plain, np.array(list(relative.values())).T], axis=1).astype(np.float32)
    return (*names, *relative), rows


def _over(values: NDArray[np.float64], k: int, reduce: Callable[[NDArray[np.float64]], Any]) -> float:
    """Value k less the maximum or median of the others that could be measured."""
    others = np.delete(values, k)
    others = others[np.isfinite(others)]
    return float(values[k] - reduce(others)) if len(others) else math.nan


def _own(examined: Examined, looked: Looked) -> dict[str, float]:
    """The features of one registered image."""
    gain, near = examined.gain, examined.near
    return {
        **looked.comparison.features,
        **looked.rivals,
        "left": looked.left,
        "structure": looked.structure,
        "pearson": _correlation(gain.best, looked.row),
        "local": _correlation(near, looked.row),
        "pearson_place": _place(gain.best, looked.row),
        "local_place": _place(near, looked.row),
        "next_gain": gain.best.next_gain,
        "local_gap": near.gap,
        "local_chance": math.log10(max(near.chance, 1e-12)),
        "fitted_gain": gain.fitted_gain,
        "total": examined.agreement.total,
        **_second_look(examined, looked.row),
        **_measures(examined, looked.row),
        **_hash_shares(examined, looked),
    }


def _correlation(standing: Standing, row: int) -> float:
    at = np.flatnonzero(standing.rows == row)
    return float(standing.correlations[at[0]]) if len(at) else math.nan


def _place(standing: Standing, row: int) -> float:
    """0 for the best row."""
    at = np.flatnonzero(standing.rows == row)
    return float(min(at[0], _LAST_PLACE)) if len(at) else float(_LAST_PLACE)


def _second_look(examined: Examined, row: int) -> dict[str, float]:
    if examined.again is None:
        names = ("again", "again_local", "again_place", "again_local_place", "again_gain", "again_gap")
        return dict.fromkeys(names, math.nan)
    best, near = examined.again[0].best, examined.again[1]
    return {
        "again": _correlation(best, row),
        "again_local": _correlation(near, row),
        "again_place": _place(best, row),
        "again_local_place": _place(near, row),
        "again_gain": best.next_gain,
        "again_gap": near.gap,
    }


def _measures(examined: Examined, row: int) -> dict[str, float]:
    at = np.flatnonzero(examined.agreement.rows == row)
    if not len(at):
        return {field.name: math.nan for field in fields(Dependence)}
    return asdict(examined.agreement.dependences[at[0]])


def _hash_shares(examined: Examined, looked: Looked) -> dict[str, float]:
    return {f"{name}_share": share for name, share in shares(examined.turns, looked.entry.hashes).items()}
