"""What a few held-out photos and tokens look like after each system of S4 -> docs/images/multi-sc.webp.

    python -m benchmarks.link_multi_pictures   # 3 CPU-minutes; photos: python -m training.data.photos

Each row is a picture; the columns are the original and the systems, over AWGN at SNR_DB in USES channel uses.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks import report
from benchmarks.link_systems import VARIANTS, photo_pictures, token_pictures
from gistchain.errors import CaptionError, LinkError, RebuildError
from gistchain.link.channel import open_link
from gistchain.senders import sender
from gistchain.systems import Rosis, rosis
from gistchain.types import Conditions, Picture, Pixels

SYSTEMS = (
    "vlm_csc", "single_text", "multi_sc", "multi_sc lambda 0", "multi_sc texts of all", "deep_jscc", "image_ldpc",
    "gist",
)  # fmt: skip
SNR_DB, USES = 5.0, 4096
PHOTOS, TOKENS = 5, 8
SIDE, GAP, HEAD = 176, 6, 30
PLACE = Path(__file__).parents[1] / "docs" / "images" / "multi-sc.webp"


def main() -> None:
    models = rosis()
    chosen = [*itertools.islice(photo_pictures(), PHOTOS), *itertools.islice(token_pictures(), 1, TOKENS, 2)]
    rows = [[picture.pixels, *_sent(picture, models)] for picture in chosen]
    shown = report.sheet([[None if cell is None else _scaled(cell) for cell in row] for row in rows], gap=GAP)
    page = Image.new("RGB", (shown.width, shown.height + HEAD), "white")
    page.paste(shown, (0, HEAD))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for column, name in enumerate(("original", *SYSTEMS)):
        draw.text((column * (SIDE + GAP) + GAP, 8), name.replace("multi_sc ", "... "), "black", font)
    page.save(PLACE, quality=80, method=6)


def _sent(picture: Picture, models: Rosis) -> Iterator[Pixels | None]:
    for system in SYSTEMS:
        name = "multi_sc" if system in VARIANTS else system
        try:
            prepared = sender(name, texts=VARIANTS.get(system), system=models).prepare(picture)
            yield prepared.send(open_link("awgn", SNR_DB), Conditions("awgn", SNR_DB, USES), seed=(0, 0)).picture
        except (CaptionError, LinkError, RebuildError):
            yield None


def _scaled(pixels: Pixels) -> Pixels:
    small = len(pixels) < SIDE
    kind = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), kind))


if __name__ == "__main__":
    main()
