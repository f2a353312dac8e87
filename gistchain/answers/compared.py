"""What systems gave back over a radio -> one self-contained HTML page, the JSON of it, and a table for a person."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from gistchain.answers.compared_charts import against_snr, against_uses, block_chart
from gistchain.sending.compare import Compared, Mean, Terms, means
from gistchain.text import lines, page

if TYPE_CHECKING:
    from gistchain.sending.losses import Loss, Losses
    from gistchain.sending.restart import Restarted
    from gistchain.types import Picture, Pixels, Sent

_THUMBNAIL, _LEAST_SIDE = 224, 112
_WIDE_ENOUGH = 9
"""Percent of a bar whose words fit into it."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """rows: of all that was sent. losses: of the blocks of `gist`, of the first picture, by SNR; empty where they were
    not asked for. restarts: of the first picture, by strength and SNR; empty likewise."""

    terms: Terms
    rows: Sequence[Compared]
    losses: Sequence[Losses] = ()
    restarts: Sequence[Restarted] = ()

    @property
    def snrs_db(self) -> list[float]:
        return sorted(self.terms.snrs_db)

    @property
    def systems(self) -> list[str]:
        return list(dict.fromkeys(row.system for row in self.rows))


def compared_page(made: Comparison) -> str:
    """Quality against SNR and uses with intervals, lost blocks, pictures by system and SNR, and what `gist` sent."""
    found, terms = means(made.rows), made.terms
    pictures = list({id(row.picture): row.picture for row in made.rows}.values())
    template = resources.files("gistchain.answers").joinpath("compared.html.j2").read_text("utf-8")
    return page(
        template,
        channel=terms.channel,
        budget=f"{terms.budget:,}",
        at_db=terms.at_db,
        budgets=", ".join(f"{budget:,}" for _, budget in terms.curve),
        seeds=terms.seeds,
        pilots=terms.pilots,
        pictures=[_grid(picture, made) for picture in pictures],
        first=pictures[0].name,
        snrs=made.snrs_db,
        quality=against_snr(found, made.systems, terms),
        uses=against_uses(found, made.systems, terms),
        means=[_mean_row(system, found, made) for system in made.systems],
        curve=[_curve_row(system, found, made) for system in made.systems],
        blocks=block_chart(made.losses),
        losses=[_loss_row(losses.snr_db, loss) for losses in made.losses for loss in losses.blocks],
        unplanned=[f"{losses.snr_db:g} dB: {losses.refused}" for losses in made.losses if losses.refused],
        block_runs=max((loss.sent for losses in made.losses for loss in losses.blocks), default=0),
        restarts=_restarts(made.restarts),
        refused=_refused(made.rows),
    )


def compared_json(made: Comparison) -> dict[str, Any]:
    """means: of all pictures and seeds. rows: each picture that was sent."""
    terms = made.terms
    return {
        "channel": terms.channel,
        "budget": terms.budget,
        "budgets": [budget for _, budget in terms.curve],
        "at_db": terms.at_db,
        "means": [asdict(mean) for mean in means(made.rows)],
        "rows": [
            {
                "image": row.picture.name,
                "system": row.system,
                "snr_db": row.snr_db,
                "budget": row.budget,
                "seed": row.seed,
                "ssim": row.fidelity,
                "refused": row.refused,
                "uses": None if row.sent is None else row.sent.uses,
                "caption": None if row.sent is None else row.sent.caption,
                "lost": [] if row.sent is None else list(row.sent.lost),
            }
            for row in made.rows
        ],
        "blocks": [_loss_json(losses.snr_db, loss) for losses in made.losses for loss in losses.blocks],
        "restarts": [
            {"strength": one.strength, "snr_db": one.snr_db, "ssim": one.fidelity, "refused": one.refused}
            for one in made.restarts
        ],
    }


def compared_text(made: Comparison) -> str:
    found, terms = means(made.rows), made.terms
    at = [(snr, terms.budget) for snr in made.snrs_db]
    told = [_table("mean SSIM at dB", [f"{snr:g}" for snr, _ in at], at, found, made.systems)]
    if terms.curve:
        heads = [f"{budget:,}" for _, budget in terms.curve]
        told.append(_table(f"at {terms.at_db:g} dB in uses", heads, terms.curve, found, made.systems))
    return lines([*(line for table in told for line in table), *_refused(made.rows)])


def _table(
    title: str, heads: Sequence[str], at: Sequence[tuple[float, int]], found: Sequence[Mean], systems: Sequence[str]
) -> list[str]:
    head = f"{title:<24}" + "".join(f"{words:>8}" for words in heads)
    of = {(mean.system, mean.snr_db, mean.budget): mean for mean in found}
    return [head, *(f"{name:<24}" + "".join(f"{of[name, *key].fidelity:>8.3f}" for key in at) for name in systems)]


def _refused(rows: Sequence[Compared]) -> list[str]:
    """A line for each system that refused anything: how much, and the first reason."""
    told = []
    for system in dict.fromkeys(row.system for row in rows):
        mine = [row for row in rows if row.system == system]
        reasons = [row.refused for row in mine if row.refused]
        if reasons:
            share = "all" if len(reasons) == len(mine) else f"{len(reasons)} of {len(mine)}"
            told.append(f"{system} refused {share}: {reasons[0]}")
    return told


def _mean_row(system: str, found: Sequence[Mean], made: Comparison) -> dict[str, Any]:
    of = {mean.snr_db: mean for mean in found if mean.system == system and mean.budget == made.terms.budget}
    return {"system": system, "cells": [_mean_cell(of[snr]) for snr in made.snrs_db]}


def _curve_row(system: str, found: Sequence[Mean], made: Comparison) -> dict[str, Any]:
    of = {(mean.snr_db, mean.budget): mean for mean in found if mean.system == system}
    cells = [of[key] for key in made.terms.curve]
    return {
        "system": system,
        "cells": [
            [*_mean_cell(mean)[:2], "refused" if mean.uses is None else f"{mean.uses:,.0f} taken"] for mean in cells
        ],
    }


def _mean_cell(mean: Mean) -> list[str]:
    return [f"{mean.fidelity:.3f}", f"{mean.low:.2f} to {mean.high:.2f}", f"{mean.arrived:.0%} seen"]


def _loss_row(snr_db: float, loss: Loss) -> list[str]:
    low, high = loss.interval
    block = loss.block
    return [
        f"{snr_db:g}",
        block.layers,
        f"{block.size_bytes:,}",
        f"{block.uses:,}",
        block.modulation or "",
        f"{loss.lost} of {loss.sent}",
        f"{low:.2%} to {high:.2%}",
        f"{loss.predicted:.2g}",
        "unknown" if loss.bound is None else f"{loss.bound:.2g}",
    ]


def _loss_json(snr_db: float, loss: Loss) -> dict[str, Any]:
    low, high = loss.interval
    of_block = {name: getattr(loss.block, name) for name in ("layers", "size_bytes", "uses", "modulation")}
    found = {"lost": loss.lost, "sent": loss.sent, "low": low, "high": high}
    return {"snr_db": snr_db, **of_block, **found, "predicted": loss.predicted, "bound": loss.bound}


def _grid(picture: Picture, made: Comparison) -> dict[str, Any]:
    """A row of pictures for each system, and a bar of uses for each SNR of our own."""
    mine = {
        (row.system, row.snr_db): row
        for row in made.rows
        if row.picture is picture and row.seed == 0 and row.budget == made.terms.budget
    }
    snrs = made.snrs_db
    bars = [_bar(mine["gist", snr]) for snr in snrs if ("gist", snr) in mine]
    return {
        "name": picture.name,
        "original": _data_url(picture.pixels),
        "systems": [
            {"name": system, "cells": [_cell(mine[system, snr]) for snr in snrs if (system, snr) in mine]}
            for system in made.systems
        ],
        "bars": bars,
        "layers": list(dict.fromkeys(part["name"] for bar in bars for part in bar["parts"])),
    }


def _restarts(restarts: Sequence[Restarted]) -> dict[str, Any] | None:
    """Rows of pictures by strength; None for none."""
    if not restarts:
        return None
    strengths = list(dict.fromkeys(one.strength for one in restarts))
    rows = [
        {"name": f"{strength:g}", "cells": [_cell(one) for one in restarts if one.strength == strength]}
        for strength in strengths
    ]
    return {
        "snrs": list(dict.fromkeys(one.snr_db for one in restarts)),
        "rows": rows if any(one.sent is not None for one in restarts) else [],
        "refused": list(dict.fromkeys(one.refused for one in restarts if one.refused)),
    }


def _cell(row: Compared | Restarted) -> dict[str, Any]:
    sent: Sent | None = row.sent
    title = row.refused if sent is None else sent.caption
    if sent is not None and sent.picture is not None:
        return {"image": _data_url(sent.picture), "words": f"{row.fidelity:.3f}", "title": title}
    words = "refused" if sent is None else "nothing arrived" if sent.gist is None else "no picture"
    return {"image": None, "words": words, "title": title}


def _bar(row: Compared) -> dict[str, Any]:
    """Shares of the uses, in percent."""
    if row.sent is None:
        return {"snr_db": row.snr_db, "parts": [], "words": row.refused}
    parts = [("start", row.sent.start_uses), *((block.layers, block.uses) for block in row.sent.blocks)]
    total = sum(uses for _, uses in parts)
    told = [
        {
            "name": name,
            "uses": f"{uses:,}",
            "share": 100 * uses / total,
            "words": f"{name} {uses:,}" if 100 * uses / total >= _WIDE_ENOUGH else "",
        }
        for name, uses in parts
        if uses
    ]
    return {"snr_db": row.snr_db, "parts": told, "words": ""}


def _data_url(pixels: Pixels) -> str:
    from PIL import Image

    times = max(1, _LEAST_SIDE // max(pixels.shape[:2]))  # a browser would blur small ones
    image = Image.fromarray(pixels.repeat(times, 0).repeat(times, 1))
    image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=85, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
