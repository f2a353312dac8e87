"""Codewords of 5G polar blocks as Sionna's encoder makes them, kept as hashes: (link, bits, coded bits) -> sha256."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from tests.support.places import ROOT

PATH = ROOT / "tests" / "golden" / "polar.json"
MESSAGES = 4
"""Of each code."""
Key = tuple[str, int, int]


def messages(key: Key) -> NDArray[np.uint8]:
    """u1[MESSAGES, bits] that follow from the key."""
    bits = key[1]
    stream = hashlib.shake_128(repr(key).encode()).digest(-(-MESSAGES * bits // 8))
    return np.unpackbits(np.frombuffer(stream, np.uint8))[: MESSAGES * bits].reshape(MESSAGES, bits)


def digest(codewords: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.packbits(codewords).tobytes()).hexdigest()[:32]


def kept() -> dict[Key, str]:
    return {(link, bits, coded): hashed for link, bits, coded, hashed in json.loads(PATH.read_text("utf-8"))["vectors"]}
