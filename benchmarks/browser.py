"""Data URIs of images, a page of HTML -> what a real browser shows: headless Chromium.

Chromium runs without its sandbox, which containers refuse it, so give it nothing but pages that were made here.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

_NAMES = "chromium", "chromium-browser", "google-chrome"
_FLAGS = "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"
_TIME_S = 300
# Looks at every image once all are loaded, and leaves nothing in the page but what it saw.
_LOOK = """
window.onload = () => {
  const canvas = document.createElement("canvas"), side = 24;
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d", {willReadFrequently: true});
  const seen = [...document.images].map(image => {
    if (!image.naturalWidth) return [0, 0, 0];
    pen.clearRect(0, 0, side, side);
    pen.drawImage(image, 0, 0, side, side);
    const pixels = new Uint32Array(pen.getImageData(0, 0, side, side).data.buffer);
    return [image.naturalWidth, image.naturalHeight, new Set(pixels).size];
  });
  document.body.textContent = "seen" + JSON.stringify(seen) + "end";
};
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One image as the browser has it. colours: different ones of it, drawn at 24 x 24 pixels; a blank one has 1."""

    width: int
    height: int
    colours: int


def browser() -> str | None:
    """The command of Chromium, None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def seen(uris: Sequence[str]) -> list[Seen]:
    """What the browser makes of the images of one page. Width and height are 0 for one that it can't show."""
    images = "".join(f'<img src="{html.escape(uri)}">' for uri in uris)
    page = f'<!doctype html><meta charset="utf-8"><script>{_LOOK}</script><body>{images}</body>'
    said = _run(page, "--dump-dom", "--virtual-time-budget=60000")
    found = re.search(r"seen(\[.*\])end", said)
    if found is None:
        raise RuntimeError(f"Chromium ended without having looked at {len(uris)} images: {said[-300:]!r}")
    return [Seen(*numbers) for numbers in json.loads(found[1])]


def photographed(page: str, width: int, height: int) -> Image.Image:
    """The page as a picture of so many pixels, RGB."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        _run(page, f"--window-size={width},{height}", f"--screenshot={shot}")
        with Image.open(shot) as image:
            return image.convert("RGB")


def _run(page: str, *flags: str) -> str:
    command = browser()
    if command is None:
        raise RuntimeError("no Chromium to show images with: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(page, "utf-8")
        done = subprocess.run(
            [command, *_FLAGS, f"--user-data-dir={folder}/profile", *flags, path.as_uri()],
            capture_output=True, check=True, timeout=_TIME_S,
        )  # fmt: skip
    return done.stdout.decode("utf-8", "replace")
