"""The link's modem and channels -> uncoded error rates beside theory, and speed beside Sionna.

    make test-sionna                                                            # makes .venv-sionna
    python -m benchmarks.link_modem --sionna .venv-sionna/bin/python            # writes results/link_modem.json

Rates: bits of the nearest point, at SNRs where theory has 1 wrong bit in 10, 100 and 1,000; the spread is that of the
mean over symbols, since bits of one symbol share its noise. Outage: blocks whose capacity is below the rate.
Speed: one process of Sionna's environment works each batch of symbols by turns with ours and with Sionna's, in one
thread; each is counted at the batch that suits it best, in information bits a CPU-second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gistchain.link.bounds import outage
from gistchain.link.channel import Awgn, RayleighBlock, RayleighFast
from gistchain.link.errorrates import bit_error_rate, published_bit_flip_rate
from gistchain.link.modem import BITS, Modulation, modulation
from gistchain.link.snr import es_n0_db
from gistchain.types import ModulationName, Segment

SYMBOLS = 1_000_000
TARGETS = 1e-1, 1e-2, 1e-3
BATCHES = 3_000, 10_000, 30_000, 100_000
SECONDS, ROUNDS = 0.2, 5
Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sionna", help="the Python of an environment with sionna-no-rt; else its speed is left out")
    parser.add_argument("--speed", action="store_true", help="in that environment: print the speeds")
    arguments = parser.parse_args()
    if arguments.speed:
        print(json.dumps(speeds()))
        return
    from benchmarks import report

    figures = {"symbols": SYMBOLS, "rates": rates(), "published": published(), "outage": outages()}
    if arguments.sionna:
        command = [arguments.sionna, "-m", "benchmarks.link_modem", "--speed"]
        one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
        told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=os.environ | one_thread)
        figures["speed"] = json.loads(told.stdout)
    print(json.dumps(figures, indent=1))
    report.write(
        "link_modem", data="random bits", figures=figures,
        command="python -m benchmarks.link_modem --sionna .venv-sionna/bin/python",
    )  # fmt: skip


def rates() -> list[Figures]:
    points = itertools.product(BITS, (False, True), TARGETS)
    return [
        measured(name, fading, snr_for(name, target, fading), seed=seed)
        for seed, (name, fading, target) in enumerate(points)
    ]


def snr_for(name: ModulationName, target: float, fading: bool) -> float:
    """Where theory has this error rate, to a tenth of a dB."""
    return min(np.arange(-20, 50, 0.1), key=lambda snr_db: abs(bit_error_rate(name, snr_db, fading=fading) - target))


def measured(name: ModulationName, fading: bool, snr_db: float, *, seed: int) -> Figures:
    bits = np.random.default_rng(seed).integers(0, 2, SYMBOLS * BITS[name], np.uint8)
    link = RayleighFast(snr_db) if fading else Awgn(snr_db)
    wrong = (link.carry_bits([Segment(bits, name)], seed=seed, exact=False).llrs[0] < 0) != bits
    by_symbol = wrong.reshape(SYMBOLS, -1).mean(1)
    expected = bit_error_rate(name, snr_db, fading=fading)
    return {
        "modulation": name, "channel": "Rayleigh" if fading else "AWGN", "snr_db": round(float(snr_db), 1),
        "bits": bits.size, "wrong": int(wrong.sum()), "rate": float(wrong.mean()), "theory": expected,
        "sigmas": (float(wrong.mean()) - expected) / float(by_symbol.std() / math.sqrt(SYMBOLS)),
    }  # fmt: skip


def published() -> list[Figures]:
    """16-QAM at the Eb/N0 of Img2Img-SC, whose code flips bits in place of a channel."""
    found = []
    for eb_n0_db in (0, 5, 10):
        row = measured("16qam", False, es_n0_db(eb_n0_db, 4), seed=100 + eb_n0_db)
        found.append({"eb_n0_db": eb_n0_db, "flipped": published_bit_flip_rate(eb_n0_db), **row})
    return found


def outages() -> list[Figures]:
    found = []
    for snr_db, rate in ((0, 0.5), (10, 1.0), (20, 2.0)):
        arrived = RayleighBlock(snr_db, block_uses=1).carry(np.ones(SYMBOLS, np.complex64), seed=200 + snr_db)
        lost = float(np.mean(np.log2(1 + 1 / arrived.noise_variance.astype(np.float64)) < rate))
        expected = outage(snr_db, rate)
        sigmas = (lost - expected) / math.sqrt(expected * (1 - expected) / SYMBOLS)
        found.append({"snr_db": snr_db, "bits_per_use": rate, "rate": lost, "theory": expected, "sigmas": sigmas})
    return found


def speeds() -> Figures:
    import torch
    from sionna.phy.mapping import Demapper, Mapper

    torch.set_num_threads(1)
    found: Figures = {}
    for name in BITS:
        modem = modulation(name)
        kind = ("qam" if modem.axes == 2 else "pam", modem.bits)
        theirs = Mapper(*kind), Demapper("app", *kind), Demapper("maxlog", *kind)
        best: dict[str, float] = {}
        for batch in BATCHES:
            jobs = _jobs(modem, batch, theirs, torch)
            for _ in range(ROUNDS):
                for what, job in jobs.items():
                    best[what] = max(best.get(what, 0.0), modem.bits * batch * _a_second(job))
        whole = {who: 1 / (1 / best[f"{who}: map"] + 1 / best[f"{who}: exact"]) for who in ("ours", "sionna")}
        found[name] = {
            "mbit_a_cpu_s": {what: round(rate / 1e6, 2) for what, rate in best.items()},
            "times_sionna": round(whole["ours"] / whole["sionna"], 1),
        }
        print(name, found[name], file=sys.stderr)
    return found


def _jobs(modem: Modulation, batch: int, theirs: Any, torch: Any) -> dict[str, Callable[[], object]]:
    """The same bits and symbols for both, as each wants them."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, batch * modem.bits, np.uint8)
    noise = 0.3 * (rng.standard_normal(batch) + 1j * rng.standard_normal(batch))
    symbols = (modem.map(bits) + noise).astype(np.complex64)
    their_bits, their_symbols, variance = torch.tensor(bits).float(), torch.tensor(symbols), torch.tensor(0.18)
    mapper, exact, max_log = theirs
    return {
        "ours: map": lambda: modem.map(bits),
        "sionna: map": lambda: mapper(their_bits),
        "ours: exact": lambda: modem.llrs(symbols, 0.18),
        "sionna: exact": lambda: exact(their_symbols, variance),
        "ours: max-log": lambda: modem.llrs(symbols, 0.18, exact=False),
        "sionna: max-log": lambda: max_log(their_symbols, variance),
    }


def _a_second(job: Callable[[], object]) -> float:
    """How often it is done in a CPU-second."""
    job()
    count, started = 0, time.process_time()
    while (spent := time.process_time() - started) < SECONDS / ROUNDS:
        job()
        count += 1
    return count / spent


if __name__ == "__main__":
    main()
