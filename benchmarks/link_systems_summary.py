"""Rows of benchmarks.link_systems -> benchmarks/results/link_systems.json.

    python -m benchmarks.link_systems_summary rows/*.jsonl

Only pictures of which every row is there count. Means are over pictures, of the mean over their seeds; intervals (95%)
are by bootstrap over pictures, of differences paired. rival: the best of all other systems at that SNR and budget, by
its mean. BLEU: of the corpus of captions that were read, by sacrebleu; exact: share of captions that are as they were
sent; caption_distance: 1 - cosine of MiniLM's vectors, 1 where nothing was read.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.link_measures import MEASURES, Point, average, by_kind, of_one_version, reading, signature
from benchmarks.link_rows import Row, rows_of
from gistchain.models.packaged.minilm import MiniLM
from gistchain.rebuild.isotope import caption_distances

OURS = "gist"
Values = NDArray[np.float64]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Of the rows of one channel and one kind of picture. Raises ValueError for rows of more than one version."""
    of_one_version(rows)
    systems = list(dict.fromkeys(row["system"] for row in rows))
    points = sorted({(row["snr_db"], row["budget"]) for row in rows}, key=lambda point: point[::-1])
    images = _complete(rows, systems, points)
    kept = [row for row in rows if row["image"] in images]
    table = {measure: _by_image(kept, measure, images) for measure in MEASURES}
    told = [_point(point, kept, table, systems, len(images)) for point in points]
    return {
        "images": len(images), "seeds": len({row["seed"] for row in kept}), "points": told,
        "never_worse": _never_worse(table["ssim"], points), "leaders": _leaders(told),
    }  # fmt: skip


def _complete(rows: Sequence[Row], systems: Sequence[str], points: Sequence[Point]) -> list[str]:
    seeds = {row["seed"] for row in rows}
    there: dict[str, set[tuple[str, float, int, int]]] = defaultdict(set)
    for row in rows:
        there[row["image"]].add((row["system"], row["snr_db"], row["budget"], row["seed"]))
    return [image for image, found in there.items() if len(found) == len(systems) * len(points) * len(seeds)]


def _by_image(rows: Sequence[Row], measure: str, images: Sequence[str]) -> dict[tuple[str, Point], Values]:
    """(system, point) -> the mean over seeds of each image."""
    place = {image: k for k, image in enumerate(images)}
    sums: dict[tuple[str, Point], Values] = defaultdict(lambda: np.zeros((2, len(images))))
    for row in rows:
        cell = sums[row["system"], (row["snr_db"], row["budget"])]
        cell[:, place[row["image"]]] += row[measure], 1
    return {key: total / count for key, (total, count) in sums.items()}


def _point(
    point: Point, rows: Sequence[Row], table: dict[str, dict[tuple[str, Point], Values]], systems: Sequence[str], n: int
) -> dict[str, Any]:
    here = [row for row in rows if (row["snr_db"], row["budget"]) == point]
    told: dict[str, Any] = {"snr_db": point[0], "budget": point[1], "systems": {}, "rivals": {}}
    for system in systems:
        own = [row for row in here if row["system"] == system]
        told["systems"][system] = {
            measure: report.with_interval(table[measure][system, point]) for measure in MEASURES
        } | {
            "seen": average((row["seen"] for row in own), 4),
            "uses": average((row["uses"] for row in own if row["uses"] is not None), 1),
            "cpu_s": average((row["cpu_s"] for row in own), 3),
        } | _texts(own)  # fmt: skip
    for measure, sign in MEASURES.items():
        found = table[measure]
        rival = max((s for s in systems if s != OURS), key=lambda s: sign * found[s, point].mean())
        apart = sign * (found[OURS, point] - found[rival, point])
        told["rivals"][measure] = {"rival": rival, "gain": report.with_interval(apart)}
    return told


def _texts(rows: Iterable[Row]) -> Row:
    """Of those captions that there were to send."""
    pairs = [(row["read"], row["caption"]) for row in rows if row["caption"]]
    if not pairs:
        return {}
    return reading(pairs) | {"caption_distance": average((_distance(meant, read) for read, meant in pairs), 4)}


@functools.lru_cache(1 << 16)
def _distance(meant: str, read: str) -> float:
    return caption_distances(meant, [read], embedder=_embedder())[0]


@functools.cache
def _embedder() -> MiniLM:
    return MiniLM()


def _never_worse(found: dict[tuple[str, Point], Values], points: Sequence[Point]) -> list[dict[str, Any]]:
    """Each step to the next SNR or budget: the change of our SSIM, paired."""
    steps = []
    for a, b in itertools.permutations(points, 2):
        snrs, budgets = sorted({p[0] for p in points}), sorted({p[1] for p in points})
        up = snrs.index(b[0]) - snrs.index(a[0]), budgets.index(b[1]) - budgets.index(a[1])
        if up in ((1, 0), (0, 1)):
            steps.append({"from": a, "to": b, "change": report.with_interval(found[OURS, b] - found[OURS, a])})
    return steps


def _leaders(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who has the highest mean SSIM, by budget and from which SNR on."""
    found: list[dict[str, Any]] = []
    for budget in sorted({point["budget"] for point in points}):
        last = ""
        for point in sorted((p for p in points if p["budget"] == budget), key=lambda p: p["snr_db"]):
            best = max(point["systems"], key=lambda name: point["systems"][name]["ssim"][0])
            if best != last:
                found.append({"budget": budget, "from_db": point["snr_db"], "system": best})
            last = best
    return found


def main(paths: list[Path]) -> None:
    figures = {name: summary(found) for name, found in by_kind(rows_of(paths)).items()}
    report.write(
        "link_systems", figures=figures, signature=signature(),
        models=["autoencoder", "latent-photo", "captioner-default", "painter-punks", "painter-nouns"],
        data="held-out tokens of eight collections in turn, and crops of 512 x 512 of held-out photos by lot, as many "
        "as N says",
        command="python -m benchmarks.link_systems tokens|photos --rows FILE; "
        "python -m benchmarks.link_systems_summary FILE ...",
    )  # fmt: skip


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
