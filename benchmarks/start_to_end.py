"""How long a user waits: importing, registering and rebuilding one image; and the CPU time of one isotope.

    python -m benchmarks.start_to_end     # on a machine with nothing else to do

Each command runs in a fresh process. An isotope is painted on one core, its phrases being embedded already.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import held_out, report
from benchmarks.report import timed
from gistchain.collection.known import nouns
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.traitnet.painter import TraitPainter
from gistchain.models.zoo.weights import WEIGHTS
from gistchain.types import Gist

RUNS = 7


def wall_s(*command: str) -> float:
    return timed(lambda: subprocess.run([sys.executable, *command], check=True, capture_output=True))[1]


def isotope_ms(collection: str) -> dict[str, float]:
    tokens = held_out.tokens(collection, RUNS)
    painter = TraitPainter(MiniLM())
    spent = []
    for k in range(RUNS):
        gist = Gist((tokens.caption(k),), (512, 512))
        painter.paint(gist, [0])
        for seed in range(1, 5):
            spent.append(1000 * timed(lambda gist=gist, seed=seed: painter.paint(gist, [seed]))[2])  # type: ignore[misc]
    return {"n": len(spent), "median_ms": float(np.median(spent)), "min_ms": min(spent), "max_ms": max(spent)}


if __name__ == "__main__":
    tokens = nouns.tokens(nouns.sample(RUNS, rng=np.random.default_rng(3), held=True))
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = str(Path(folder) / "home")
        times: dict[str, list[float]] = {"python alone": [], "import gistchain": [], "register": [], "rebuild": []}
        first = 0.0
        for k in range(RUNS):
            file = str(Path(folder) / f"{k}.png")
            Image.fromarray(tokens.image(k)).resize((512, 512), Image.Resampling.NEAREST).save(file)
            times["python alone"].append(wall_s("-c", "pass"))
            times["import gistchain"].append(wall_s("-c", "import gistchain"))
            took = wall_s("-m", "gistchain.cli.app", "register", file, "--home", home)
            if k == 0:
                first = took
            else:
                times["register"].append(took)
                times["rebuild"].append(
                    wall_s("-m", "gistchain.cli.app", "rebuild", "1", "-o", f"{folder}/out.png", "--home", home)
                )
        figures = {
            k: {"n": len(v), "median_s": float(np.median(v)), "min_s": min(v), "max_s": max(v)}
            for k, v in times.items()
        }
        figures["register, the very first (makes the chain)"] = {
            "n": 1,
            "median_s": first,
            "min_s": first,
            "max_s": first,
        }
    for name, row in figures.items():
        print(name, row)
    isotopes = {c: isotope_ms(c) for c in held_out.COLLECTIONS}
    for name, row in isotopes.items():
        print("isotope", name, row)
    weights = sum(f.stat().st_size for f in WEIGHTS.iterdir())
    models = ["captioner-default", *(f"painter-{c}" for c in held_out.COLLECTIONS)]
    figures = {"seconds": figures, "isotope_cpu_ms": isotopes, "weights_bytes": weights}
    report.write("start_to_end", figures=figures, models=models, data="held-out tokens at 512 px")
