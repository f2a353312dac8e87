"""What was examined -> the numbers that the classifiers weigh, a row for each registered image that was laid under.

Few of a kind, each with a meaning; those of difference.py, verify.py and funnel.py by their names there, some also
beside the other images on the list: a source stands out among its siblings in everything at once.
"""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.examine import Examined, Looked
from gistchain.rareness.hashes import BITS, distance
from gistchain.rareness.measures import Dependence

RELATIVE = {
    "agreement": 1, "smooth_agreement": 1, "structure_mean": 1, "structure_q5": 1, "luma_q5": 1, "residual_mean": -1,
    "residual_q99": -1, "palette_q99": -1, "missing": -1, "extra": -1, "changed_peak": -1, "colour_error": -1,
    "left": -1, "structure": 1, "pearson": 1, "local": 1, "again": 1,
}  # fmt: skip
"""Features that are also taken beside the best and the middle of the others, with the sign that makes more better."""


def table(examined: Examined) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """(names, rows): shape (len(examined.looked), len(names)); NaN where something could not be measured."""
    own = [_own(examined, looked) for looked in examined.looked]
    names = list(own[0]) if own else []
    plain = np.array([[row[name] for name in names] for row in own], np.float64).reshape(len(own), len(names))
    beside = {}
    for name, sign in RELATIVE.items():
        values = sign * plain[:, names.index(name)] if own else np.zeros(0)
        beside[f"{name}_over_best"] = [_over(values, k, np.max) for k in range(len(values))]
        beside[f"{name}_over_others"] = [_over(values, k, np.median) for k in range(len(values))]
    return (*names, *beside), np.concatenate([plain, np.array(list(beside.values())).T], axis=1).astype(np.float32)


def _over(values: NDArray[np.float64], k: int, reduce: object) -> float:
    others = np.delete(values, k)
    others = others[np.isfinite(others)]
    if not len(others):
        return math.nan
    return float(values[k] - (others.max() if reduce is np.max else np.median(others)))


def _own(examined: Examined, looked: Looked) -> dict[str, float]:
    """The features of one registered image."""
    gain, near = examined.gain, examined.near
    at = np.flatnonzero(gain.best.rows == looked.row)
    within = np.flatnonzero(near.rows == looked.row)
    found = {
        **looked.comparison.features,
        **looked.rivals,
        "left": looked.left,
        "structure": looked.structure,
        "pearson": float(gain.best.correlations[at[0]]) if len(at) else math.nan,
        "local": float(near.correlations[within[0]]) if len(within) else math.nan,
        "pearson_place": float(min(at[0], 20)) if len(at) else 20.0,
        "local_place": float(min(within[0], 20)) if len(within) else 20.0,
        "next_gain": gain.best.next_gain,
        "local_gap": near.gap,
        "local_chance": math.log10(max(near.chance, 1e-12)),
        "fitted_gain": gain.fitted_gain,
        "total": examined.agreement.total,
    }
    found |= _second_look(examined, looked.row)
    measured = np.flatnonzero(examined.agreement.rows == looked.row)
    own = examined.agreement.dependences[measured[0]] if len(measured) else None
    for field in fields(Dependence):
        found[field.name] = getattr(own, field.name) if own is not None else math.nan
    return found | _hash_shares(examined, looked)


def _second_look(examined: Examined, row: int) -> dict[str, float]:
    names = ("again", "again_local", "again_place", "again_local_place", "again_gain", "again_gap")
    if examined.again is None:
        return dict.fromkeys(names, math.nan)
    best, near = examined.again[0].best, examined.again[1]
    at, within = np.flatnonzero(best.rows == row), np.flatnonzero(near.rows == row)
    values = (
        float(best.correlations[at[0]]) if len(at) else math.nan,
        float(near.correlations[within[0]]) if len(within) else math.nan,
        float(min(at[0], 20)) if len(at) else 20.0, float(min(within[0], 20)) if len(within) else 20.0,
        best.next_gain, near.gap,
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


def _hash_shares(examined: Examined, looked: Looked) -> dict[str, float]:
    """Share of bits that differ in the best of the eight turns, by hash."""
    theirs = looked.entry.hashes
    return {
        f"{name}_share": min(distance(getattr(turn, name), getattr(theirs, name)) for turn in examined.turns) / bits
        for name, bits in BITS.items()
    }
