"""The tables of results/link_first.json and results/link_predict.json, for benchmarks/tables.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from benchmarks.markdown import table
from gistchain.link.blockcode import MOST_POLAR_BITS
from gistchain.link.gaps import gap_db

Figures = dict[str, Any]


def _share(values: Sequence[float]) -> str:
    return "{:.2%} [{:.2%}, {:.2%}]".format(*values)


def _first(figures: Figures) -> str:
    rows = [
        [
            f"{name}, {row['uses']} uses", f"{point['snr_db']:.1f}", _share(point["nothing"]["lost"]),
            _share(point["caption"]["lost"]), f"{point['nothing']['wrong']} / {point['caption']['wrong']}",
        ]
        for name, row in figures["pools"].items()
        for point in row["at"].values()
    ]  # fmt: skip
    frames = next(iter(figures["pools"].values()))["frames"]
    headings = ["first block", "SNR, dB", "lost, nothing expected", "lost, caption expected", "read wrongly"]
    return f"N = {frames:,} a row.\n\n" + table(headings, rows)


def _rubbish(figures: Figures) -> str:
    rows = [
        [
            name,
            *(f"{row[reader]['whole']} (at most {row[reader]['upper_95']:.3%})" for reader in ("nothing", "caption")),
        ]
        for name, row in figures["rubbish"].items()
    ]
    frames = next(iter(figures["rubbish"].values()))["frames"]
    return f"N = {frames:,} frames.\n\n" + table(["called whole", "nothing expected", "caption expected"], rows)


def _gaps(figures: Figures) -> str:
    """Of each range of sizes and modulation: what was measured, and how far off the table is at held-out sizes."""
    rows = []
    for said, least, most in (("polar, 56 to 400", 0, MOST_POLAR_BITS), ("LDPC, 408 to 20,000", 401, 1 << 20)):
        for name in ("qpsk", "16qam", "64qam", "256qam"):
            parts = {
                part: [r for r in figures["points"][part] if least <= r["bits"] <= most and r["modulation"] == name]
                for part in ("training", "held_out")
            }
            gaps = [row["gap_db"]["0.01"] for row in parts["training"]]
            off = [abs(row["gap_db"]["0.01"] - gap_db(row["bits"], row["uses"])) for row in parts["held_out"]]
            rows.append([
                said, name, str(len(gaps)), f"{min(gaps):.2f} to {max(gaps):.2f}", str(len(off)), f"{median(off):.2f}",
                f"{max(off):.2f}",
            ])  # fmt: skip
    headings = ["bits", "modulation", "measured", "gap, dB", "held out", "off by, dB, median", "worst"]
    return table(headings, rows)


def _held(figures: Figures) -> str:
    """Where 1% are predicted: how many blocks are lost, by size."""
    held = figures["held_out"]
    low, high = held["limits"]
    rows = []
    for least, most in ((56, 160), (161, 400), (401, 1000), (1001, 5000), (5001, 20_000)):
        part = [row for row in held["rows"] if least <= row["bits"] <= most]
        shares = [row["lost"] for row in part]
        within = sum(low <= share <= high for share in shares)
        rows.append([
            f"{least:,} to {most:,}", f"{within} of {len(part)}", f"{median(shares):.2%}", f"{min(shares):.2%}",
            f"{max(shares):.2%}",
        ])  # fmt: skip
    within, count = held["within"]
    return (
        f"Of {count} held-out blocks {within} ({within / count:.0%}) are lost in {low:.1%} to {high:.0%} of cases.\n\n"
        + table(["bits", f"lost in {low:.1%} to {high:.0%}", "median", "least", "most"], rows)
    )


def _elsewhere(figures: Figures) -> str:
    rows = [
        [
            f"start word, {row['uses']} uses", "awgn", f"{row['snr_db']:.1f}", f"{row['told']:.0%}",
            _share(row["lost"]),
        ]
        for row in figures["start"]["rows"]
    ]  # fmt: skip
    rows += [
        [
            f"{row['bits']:,} bits, {row['uses']:,} uses",
            row["channel"] + f", {row['pilots']} pilots" * (row["channel"] == "rayleigh-block"),
            f"{row['snr_db']:.1f}", f"{row['told']:.0%}", _share(row["lost"]),
        ]
        for row in figures["fading"]["rows"]
    ]  # fmt: skip
    return table(["block", "channel", "SNR, dB", "predicted", "lost"], rows)


TABLES: dict[str, Callable[[Figures], str]] = {
    "link_first": _first,
    "link_first_rubbish": _rubbish,
    "link_predict": _gaps,
    "link_predict_held": _held,
    "link_predict_elsewhere": _elsewhere,
}
