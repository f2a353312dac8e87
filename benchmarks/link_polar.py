"""Polar codes over QPSK and AWGN: how often a block is lost, in how many uses it arrives, and what decoding costs.

python -m benchmarks.link_polar --sionna PYTHON

PYTHON: an interpreter that has sionna-no-rt and torch (`link_polar_peer.py` runs there, on the same noise).

A block's bits include its check, CRC16 where nothing else is said. It is lost unless the likeliest candidate that
passes the check is what was sent. Lists grow: 8, then 32, then 128 where nothing passes. With Gray QPSK each coded bit
has half of a use's power and half of its noise, so that Es/N0 is the bit's SNR. `bound`: the normal approximation of
QPSK.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from gistchain.link import bounds
from gistchain.link.codes import crc
from gistchain.link.codes.crc import CRC16, Bits, Crc
from gistchain.link.codes.polar import PolarCode
from gistchain.link.codes.polar_long import LongPolarCode

CODES: dict[str, Callable[[int, int], PolarCode]] = {"5G polar": PolarCode, "long polar": LongPolarCode}
LISTS = (8, 32, 128)
ERRORS = 100
"""Lost blocks a point of a curve waits for."""
_BATCH = 250
Figures = dict[str, Any]


def lost(code: PolarCode, check: Crc, snr_db: float, *, blocks: int, errors: int | None = None) -> list[Figures]:
    """Blocks sent, lost and wrongly accepted with lists of up to each of LISTS; the noise is the same for all.

    Stops once the longest list has lost `errors`, or after `blocks`.
    """
    rng, sent = np.random.default_rng(0), 0
    counted = np.zeros((len(LISTS), 2), np.int64)
    while sent < blocks and (errors is None or counted[-1, 0] < errors):
        message = check.attached(rng.integers(0, 2, (_BATCH, code.bits - check.length), np.uint8))
        counted += outcome(code, check, message, received(code.encode(message), snr_db, rng))
        sent += _BATCH
    return [
        {"list": size, "n": sent, "lost": failed, "wrongly_accepted": accepted, "rate": interval(failed, sent)}
        for size, (failed, accepted) in zip(LISTS, counted.tolist(), strict=True)
    ]


def received(coded: Bits, snr_db: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """LLRs of coded bits."""
    ratio = 10 ** (snr_db / 10)
    return 2 * ratio * (1 - 2.0 * coded + rng.normal(0, ratio**-0.5, coded.shape))


def outcome(code: PolarCode, check: Crc, message: Bits, llrs: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many blocks are lost, and how many of them wrongly accepted, with lists of up to each of LISTS."""
    found, passed = np.zeros_like(message), np.zeros(len(message), bool)
    counted = np.zeros((len(LISTS), 2), np.int64)
    for row, size in enumerate(LISTS):
        open_ = np.flatnonzero(~passed)
        if len(open_):
            candidates, _ = code.decode(llrs[open_], size)
            passing = check.holds(candidates)
            passed[open_] = passing.any(axis=1)
            found[open_] = candidates[np.arange(len(open_)), passing.argmax(axis=1)]
        right = passed & (found == message).all(axis=1)
        counted[row] = (~right).sum(), (passed & ~right).sum()
    return counted


def interval(failed: int, sent: int) -> list[float]:
    """[share, and its 95% interval (Wilson)]."""
    z, share = NormalDist().inv_cdf(0.975), failed / sent
    middle, half = share + z * z / (2 * sent), z * (share * (1 - share) / sent + (z / (2 * sent)) ** 2) ** 0.5
    low, high = ((middle + sign * half) / (1 + z * z / sent) for sign in (-1, 1))
    return [round(value, 7) for value in (share, max(0.0, low), high)]


def promised(blocks: int) -> list[Figures]:
    """What is lost in the uses that a block may take: 1.25 and 1.3 times the normal approximation at 0 dB."""
    return [
        {"code": name, "bits": bits, "snr_db": snr_db, "uses": uses, "bound": _bound(bits, uses, snr_db), **row}
        for bits, snr_db, uses in ((496, 0.0, 701), (128, 0.0, 210), (72, -5.0, 384), (96, -5.0, 384))
        for name, make in CODES.items()
        for row in lost(make(bits, 2 * uses), CRC16, snr_db, blocks=blocks)
    ]


