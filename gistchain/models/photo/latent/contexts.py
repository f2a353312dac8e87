"""The neighbours of a coefficient -> the chance of its next bit: three small networks and a table, in integers only.

Weights are multiples of 1/64, inputs and activations of 1/16. All sums stay below 2**24, where float32 is exact in any
order of additions: a decoder on any machine gets the same chances as the encoder.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.models.photo.latent.rangecoder import ONE
from gistchain.models.photo.latent.scan import DYNAMIC, Index

NETWORKS = ("significance", "refinement", "sign")
_LOGIT = 32  # steps of the last layer in one nat
_STEEPEST = 10 * _LOGIT


@dataclass(frozen=True, slots=True)
class ContextNetwork:
    """Whole numbers, stored as float32. first: (H, DYNAMIC + CONSTANT); second: (G, H); last: (1, G)."""

    first: NDArray[np.float32]
    first_bias: NDArray[np.float32]
    second: NDArray[np.float32]
    second_bias: NDArray[np.float32]
    last: NDArray[np.float32]
    last_bias: NDArray[np.float32]

    def ones(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index:
        """The chances of a 1, out of ONE: (N,). x (DYNAMIC, N); constants (bands, CONSTANT); band (N,) of each x."""
        bias = self.first[:, DYNAMIC:] @ constants.T + self.first_bias[:, None]
        h = self.first[:, :DYNAMIC] @ x
        h += bias if bias.shape[1] == 1 else bias[:, band]
        h = _activate(h)
        h = self.second @ h
        h += self.second_bias[:, None]
        h = _activate(h)
        logit = np.floor((self.last @ h + self.last_bias[:, None])[0] * np.float32(1 / 32))
        steps = np.clip(logit, -_STEEPEST, _STEEPEST).astype(np.int64)
        ones: Index = _chances()[steps + _STEEPEST]
        return ones


def _activate(h: NDArray[np.float32]) -> NDArray[np.float32]:
    h *= np.float32(1 / 64)
    np.floor(h, out=h)
    return np.clip(h, 0, 255, out=h)


@functools.cache
def _chances() -> Index:
    steps = range(-_STEEPEST, _STEEPEST + 1)
    return np.array([min(max(round(ONE / (1 + math.exp(-t / _LOGIT))), 3), ONE - 3) for t in steps], np.int64)


@dataclass(frozen=True, slots=True)
class TrainedOdds:
    """Fulfils Odds. flags: (2 * (LEVELS + 1), PLANES)."""

    flags: NDArray[np.int64]
    networks: dict[str, ContextNetwork]

    def flag(self, group: int, plane: int) -> int:
        return int(self.flags[group, plane])

    def significance(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index:
        return self.networks["significance"].ones(x, constants, band)

    def refinement(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index:
        return self.networks["refinement"].ones(x, constants, band)

    def sign(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index:
        return self.networks["sign"].ones(x, constants, band)
