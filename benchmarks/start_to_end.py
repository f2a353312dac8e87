"""How long a user waits: each command in a fresh process, beside its bar, what it can't do without, and its parts.

    python -m benchmarks.start_to_end [--batch 1000] [--runs 5]     # on a machine with nothing else to do

An isotope is painted on one core, its phrases being embedded already. The batch and the seeds are punks; the images
that 1,000 registered ones are compared with are those of the batch.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

from benchmarks import held_out, report
from benchmarks.report import timed
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.traitnet.painter import TraitPainter
from gistchain.models.zoo.weights import WEIGHTS
from gistchain.types import Gist, Pixels

LAYERED = "lorelei"
PHOTOS = ("astronaut", "coffee", "chelsea", "rocket", "retina")
SEEDS = 200
_IMPORT = re.compile(r"import time:\s+(\d+) \|", re.M)


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds by the clock and of the processor, of a process and its children, from outside."""

    wall_s: float
    cpu_s: float


def run(*command: str) -> Run:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def gistchain(*words: str) -> Run:
    return run("-m", "gistchain", *words)


def summary(runs: Sequence[Run], bar_s: float | None = None) -> dict[str, Any]:
    walls = [r.wall_s for r in runs]
    return {
        "n": len(runs),
        "bar_s": bar_s,
        "median_s": float(np.median(walls)),
        "min_s": min(walls),
        "max_s": max(walls),
        "median_cpu_s": float(np.median([r.cpu_s for r in runs])),
    }


def parts(folder: Path, words: Sequence[str]) -> dict[str, Any]:
    """Where one more run of the command spends its time (benchmarks/parts.py)."""
    path = folder / "parts.json"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "benchmarks.parts", str(path), *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    imports = [int(us) for us in _IMPORT.findall(done.stderr)]
    return found | {"imports_s": sum(imports) / 1e6, "modules": len(imports)}


def floor_s(alone_s: float, found: dict[str, Any], read_bytes_s: float) -> float:
    """The least that the command could take: Python itself, the bytes of its files, the arithmetic of its networks."""
    return float(alone_s + found["bytes"] / read_bytes_s + found["seconds"]["networks"])


def read_bytes_s() -> float:
    """How fast this machine reads files that are in its memory."""
    files = sorted(WEIGHTS.iterdir())
    started = time.perf_counter()
    size = sum(len(file.read_bytes()) for file in files if file.is_file())
    return size / (time.perf_counter() - started)


def saved(folder: Path, name: str, image: Pixels) -> str:
    path = folder / f"{name}.png"
    Image.fromarray(np.ascontiguousarray(image)).save(path)
    return str(path)


def of_commands(folder: Path, batch: int, runs: int) -> dict[str, Any]:
    """All figures of the command line. folder: an empty one, for images and homes."""
    punks = held_out.tokens("punks", 1000)
    layered = held_out.tokens(LAYERED, runs + 2)

    def punk(k: int) -> Pixels:
        return held_out.at_512(punks.image(k))

    many, small = str(folder / "many"), str(folder / "small")
    series, seeds = folder / "series", folder / "seeds"
    for place, numbers in ((series, range(batch)), (seeds, range(1000 - SEEDS, 1000))):
        place.mkdir()
        for k in numbers:
            saved(place, str(k), punk(k))
    photos = [saved(folder, name, getattr(data, name)()) for name in PHOTOS]
    first = gistchain("register", photos[0], "--home", small)  # makes the chain; what is kept for models is kept now
    gistchain("register", saved(folder, "punk", punk(999)), "--home", small)
    gistchain("register", saved(folder, LAYERED, layered.image(0)), "--home", small)
    whole = gistchain("register", str(series), "--home", many)
    seeded = gistchain("rareness", "seed", str(seeds), "--home", str(folder / "seeded"))

    def fresh(kind: str, image: Pixels, k: int) -> tuple[str, ...]:
        return "register", saved(folder, f"{kind}-{k}", image), "--home", small

    out = str(folder / "out.png")
    alone = [run("-c", "pass") for _ in range(runs)]
    rebuilds = {"photo": "1", "punk": "2", f"token of {LAYERED}": "3"}
    repeated: dict[str, tuple[float, tuple[str, ...]]] = {
        "list": (0.5, ("list", "--home", small)),
        "show": (0.5, ("show", "2", "--home", small)),
        f"check a photo, {batch:,} registered": (2.0, ("check", photos[1], "--home", many)),
        f"check a punk, {batch:,} registered": (2.0, ("check", saved(folder, "other", punk(998)), "--home", many)),
        **{f"rebuild a {k}": (1.5, ("rebuild", t, "-o", out, "--home", small)) for k, t in rebuilds.items()},
    }
    commands: dict[str, dict[str, Any]] = {}
    rate = read_bytes_s()

    def add(name: str, bar_s: float, words: Sequence[tuple[str, ...]], last: tuple[str, ...]) -> None:
        row = summary([gistchain(*some) for some in words], bar_s) | {"parts": parts(folder, last)}
        commands[name] = row | {"floor_s": floor_s(summary(alone)["median_s"], row["parts"], rate)}

    for name, (bar_s, words) in repeated.items():
        add(name, bar_s, [words] * runs, words)
    # A photo that is shifted by a few pixels is another file, and as new as any.
    shifted = [fresh("photo", np.roll(data.coffee(), 7 * k, axis=1), k) for k in range(runs + 1)]
    add("register a photo", 2.5, shifted[1:], shifted[0])
    tokens = [fresh("punk", punk(990 - k), k) for k in range(runs + 1)]
    add("register a punk", 2.0, tokens[1:], tokens[0])
    drawn = [fresh(LAYERED, layered.image(1 + k), k) for k in range(runs + 1)]
    add(f"register a token of {LAYERED}", 2.0, drawn[1:], drawn[0])
    return {
        "seconds": {
            "python alone": summary(alone),
            "import gistchain": summary([run("-c", "import gistchain") for _ in range(runs)]),
            "register, the very first (makes the chain)": summary([first]),
        },
        "commands": commands,
        "batch": {"n": batch, "bar_cpu_s": 0.6, "cpu_s": whole.cpu_s / batch, "wall_s": whole.wall_s / batch},
        "seed": {"n": SEEDS, "bar_images_s": 8.0, "images_s": SEEDS / seeded.wall_s},
    }


def isotope_ms(collection: str, runs: int) -> dict[str, float]:
    tokens = held_out.tokens(collection, runs)
    painter = TraitPainter(MiniLM())
    spent = []
    for k in range(runs):
        gist = Gist((tokens.caption(k),), (512, 512))
        painter.paint(gist, [0])
        for seed in range(1, 5):
            spent.append(1000 * timed(lambda gist=gist, seed=seed: painter.paint(gist, [seed]))[2])  # type: ignore[misc]
    return {"n": len(spent), "median_ms": float(np.median(spent)), "min_ms": min(spent), "max_ms": max(spent)}


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("--batch", type=int, default=1000, help="punks that are registered at once")
    asked.add_argument("--runs", type=int, default=5)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = of_commands(Path(folder), given.batch, given.runs)
    figures["isotope_cpu_ms"] = {c: isotope_ms(c, given.runs) for c in held_out.COLLECTIONS}
    figures["weights_bytes"] = sum(f.stat().st_size for f in WEIGHTS.iterdir() if f.is_file())
    models = ["captioner-default", *(f"painter-{c}" for c in held_out.COLLECTIONS)]
    report.write("start_to_end", figures=figures, models=models, data="held-out tokens at 512 px, photos of skimage")
    print(json.dumps(figures, indent=1))
