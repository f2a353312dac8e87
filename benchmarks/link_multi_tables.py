"""The tables of results/link_multi.json and results/deepjscc.json, for benchmarks/tables.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.markdown import interval, table

Figures = dict[str, Any]
_NAMES = {"ssim": "SSIM", "perceptual": "perceptual distance", "cosine": "cosine"}
_ALL = " / ".join(_NAMES.values())
_PHOTOS, _TOKENS = "photos, awgn", "tokens, awgn"
_WORDED = (
    "multi_sc", "multi_sc 2 texts", "multi_sc 9 texts", "multi_sc short", "multi_sc uncoded",
    "multi_sc voted", "multi_sc corrected", "multi_sc SymSpell", "multi_sc soft", "single_text",
)  # fmt: skip
"""Systems that differ in what they send as text, or in how it is read."""
_NOT_RUN = "*(not run)*\n"
_CLAIMED = {
    "deep_jscc_19db": "deep JSCC", "vlm_csc": "VLM-CSC", "image_ldpc_fixed": "BPG + LDPC",
    "single_text": "single text",
}  # fmt: skip


def _snrs(found: Figures) -> list[float]:
    return sorted({point["snr_db"] for point in found["points"]})


def _headings(first: str, found: Figures) -> list[str]:
    return [first, *(f"{snr_db:g} dB" for snr_db in _snrs(found))]


def _pictures(rows: Sequence[Figures]) -> str:
    """How many: one number, or from the least to the most of several points."""
    counts = [row["n"] for row in rows]
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def _by_system(
    name: str, first: str, told: Callable[[Figures], str], wanted: Callable[[str], bool], figures: Figures
) -> str:
    """A row for each budget and wanted system, a column for each SNR."""
    if name not in figures:
        return _NOT_RUN
    found, rows = figures[name], []
    for budget in sorted({point["budget"] for point in found["points"]}):
        points = {point["snr_db"]: point["systems"] for point in found["points"] if point["budget"] == budget}
        for system in dict.fromkeys(system for there in points.values() for system in filter(wanted, there)):
            here = {snr_db: there[system] for snr_db, there in points.items() if system in there}
            cells = [told(here[snr_db]) if snr_db in here else "" for snr_db in _snrs(found)]
            rows.append([f"{budget:,} uses, {system}, N = {_pictures(list(here.values()))}", *cells])
    return table(_headings(first, found), rows)


def _quality(cell: Figures) -> str:
    return " / ".join(f"{cell[measure][0]:.3f}" for measure in _NAMES)


def _no_variant(system: str) -> bool:
    return not system.startswith("multi_sc ")


def _reading(cell: Figures) -> str:
    if "bleu" not in cell:
        return "nothing read"
    uses = "refused" if cell["uses"] is None else f"{cell['uses']:,.0f}"
    return f"{cell['bleu']:.0f} / {cell['exact']:.2f} / {cell['seen']:.2f} / {uses}"


def _parts(name: str, figures: Figures) -> str:
    """A row for each part, budget and measure."""
    if name not in figures:
        return _NOT_RUN
    found, rows = figures[name], []
    for part, budget, here in _grouped(found["parts"]):
        for measure, said in _NAMES.items():
            label = f"{part}, {budget:,} uses, N = {_pictures(list(here.values()))}, {said}"
            cells = [interval(here[snr_db][measure]) if snr_db in here else "" for snr_db in _snrs(found)]
            rows.append([label, *cells])
    return table(_headings("what it is worth", found), rows) if rows else _NOT_RUN


def _against(name: str, figures: Figures) -> str:
    """A row for each rival and budget; in bold what is beyond the interval."""
    if name not in figures:
        return _NOT_RUN
    found, rows = figures[name], []
    for rival, budget, here in _grouped(found["against"]):
        cells = [_apart(here[snr_db]) if snr_db in here else "" for snr_db in _snrs(found)]
        rows.append([f"{rival}, {budget:,} uses, N = {_pictures(list(here.values()))}", *cells])
    return table(_headings(f"multi_sc better by: {_ALL}", found), rows)


def _grouped(rows: Sequence[Figures]) -> list[tuple[str, int, dict[float, Figures]]]:
    """(name, budget, the rows by SNR)."""
    keys = dict.fromkeys((row["name"], row["budget"]) for row in rows)
    return [
        (name, budget, {row["snr_db"]: row for row in rows if (row["name"], row["budget"]) == (name, budget)})
        for name, budget in keys
    ]


def _apart(row: Figures) -> str:
    beyond = {measure: row[measure][1] > 0 or row[measure][2] < 0 for measure in _NAMES}
    return " / ".join(f"**{row[m][0]:.3f}**" if beyond[m] else f"{row[m][0]:.3f}" for m in _NAMES)


def _ahead(figures: Figures) -> str:
    rows = [
        [
            f"{name}, {row['rival']}, {_NAMES[row['measure']]}", str(row["points"]),
            *("at all" if len(row[side]) == row["points"] else _where(row[side]) for side in ("ahead", "behind")),
        ]
        for name, found in figures.items()
        for row in found["ahead"]
    ]  # fmt: skip
    return table(["multi_sc beside", "points", "ahead", "behind"], rows) if rows else _NOT_RUN


def _where(points: Sequence[Sequence[float]]) -> str:
    """By budget, the SNRs."""
    budgets = dict.fromkeys(int(budget) for _, budget in points)
    told = [f"{b:,} uses: {', '.join(f'{snr:g}' for snr, budget in points if budget == b)} dB" for b in budgets]
    return "; ".join(told) or "nowhere"


def _gains(name: str, figures: Figures) -> str:
    """A row for each claim and pair of uses, in percent of the rival's perceptual distance."""
    if name not in figures:
        return _NOT_RUN
    found, rows = figures[name], []
    for rival, claimed in dict.fromkeys((row["rival"], row["claimed_percent"]) for row in found["gains"]):
        of_rival = [row for row in found["gains"] if row["rival"] == rival]
        for ours, theirs in dict.fromkeys(tuple(row["budgets"]) for row in of_rival):
            here = {row["snr_db"]: row for row in of_rival if tuple(row["budgets"]) == (ours, theirs)}
            cells = [interval(here[snr]["percent"], 1) if snr in here else "" for snr in (None, *_snrs(found))]
            uses = f"{ours:,} uses each" if ours == theirs else f"{ours:,} uses against {theirs:,}"
            label = f"{_CLAIMED[rival]}: `{rival}`, {uses}, N = {_pictures(list(here.values()))}"
            rows.append([label, f"{claimed:g}", *cells])
    first, *snrs = _headings("less perceptual distance, %", found)
    return table([first, "claimed", "all SNRs", *snrs], rows) if rows else _NOT_RUN


