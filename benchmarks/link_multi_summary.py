"""Rows of benchmarks.link_systems -> benchmarks/results/link_multi.json: what Multi-SC and its parts are worth.

    python -m benchmarks.link_multi_summary rows/*.jsonl

Not every system has every picture. A mean is over all pictures of its system, n of them, of the mean over their seeds.
A difference is paired: over the pictures and seeds that both systems have at that SNR and budget, and more is better
for multi_sc, in all measures. Intervals (95%) are by bootstrap over pictures. ahead and behind: points where the whole
interval is on one side, of at least eight pictures. BLEU, by sacrebleu, and exact: of the texts that were read beside
those that were sent; refused ones count as empty.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.link_measures import MEASURES, Point, average, by_kind, of_one_version, reading, signature
from benchmarks.link_rows import Row, rows_of
from benchmarks.link_systems import VARIANTS

OURS = "multi_sc"
RIVALS = (
    "single_text", "vlm_csc", "text_coded", "image_ldpc", "image_ldpc_fixed", "deep_jscc", "deep_jscc_19db", "gist",
)  # fmt: skip


class Part(NamedTuple):
    """What a part is worth: the system with it less the one without."""

    name: str
    having: str
    lacking: str


PARTS = (
    Part("a slice, not texts alone in all uses", OURS, "multi_sc no slice"),
    Part("lambda 1, not 0 (the slice sent, and not seen)", OURS, "multi_sc lambda 0"),
    Part("lambda 1, not .5", OURS, "multi_sc lambda .5"),
    Part("4 texts, not 1", OURS, "single_text"),
    Part("4 texts, not 2", OURS, "multi_sc 2 texts"),
    Part("4 texts, not 9", OURS, "multi_sc 9 texts"),
    Part("whole texts, not 2 phrases of each", OURS, "multi_sc short"),
    Part("texts of what is behind the slice, not of all", OURS, "multi_sc texts of all"),
    Part("one picture, not ROSIS over 4", OURS, "multi_sc ROSIS"),
    Part("a code, not uncoded as published", OURS, "multi_sc uncoded"),
    Part("uncoded: a vote, not as read", "multi_sc voted", "multi_sc uncoded"),
    Part("uncoded: vote and dictionary, not a vote alone", "multi_sc corrected", "multi_sc voted"),
    Part("uncoded: vote and SymSpell, not a vote alone", "multi_sc SymSpell", "multi_sc voted"),
    Part("uncoded: the dictionary, not SymSpell", "multi_sc corrected", "multi_sc SymSpell"),
    Part("uncoded: soft reading and vote, not as read", "multi_sc soft", "multi_sc uncoded"),
    Part("uncoded: soft reading, not the dictionary", "multi_sc soft", "multi_sc corrected"),
)


class Claim(NamedTuple):
    """A gain in LPIPS that S4.8 claims. text: whether the rival sends no more than a text and a slice."""

    rival: str
    percent: float
    text: bool


CLAIMS = (
    Claim("deep_jscc_19db", 18, False), Claim("vlm_csc", 8, True), Claim("image_ldpc_fixed", 7, False),
    Claim("single_text", 2, True),
)  # fmt: skip
_LEAST = 8
"""Pictures, of fewer of which an interval says nothing."""
Cell = dict[tuple[str, int], Row]
"""(picture, seed) -> its row, of one system at one point."""
Cells = dict[tuple[str, Point], Cell]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Of the rows of one channel and one kind of picture. Raises ValueError for rows of more than one version."""
    of_one_version(rows)
    cells: Cells = defaultdict(dict)
    for row in rows:
        cells[row["system"], (row["snr_db"], row["budget"])][row["image"], row["seed"]] = row
    points = sorted({point for _, point in cells}, key=lambda point: point[::-1])
    systems = [name for name in (OURS, *RIVALS, *VARIANTS) if any(name == system for system, _ in cells)]
    against = _paired(cells, points, [Part(rival, OURS, rival) for rival in RIVALS])
    return {
        "images": len({row["image"] for row in rows}),
        "seeds": len({row["seed"] for row in rows}),
        "points": _means(cells, points, systems),
        "parts": _paired(cells, points, PARTS),
        "against": against,
        "ahead": _ahead(against),
        "gains": [gain for claim in CLAIMS for gain in _gains(cells, points, claim)],
    }


def _means(cells: Cells, points: Sequence[Point], systems: Sequence[str]) -> list[dict[str, Any]]:
    """How each system does at each point that it was measured at."""
    told = []
    worded = {system for (system, _), cell in cells.items() if any(row["read"] for row in cell.values())}
    for point in points:
        found = {}
        for system in systems:
            if cell := cells.get((system, point)):
                rows = list(cell.values())
                pairs = [(row["read"], row["caption"]) for row in rows if row["caption"]]
                found[system] = {
                    "n": len({image for image, _ in cell}),
                    **{name: report.with_interval(_by_image(cell, name)) for name in MEASURES},
                    "seen": average((row["seen"] for row in rows), 4),
                    "uses": average((row["uses"] for row in rows if row["uses"] is not None), 1),
                    **(reading(pairs) if system in worded else {}),
                }
        told.append({"snr_db": point[0], "budget": point[1], "systems": found})
    return told


