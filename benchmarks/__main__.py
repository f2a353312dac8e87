"""Lists the benchmarks, or holds the committed results against their targets.

    python -m benchmarks            # what is measured, and the command that made each result
    python -m benchmarks --check    # every target: ok or missed; exits 1 where a figure is worse than its floor

A floor is the target itself, unless the docs name a shortfall: then it lies a little below the figure that they state.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
WEIGHTS = HERE.parent / "gistchain" / "models" / "weights"
Record = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """figure: keys of results/{result}.json, joined by '/'; '*' stands for every key, of which the worst counts.

    A function stands where a figure has to be worked out; `name` then says what it is.
    shortfall: what the docs say, where the target is missed.
    """

    result: str
    figure: str | Callable[[Record], float]
    comparison: str
    target: float
    floor: float | None = None
    shortfall: str = ""
    name: str = ""


def _lead(measure: str) -> Callable[[Record], float]:
    """By how much gistchain beats the best of the other methods, in the set where that is least."""

    def least(record: Record) -> float:
        methods = dict(record["methods"])
        ours = methods.pop("gistchain")
        return min(ours[part][measure] - other[part][measure] for other in methods.values() for part in other)

    return least


def _siblings_called_copies(record: Record) -> float:
    rows = [row for name, row in record["verdicts"].items() if name.startswith(("siblings", "one-trait"))]
    return float(sum(row["n"] * row["copy"] for row in rows) / sum(row["n"] for row in rows))


def _over_conse(*place: str) -> Callable[[Record], float]:
    def difference(record: Record) -> float:
        found = record["figures"]
        for key in place:
            found = found[key]
        return float(found["joint-default"]["recall@1"] - found["conse"]["recall@1"])

    return difference


def _not_shown(record: Record) -> float:
    found = record["figures"]["all"]
    return float(found["n"] - found["shown"])


def _farthest_from_theory(record: Record) -> float:
    figures = record["figures"]
    return float(max(abs(row["sigmas"]) for part in ("rates", "published", "outage") for row in figures[part]))


def _lost_in_promised_uses(record: Record) -> float:
    rows = record["figures"]["promised"]
    return float(max(row["rate"][0] for row in rows if row["code"] == "5G polar" and row["list"] == 128))


def _lost_beside_sionna(record: Record) -> float:
    rows = record["figures"]["sionna"]
    return float(sum(row["lost_ours"] for row in rows) / sum(row["lost_sionna"] for row in rows))


def _errors_beside_sionna(record: Record) -> float:
    """By how many standard errors ours is the higher block error rate, where that is most."""
    points = [point for case in record["figures"]["cases"] for point in case["rates"]]
    spreads = [sum(p["wrong"][who] / p["blocks"][who] ** 2 for who in ("ours", "sionna")) ** 0.5 for p in points]
    more = [float(point["rate"]["ours"] - point["rate"]["sionna"]) for point in points]
    return max(m / spread for m, spread in zip(more, spreads, strict=True))


def _least_speed(record: Record) -> float:
    return min(float(case["speed"]["times_sionna"]) for case in record["figures"]["cases"])


_KNOWN = "methods/gistchain/unseen collections, known families"
_UNSEEN = "methods/gistchain/unseen collections, unseen families"
_COPIES = "verdicts/copies, unseen collections"

TARGETS = (
    Target("captioner", "figures/nouns/clean/exact_match", ">=", 0.98),
    Target("captioner", "figures/punks/clean/exact_match", ">=", 0.98, 0.975, "README.md: .978"),
    Target("painter", "figures/punks/distance", "<=", 0.006),
    Target("painter", "figures/nouns/distance", "<=", 0.008),
    Target("painter", "figures/punks/ssim", ">=", 0.96),
    Target("painter", "figures/nouns/ssim", ">=", 0.93),
    Target("captions_in_bytes", "sets/*/packet/median", "<=", 20),
    Target("gas", "figures/singles/0/rated", "<=", 146_000, name="gas of 10 bytes with a ticket"),
    Target("token_uri", "figures/all/max_gas", "<=", 25e6, name="gas of a tokenURI"),
    Target("token_uri", "figures/all/n", ">=", 1000, name="tokens whose URI was read"),
    Target("token_uri", _not_shown, "<=", 0, name="tokens whose image a browser doesn't show"),
    Target("install_size", "figures/bytes", "<=", 700e6, 1.1e9, "README.md: numba's compiler and OpenCV weigh 370 MB"),
    Target("collections", "figures/median/exact_match", ">=", 0.95, 0.92, "docs/models.md: missed by .025"),
    Target("collections", "figures/median/distance", "<=", 0.02),
    Target("collections", "figures/median/ssim", ">=", 0.90),
    Target("collection_train", "figures/toon-head/ssim", ">=", 0.90),
    Target("collection_train", "figures/toon-head/cpu_minutes", "<=", 20),
    Target("photo_latent", "figures/sizes/1024/WEBP/ours_minus_this_psnr/0", ">", 0),
    Target("photo_latent", "figures/sizes/1024/WEBP/ours_minus_this_perceptual/0", "<", 0),
    Target("retrieval", _over_conse("tokens", "together"), ">", 0, name="recall@1 of tokens, more than ConSE's"),
    Target("retrieval", _over_conse("photos"), ">", 0, name="recall@1 of photos, more than ConSE's"),
    Target("rareness", "data/registered", ">=", 5000),
    Target("rareness", "data/collections", ">=", 20),
    Target("rareness", "data/copies", ">=", 1000),
    Target("rareness", "data/negatives", ">=", 1000),
    Target("rareness", "data/twins_of_negatives", ">=", 0.25),
    Target("rareness", "data/transformed_of_negatives", ">=", 0.45),
    Target("rareness", "data/transformed_of_negatives", "<=", 0.55),
    Target("rareness", "data/unseen_families", ">=", 5),
    Target("rareness", lambda r: len(r["data"]["unseen_collections"]), ">=", 5, name="unseen collections"),
    Target("rareness", _lead("auc"), ">", 0, name="AUC, more than the best other method's"),
    Target("rareness", _lead("recall_at_1"), ">", 0, name="recall at 1%, more than the best other method's"),
    Target("rareness", "source_named_of_detections/all", ">=", 0.97),
    Target("rareness", _siblings_called_copies, "<=", 0.01, name="siblings and twins called copies"),
    Target("rareness", f"{_KNOWN}/auc", ">=", 0.985, 0.94, "docs/rareness.md: .949"),
    Target("rareness", f"{_KNOWN}/recall_at_1", ">=", 0.85, 0.73, "docs/rareness.md: .74"),
    Target("rareness", f"{_UNSEEN}/auc", ">=", 0.97, 0.82, "docs/rareness.md: .823"),
    Target("rareness", f"{_UNSEEN}/recall_at_1", ">=", 0.75, 0.29, "docs/rareness.md: .29"),
    Target("rareness", "methods/gistchain/punks, known families/recall_at_1", ">=", 0.85, 0.845,
           "docs/rareness.md: .847, rounded to .85"),
    Target("rareness", f"{_COPIES}, known families/unsure", "<=", 0.15, 0.20, "docs/rareness.md: 19%"),
    Target("rareness", f"{_COPIES}, unseen families/unsure", "<=", 0.15, 0.37, "docs/rareness.md: 36%"),
    Target("rareness_check", "stages_seconds/a comparison/median", "<=", 0.100, 0.13, "docs/rareness.md: 128 ms"),
    Target("rareness_scan", "figures/scan/scan_over_read/0", "<=", 1.15),
    Target("link_modem", _farthest_from_theory, "<=", 3, name="standard errors from theory, bits and outage"),
    Target("link_modem", "figures/speed/*/times_sionna", ">=", 20),
    Target("link_text", "figures/16qam/at_75/all/gain/1", ">=", 6, name="dB that soft reading gains, lower end"),
    Target("link_text", "figures/qpsk/at_75/all/gain/1", ">=", 6, name="dB that soft reading gains in QPSK, lower end"),
    Target("link_text", "figures/coded/*/gap_db/0", "<=", 1.2),
    Target("link_text", "figures/clean/unchanged/without noise", ">=", 1000),
    Target("link_text", "figures/clean/unchanged/16qam at 25 dB", ">=", 1000),
    Target("link_text", "figures/wrong/upper_95", "<=", 0.01, name="wrong readings called certain, upper limit"),
    Target("rareness_scan", "figures/scan/core_seconds_per_100000", "<=", 0.1),
    Target("link_polar", _lost_in_promised_uses, "<=", 0.01, name="polar blocks lost in promised uses, list of 128"),
    Target("link_polar", _lost_beside_sionna, "<=", 1, name="polar blocks lost, of those that Sionna loses"),
    Target("link_ldpc", _errors_beside_sionna, "<=", 2, name="standard errors of more block errors than Sionna"),
    Target("link_ldpc", _least_speed, ">=", 3, name="information bits a CPU-second, times Sionna's"),
)  # fmt: skip

_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, "<": lambda a, b: a < b,
}  # fmt: skip


def check(results: Path = RESULTS, weights: Path = WEIGHTS) -> bool:
    """Prints every target beside its figure. Whether no figure is below its floor, and all are of shipped weights."""
    good, records = True, {path.stem: json.loads(path.read_text("utf-8")) for path in results.glob("*.json")}
    for target in TARGETS:
        figure = _figure(records[target.result], target)
        kept = _COMPARED[target.comparison](figure, target.target if target.floor is None else target.floor)
        reached = _COMPARED[target.comparison](figure, target.target)
        said = "ok" if reached else f"missed ({target.shortfall})" if kept else "WORSE THAN ITS FLOOR"
        name = target.name or str(target.figure).removeprefix("figures/")
        print(f"{target.result:18} {name:66} {figure:>10.6g} {target.comparison:2} {target.target:<10g} {said}")
        good &= kept
    for complaint in stale(records, weights):
        print(complaint)
        good = False
    return good


def _figure(record: Record, target: Target) -> float:
    if not isinstance(target.figure, str):
        return target.figure(record)
    found = list(_at(record, target.figure.split("/")))
    return min(found) if target.comparison.startswith(">") else max(found)


def _at(found: Any, keys: list[str]) -> Iterator[float]:
    if not keys:
        yield float(found)
    elif keys[0] == "*":
        for each in found.values():
            yield from _at(each, keys[1:])
    else:
        yield from _at(found[int(keys[0]) if isinstance(found, list) else keys[0]], keys[1:])


def stale(records: dict[str, Record], weights: Path) -> Iterator[str]:
    """What to run again: results of weights that are no longer shipped, and classifiers that were not measured."""
    for name, record in records.items():
        for model, digest in record.get("models", {}).items():
            card = json.loads((weights / f"{model}.json").read_text("utf-8"))
            if not card["sha256"].startswith(digest):
                yield f"{name}: measured with another {model}: {record['command']}"
    for path in weights.glob("rareness-*.onnx"):
        if path.stem not in records["rareness"]["models"]:
            yield f"rareness: measured without {path.stem}: {records['rareness']['command']}"


def listed() -> Iterator[str]:
    """Of each result, what is measured and the command that made it."""
    for path in sorted(RESULTS.glob("*.json")):
        command = json.loads(path.read_text("utf-8"))["command"]
        source = HERE / f"{path.stem}.py"
        said = _first_line(source) if source.exists() else "The whole path, beside ways of storing pixels: the demo."
        yield f"{said}\n    {command}"


def _first_line(source: Path) -> str:
    """Of the docstring; the module isn't imported, as that may need torch."""
    return (ast.get_docstring(ast.parse(source.read_text("utf-8"))) or "").partition("\n")[0]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="hold the committed results against their targets")
    if parser.parse_args(arguments).check:
        return 0 if check() else 1
    print(*listed(), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
