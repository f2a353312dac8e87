"""The tables of results/link_text.json and results/link_joint.json, for benchmarks/tables.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.markdown import interval, table

Figures = dict[str, Any]
_UNCODED = {"16qam": "16-QAM", "qpsk": "QPSK"}
_READERS = {
    "hard": "hard decisions",
    "english words": "SymSpell, its English words",
    "english words, compound": "the same, compound",
    "captions words": "SymSpell, words of our captions",
    "captions words, compound": "the same, compound",
    "soft": "soft reading",
}
_interval = partial(interval, digits=2)


def _at_75(figures: Figures) -> str:
    rows = [
        [
            f"{_UNCODED[name]}, {source}", str(row["n"]),
            *(_interval(row[key]) for key in ("hard", "spelled", "soft")), f"**{_interval(row['gain'])}**",
        ]
        for name in _UNCODED
        for source, row in figures[name]["at_75"].items()
    ]  # fmt: skip
    return f"`{figures['16qam']['signature']}`\n\n" + table(
        ["SNR in dB at BLEU 75", "N", "hard decisions", "with SymSpell", "soft reading", "gain, dB"], rows
    )


def _curves(figures: Figures) -> str:
    curves = figures["16qam"]["curves"]

    def row(said: str, found: Figures) -> list[str]:
        cells = {
            snr: f"{point['bleu']:.0f} / {point['exact']:.2f} / {point['character_errors']:.3f}"
            for snr, point in found.items()
        }
        return [said, *(cells.get(snr, "") for snr in grid)]

    grid = [str(snr) for snr in sorted({int(snr) for rows in curves["english"].values() for snr in rows})]
    rows = [row(said, curves["all"][reader]) for reader, said in _READERS.items() if reader in curves["all"]]
    rows += [row(f"soft reading, {source}", curves[source]["soft"]) for source in ("tokens", "photos", "english")]
    return table(["16-QAM at SNR, dB", *grid], rows)


def _confidence(figures: Figures) -> str:
    rows = [
        [f"{row['from']:g} to {row['to']:g}", f"{row['words']:,}", f"{row['told']:.3f}", f"{row['right']:.3f}"]
        for row in figures["16qam"]["confidence"]
    ]
    return table(["confidence of a word", "words", "told", "right"], rows)


def _coded(figures: Figures) -> str:
    coded = figures["coded"]
    rows = [
        [
            name, f"{row['frames']:,}", f"{row['bound_db']:.2f}", _interval(row["needed_db"]), _interval(row["gap_db"]),
        ]
        for name, row in coded.items()
    ]  # fmt: skip
    return table(["packets, uses", "N a point", "bound, dB", "99% exact at, dB", "gap, dB"], rows)


def _joint(figures: Figures) -> str:
    names = {
        "letters": "five bits a letter, polar, list of 32",
        "language": "the same, each path asks the dictionary",
        "packed": "packed caption, as shipped",
    }
    rows = [
        [said, *(_interval(row[name]["at_90"]) for row in figures["unpacked"]["uses"].values())]
        for name, said in names.items()
    ]
    uses = [f"{name}, dB" for name in figures["unpacked"]["uses"]]
    return f"N = {figures['unpacked']['frames']} a point.\n\n" + table(["90% exact at; uses:", *uses], rows)


def _joint_packed(figures: Figures) -> str:
    packed = figures["packed"]
    pools = packed["pools"]
    rows = [
        [
            name,
            *(f"{_interval(row[name]['needed_db'])} ({row[name]['gap_db'][0]:+.2f})" for row in pools.values()),
            f"{wrong['certain']} of {wrong['wrong']:,} (at most {wrong['upper_95']:.2%})",
        ]
        for name, wrong in packed["wrong"].items()
    ]
    frames = next(iter(next(iter(pools.values())).values()))["frames"]
    headings = ["candidates need", *(f"{name}, dB (from the bound)" for name in pools), "wrong readings called certain"]
    return f"99% exact at; N = {frames:,} a point.\n\n" + table(headings, rows)


TABLES: dict[str, Callable[[Figures], str]] = {
    "link_text": _at_75,
    "link_text_curves": _curves,
    "link_text_confidence": _confidence,
    "link_text_coded": _coded,
    "link_joint": _joint,
    "link_joint_packed": _joint_packed,
}
