"""A seed -> Gaussian noise that depends on nothing else, so that all systems meet the same.

The first n numbers are the same however many are drawn. They come from numpy's frozen RandomState.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError

Seed = int | tuple[int, ...]
_STREAMS = ("noise", "gains", "pilots")


def gaussian(seed: Seed, stream: Literal["noise", "gains", "pilots"], count: int) -> NDArray[np.complex128]:
    """Complex numbers of mean 0 and variance 1, circularly symmetric; streams of one seed are independent.

    Raises SettingError unless the seed is a number from 0, or several.
    """
    first, *others = path(seed)
    # A key, not more entropy: numpy takes [5] and [5, 0] for the same.
    sequence = np.random.SeedSequence(first, spawn_key=(_STREAMS.index(stream), *others))
    random = np.random.RandomState(np.random.PCG64(sequence))
    numbers: NDArray[np.float64] = random.standard_normal(2 * count) * math.sqrt(0.5)
    return numbers.view(np.complex128)


def path(seed: Seed) -> tuple[int, ...]:
    """The seed as a tuple, checked."""
    numbers = seed if isinstance(seed, tuple) else (seed,)
    if not numbers or not all(isinstance(number, (int, np.integer)) and number >= 0 for number in numbers):
        raise SettingError(f"{seed!r} is no seed: give a whole number from 0, or a tuple of them")
    return tuple(int(number) for number in numbers)
