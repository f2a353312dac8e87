"""LDPC codes of the link beside Sionna's: block error rates on the same noise, and speed.

    make test-sionna                                                          # makes .venv-sionna
    python -m benchmarks.link_ldpc --sionna .venv-sionna/bin/python           # writes results/link_ldpc.json; an hour
    python -m benchmarks.link_ldpc --sionna .venv-sionna/bin/python --only 2  # puts some cases of CASES in their places

QPSK over AWGN; random blocks; as many iterations for both. Sionna decodes until 100 blocks are wrong, ours the same
blocks and then others until 100 are, or there were ten times as many. Sionna's checks join exactly ("boxplus-phi", its
default); "flooding", its default too, asks all at once, "layered" row by row as ours does.
Speed: one process of Sionna's environment decodes each batch by turns with ours and with Sionna's, in one thread; each
is counted at the batch that suits it best, in information bits a CPU-second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.link.codes.ldpc import LdpcCode

ERRORS = 100
MOST = 10
ITERATIONS = 20
BATCHES = 1, 10, 30, 100, 300, 1000
SECONDS, ROUNDS = 1.0, 3
Figures = dict[str, Any]
Bits = NDArray[np.uint8]
Ratios = NDArray[np.float32]
Decoder = Callable[[Ratios], NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """snrs_db: Es/N0 of QPSK. speed_db: where the speed is measured, about one block in a hundred wrong."""

    bits: int
    coded_bits: int
    schedule: str
    snrs_db: tuple[float, ...]
    speed_db: float


CASES = (
    Case(128, 256, "flooding", (1.5, 2.5, 3.25), 2.5),
    Case(128, 256, "layered", (1.5, 2.5), 2.5),
    Case(500, 625, "flooding", (5.0, 5.5, 5.9), 5.5),
    Case(200, 1000, "flooding", (-3.5, -3.0, -2.5), -3.0),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sionna", required=True, help="the Python of an environment with sionna-no-rt, or 'here'")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of the cases")
    arguments = parser.parse_args()
    chosen = range(len(CASES)) if arguments.only is None else arguments.only
    if arguments.sionna == "here":
        print(json.dumps([measured(CASES[k]) for k in chosen]))
        return
    from benchmarks import report

    command = [arguments.sionna, "-m", "benchmarks.link_ldpc", "--sionna", "here", "--only", *map(str, chosen)]
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=os.environ | one_thread)
    found = dict(zip(chosen, json.loads(told.stdout), strict=True))
    path = report.RESULTS / "link_ldpc.json"
    before = json.loads(path.read_text("utf-8"))["figures"]["cases"] if arguments.only is not None else []
    cases = [found[k] if k in found else before[k] for k in range(len(CASES))]
    report.write(
        "link_ldpc", data="random blocks", figures={"iterations": ITERATIONS, "cases": cases},
        command="python -m benchmarks.link_ldpc --sionna .venv-sionna/bin/python",
    )  # fmt: skip


def measured(case: Case) -> Figures:
    code = LdpcCode(case.bits, case.coded_bits)
    theirs, ours = sionna(case), lambda ratios: code.decode(ratios, iterations=ITERATIONS)[0]
    found: Figures = {
        "bits": case.bits, "coded_bits": case.coded_bits, "graph": code.graph.number, "schedule": case.schedule,
    }  # fmt: skip
    found["rates"] = [block_errors(code, snr_db, ours, theirs) for snr_db in case.snrs_db]
    found["speed"] = {"snr_db": case.speed_db} | speeds(code, case.speed_db, ours, theirs)
    print(json.dumps(found), file=sys.stderr, flush=True)
    return found


def sionna(case: Case) -> Decoder:
    import torch
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

    torch.set_num_threads(1)
    encoder = LDPC5GEncoder(case.bits, case.coded_bits)
    decoder = LDPC5GDecoder(encoder, num_iter=ITERATIONS, cn_schedule=case.schedule)

    def decode(ratios: Ratios) -> NDArray[Any]:
        with torch.no_grad():
            found: NDArray[Any] = decoder(torch.from_numpy(-ratios)).numpy()  # its ratios are log P(1)/P(0)
        return found

    return decode


def received(code: LdpcCode, snr_db: float, blocks: int, seed: int) -> tuple[Bits, Ratios]:
    rng = np.random.default_rng([code.bits, code.coded_bits, round(100 * (snr_db + 50)), seed])
    bits = rng.integers(0, 2, (blocks, code.bits), np.uint8)
    noise = 10 ** (-snr_db / 10)
    axis = np.sqrt(0.5) * (1.0 - 2.0 * code.encode(bits)) + rng.normal(0, np.sqrt(noise / 2), (blocks, code.coded_bits))
    return bits, (4 * np.sqrt(0.5) * axis / noise).astype(np.float32)


def block_errors(code: LdpcCode, snr_db: float, ours: Decoder, theirs: Decoder) -> Figures:
    blocks = {"ours": 0, "sionna": 0}
    wrong = {"ours": 0, "sionna": 0}
    seed = 0
    while wrong["sionna"] < ERRORS or (wrong["ours"] < ERRORS and blocks["ours"] < MOST * blocks["sionna"]):
        bits, ratios = received(code, snr_db, 100, seed)
        # Ours goes on by itself where Sionna has had its errors: the first blocks of both are the same.
        for who, decode in (("ours", ours), ("sionna", theirs)):
            if who == "ours" or wrong[who] < ERRORS:
                blocks[who] += len(bits)
                wrong[who] += int((decode(ratios) != bits).any(axis=1).sum())
        seed += 1
    return {"snr_db": snr_db, "blocks": blocks, "wrong": wrong, "rate": {w: wrong[w] / blocks[w] for w in blocks}}


def speeds(code: LdpcCode, snr_db: float, ours: Decoder, theirs: Decoder) -> Figures:
    best: dict[str, tuple[float, int]] = {}
    for batch in BATCHES:
        _, ratios = received(code, snr_db, batch, 0)
        for _ in range(ROUNDS):
            for who, decode in (("ours", ours), ("sionna", theirs)):
                rate = code.bits * batch * _a_second(decode, ratios)
                best[who] = max(best.get(who, (0.0, 0)), (rate, batch))
    return {
        "mbit_a_cpu_s": {who: round(rate / 1e6, 3) for who, (rate, _) in best.items()},
        "batch": {who: batch for who, (_, batch) in best.items()},
        "times_sionna": round(best["ours"][0] / best["sionna"][0], 1),
    }


def _a_second(decode: Decoder, ratios: Ratios) -> float:
    """How often the batch is decoded in a CPU-second."""
    count, started = 0, time.process_time()
    while (spent := time.process_time() - started) < SECONDS / ROUNDS:
        decode(ratios)
        count += 1
    return count / spent


if __name__ == "__main__":
    main()
