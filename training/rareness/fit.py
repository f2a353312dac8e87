"""The tables of 'train' and 'tune' -> the classifiers of rareness, as ONNX, and their card.

    python -m training.rareness.fit      # about 3 CPU-minutes; needs the train extra and training.rareness.features

XGBoost and a Keras network learn which of the compared images is a candidate's source, from 'train'. 'tune', of other
collections and pictures, then sets calibration, intervals and thresholds. 'test' is not read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import onnx
import xgboost
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from gistchain.models.packaged.copies import SHARES, calibrated, log_odds, mixed, scaled
from gistchain.rareness.overlay.rivals import RIVAL_FEATURES
from training.rareness.features import Table, load
from training.rareness.graphs import network_graph, tree_graph
from training.weights import write_card, write_weights

ROUNDS, DEPTH, RATE = 600, 4, 0.03
EPOCHS = 30
KNOTS = 25
KINDS = ("derivative", "sibling", "original")
FALSE_COPIES = 0.0075
"""Share of the tuning negatives above the threshold for 'copy': a little under the 1% that may be."""
DOUBT_FROM = 0.45
"""The chance from which an image may be a copy: about half of those there are."""
NEIGHBOURS = 150
WORSE = (
    "residual", "palette", "back", "missing", "changed", "outside", "colour_error", "rival_", "mosaic_gain",
    "mosaic_peak", "left",
)  # fmt: skip
BETTER = "structure", "luma", "agreement", "smooth_agreement", "subject_structure"
"""Beginnings of the features that the trees may only take for, or against, the image being the source.

Otherwise they learn that a worse match is likelier a copy wherever a known transform makes it worse, which does not
carry over to other transforms.
"""


def is_source(table: Table) -> NDArray[np.bool_]:
    """Of each row, whether it compares a copy with its source."""
    source = np.array([q.source if q.label == "copy" else "" for q in table.asked])
    return source[table.query] == table.ids


def weights(table: Table) -> NDArray[np.float64]:
    """Sources and others count alike in all; derivatives, which are neither, less."""
    label = is_source(table)
    weight = np.where(label, (~label).sum() / max(1, label.sum()), 1.0) ** 0.5
    derivative = np.array([q.label == "derivative" for q in table.asked])[table.query]
    return weight * np.where(derivative, 0.3, 1.0)


def signs(names: Sequence[str]) -> tuple[int, ...]:
    """1 where more of a feature never makes a copy less likely, -1 where never more likely, else 0."""
    return tuple(
        1 if name.endswith(("_over_best", "_over_others")) or name.startswith(BETTER)
        else -1 if name.startswith(WORSE)
        else 0
        for name in names
    )  # fmt: skip


def boosted(rows: NDArray[np.float32], label: NDArray[Any], weight: NDArray[Any], **more: Any) -> xgboost.XGBClassifier:
    model = xgboost.XGBClassifier(
        n_estimators=ROUNDS, max_depth=DEPTH, learning_rate=RATE, subsample=0.8, colsample_bytree=0.35,
        min_child_weight=4, reg_lambda=4, gamma=0.1, random_state=1, n_jobs=1, **more,
    )  # fmt: skip
    return model.fit(rows, label, sample_weight=weight)


def network(features: int) -> keras.Model:
    return keras.Sequential([
        keras.layers.Input((features,)),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.l2(1e-4)),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(32, activation="relu", kernel_regularizer=keras.regularizers.l2(1e-4)),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def trained_network(rows: NDArray[np.float32], label: NDArray[Any], weight: NDArray[Any], seed: int = 1) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = network(rows.shape[1])
    steps = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * (len(rows) // 128 + 1))
    model.compile(keras.optimizers.Adam(steps), "binary_crossentropy")
    model.fit(rows, label.astype(np.float32), sample_weight=weight, batch_size=128, epochs=EPOCHS, verbose=0)
    return model


def quantiles(rows: NDArray[np.float32]) -> list[list[float]]:
    """Of each feature, where measured, without what comes twice."""
    of = [rows[np.isfinite(rows[:, k]), k].astype(np.float64) for k in range(rows.shape[1])]
    return [np.unique(np.round(np.quantile(v, np.linspace(0, 1, KNOTS)), 5)).tolist() if len(v) else [] for v in of]


def of_queries(table: Table, value: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(the largest value of each query, in which row it is)."""
    order = np.lexsort((value, table.query))
    last = order[np.r_[np.flatnonzero(np.diff(table.query[order])), len(order) - 1]]
    return value[last].astype(np.float64), last


