"""How long a user waits: importing, registering and rebuilding one image, each in a fresh process.

python -m benchmarks.start_to_end
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import held_out
from gistchain.collection import nouns
from gistchain.models.onnx import WEIGHTS

RUNS = 7


def timed(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    tokens = nouns.tokens(nouns.sample(RUNS, rng=np.random.default_rng(3), held=True))
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = str(Path(folder) / "home")
        times: dict[str, list[float]] = {"python alone": [], "import gistchain": [], "register": [], "rebuild": []}
        first = 0.0
        for k in range(RUNS):
            file = str(Path(folder) / f"{k}.png")
            Image.fromarray(tokens.image(k)).resize((512, 512), Image.Resampling.NEAREST).save(file)
            times["python alone"].append(timed("-c", "pass"))
            times["import gistchain"].append(timed("-c", "import gistchain"))
            took = timed("-m", "gistchain.cli", "register", file, "--home", home)
            if k == 0:
                first = took
            else:
                times["register"].append(took)
                times["rebuild"].append(
                    timed("-m", "gistchain.cli", "rebuild", "1", "-o", f"{folder}/out.png", "--home", home)
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
    weights = sum(f.stat().st_size for f in WEIGHTS.iterdir())
    held_out.write(
        "start_to_end",
        {"seconds": figures, "weights_bytes": weights},
        models=["captioner-default", "painter-nouns"],
        data="held-out Nouns at 512 px",
    )
