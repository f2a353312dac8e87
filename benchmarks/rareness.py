"""Near-duplicates: how many copies are found, and how many siblings are taken for copies, beside other methods.

    python -m training.rareness.sets test && python -m training.rareness.features test   # about 1.5 CPU-hours
    python -m benchmarks.rareness                                                        # needs the train extra

Part 'test' of training/rareness. Unseen collections: toon-head, planets, miniavs, cameo, robohash-4 and CryptoPunks, of
which no training or tuning saw a token; unseen families: transforms that neither saw. The thresholds of the verdicts
were set on the part 'tune'. Recall at 1% false positives is read off the ROC of the very set, as is usual; beside it
stands what the shipped thresholds do. Negatives of a set: its siblings, one-trait twins and originals, untransformed
and transformed by the same families as its copies.

Others, on the same queries: PDQ and pHash (the best of eight turns), each network's cosine, Pearson's maximum, SSCD
(benchmarks/sscd.py), and Sense done literally: its funnel and measures (S1.2-S1.5), XGBoost and Keras trained on them
from the same queries.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import report
from gistchain.models.packaged.copies import GRAPHS, PackagedClassifiers, scaled
from gistchain.models.packaged.fingerprint import PackagedFingerprinter
from gistchain.rareness.fingerprint import BLOCKS
from gistchain.rareness.hashes import hashes
from gistchain.rareness.store.store import Store
from training.rareness import fit
from training.rareness.features import FOLDER, Table, load, sha3
from training.rareness.records import Query, registered
from training.rareness.sources import UNSEEN
from training.rareness.twins import colours_apart

NEGATIVE = ("twin", "sibling", "original")
RESAMPLED = 500
UNSEEN_SETS = "unseen collections, known families", "unseen collections, unseen families"
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]


def at_false_positives(positive: Scores, negative: Scores, share: float = 0.01) -> float:
    """Recall where that share of the negatives scores as high or higher."""
    return float((positive > np.quantile(negative, 1 - share, method="higher")).mean())


def figures(scores: Scores, copies: Mask, negatives: Mask, sources: NDArray[Any]) -> dict[str, Any]:
    """AUC and recall at 1% false positives, with 95% intervals over sources (bootstrap)."""
    positive, negative = scores[copies], scores[negatives]
    rng = np.random.default_rng(0)

    def drawn(mask: Mask) -> Scores:
        """Sources are drawn, not queries: several are of the same picture."""
        names, inverse = np.unique(sources[mask], return_inverse=True)
        members = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[members], np.arange(len(names) + 1))
        chosen = rng.integers(0, len(names), len(names))
        rows = np.concatenate([members[starts[k] : starts[k + 1]] for k in chosen])
        return scores[mask][rows]

    again = [(drawn(copies), drawn(negatives)) for _ in range(RESAMPLED)]
    aucs = [_auc(p, n) for p, n in again]
    recalls = [at_false_positives(p, n) for p, n in again]
    return {
        "copies": int(copies.sum()), "negatives": int(negatives.sum()),
        "auc": round(_auc(positive, negative), 4), "auc_95": _interval(aucs),
        "recall_at_1": round(at_false_positives(positive, negative), 4), "recall_at_1_95": _interval(recalls),
    }  # fmt: skip


def _auc(positive: Scores, negative: Scores) -> float:
    labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    return float(roc_auc_score(labels, np.r_[positive, negative]))


def _interval(values: Sequence[float]) -> list[float]:
    return [round(float(q), 4) for q in np.quantile(values, (0.025, 0.975))]


def ours(table: Table) -> tuple[Scores, NDArray[np.str_], NDArray[np.int64]]:
    """(chance of a copy, id of the image it is said to come from, row of the table), of each query."""
    best, rows = fit.of_queries(table, _together(table.rows))
    return best, table.ids[rows], rows


def _together(rows: NDArray[np.float32]) -> Scores:
    models = PackagedClassifiers()
    return models.together(models.chances(rows))


def one_registered(table: Table) -> Scores:
    """The chances if the database held one image only: a copy's source, another's likeliest.

    By leaving out of the features what compares with other registered images; no such database is filled. A source that
    was not among the compared ones counts as missed, though there it would be compared.
    """
    chosen, rows = fit.alone(table, 1.1)
    assert len(chosen) == len(table.rows)
    copies = np.array([q.label == "copy" for q in table.asked])[table.query]
    source = np.array([q.source or "" for q in table.asked])[table.query]
    return fit.of_queries(table, np.where(copies & (table.ids != source), 0, _together(rows)))[0]


def rivals(table: Table) -> dict[str, tuple[Scores, NDArray[np.str_] | None]]:
    """Of each other method the score of every query, and the image that it names, where it names one."""
    items = registered("test")
    names = np.array([item.id for item in items])
    store = Store(FOLDER / "test-store", version=PackagedFingerprinter().version)
    prints = store.fingerprints([_row(store, item.id) for item in items])
    found: dict[str, tuple[Scores, NDArray[np.str_] | None]] = {}
    start = 0
    for block, length in BLOCKS:
        part = slice(start, start + length)
        start += length
        if block.endswith(("-mean", "-deviation")):
            continue
        found[f"cosine of {block}"] = _nearest(_unit(table.prints[:, part]) @ _unit(prints[:, part]).T, names)
    centred = (prints - prints.mean(1, keepdims=True), table.prints - table.prints.mean(1, keepdims=True))
    found["Pearson of the fingerprints"] = _nearest(_unit(centred[1]) @ _unit(centred[0]).T, names)
    kept = [hashes(item.image) for item in items]
    for number, name in enumerate(("pdq", "phash")):
        theirs = _bits([getattr(one, name) for one in kept])
        nearness = np.full((len(table.asked), len(items)), -np.inf, np.float32)
        for turn in range(8):
            np.maximum(nearness, _alike(_bits(table.hashes[:, turn, number].tolist()), theirs), out=nearness)
        found["PDQ, best of 8 turns" if name == "pdq" else "pHash, best of 8 turns"] = _nearest(nearness, names)
    found["Sense's recipe"] = _sense(table), table.nearest
    if (path := FOLDER / "sscd.npz").exists():
        with np.load(path) as kept:
            place = {str(name): k for k, name in enumerate(kept["asked"])}
            asked = kept["queries"][[place[q.id] for q in table.asked]]
            found["SSCD"] = _nearest(asked @ kept["registered"].T, kept["ids"])
    return found


def _row(store: Store, name: str) -> int:
    row = store.find(sha3(name))
    assert row is not None, name
    return row


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, 1e-9)


def _nearest(similarity: NDArray[np.float32], names: NDArray[np.str_]) -> tuple[Scores, NDArray[np.str_]]:
    return similarity.max(axis=1).astype(np.float64), names[similarity.argmax(axis=1)]


def _bits(digests: Sequence[str]) -> NDArray[np.float32]:
    raw = np.array([list(bytes.fromhex(digest)) for digest in digests], np.uint8)
    return np.unpackbits(raw, axis=1).astype(np.float32) * 2 - 1


def _alike(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return a @ b.T / a.shape[1]


def _sense(test: Table) -> Scores:
    """The mean of XGBoost and Keras on Sense's funnel and measures, trained on the part 'train'."""
    train = load("train")
    label = np.array([q.label == "copy" for q in train.asked])
    rows, asked = train.funnel.astype(np.float32), test.funnel.astype(np.float32)
    weight = np.ones(len(label))
    trees = fit.boosted(rows, label, weight)
    knots = fit.quantiles(rows)
    net = fit.trained_network(scaled(rows, knots), label, weight)
    by_net = net.predict(scaled(asked, knots), verbose=0)[:, 0]
    return (trees.predict_proba(asked)[:, 1] + by_net).astype(np.float64) / 2


