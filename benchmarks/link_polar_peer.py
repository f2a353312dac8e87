"""The same noisy blocks to gistchain's polar decoder and sionna's, lists of 8: lost blocks and CPU-seconds, as JSON.

`python -m benchmarks.link_polar --sionna PYTHON` runs this where sionna-no-rt and torch are installed.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np
import torch
from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder

from gistchain.link.codes.polar_control import downlink, uplink

POINTS = (
    (uplink, 64, 128, (2.0, 2.9, 3.5)),
    (uplink, 32, 108, (-0.25, 0.75, 1.5)),
    (downlink, 40, 216, (-1.7, -0.9)),
    (uplink, 117, 420, (-1.5, -0.85)),
    (uplink, 500, 1_000, (1.3,)),
)
"""Which blocks, message bits, coded bits, and SNRs of a coded bit in dB."""
ERRORS, BLOCKS, _BATCH = 100, 200_000, 500


def compared(make: Any, bits: int, coded_bits: int, snr_db: float) -> dict[str, Any]:
    """Runs until both have lost ERRORS blocks, or after BLOCKS."""
    ours = make(bits, coded_bits)
    with contextlib.redirect_stdout(sys.stderr):
        encoder = Polar5GEncoder(bits, coded_bits, make.__name__)
        decoder = Polar5GDecoder(encoder, "SCL", 8)
    ours.code.decode(np.ones(coded_bits), 8)  # machine code is made before the clock runs
    rng = np.random.default_rng(38_212)
    ratio = 10 ** (snr_db / 10)
    sent, lost, cpu_s = 0, np.zeros(2, np.int64), np.zeros(2)
    while sent < BLOCKS and lost.min() < ERRORS:
        message = rng.integers(0, 2, (_BATCH, bits), np.uint8)
        coded = ours.encode(message)
        llrs = 2 * ratio * (1 - 2.0 * coded + rng.normal(0, ratio**-0.5, coded.shape))
        theirs = torch.tensor(-llrs, dtype=torch.float32)  # sionna's LLRs are log P(1)/P(0)
        start = time.process_time()
        with torch.no_grad():
            guess = decoder(theirs).numpy()
        middle = time.process_time()
        candidates, _ = ours.code.decode(llrs, 8)
        passing = ours.crc.holds(candidates)
        found = candidates[np.arange(_BATCH), passing.argmax(axis=1)][:, :bits]
        cpu_s += middle - start, time.process_time() - middle
        lost += [(each != message).any(axis=1).sum() for each in (guess, found)]
        sent += _BATCH
    milliseconds = 1_000 * cpu_s / sent
    return {
        "link": make.__name__, "bits": bits, "coded_bits": coded_bits, "snr_db": snr_db, "n": sent,
        "lost_sionna": int(lost[0]), "lost_ours": int(lost[1]),
        "cpu_ms_sionna": round(float(milliseconds[0]), 4), "cpu_ms_ours": round(float(milliseconds[1]), 4),
    }  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    found = []
    for make, bits, coded_bits, snrs in POINTS:
        for snr_db in snrs:
            found.append(compared(make, bits, coded_bits, snr_db))
            print(found[-1], file=sys.stderr)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