def calibration(table: Table, odds: NDArray[Any]) -> dict[str, list[float]]:
    """Log odds -> chance that a query is a copy, half of all being copies: logistic (Platt, 1999)."""
    best, _ = of_queries(table, odds)
    copy = np.array([q.label == "copy" for q in table.asked])
    keep = np.array([q.label != "derivative" for q in table.asked])
    x = best[keep, None]
    weight = np.where(copy[keep], 0.5 / copy[keep].sum(), 0.5 / (~copy[keep]).sum()) * keep.sum()
    model = LogisticRegression(C=100).fit(x, copy[keep], sample_weight=weight)
    knots = np.linspace(-14, 14, 113)
    chance = model.predict_proba(knots[:, None])[:, 1]
    return {"log_odds": knots.tolist(), "chance": [round(float(c), 6) for c in chance]}


def intervals(chance: NDArray[np.float64], copy: NDArray[np.bool_]) -> dict[str, list[float]]:
    """90% intervals of the share of copies among the NEIGHBOURS tuning queries of most like chance (Jeffreys)."""
    from scipy.stats import beta

    grid = np.r_[0.0, 0.01, np.linspace(0.05, 0.95, 19), 0.99, 1.0]
    low, high = [], []
    for at in grid:
        near = np.argsort(np.abs(log_odds(chance) - log_odds(np.array([at]))[0]))[:NEIGHBOURS]
        hits = int(copy[near].sum())
        low.append(float(beta.ppf(0.05, hits + 0.5, NEIGHBOURS - hits + 0.5)))
        high.append(float(beta.ppf(0.95, hits + 0.5, NEIGHBOURS - hits + 0.5)))
    return {
        "chance": [round(float(g), 4) for g in grid],
        "low": [round(v, 4) for v in np.minimum(np.maximum.accumulate(low), grid)],
        "high": [round(v, 4) for v in np.maximum(np.maximum.accumulate(high), grid)],
    }


def thresholds(chance: NDArray[np.float64], table: Table) -> tuple[float, float]:
    """(from which chance it is called a copy, from which it may be one)."""
    negative = np.array([q.label in ("twin", "sibling", "original") for q in table.asked])
    copy_from = float(np.quantile(chance[negative], 1 - FALSE_COPIES))
    return copy_from, min(copy_from, DOUBT_FROM)


def alone(table: Table, share: float = 0.2) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(rows, what they would be if nothing else were registered): a new database holds few images."""
    rng = np.random.default_rng(3)
    chosen = np.flatnonzero(rng.random(len(table.rows)) < share)
    rows = table.rows[chosen].copy()
    column = {name: at for at, name in enumerate(table.names)}
    for name, at in column.items():
        if "_over_" in name or name in RIVAL_FEATURES:
            rows[:, at] = np.nan
    looked_again = np.isfinite(rows[:, column["again_gain"]])
    for name in ONE_ROW:
        there = looked_again if name.startswith("again_") else slice(None)
        rows[there, column[name]] = 0.0
    for name, of in (("local", "pearson"), ("again_local", "again")):  # funnel.within: one row is taken as it is
        rows[:, column[name]] = rows[:, column[of]]
    return chosen, rows


ONE_ROW = (
    "pearson_place", "local_place", "next_gain", "local_gap", "local_chance", "fitted_gain",
    "again_place", "again_local_place", "again_gain", "again_gap",
)  # fmt: skip
"""What is 0 where one image is registered. All that compares with others can't be measured then."""


