"""What a benchmark reports: figures with intervals and times, contact sheets, and the file that keeps them."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from gistchain.models.zoo.weights import card
from gistchain.types import Pixels

RESULTS = Path(__file__).parent / "results"
_RESAMPLED = 2000
T = TypeVar("T")


def write(name: str, *, data: object, models: Sequence[str] = (), command: str = "", **parts: object) -> None:
    """benchmarks/results/{name}.json: the command, data, models and machine, then `parts` (mostly figures=...).

    models: names of the weights; their sha256 says later whether the figures are of what is shipped.
    command: where it isn't the one that was typed.
    """
    import onnxruntime

    record = {
        "command": command or f"python -m benchmarks.{name} {' '.join(sys.argv[1:])}".strip(),
        "data": data,
        "models": {m: card(m)["sha256"][:16] for m in models},
        "machine": f"{platform.machine()}, Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}",
        **parts,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def with_interval(values: ArrayLike, of: Callable[..., Any] = np.mean) -> list[float]:
    """[mean or other statistic, and the ends of its 95% interval], by bootstrap over the values."""
    values = np.asarray(values)
    again = of(np.random.default_rng(0).choice(values, (_RESAMPLED, len(values))), axis=1)
    return [round(float(v), 4) for v in (of(values), *np.percentile(again, [2.5, 97.5]))]


def timed(call: Callable[[], T]) -> tuple[T, float, float]:
    """(what the call returns, seconds by the clock, CPU-seconds of this process)."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    found = call()
    return found, time.perf_counter() - wall_s, time.process_time() - cpu_s


def spread(values: Sequence[float]) -> dict[str, float]:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return {"median": round(float(middle), 4), "p05": round(float(low), 4), "p95": round(float(high), 4)}


def sheet(rows: Sequence[Sequence[Pixels | None]], *, gap: int, left: int = 0) -> Image.Image:
    """Images of one size in rows, `gap` pixels apart, with a margin of `left` pixels. None leaves a place empty."""
    height, width = next(image.shape[:2] for row in rows for image in row if image is not None)
    across = left + max(map(len, rows)) * (width + gap) - gap
    whole = Image.new("RGB", (across, len(rows) * (height + gap) - gap), "white")
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            if image is not None:
                whole.paste(Image.fromarray(image), (left + j * (width + gap), i * (height + gap)))
    return whole
