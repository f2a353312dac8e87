"""What the demo did -> one self-contained HTML page: originals beside their rebuilt images, captions, distances."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gistchain.disk.write import write_whole
from gistchain.text import page
from gistchain.types import Pixels

if TYPE_CHECKING:
    from gistchain.demo.comparison import Row, Sample


def write_report(
    path: Path,
    samples: Sequence[Sample],
    rows: Sequence[Row],
    ablation: Sequence[dict[str, Any]],
    facts: dict[str, Any],
) -> None:
    """Raises FileError where the file can't be written."""
    gist = next(r for r in rows if r.method.startswith("gist"))
    original = rows[0]
    html = page(
        resources.files("gistchain.demo").joinpath("report.html.j2").read_text("utf-8"),
        facts=facts,
        rows=rows,
        gist=gist,
        ablation=ablation,
        smaller=original.stored_bytes / gist.stored_bytes,
        cheaper=original.gas / gist.gas,
        cards=[_card(s) for s in samples],
    )
    write_whole(path, html.encode())


def _card(sample: Sample) -> dict[str, Any]:
    done, chosen = sample.registered, sample.rebuilt.chosen
    subject, _, traits = done.gist.caption.removeprefix("A picture of ").partition(", containing ")
    again = chosen.caption.partition(", containing ")[2].split(", ")
    said = traits.split(", ")
    return {
        "token": done.token,
        "name": done.picture.name,
        "subject": subject,
        "traits": [(t, t in again) for t in said],
        "extra": [t for t in again if t and t not in said],
        "bytes": done.receipt.size_bytes,
        "gas": done.receipt.gas,
        "distance": chosen.distance,
        "seed": chosen.seed,
        "original": _data_url(done.picture.pixels),
        "rebuilt": _data_url(chosen.image),
        "isotopes": [
            {"image": _data_url(i.image, 96), "seed": i.seed, "distance": i.distance, "chosen": i is chosen}
            for i in sample.rebuilt.isotopes
        ],
    }


def _data_url(image: Pixels, side: int = 256) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).resize((side, side), Image.Resampling.BOX).save(file, "WEBP", quality=80, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
