"""Feeds the readers of strangers' bytes with damaged and made-up inputs; docs/reliability.md says what is bounded.

    make fuzz MINUTES=30
    python -m benchmarks.reliability --minutes 30 --seed 1

minutes: of the processor, shared evenly by the targets of fuzz/targets.py. Exits 1 where a reader failed; the inputs of
failures are in fuzz/found/, and `python -m fuzz TARGET FILE` reads one again. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks import report
from fuzz.run import run
from fuzz.targets import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=[target.name for target in TARGETS], help="this one alone; nothing is kept")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    wanted = parser.parse_args()
    targets = [target for target in TARGETS if wanted.target in (None, target.name)]
    each_s = 60 * wanted.minutes / len(targets)
    figures: dict[str, dict[str, Any]] = {}
    # Spawned: a target forks processes of its own, which threads must not.
    with ProcessPoolExecutor(wanted.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [(target.name, pool.submit(_fed, target.name, wanted.seed, each_s)) for target in targets]
        for name, job in jobs:
            figures[name] = job.result()
            print(name, figures[name], flush=True)
    failed = any(figure["failures"] for figure in figures.values())
    if wanted.target is None:
        data = f"{sum(figure['inputs'] for figure in figures.values()):,} inputs, seed {wanted.seed}"
        report.write("reliability", data=data, minutes=wanted.minutes, figures=figures)
    sys.exit(1 if failed else 0)


def _fed(name: str, seed: int, cpu_s: float) -> dict[str, Any]:
    target = next(target for target in TARGETS if target.name == name)
    outcome = run(target, seed=seed, cpu_s=cpu_s)
    return {
        "inputs": outcome.inputs,
        "refused": outcome.refused,
        "cpu_s": round(outcome.cpu_s, 1),
        "worst_s": round(outcome.worst_s, 4),
        "worst_mb": round(outcome.worst_mb, 1),
        "limit_s": target.limit_s,
        "limit_mb": target.limit_mb,
        "failures": outcome.failures,
        "kept": outcome.kept,
    }


if __name__ == "__main__":
    main()
