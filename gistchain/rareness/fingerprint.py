"""The 10,048 numbers of a fingerprint (S1.1): what they are, whether they are valid, how machines compare them.

On one machine the same image gives the same bytes. Two machines may multiply and add in another order, so that their
numbers differ by up to TOLERANCE. Between machines the `quantised` form is compared: `agrees` tells whether another
machine's is a correct rounding of one's own numbers (T1.2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RarenessError

BLOCKS: tuple[tuple[str, int], ...] = (
    ("lite0-pooled", 1280), ("lite0-peak", 1280), ("lite1-pooled", 1280), ("lite1-peak", 1280), ("lite2-pooled", 1280),
    ("lite2-stage-mean", 352), ("lite2-stage-deviation", 352), ("nsfwjs-mid", 1792), ("open-nsfw", 1024),
    ("nsfwjs-hidden", 128),
)  # fmt: skip
"""Name and length of the blocks of a fingerprint, in order. Each has a root mean square of about 1."""

SIZE = sum(length for _, length in BLOCKS)

STEP = 1 / 16
TOLERANCE = 1e-3
"""Largest difference of a number between two machines, in units of its block's root mean square."""

_SIGNED = "lite2-stage-mean"  # the only block with negative numbers


def quantised(fingerprint: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The fingerprint in 10,048 bytes: whole steps of 1/16; 0 stays 0.

    0..255, and -128..127 as two's complement in the one block that has a sign; values beyond are clipped. Raises
    RarenessError as `check` does.
    """
    return _bytes(np.rint(_steps(fingerprint)))


def agrees(theirs: NDArray[np.uint8], fingerprint: NDArray[np.float32]) -> bool:
    """Whether `theirs` can be the quantised form of this image on another machine.

    Each byte must be what a number within TOLERANCE of one's own rounds to: nearly always that is one value, and two
    for the few numbers that lie in the middle between two steps. Raises RarenessError as `check` does.
    """
    steps, slack = _steps(fingerprint), TOLERANCE / STEP
    low, high = _bytes(np.rint(steps - slack)), _bytes(np.rint(steps + slack))
    return theirs.shape == (SIZE,) and bool(((theirs == low) | (theirs == high)).all())


def check(fingerprint: NDArray[np.float32]) -> None:
    """Raises RarenessError unless it is SIZE finite float32 numbers, not all of them 0."""
    if fingerprint.shape != (SIZE,) or fingerprint.dtype != np.float32:
        raise RarenessError(
            f"a fingerprint of shape {fingerprint.shape} and type {fingerprint.dtype} can't be used: "
            f"it has to be ({SIZE},) and float32"
        )
    if not np.isfinite(fingerprint).all():
        bad = np.flatnonzero(~np.isfinite(fingerprint))
        raise RarenessError(
            f"a fingerprint has {len(bad)} numbers that are not finite, the first at {bad[0]}: "
            "compute it again from the image"
        )
    if not fingerprint.any():
        raise RarenessError("a fingerprint is all zeros: compute it again from the image")


def _steps(fingerprint: NDArray[np.float32]) -> NDArray[np.float64]:
    check(fingerprint)
    return fingerprint.astype(np.float64) / STEP


def _bytes(steps: NDArray[np.float64]) -> NDArray[np.uint8]:
    start = [name for name, _ in BLOCKS].index(_SIGNED)
    first = sum(length for _, length in BLOCKS[:start])
    signed = slice(first, first + BLOCKS[start][1])
    quantised: NDArray[np.uint8] = steps.clip(0, 255).astype(np.uint8)
    quantised[signed] = steps[signed].clip(-128, 127).astype(np.int8).view(np.uint8)
    return quantised