def main() -> None:
    train, tune = load("train"), load("tune")
    assert train.names == tune.names
    knots = quantiles(train.rows)
    trees, net = fitted(train, knots)
    odds = {
        "xgboost": log_odds(trees.predict_proba(tune.rows)[:, 1]),
        "keras": log_odds(net.predict(scaled(tune.rows, knots), verbose=0)[:, 0]),
    }
    kept = {name: calibration(tune, odds[name]) for name in SHARES}
    together = mixed(np.stack([calibrated(odds[name], kept[name]) for name in SHARES], axis=1))
    kept["together"] = calibration(tune, together)
    chance, _ = of_queries(tune, calibrated(together, kept["together"]))
    _write_classifier("rareness-xgboost", tree_graph(trees, train.rows.shape[1]))
    _write_classifier("rareness-keras", network_graph(net))
    _write_classifier("rareness-kin", tree_graph(_kin(train, trees), train.rows.shape[1]))
    _write_numbers(train, tune, knots, kept, chance)


def fitted(train: Table, knots: list[list[float]]) -> tuple[xgboost.XGBClassifier, keras.Model]:
    """Both classifiers, also trained on rows as they would be if nothing else were registered."""
    chosen, lonely = alone(train)
    rows = np.concatenate([train.rows, lonely])
    label, weight = (np.concatenate([v, v[chosen]]) for v in (is_source(train), weights(train)))
    trees = boosted(rows, label, weight, monotone_constraints=signs(train.names))
    return trees, trained_network(scaled(rows, knots), label, weight)


def _write_classifier(name: str, graph: onnx.ModelProto) -> None:
    onnx.checker.check_model(graph)
    card = {
        "kind": "classifier of rareness", "data": "training/rareness: part 'train'", "licence": "Apache-2.0",
        "recipe": "python -m training.rareness.fit", "cpu_minutes": 3,
    }  # fmt: skip
    write_weights(name, graph.SerializeToString(), card)


def _write_numbers(
    train: Table,
    tune: Table,
    knots: list[list[float]],
    kept: dict[str, dict[str, list[float]]],
    chance: NDArray[np.float64],
) -> None:
    """The card 'rareness': features, calibration, intervals and thresholds, all by the part 'tune'."""
    copy = np.array([q.label == "copy" for q in tune.asked])
    counted = np.array([q.label != "derivative" for q in tune.asked])
    copy_from, doubt_from = thresholds(chance, tune)
    card = {
        "kind": "features, calibration, intervals and thresholds of rareness",
        "data": f"training/rareness: {len(train.asked)} queries of 'train' and {len(tune.asked)} of 'tune'",
        "licence": "Apache-2.0", "recipe": "python -m training.rareness.fit",
        "copy_from": round(copy_from, 6), "doubt_from": round(doubt_from, 6),
        "features": list(train.names), "knots": knots, "calibration": kept,
        "intervals": intervals(chance[counted], copy[counted]),
    }  # fmt: skip
    write_card("rareness", card)
    _report(tune, chance, copy_from, doubt_from)


def _kin(train: Table, trees: xgboost.XGBClassifier) -> xgboost.XGBClassifier:
    """Tells what else a query is, if not a copy: derivative, sibling (or twin), original."""
    _, rows = of_queries(train, trees.predict_proba(train.rows)[:, 1])
    kind = {"derivative": 0, "sibling": 1, "twin": 1, "original": 2}
    other = [(row, kind[q.label]) for row, q in zip(rows, train.asked, strict=True) if q.label != "copy"]
    label = np.array([k for _, k in other])
    weight = (len(label) / np.bincount(label) / 3)[label] ** 0.7
    return boosted(train.rows[[row for row, _ in other]], label, weight, objective="multi:softprob")


def _report(tune: Table, chance: NDArray[np.float64], copy_from: float, doubt_from: float) -> None:
    for label in ("copy", "twin", "sibling", "original", "derivative"):
        own = chance[[q.label == label for q in tune.asked]]
        print(
            f"tune {label:10} {len(own):5}  copy {np.mean(own >= copy_from):.3f}  "
            f"cannot tell {np.mean((own < copy_from) & (own >= doubt_from)):.3f}"
        )


if __name__ == "__main__":
    main()
