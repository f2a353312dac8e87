"""How long a collection takes to be made, and whether two runs give the same bytes.

    python -m benchmarks.mint_plan [--tokens 10000] [--checked 300] [--registered 600]

Eight layers of twelve drawings each, 512 x 512, with weights, an exact count, an exclusion and a requirement.
made: the whole folder, by all cores. check: a smaller plan with --check, beside tokens of DiceBear styles of which none
is like it; what it costs more than the same plan without, a token. correlations: of that plan's tokens with the nearest
of these images, by fingerprint, which is what near.CLOSE stands against.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import report
from gistchain.collection.known import pfp30
from gistchain.collection.making.make import make
from gistchain.collection.making.near import CLOSE
from gistchain.image import png_bytes, read_image
from gistchain.settings import load
from gistchain.systems import checker

_TYPES, _VALUES, _SIDE = 8, 12, 512


def layers(folder: Path) -> None:
    rng = np.random.default_rng(2026)
    for t in range(_TYPES):
        place = folder / f"{t + 1} Type {t + 1}"
        place.mkdir(parents=True)
        for v in range(_VALUES):
            image = Image.new(
                "RGBA", (_SIDE, _SIDE), (*rng.integers(0, 256, 3).tolist(), 255) if not t else (0, 0, 0, 0)
            )
            pen = ImageDraw.Draw(image)
            left, top = rng.integers(0, _SIDE // 2, 2).tolist()
            size = int(rng.integers(60, 180))
            colour = (*rng.integers(0, 256, 3).tolist(), 255)
            draw = pen.ellipse if (t + v) % 2 else pen.rectangle
            draw((left, top, left + size, top + size), fill=colour, outline=(0, 0, 0, 255), width=5)
            image.save(place / f"v{v}#{int(rng.integers(1, 60))}.png")


def rules(folder: Path, count: int) -> Path:
    path = folder / f"rules-{count}.toml"
    path.write_text(
        f'name = "Shapes"\nsubject = "shape"\ncount = {count}\nseed = 1\n[layers]\nfolder = "layers"\n'
        f'[[trait]]\ntype = "Type 3"\nvalues = {{ v0 = {{ count = {count // 100} }} }}\n'
        '[[exclude]]\n"Type 2" = "v1"\n"Type 4" = ["v1", "v2"]\n'
        '[[require]]\nif = { "Type 5" = "v3" }\nthen = { "Type 6" = ["v1", "v2", "v3"] }\n',
        "utf-8",
    )
    return path


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _made(work: Path, count: int) -> dict[str, Any]:
    seconds, digests = [], []
    for run in range(2):
        began = time.perf_counter()
        make(rules(work, count), work / f"plan{run}", shelf=work / "shelf")
        seconds.append(time.perf_counter() - began)
        digests.append(digest(work / f"plan{run}"))
    pictures = {one["pixels"] for one in json.loads((work / "plan0" / "plan.json").read_bytes())["tokens"]}
    return {
        "tokens": count,
        "seconds": seconds,
        "tokens_per_s": count / min(seconds),
        "same_bytes": digests[0] == digests[1],
        "different_pictures": len(pictures),
    }


def _checked(work: Path, count: int, registered: int) -> dict[str, Any]:
    look = partial(checker, load({"home": work / "home"}, {}))
    filling = look()
    styles = [style for style in pfp30.TRAINING if style not in ("punks", "nouns")]
    each = -(-registered // len(styles))
    for style in styles:
        drawn = pfp30.drawn(style, [f"train-{n}" for n in range(each)], size=256)
        entries = []
        for k in range(len(drawn)):
            picture = read_image(png_bytes(drawn.image(k)), f"{style}-{k}")
            about = {"name": picture.name, "collection": style, "caption": "", "seed": True}
            entries.append(filling.entry(picture, None, **about))
        filling.keep(entries)
    timed: list[float] = []
    for check in (None, look):
        began = time.perf_counter()
        done = make(rules(work, count), work / f"checked-{check is not None}", shelf=work / "shelf", check=check)
        timed.append(time.perf_counter() - began)
    found = done.checked
    assert found is not None
    correlations = []
    for path in sorted((work / "checked-True" / "images").glob("*.png"))[:100]:
        approximate, _ = filling.store.approximate(filling.features(read_image(path)).fingerprint)
        correlations.append(float(approximate.max()))
    return {
        "checked": count,
        "registered": found.compared_with,
        "seconds_more": timed[1] - timed[0],
        "seconds_more_a_token": (timed[1] - timed[0]) / count,
        "laid_over": found.laid,
        "replaced": found.replaced,
        "too_near": len(found.near),
        "correlations": report.spread(correlations),
        "most_correlated": max(correlations),
        "close": CLOSE,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--checked", type=int, default=300)
    parser.add_argument("--registered", type=int, default=600)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        layers(work / "layers")
        figures = {**_made(work, given.tokens), **_checked(work, given.checked, given.registered)}
    data = f"{_TYPES} layers of {_VALUES} drawings of the benchmark, beside {given.registered} of DiceBear and RoboHash"
    report.write("mint_plan", figures=figures, data=data)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