def sets(asked: Sequence[Query]) -> dict[str, tuple[Mask, Mask]]:
    """Name -> (copies, negatives)."""
    copy = np.array([q.label == "copy" for q in asked])
    negative = np.array([q.label in NEGATIVE for q in asked])
    unseen = np.array([q.collection in UNSEEN for q in asked])
    punks = np.array([q.collection == "punks" for q in asked])
    known = np.array([q.seen_family for q in asked])
    plain = np.array([not q.transformed for q in asked])

    def of(where: Mask, family: Mask) -> tuple[Mask, Mask]:
        return copy & where & family, negative & where & (family | plain)

    every = np.ones(len(copy), np.bool_)
    return {
        UNSEEN_SETS[0]: of(unseen, known & ~plain),
        UNSEEN_SETS[1]: of(unseen, ~known),
        "punks, known families": of(punks, known & ~plain),
        "punks, unseen families": of(punks, ~known),
        "seen collections, known families": of(~unseen, known & ~plain),
        "seen collections, unseen families": of(~unseen, ~known),
        "all": of(every, every),
    }


def verdicts(
    asked: Sequence[Query], chance: Scores, rows: NDArray[np.int64], table: Table
) -> tuple[NDArray[np.str_], dict[str, Any]]:
    """What the shipped thresholds say, and the shares of it by what the queries are."""
    models = PackagedClassifiers()
    kinds = ("derivative", "sibling", "original")
    said = np.array([
        "copy" if c >= models.copy_from else "unsure" if c >= models.doubt_from
        else kinds[int(models.kin(table.rows[row]).argmax())]
        for c, row in zip(chance, rows, strict=True)
    ])  # fmt: skip
    unseen = np.array([q.collection in UNSEEN for q in asked])
    known = np.array([q.seen_family or not q.transformed for q in asked])
    groups: dict[str, Mask] = {}
    for label in ("copy", "twin", "sibling", "original", "derivative"):
        own = np.array([q.label == label for q in asked])
        if label == "copy":
            groups["copies, unseen collections, known families"] = own & unseen & known
            groups["copies, unseen collections, unseen families"] = own & unseen & ~known
            groups["copies, seen collections"] = own & ~unseen
        else:
            many = {"twin": "one-trait twins", "sibling": "siblings", "original": "originals"}
            name = many.get(label, "derivatives")
            groups[f"{name}, unseen collections"] = own & unseen
            groups[f"{name}, seen collections"] = own & ~unseen
    every = ("copy", "unsure", *kinds)
    found = {
        name: {"n": int(own.sum())} | {v: round(float((said[own] == v).mean()), 4) for v in every}
        for name, own in groups.items()
        if own.any()
    }
    return said, found