def curves(blocks: int) -> list[Figures]:
    """Lost blocks against SNR, down to 1e-3."""
    steps = {(496, 701): (-0.9, -0.7, -0.5, -0.3), (128, 210): (-2.3, -1.8, -1.3, -0.9)}
    return [
        {"code": name, "bits": bits, "uses": uses, "snr_db": snr_db, "bound": _bound(bits, uses, snr_db), **row}
        for (bits, uses), snrs in steps.items()
        for name, make in CODES.items()
        for snr_db in snrs
        for row in lost(make(bits, 2 * uses), CRC16, snr_db, blocks=blocks, errors=ERRORS)
    ]


def _bound(bits: int, uses: int, snr_db: float) -> float:
    return float(f"{bounds.error_rate_for(bits, uses, snr_db, modulation='qpsk'):.3g}")


def checks(blocks: int) -> list[Figures]:
    """112 bits and checks of several lengths in 210 uses at -1.3 dB: what a check costs, and what it lets through."""
    return [
        {"check": check.name, **row}
        for check in (crc.CRC6, crc.CRC11, crc.CRC16, crc.CRC24C)
        for row in lost(PolarCode(112 + check.length, 420), check, -1.3, blocks=blocks)
    ]


def needed(blocks: int) -> list[Figures]:
    """The fewest uses in which at most 1% of the blocks were lost, for each list, beside the normal approximation."""
    found = []
    for bits, snr_db in ((496, 0.0), (128, 0.0), (72, -5.0), (96, -5.0)):
        bound = bounds.uses_for(bits, snr_db, 1e-2, modulation="qpsk")
        for name, make in CODES.items():
            shared = {"code": name, "bits": bits, "snr_db": snr_db, "bound": bound}
            seen: dict[int, list[Figures]] = {}
            found += [{**shared, **_fewest(make, bits, snr_db, row, bound, blocks, seen)} for row in range(len(LISTS))]
    return found


def _fewest(
    make: Callable[[int, int], PolarCode], bits: int, snr_db: float, row: int, bound: int, blocks: int,
    seen: dict[int, list[Figures]],
) -> Figures:  # fmt: skip
    """By bisection in steps of half a percent of the bound. seen: uses that were tried, with all lists."""
    step = max(1, bound // 200)
    low, high = 0, bound // (2 * step)  # steps above the bound
    while high - low > 1:
        uses = bound + (low + high) // 2 * step
        if uses not in seen:
            seen[uses] = lost(make(bits, 2 * uses), CRC16, snr_db, blocks=blocks)
        low, high = (low, (low + high) // 2) if seen[uses][row]["rate"][0] <= 1e-2 else ((low + high) // 2, high)
    uses = bound + high * step
    return {"uses": uses, **(seen[uses][row] if uses in seen else {"list": LISTS[row], "n": 0})}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--blocks", type=int, default=8_000, help="blocks a figure; curves: up to five times that")
    parser.add_argument("--sionna", type=Path, required=True, help="an interpreter that has sionna-no-rt")
    chosen = parser.parse_args()
    run = [str(chosen.sionna), "-m", "benchmarks.link_polar_peer"]
    peer = subprocess.Popen(run, stdout=subprocess.PIPE)
    figures = {
        "promised": promised(chosen.blocks), "uses_at_1_percent": needed(chosen.blocks // 2),
        "curves": curves(5 * chosen.blocks), "checks": checks(chosen.blocks),
    }  # fmt: skip
    figures["sionna"] = json.loads(peer.communicate()[0])
    report.write(
        "link_polar", data="seeded random messages and noise", figures=figures,
        command=f"python -m benchmarks.link_polar --blocks {chosen.blocks} --sionna PYTHON",
    )  # fmt: skip


if __name__ == "__main__":
    main()
