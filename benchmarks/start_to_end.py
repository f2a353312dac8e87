"""How long a user waits: importing, registering and rebuilding one image, each in a fresh process; and the CPU time
of one isotope on one core, its phrases being embedded already. To be run on a machine with nothing else to do.

python -m benchmarks.start_to_end
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import held_out
from gistchain.collection.known import nouns
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.traitnet.painter import TraitPainter
from gistchain.models.zoo.weights import WEIGHTS
from gistchain.types import Gist

RUNS = 7


def timed(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - started


def isotope_ms(collection: str) -> dict[str, float]:
    tokens = held_out.tokens(collection, RUNS)
    painter = TraitPainter(MiniLM())
    spent = []
    for k in range(RUNS):
        gist = Gist((tokens.caption(k),), (512, 512))
        painter.paint(gist, [0])
        for seed in range(1, 5):
            started = time.process_time()
            painter.paint(gist, [seed])
            spent.append(1000 * (time.process_time() - started))
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
            times["python alone"].append(timed("-c", "pass"))
            times["import gistchain"].append(timed("-c", "import gistchain"))
            took = timed("-m", "gistchain.cli.app", "register", file, "--home", home)
            if k == 0:
                first = took
            else:
                times["register"].append(took)
                times["rebuild"].append(
                    timed("-m", "gistchain.cli.app", "rebuild", "1", "-o", f"{folder}/out.png", "--home", home)
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
    held_out.write("start_to_end", figures, models=models, data="held-out tokens at 512 px")