def _by_image(cell: Cell, measure: str) -> list[float]:
    """The mean over seeds of each picture."""
    found: dict[str, list[float]] = defaultdict(list)
    for (image, _), row in sorted(cell.items(), key=lambda item: item[0]):
        found[image].append(row[measure])
    return [float(np.mean(values)) for values in found.values()]


def _shared(first: Cell, second: Cell) -> tuple[Cell, Cell]:
    """The same pictures and seeds of both."""
    keys = first.keys() & second.keys()
    return {key: first[key] for key in keys}, {key: second[key] for key in keys}


def _paired(cells: Cells, points: Sequence[Point], parts: Sequence[Part]) -> list[dict[str, Any]]:
    """What `having` is better by than `lacking`, wherever both were measured."""
    told = []
    for part in parts:
        for point in points:
            ours, theirs = _shared(cells.get((part.having, point), {}), cells.get((part.lacking, point), {}))
            if ours:
                apart = {
                    name: sign * (np.array(_by_image(ours, name)) - np.array(_by_image(theirs, name)))
                    for name, sign in MEASURES.items()
                }
                told.append(
                    part._asdict()
                    | {"snr_db": point[0], "budget": point[1], "n": len({image for image, _ in ours})}
                    | {name: report.with_interval(values) for name, values in apart.items()}
                )
    return told


def _ahead(against: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By rival and measure, the points (SNR, budget) where multi_sc is ahead or behind beyond the interval."""
    told = []
    for rival in dict.fromkeys(row["lacking"] for row in against):
        rows = [row for row in against if row["lacking"] == rival and row["n"] >= _LEAST]
        for name in MEASURES if rows else ():
            told.append({
                "rival": rival, "measure": name, "points": len(rows),
                "ahead": [(row["snr_db"], row["budget"]) for row in rows if row[name][1] > 0],
                "behind": [(row["snr_db"], row["budget"]) for row in rows if row[name][2] < 0],
            })  # fmt: skip
    return told


def _gains(cells: Cells, points: Sequence[Point], claim: Claim) -> list[dict[str, Any]]:
    """By how many percent of the rival's mean perceptual distance ours is less, at equal uses and at unequal ones.

    Unequal as in the paper: texts and slice in the largest budget beside a text in the smallest, and in the smallest
    beside whole pictures in the largest.
    """
    snrs, budgets = sorted({snr for snr, _ in points}), sorted({budget for _, budget in points})
    least, most = budgets[0], budgets[-1]
    pairs = [(budget, budget) for budget in budgets]
    if least < most:
        pairs.append((most, least) if claim.text else (least, most))
    told = []
    for budget, other in pairs:
        found = {
            snr_db: _shared(cells.get((OURS, (snr_db, budget)), {}), cells.get((claim.rival, (snr_db, other)), {}))
            for snr_db in snrs
        }
        found = {snr_db: both for snr_db, both in found.items() if both[0]}
        for snr_db, both in found.items():
            told.append(_gain(claim, (budget, other), snr_db, [both]))
        everywhere = set.intersection(*(set(ours) for ours, _ in found.values())) if found else set()
        if len(found) > 1 and everywhere:
            whole = [tuple({key: cell[key] for key in everywhere} for cell in both) for both in found.values()]
            told.append(_gain(claim, (budget, other), None, whole))
    return told


def _gain(claim: Claim, budgets: tuple[int, int], snr_db: float | None, both: Sequence[Any]) -> dict[str, Any]:
    """snr_db: None for the mean over all. both: at each SNR, the cells of ours and theirs."""
    distances = [np.mean([_by_image(pair[k], "perceptual") for pair in both], axis=0) for k in (0, 1)]
    uses = [average((r["uses"] for pair in both for r in pair[k].values() if r["uses"]), 0) for k in (0, 1)]
    return {
        "rival": claim.rival, "claimed_percent": claim.percent, "budgets": budgets, "snr_db": snr_db,
        "uses": uses, "n": len(distances[0]), "percent": report.with_interval(np.stack(distances, 1), _percent_less),
    }  # fmt: skip


def _percent_less(pairs: NDArray[np.float64], axis: int = 0) -> Any:
    ours, theirs = np.moveaxis(pairs.mean(axis), -1, 0)
    return 100 * (1 - ours / theirs)


def main(paths: list[Path]) -> None:
    rows = rows_of(paths)
    if not rows:
        raise SystemExit("there are no rows: give the files that benchmarks.link_systems wrote")
    joint = sorted({row["system"] for row in rows} & {"deep_jscc", "deep_jscc_19db"})
    kinds = {"deep_jscc": "", "deep_jscc_19db": "-19db"}
    report.write(
        "link_multi", figures={name: summary(found) for name, found in by_kind(rows).items()}, signature=signature(),
        models=[
            "captioner-default", "segmenter-default", "efficientnet-lite0", "efficientnet-lite1",
            "latent-photo", "autoencoder", "painter-punks", "painter-nouns",
            *(f"deepjscc-{rate}{kinds[name]}" for name in joint for rate in ("sixth", "twelfth")),
        ],
        data="held-out tokens of eight collections in turn, and crops of 512 x 512 of held-out photos by lot, as many "
        "as n says",
        command="python -m benchmarks.link_systems tokens|photos --rows FILE --systems ...; "
        "python -m benchmarks.link_multi_summary FILE ...",
    )  # fmt: skip


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
