"""The tables of results/link_systems.json and results/link_latent.json, for benchmarks/tables.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.markdown import interval, table

Figures = dict[str, Any]
_NAMES = {"ssim": "SSIM", "perceptual": "perceptual distance", "cosine": "cosine"}
_TEXT = "gist", "text_coded", "text_only", "text_only_hard"


def _snrs(found: Figures) -> list[float]:
    return sorted({point["snr_db"] for point in found["points"]})


def _budgets(found: Figures) -> list[int]:
    return sorted({point["budget"] for point in found["points"]})


def _at(found: Figures, snr_db: float, budget: int) -> Figures:
    return next(p for p in found["points"] if (p["snr_db"], p["budget"]) == (snr_db, budget))


def _means(name: str, measure: str, figures: Figures) -> str:
    """A row for each system and budget, a column for each SNR; the best in bold."""
    if name not in figures:
        return "*(not run)*\n"
    found, rows = figures[name], []
    for budget in _budgets(found):
        points = [_at(found, snr_db, budget) for snr_db in _snrs(found)]
        for system in points[0]["systems"]:
            cells = []
            for point in points:
                value = point["systems"][system][measure][0]
                every = [other[measure][0] for other in point["systems"].values()]
                best = min(every) if measure == "perceptual" else max(every)
                cells.append(f"**{value:.3f}**" if value == best else f"{value:.3f}")
            rows.append([f"{budget:,} uses, {system}", *cells])
    heading = f"mean {_NAMES[measure]}, N = {found['images']}, {found['seeds']} seeds"
    return table([heading, *(f"{snr_db:g} dB" for snr_db in _snrs(found))], rows)


def _gains(figures: Figures) -> str:
    """What ours is better by than the best other system at each point, paired."""
    return "\n".join(_gains_of(name, found) for name, found in figures.items())


def _gains_of(name: str, found: Figures) -> str:
    rows = []
    for measure, said in _NAMES.items():
        for budget in _budgets(found):
            rivals = [_at(found, snr_db, budget)["rivals"][measure] for snr_db in _snrs(found)]
            cells = [f"{interval(rival['gain'])} {rival['rival']}" for rival in rivals]
            rows.append([f"{name}, {budget:,} uses, {said}", *cells])
    return table(["gist better than the best rival by", *(f"{snr_db:g} dB" for snr_db in _snrs(found))], rows)


def _texts(figures: Figures) -> str:
    rows = []
    for name, found in figures.items():
        for budget in _budgets(found)[:1]:
            for system in (s for s in _TEXT if s in found["points"][0]["systems"]):
                cells = [_at(found, snr_db, budget)["systems"][system] for snr_db in _snrs(found)]
                rows.append([
                    f"{name}, {budget:,} uses, {system}",
                    *(f"{c['bleu']:.0f} / {c['exact']:.2f} / {c['caption_distance']:.2f}" if "bleu" in c else ""
                      for c in cells),
                ])  # fmt: skip
    snrs = _snrs(next(iter(figures.values())))
    return table(["BLEU / exact / caption distance", *(f"{snr_db:g} dB" for snr_db in snrs)], rows)


def _leaders(figures: Figures) -> str:
    rows = []
    for name, found in figures.items():
        for budget in _budgets(found):
            led = [row for row in found["leaders"] if row["budget"] == budget]
            said = "; ".join(f"{row['system']} from {row['from_db']:g} dB" for row in led)
            worse = [
                f"{step['from'][0]:g} dB, {step['from'][1]:,} uses to {step['to'][0]:g} dB, {step['to'][1]:,}"
                for step in found["never_worse"]
                if step["from"][1] == budget and step["change"][2] < 0
            ]
            rows.append([f"{name}, {budget:,} uses", said, "; ".join(worse) or "none"])
    return table(["highest mean SSIM", "system", "steps up that make gist worse"], rows)


def _payloads(figures: Figures) -> str:
    rows = [
        [
            row["what"], f"{row['bytes']:,.0f}", "" if row["coded_bytes"] is None else f"{row['coded_bytes']:,.0f}",
            f"{row['uses']:,}", "more than 4,194,304" if row["uses_coded"] is None else f"{row['uses_coded']:,}",
            "" if row["ssim"] is None else interval(row["ssim"]),
        ]
        for row in figures["payloads"]
    ]  # fmt: skip
    return table(
        [
            "what is sent",
            "bytes",
            "after gzip or PNG",
            "uses, 16-QAM uncoded",
            "uses coded, 10 dB",
            "SSIM without noise",
        ],
        rows,
    )


def _literal(figures: Figures) -> str:
    rows = [
        [
            f"{row['eb_n0_db']:g}", f"{row['snr_db']:g}", f"{row['flips']:.2g}", interval(row["ssim"]),
            interval(row["perceptual"]), f"{row['sound_text']:.2f}", f"{row['avif_fits']:.2f}",
            f"{row['avif_ssim'][0]:.3f}",
        ]
        for row in figures["literal"]
    ]  # fmt: skip
    return table(
        [
            "Eb/N0, dB", "SNR (Es/N0), dB", "bits flipped", "SSIM", "perceptual distance", "texts intact",
            "AVIF of quality 90 fits", "its SSIM",
        ],
        rows,
    )  # fmt: skip


def _restart(figures: Figures) -> str:
    found = figures["restart"]
    snrs = sorted({row["snr_db"] for row in found})
    rows = []
    for budget in sorted({row["budget"] for row in found}):
        for strength in dict.fromkeys(row["strength"] for row in found):
            here = {row["snr_db"]: row for row in found if (row["budget"], row["strength"]) == (budget, strength)}
            cells = [
                f"{here[snr]['ssim'][0]:.3f} / {here[snr]['perceptual'][0]:.3f}" if "ssim" in here[snr] else "refused"
                for snr in snrs
            ]
            rows.append([f"{budget:,} uses, {strength}", *cells])
    return table(["start (SSIM / perceptual distance)", *(f"{snr:g} dB" for snr in snrs)], rows)


TABLES: dict[str, Callable[[Figures], str]] = {
    "link_systems_tokens": partial(_means, "tokens, awgn", "ssim"),
    "link_systems_photos": partial(_means, "photos, awgn", "ssim"),
    "link_systems_perceptual": partial(_means, "photos, awgn", "perceptual"),
    "link_systems_gains": _gains,
    "link_systems_texts": _texts,
    "link_systems_leaders": _leaders,
    "link_latent_payloads": _payloads,
    "link_latent_literal": _literal,
    "link_latent_restart": _restart,
}
