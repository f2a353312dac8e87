"""Writes tests/link/ldpc_codewords.csv: digests of the codewords that Sionna makes, for tests that run without it.

python -m tests.sionna.ldpc_vectors
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import torch
from sionna.phy.fec.ldpc import LDPC5GEncoder

from tests.support import ldpc


def encoder(bits: int, coded_bits: int, bits_per_symbol: int) -> Callable[[ldpc.Bits, int], ldpc.Bits]:
    sionna = LDPC5GEncoder(bits, coded_bits, num_bits_per_symbol=bits_per_symbol)

    def encode(given: ldpc.Bits, redundancy_version: int) -> ldpc.Bits:
        coded = sionna(torch.tensor(given, dtype=torch.float32), rv=[redundancy_version])
        return coded.numpy()[:, 0].astype("uint8")

    return encode


def main() -> None:
    lines = [
        f"# Codewords of sionna-no-rt {version('sionna-no-rt')}, see tests/support/ldpc.py",
        "bits,coded_bits,bits_per_symbol,sha256",
    ]
    for code in ldpc.drawn(200, seed=1):
        lines.append(",".join(map(str, (*code, ldpc.digest(encoder(*code), *code[:2])))))
    ldpc.FILE.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
