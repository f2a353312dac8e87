"""The codes whose codewords were compared with Sionna's: tests/link/ldpc_codewords.csv."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
FILE = Path(__file__).parents[1] / "link" / "ldpc_codewords.csv"
HIGHEST_RATE = 948 / 1024
"""Above it Sionna warns."""


def drawn(count: int, seed: int) -> list[tuple[int, int, int]]:
    """(bits, coded bits, bits per symbol), of lengths and rates that Sionna knows: no repetition, one block."""
    rng = np.random.RandomState(seed)  # its numbers are the same in every numpy
    codes = [(640, 1280, 2), (640, 3200, 1), (640, 960, 4), (641, 1282, 2), (560, 1120, 2), (561, 1122, 2)]
    while len(codes) < count:
        bits = int(np.exp(rng.uniform(np.log(12), np.log(8449))))
        rate = rng.uniform(0.2, HIGHEST_RATE)
        per_symbol = int(rng.choice([1, 2, 4, 6, 8]))
        coded = -(-int(bits / rate + 1) // per_symbol) * per_symbol
        rate = bits / coded
        second = bits <= 292 or (bits <= 3824 and rate <= 0.67) or rate <= 0.25
        if (rate >= 0.2 and bits <= 3840) if second else rate >= 1 / 3:
            codes.append((bits, coded, per_symbol))
    return codes[:count]


def message(bits: int, coded_bits: int) -> Bits:
    return np.random.RandomState(bits * 1000 + coded_bits % 1000).randint(0, 2, (2, bits)).astype(np.uint8)


def digest(encode: Callable[[Bits, int], Bits], bits: int, coded_bits: int) -> str:
    """Of the codewords of two messages in the four redundancy versions. encode: of bits and a version."""
    given = message(bits, coded_bits)
    words = np.concatenate([encode(given, version) for version in range(4)])
    return hashlib.sha256(np.packbits(words.astype(np.uint8)).tobytes()).hexdigest()[:16]
