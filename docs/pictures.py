"""Registers eight pictures in a new home, rebuilds them, checks a copy of one -> the pictures of the README.

    python -m docs.pictures            # needs the samples extra, and Chromium for the evidence page; a few minutes

rebuilt.webp: each original, what of it lies on the chain, and what is rebuilt from that alone. evidence.webp: the page
of `gistchain check --explain`, photographed by headless Chromium. No model has seen any of the eight (docs/data.md).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont
from skimage import data

from benchmarks.browser import photographed
from gistchain.collection.known import nouns, pfp30

IMAGES = Path(__file__).parent / "images"
SIDE = 512
"""Pixels of a registered picture."""
SHOWN, GAP, ACROSS, WORDS = 220, 24, 4, 112
"""Pixels of a picture in the sheet and between pictures, pictures in a row, pixels of the words between the two."""
LATENT_BYTES = 1000
SIBLINGS = 100
"""Other Nouns in the database that the copy is compared with."""
INK, SOFT, TONE, PAPER = (29, 36, 51), (93, 103, 120), (21, 127, 79), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Sent:
    """One picture on both sides of the chain. told: the answer of `gistchain register --json`."""

    original: Path
    rebuilt: Path
    told: dict[str, Any]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sent = [_send(path, place / "home", latent) for path, latent in _originals(place)]
        _save(_sheet(sent), IMAGES / "rebuilt.webp")
        noun = next(s.original for s in sent if s.original.stem.startswith("noun"))
        page = _explained(noun, place)
        _save(photographed(page.read_text("utf-8"), 1160, 888), IMAGES / "evidence.webp")


def _originals(place: Path) -> Iterator[tuple[Path, int | None]]:
    """(PNG file, size in bytes of the latent or None): two punks, two Nouns, three of DiceBear, a photo."""
    for collection, index in (
        ("punks", 3), ("punks", 8), ("nouns", 0), ("nouns", 5), ("open-peeps", 1), ("voxel-bot", 0), ("pixelbot", 1),
    ):  # fmt: skip
        tokens = pfp30.held_out(collection, index + 1, size=SIDE)
        yield _png(tokens.image(index), place / f"{tokens.names[index]}.png"), None
    yield _png(data.camera(), place / "camera.png"), LATENT_BYTES


def _png(pixels: Any, path: Path) -> Path:
    image = Image.fromarray(pixels).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
    image.save(path, optimize=True)
    return path


def _send(original: Path, home: Path, latent_bytes: int | None) -> Sent:
    latent = [] if latent_bytes is None else ["--latent-bytes", str(latent_bytes)]
    told = json.loads(_gistchain("register", original, *latent, "--json", "--home", home))
    rebuilt = original.with_name(f"rebuilt-{original.name}")
    _gistchain("rebuild", told["token"], "--output", rebuilt, "--home", home)
    return Sent(original, rebuilt, told)


def _gistchain(*words: object, place: Path | None = None) -> str:
    """What the command prints, run in the folder `place`."""
    done = subprocess.run(
        [sys.executable, "-m", "gistchain", *map(str, words)], cwd=place, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def _sheet(sent: list[Sent]) -> Image.Image:
    """Rows of columns: the original above, the words and bytes of the chain, the rebuilt picture below."""
    margin, head = 112, 8
    column, row = SHOWN + GAP, 2 * SHOWN + WORDS + 2 * GAP
    rows = -(-len(sent) // ACROSS)
    sheet = Image.new("RGB", (margin + ACROSS * column - GAP + head, head + rows * row - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, one in enumerate(sent):
        x, y = margin + number % ACROSS * column, head + number // ACROSS * row
        if x == margin:
            _label(draw, y + SHOWN // 2, "original", INK)
            _label(draw, y + SHOWN + WORDS // 2, "on chain", TONE)
            _label(draw, y + SHOWN + WORDS + SHOWN // 2, "rebuilt", INK)
        sheet.paste(_shown(one.original), (x, y))
        sheet.paste(_shown(one.rebuilt), (x, y + SHOWN + WORDS))
        _words(draw, (x, y + SHOWN + 8), one)
    return sheet


def _shown(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB").resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)


def _label(draw: ImageDraw.ImageDraw, y: int, text: str, colour: tuple[int, int, int]) -> None:
    draw.text((96, y), text, fill=colour, font=ImageFont.load_default(19), anchor="rm")


def _words(draw: ImageDraw.ImageDraw, place: tuple[int, int], one: Sent) -> None:
    x, y = place
    size = f"{one.told['gist_bytes']:,} bytes (PNG: {one.original.stat().st_size:,})"
    draw.text((x, y), size, fill=TONE, font=ImageFont.load_default(17))
    lines = textwrap.wrap(one.told["caption"], 36, max_lines=5, placeholder=" ...")
    draw.multiline_text((x, y + 23), "\n".join(lines), fill=SOFT, font=ImageFont.load_default(12), spacing=2)


def _explained(original: Path, place: Path) -> Path:
    """The page about a copy of the registered picture, among siblings of its collection."""
    siblings = place / "nouns"
    siblings.mkdir()
    tokens = nouns.tokens(nouns.sample(SIBLINGS, rng=np.random.default_rng(1), held=False))
    for index, name in enumerate(tokens.names):
        _png(tokens.image(index), siblings / f"{name}.png")
    _gistchain("rareness", "seed", siblings, "--home", place / "home")
    _copy(original, place / "copy.jpg")
    _gistchain("check", "copy.jpg", "--explain", "why.html", "--home", "home", place=place)  # names without folders
    return place / "why.html"


def _copy(original: Path, path: Path) -> None:
    """What a thief does: mirrored, cropped, in stronger colours, with a watermark, as a poor JPEG."""
    with Image.open(original) as image:
        mirrored = image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    copy = ImageEnhance.Color(mirrored.crop((30, 20, SIDE - 14, SIDE - 24))).enhance(1.4)
    draw = ImageDraw.Draw(copy)
    draw.text((20, 400), "FOR SALE", fill=PAPER, font=ImageFont.load_default(44))
    copy.save(path, quality=40)


def _save(image: Image.Image, path: Path) -> None:
    image.save(path, quality=88, method=6)
    print(f"{path.name}: {image.width} x {image.height}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
