"""What systems gave back over a radio -> one self-contained HTML page, the JSON of it, and a table for a person."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING, Any

from gistchain.sending.compare import Compared, Mean, means
from gistchain.text import lines, page

if TYPE_CHECKING:
    from gistchain.types import Picture, Pixels

_WIDTH, _HEIGHT, _MARGIN = 860, 320, 44
_COLOURS = "#5b4bdb", "#157f4f", "#b42318", "#b54708", "#175cd3", "#667085"
_THUMBNAIL = 168


def compared_page(rows: Sequence[Compared], *, channel: str, budget: int) -> str:
    """Pictures by system and SNR, quality against SNR with intervals, and what our own sender sent."""
    found = means(rows)
    systems, snrs = list(dict.fromkeys(row.system for row in rows)), sorted({row.snr_db for row in rows})
    pictures = list({id(row.picture): row.picture for row in rows}.values())
    first = min(row.seed for row in rows)
    template = resources.files("gistchain.answers").joinpath("compared.html.j2").read_text("utf-8")
    return page(
        template,
        channel=channel,
        budget=f"{budget:,}",
        seeds=len({row.seed for row in rows}),
        pictures=[_grid(picture, rows, systems, snrs, first) for picture in pictures],
        snrs=snrs,
        chart=_chart(found, systems, snrs),
        means=[_mean_row(system, found, snrs) for system in systems],
        width=_WIDTH,
        height=_HEIGHT,
    )


def compared_json(rows: Sequence[Compared], *, channel: str, budget: int) -> dict[str, Any]:
    """means: of all pictures and seeds. rows: each picture that was sent."""
    return {
        "channel": channel,
        "budget": budget,
        "means": [asdict(mean) for mean in means(rows)],
        "rows": [
            {
                "image": row.picture.name,
                "system": row.system,
                "snr_db": row.snr_db,
                "seed": row.seed,
                "ssim": row.fidelity,
                "refused": row.refused,
                "uses": None if row.sent is None else row.sent.uses,
                "caption": None if row.sent is None else row.sent.caption,
                "lost": [] if row.sent is None else list(row.sent.lost),
            }
            for row in rows
        ],
    }


def compared_text(rows: Sequence[Compared]) -> str:
    found = means(rows)
    snrs = sorted({mean.snr_db for mean in found})
    head = f"{'mean SSIM at dB':<18}" + "".join(f"{snr:>7g}" for snr in snrs)
    body = [
        f"{system:<18}" + "".join(f"{mean.fidelity:>7.3f}" for snr in snrs for mean in found if _is(mean, system, snr))
        for system in dict.fromkeys(mean.system for mean in found)
    ]
    refused = {row.system: row.refused for row in reversed(rows) if row.refused}
    return lines([head, *body, *(f"refused by {system}: {why}" for system, why in refused.items())])


def _is(mean: Mean, system: str, snr_db: float) -> bool:
    return mean.system == system and mean.snr_db == snr_db


def _mean_row(system: str, found: Sequence[Mean], snrs: Sequence[float]) -> dict[str, Any]:
    cells = [mean for snr in snrs for mean in found if _is(mean, system, snr)]
    return {
        "system": system,
        "cells": [f"{mean.fidelity:.3f} [{mean.low:.3f}, {mean.high:.3f}], {mean.arrived:.0%} seen" for mean in cells],
    }


def _grid(
    picture: Picture, rows: Sequence[Compared], systems: Sequence[str], snrs: Sequence[float], seed: int
) -> dict[str, Any]:
    """A row of pictures for each system, and a bar of uses for each SNR of our own."""
    mine = {(row.system, row.snr_db): row for row in rows if row.picture is picture and row.seed == seed}
    return {
        "name": picture.name,
        "original": _data_url(picture.pixels),
        "systems": [
            {"name": system, "cells": [_cell(mine[system, snr]) for snr in snrs if (system, snr) in mine]}
            for system in systems
        ],
        "bars": [_bar(mine["gist", snr]) for snr in snrs if ("gist", snr) in mine],
    }


def _cell(row: Compared) -> dict[str, Any]:
    title = row.refused if row.sent is None else row.sent.caption
    if row.seen is not None:
        return {"image": _data_url(row.seen), "words": f"{row.fidelity:.3f}", "title": title}
    words = "refused" if row.sent is None else "nothing arrived" if row.sent.gist is None else "no picture"
    return {"image": None, "words": words, "title": title}


def _bar(row: Compared) -> dict[str, Any]:
    """Shares of the uses, in percent."""
    if row.sent is None:
        return {"snr_db": row.snr_db, "parts": [], "words": row.refused}
    parts = [("start", row.sent.start_uses), *((block.layers, block.uses) for block in row.sent.blocks)]
    total = sum(uses for _, uses in parts)
    told = [{"name": name, "uses": f"{uses:,}", "share": 100 * uses / total} for name, uses in parts if uses]
    return {"snr_db": row.snr_db, "parts": told, "words": ""}


def _chart(found: Sequence[Mean], systems: Sequence[str], snrs: Sequence[float]) -> dict[str, Any]:
    """Lines of the means and areas of their intervals, in pixels of the drawing."""
    span = (snrs[-1] - snrs[0]) or 1.0

    def place(snr_db: float, fidelity: float) -> str:
        x = _MARGIN + (snr_db - snrs[0]) / span * (_WIDTH - 2 * _MARGIN)
        return f"{x:.1f},{_HEIGHT - _MARGIN - fidelity * (_HEIGHT - 2 * _MARGIN):.1f}"

    drawn = []
    for number, system in enumerate(systems):
        cells = [mean for snr in snrs for mean in found if _is(mean, system, snr)]
        area = [place(m.snr_db, m.high) for m in cells] + [place(m.snr_db, m.low) for m in reversed(cells)]
        line = " ".join(place(m.snr_db, m.fidelity) for m in cells)
        drawn.append({"name": system, "colour": _COLOURS[number % len(_COLOURS)], "line": line, "area": " ".join(area)})
    ticks = [{"x": place(snr, 0.0).split(",")[0], "words": f"{snr:g}"} for snr in snrs]
    levels = [{"y": place(snrs[0], level).split(",")[1], "words": f"{level:g}"} for level in (0, 0.25, 0.5, 0.75, 1)]
    return {"lines": drawn, "ticks": ticks, "levels": levels, "left": _MARGIN, "right": _WIDTH - _MARGIN}


def _data_url(pixels: Pixels) -> str:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=85, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