def recalls(
    asked: Sequence[Query], key: Callable[[Query], str], scores: dict[str, Scores], copies: Mask, negatives: Mask
) -> dict[str, Any]:
    """Recall of each method by some key of the copies, where 1% of all these negatives are called copies."""
    keys = np.array([key(q) for q in asked])
    found = {name: s > np.quantile(s[negatives], 0.99, method="higher") for name, s in scores.items()}
    return {
        name: {"n": int(own.sum())} | {method: round(float(f[own].mean()), 3) for method, f in found.items()}
        for name in sorted(set(keys[copies]))
        for own in [copies & (keys == name)]
    }


def by_method(
    scored: dict[str, tuple[Scores, NDArray[np.str_] | None]],
    parts: dict[str, tuple[Mask, Mask]],
    source: NDArray[np.str_],
    pictures: NDArray[np.str_],
) -> dict[str, dict[str, Any]]:
    """Method -> set -> figures; with the share of copies whose source is named, where the method names one."""
    methods: dict[str, dict[str, Any]] = {}
    for method, (scores, names) in scored.items():
        methods[method] = {name: figures(scores, *part, pictures) for name, part in parts.items()}
        if names is not None:
            for name, (copies, _) in parts.items():
                methods[method][name]["source_first"] = round(float((names == source)[copies].mean()), 4)
    return methods


