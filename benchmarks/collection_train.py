"""`gistchain collection train` on collections that no shipped weight has seen: PFP-30's test collections.

    python -m benchmarks.collection_train [--tokens 1000] [--collections toon-head,...] [--many 10000]

Each is written to a folder as a maker has it, images of 256 x 256 and ERC-721 metadata, and learnt by the command
itself; the figures are those of the command's own held-out tokens, a tenth of the folder. --many: the first of them
again with so many tokens, alone on the machine, from the start of the command to its end.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import report
from gistchain.collection.known import pfp30

_PART = 50


def folder(collection: str, tokens: int, path: Path) -> None:
    path.mkdir()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(_some, collection, s, min(_PART, tokens - s), path) for s in range(0, tokens, _PART)]
        for job in jobs:
            job.result()


def _some(collection: str, start: int, count: int, path: Path) -> None:
    drawn = pfp30.drawn(collection, [f"maker-{i}" for i in range(start, start + count)], size=256)
    for k in range(count):
        number = start + k
        Image.fromarray(drawn.image(k)).save(path / f"{number}.png")
        attributes = drawn.traits.attributes(drawn.labels[k].tolist())
        metadata = {"name": f"{drawn.traits.subject} #{number}", "image": f"{number}.png", "attributes": attributes}
        (path / f"{number}.json").write_text(json.dumps(metadata), "utf-8")


def one(collection: str, tokens: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / collection
        folder(collection, tokens, source)
        verb = [sys.executable, "-m", "gistchain", "collection", "train", str(source)]
        began = time.monotonic()
        done = subprocess.run(
            [*verb, "--home", f"{work}/home", "--json"], stdout=subprocess.PIPE, text=True, check=True
        )
        minutes = round((time.monotonic() - began) / 60, 2)
    said = json.loads(done.stdout)
    figures = {name: said[name] for name in said if name not in ("model", "report", "new", "collection", "notes")}
    return figures | {"wall_minutes": minutes, "given": tokens}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--collections", default=",".join(pfp30.TEST))
    parser.add_argument("--many", type=int, default=0)
    given = parser.parse_args()
    names = given.collections.split(",")
    with ThreadPoolExecutor(2) as pool:
        figures = dict(zip(names, pool.map(one, names, [given.tokens] * len(names)), strict=True))
    if given.many:
        figures[f"{names[0]}, {given.many:,} tokens"] = one(names[0], given.many)
    data = f"PFP-30's test collections, {given.tokens} tokens each (seeds maker-*), nine tenths of them learnt from"
    report.write("collection_train", figures=figures, data=data)
    for name, figure in figures.items():
        print(name, {k: figure[k] for k in ("cpu_minutes", "ssim", "exact_match", "held_out")})


if __name__ == "__main__":
    main()
