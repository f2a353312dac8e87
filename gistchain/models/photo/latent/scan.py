"""Wavelet coefficients <-> bits in order of importance, each with the chance that the bits before it imply.

Plane by plane of the magnitudes, from the largest power of two downwards; within a plane from coarse to fine, Y before
Cb and Cr. A group (one scale, brightness or colour) is silent until a flag says that it is needed. A visit to a group
asks for each zero whether it stays zero, over four interleaved lattices so that later ones know their neighbours; then
for the sign of each that doesn't; and for one more bit of each that was not zero before.
Encoder and decoder both run this code, on whole numbers only; `Coder.code` writes or reads.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.models.photo.latent.pyramid import LEVELS, LOUDNESS, PLANES, Group, Pyramid
from gistchain.models.photo.latent.rangecoder import Exhausted

Bits = NDArray[np.uint8]
Index = NDArray[np.int64]

UNIT = 16  # stands for 1 in the networks' inputs
_DENSITY = np.rint(8 * np.log2(1 + np.arange(1025))).astype(np.float32)
DYNAMIC = 24  # inputs that differ between coefficients; those that differ between bands only:
_ORIENT, _COMPONENT, _TURN, _PLANE = LEVELS + 1, LEVELS + 4, LEVELS + 7, LEVELS + 11
CONSTANT = _PLANE + PLANES + 4


class Coder(Protocol):
    """A range encoder or decoder."""

    def code(self, ones: Index, bits: Bits) -> Bits:
        """The bits; each is 1 with chance ones / 65536. Raises Exhausted where the bytes end."""
        ...


class Odds(Protocol):
    """The chances, out of 65536, that the trained tables and networks give."""

    def flag(self, group: int, plane: int) -> int: ...

    def significance(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index: ...

    def refinement(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index: ...

    def sign(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index: ...


def scan(pyramid: Pyramid, planes: int, odds: Odds, coder: Coder) -> None:
    """Runs all planes from planes - 1 down to 0, as far as the coder goes; the groups keep what is then known."""
    pyramid.reached = float(planes)
    try:
        for plane in range(planes - 1, -1, -1):
            for group in pyramid.groups:
                if group.active:
                    group.refresh(plane)
            for number, group in enumerate(pyramid.groups):
                if group.active or _wake(group, plane, odds, coder):
                    _visit(group, plane, odds, coder)
                pyramid.reached = plane + 1 - (number + 1) / len(pyramid.groups)
    except Exhausted:
        return


def _wake(group: Group, plane: int, odds: Odds, coder: Coder) -> bool:
    needed = group.truth is not None and bool((group.truth >= 1 << plane).any())
    chance = odds.flag(2 * group.level + group.kind, plane)
    group.active = bool(coder.code(np.array([chance], np.int64), np.array([needed], np.uint8))[0])
    return group.active


def _visit(group: Group, plane: int, odds: Odds, coder: Coder) -> None:
    before = np.flatnonzero(group.lower)
    constants, wide = _constants(group, plane), group.wide()
    for turn, lattice in enumerate(group.lattices):
        at = lattice[group.lower[lattice] == 0]
        if not len(at):
            continue
        constants[:, _TURN : _TURN + 4] = 0
        constants[:, _TURN + turn] = UNIT
        band = at // group.stride
        ones = odds.significance(_features(group, at, band, wide), constants, band)
        bits, end = _ask(coder, ones, None if group.truth is None else group.truth[at] >= 1 << plane)
        _signs(group, at[: len(bits)][bits != 0], plane, constants, odds, coder)
        if end:
            raise end
    constants[:, _TURN : _TURN + 4] = 0
    _refine(group, before, plane, constants, wide, odds, coder)
    group.spread()


def _ask(coder: Coder, ones: Index, truth: NDArray[np.bool_] | None) -> tuple[Bits, Exhausted | None]:
    """The bits, and Exhausted where the data ended before the last of them."""
    try:
        return coder.code(ones, np.zeros(len(ones), np.uint8) if truth is None else truth.astype(np.uint8)), None
    except Exhausted as end:
        return end.bits, end


def _signs(group: Group, new: Index, plane: int, constants: NDArray[np.float32], odds: Odds, coder: Coder) -> None:
    """The signs of new coefficients; those whose sign is still in the data are no longer zero."""
    if not len(new):
        return
    band = new // group.stride
    ones = odds.sign(_sign_features(group, new, band), constants, band)
    bits, end = _ask(coder, ones, None if group.negative is None else group.negative[new])
    new = new[: len(bits)]
    group.lower[new] = group.width[new] = 1 << plane
    group.sign[new] = 1 - 2 * bits.astype(np.float32)
    group.loud[new] = LOUDNESS[2]
    if end:
        raise end


def _refine(
    group: Group,
    at: Index,
    plane: int,
    constants: NDArray[np.float32],
    wide: NDArray[np.float32],
    odds: Odds,
    coder: Coder,
) -> None:
    if not len(at):
        return
    band, threshold = at // group.stride, 1 << plane
    ones = odds.refinement(_features(group, at, band, wide), constants, band)
    bits, end = _ask(coder, ones, None if group.truth is None else group.truth[at] >= group.lower[at] + threshold)
    at = at[: len(bits)]
    group.lower[at] += threshold * bits.astype(np.int32)
    group.width[at] = threshold
    group.loud[at] = LOUDNESS[np.minimum((2 * group.lower[at]) >> plane, 63)]
    if end:
        raise end


def _constants(group: Group, plane: int) -> NDArray[np.float32]:
    """The inputs that are the same for a whole band: one row for each band, small integers."""
    bands = group.shape[0]
    rows = np.zeros((bands, CONSTANT), np.float32)
    rows[:, group.level] = UNIT
    for b in range(bands):
        rows[b, _ORIENT + b % group.orients] = UNIT * (group.orients == 3)
        rows[b, _COMPONENT + (0 if group.kind == 0 else 1 + b // group.orients)] = UNIT
    rows[:, _PLANE + plane] = UNIT
    own = group.density()
    other = group.other
    above = group.parent.density() if group.parent is not None else np.zeros(1, np.int64)
    rows[:, -4] = _DENSITY[own]
    rows[:, -3] = _DENSITY[above[np.arange(bands) * len(above) // bands]]
    if other is not None:
        far = other.density()
        rows[:, -2] = _DENSITY[far[np.arange(bands) % group.orients]]
        rows[:, -1] = _DENSITY[far[np.arange(bands) % group.orients + len(far) - group.orients]]
    return rows


def _shifts(group: Group, band: Index) -> tuple[Index, Index, Index, Index]:
    """Offsets from a coefficient to the same place in its two sister bands and in two other planes."""
    n = group.orients
    bands = np.arange(group.shape[0])
    first = bands // n * n
    sister_1, sister_2 = first + (bands + 1) % n, first + (bands + 2) % n
    if group.kind == 0:
        near, far = bands, bands + n
    else:
        near, far = bands % n, (bands + n) % group.shape[0]
    return tuple(((b - bands) * group.stride)[band] for b in (sister_1, sister_2, near, far))  # type: ignore[return-value]


def _neighbours(row: int) -> tuple[int, ...]:
    return (-1, 1, -row, row, -row - 1, -row + 1, row - 1, row + 1, -2, 2, -2 * row, 2 * row)


def _features(group: Group, at: Index, band: Index, wide: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape (DYNAMIC, len(at)): loudness of the neighbours, in this band and in others; whole numbers below 128."""
    x = np.zeros((DYNAMIC, len(at)), np.float32)
    for k, shift in enumerate(_neighbours(group.row)):
        np.take(group.loud, at + shift, out=x[k])
    np.take(wide, at, out=x[12])
    if group.parent is not None:
        above = group.above[at]
        np.take(group.parent.loud, above, out=x[13])
        np.take(group.parent.around, above, out=x[14])
    sister_1, sister_2, near, far = _shifts(group, band)
    if group.orients == 3:
        np.take(group.loud, at + sister_1, out=x[15])
        np.take(group.around, at + sister_1, out=x[16])
        np.take(group.loud, at + sister_2, out=x[17])
        np.take(group.around, at + sister_2, out=x[18])
    other = group.other
    if other is not None:
        np.take(other.loud, at + near, out=x[19])
        np.take(other.around, at + near, out=x[20])
        source = other if group.kind == 0 else group
        np.take(source.loud, at + far, out=x[21])
        np.take(source.around, at + far, out=x[22])
    np.take(group.loud, at, out=x[23])
    return x


def _sign_features(group: Group, at: Index, band: Index) -> NDArray[np.float32]:
    x = np.zeros((DYNAMIC, len(at)), np.float32)
    for k, shift in enumerate(_neighbours(group.row)):
        np.take(group.sign, at + shift, out=x[k])
    if group.parent is not None:
        np.take(group.parent.sign, group.above[at], out=x[13])
    sister_1, sister_2, near, far = _shifts(group, band)
    if group.orients == 3:
        np.take(group.sign, at + sister_1, out=x[15])
        np.take(group.sign, at + sister_2, out=x[17])
    other = group.other
    if other is not None:
        np.take(other.sign, at + near, out=x[19])
        source = other if group.kind == 0 else group
        np.take(source.sign, at + far, out=x[21])
    return x * np.float32(UNIT)