def described(asked: Sequence[Query], copy: Mask, negative: Mask) -> dict[str, Any]:
    """How many of what the part 'test' holds."""
    items = registered("test")
    twin = np.array([q.label == "twin" for q in asked])
    transformed = np.array([q.transformed for q in asked])
    return {
        "registered": len(items), "collections": len({q.collection for q in asked}),
        "copies": int(copy.sum()), "negatives": int(negative.sum()),
        "twins_of_negatives": round(float(twin[negative].mean()), 3),
        "transformed_of_negatives": round(float(transformed[negative].mean()), 3),
        "families": len({q.family for q in asked if q.family}),
        "unseen_families": len({q.family for q in asked if q.family and not q.seen_family}),
        "unseen_transforms": sorted({q.transform for q in asked if q.transform and not q.seen_family}),
        "unseen_collections": list(UNSEEN), "decided_by_colour_alone": len(colours_apart(list(asked), items)),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rareness")
    parser.parse_args()
    table = load("test")
    asked = table.asked
    chance, named, rows = ours(table)
    source = np.array([q.source or "" for q in asked])
    pictures = np.array([q.id.partition("~")[0] for q in asked])
    right = named == source
    copy = np.array([q.label == "copy" for q in asked])
    parts = sets(asked)
    others = rivals(table)
    scored = {"gistchain": (chance, named), **others}
    methods = by_method(scored, parts, source, pictures)
    alone = {method: scores for method, (scores, _) in scored.items()}
    lone = one_registered(table)
    said, shares = verdicts(asked, chance, rows, table)
    unseen = np.array([q.collection in UNSEEN for q in asked])
    negatives = parts["all"][1] & unseen
    threshold = float(np.quantile(chance[negatives], 0.99, method="higher"))
    found = chance > threshold
    detected = copy & (said == "copy")
    negative = parts["all"][1]
    twin = np.array([q.label == "twin" for q in asked])
    seen_at = np.array([np.any(table.ids[table.query == k] == source[k]) for k in range(len(asked))])
    result = {
        "data": described(asked, copy, negative),
        "methods": methods,
        "verdicts": shares,
        "source_named_of_detections": {
            "all": round(float(right[detected].mean()), 4), "n": int(detected.sum()),
            "unseen collections": round(float(right[detected & unseen].mean()), 4),
        },
        "source_among_compared": {
            "unseen collections": round(float(seen_at[copy & unseen].mean()), 4),
            "all": round(float(seen_at[copy].mean()), 4),
        },
        "one_registered": {name: figures(lone, *parts[name], pictures) for name in UNSEEN_SETS},
        "unseen_collections_at_1_percent": {
            "threshold": round(threshold, 5),
            "families": recalls(asked, lambda q: q.family, alone, copy & unseen, negatives),
            "transforms": recalls(asked, lambda q: q.transform, alone, copy & unseen, negatives),
            "false": {
                "twins": round(float(found[negatives & twin].mean()), 4),
                "others": round(float(found[negatives & ~twin].mean()), 4),
            },
        },
        "all_at_1_percent": {"collections": recalls(asked, lambda q: q.collection, alone, copy, negative)},
    }  # fmt: skip
    report.write("rareness", models=GRAPHS, **result)
    for name, row in methods.items():
        print(f"{name:32}", " ".join(f"{s['auc']:.3f}/{s['recall_at_1']:.2f}" for s in row.values()))
    for key in (
        "data",
        "verdicts",
        "source_named_of_detections",
        "source_among_compared",
        "unseen_collections_at_1_percent",
    ):
        print(key, json.dumps(result[key]))


if __name__ == "__main__":
    main()