def _deepjscc(figures: Figures) -> str:
    rows = []
    for network in figures["networks"]:
        trained = "all SNRs" if network["trained_db"] is None else f"{network['trained_db']:g} dB alone"
        cells = [f"{interval(point['psnr'], 1)} / {point['ssim'][0]:.3f}" for point in network["points"]]
        rows.append([f"`{network['network']}`", f"1/{1 / network['cbr']:.0f}", trained, *cells])
    snrs = [f"{point['snr_db']:g} dB" for point in figures["networks"][0]["points"]]
    return table([f"PSNR in dB / SSIM, N = {figures['n']}", "uses a value", "trained at", *snrs], rows)


TABLES: dict[str, Callable[[Figures], str]] = {
    "deepjscc": _deepjscc,
    "link_multi_photos": partial(_by_system, _PHOTOS, _ALL, _quality, _no_variant),
    "link_multi_tokens": partial(_by_system, _TOKENS, _ALL, _quality, _no_variant),
    "link_multi_texts": partial(_by_system, _PHOTOS, "BLEU / exact / seen / uses", _reading, _WORDED.__contains__),
    "link_multi_words": partial(_by_system, _TOKENS, "BLEU / exact / seen / uses", _reading, _WORDED.__contains__),
    "link_multi_parts": partial(_parts, _PHOTOS),
    "link_multi_pieces": partial(_parts, _TOKENS),
    "link_multi_against": partial(_against, _PHOTOS),
    "link_multi_beside": partial(_against, _TOKENS),
    "link_multi_ahead": _ahead,
    "link_multi_gains": partial(_gains, _PHOTOS),
    "link_multi_shares": partial(_gains, _TOKENS),
}
