"""Groups of wavelet coefficients: one scale of brightness or colour, with what is known of each coefficient so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gistchain.models.photo.latent.wavelet import Subbands, sizes

PAD = 3  # zeros round each band, so that every coefficient has neighbours
PLANES = 14  # of bits in a magnitude, at most
LEVELS = 8  # that the networks distinguish
# The loudness of a neighbour (the logarithm of its magnitude), by its magnitude in half thresholds.
LOUDNESS = np.rint(12 * np.log2(1 + np.arange(64))).astype(np.float32)
_FIRST_GUESS, _LATER_GUESS = np.float32(0.4), np.float32(0.48)


@dataclass(eq=False)
class Group:
    """Bands of one scale, padded and flat. kind: 0 brightness, 1 colour; detail: the scale, 0 finest, -1 the low band.

    lower: magnitude known so far, at least; width: of the interval above `lower` that it lies in; sign: -1, 0, 1.
    """

    kind: int
    detail: int
    shape: tuple[int, int, int]
    valid: NDArray[np.bool_]
    parent: Group | None
    loud: NDArray[np.float32] = field(init=False)
    around: NDArray[np.float32] = field(init=False)
    lower: NDArray[np.int32] = field(init=False)
    width: NDArray[np.int32] = field(init=False)
    sign: NDArray[np.float32] = field(init=False)
    active: bool = False
    truth: NDArray[np.float32] | None = None
    negative: NDArray[np.bool_] | None = None
    other: Group | None = None

    def __post_init__(self) -> None:
        bands, height, width = self.shape
        self.row, self.stride = width + 2 * PAD, (height + 2 * PAD) * (width + 2 * PAD)
        size = bands * self.stride
        self.loud, self.around = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self.lower, self.width = np.zeros(size, np.int32), np.zeros(size, np.int32)
        self.sign = np.zeros(size, np.float32)
        self.orients = 1 if self.detail < 0 else 3
        self.level = LEVELS if self.detail < 0 else min(self.detail, LEVELS - 1)
        b, i, j = np.nonzero(self.valid)
        at = b * self.stride + (i + PAD) * self.row + j + PAD
        self.size_of_band = np.maximum(np.bincount(b, minlength=bands), 1)
        turn = (np.array([[0, 2], [3, 1]])[i % 2, j % 2] + b) % 4
        self.lattices = [at[turn == t] for t in range(4)]
        if self.parent is not None:
            p = self.parent
            parent_band = b if p.orients == 3 else b // 3
            self.above = np.zeros(size, np.int64)
            self.above[at] = parent_band * p.stride + (i // 2 + PAD) * p.row + j // 2 + PAD

    def refresh(self, plane: int) -> None:
        """Called at the start of a plane: what is known, in units of its threshold."""
        self.loud = LOUDNESS[np.minimum((2 * self.lower) >> plane, 63)]
        self.spread()

    def spread(self) -> None:
        """Updates `around`, the mean of the four neighbours, which other groups read."""
        cross = np.zeros_like(self.loud)
        loud, row = self.loud, self.row
        cross[row:-row] = (loud[2 * row :] + loud[: -2 * row]) + (loud[row + 1 : 1 - row] + loud[row - 1 : -row - 1])
        self.around = np.floor(cross * np.float32(0.25))

    def wide(self) -> NDArray[np.float32]:
        """A sixteenth of the sum of the loudness over 7x7 coefficients."""
        bands, height, width = self.shape
        grid = self.loud.reshape(bands, height + 2 * PAD, width + 2 * PAD)
        rows, total = np.zeros((bands, height, width + 2 * PAD), np.float32), np.zeros(self.shape, np.float32)
        for k in range(2 * PAD + 1):
            rows += grid[:, k : k + height]
        for k in range(2 * PAD + 1):
            total += rows[:, :, k : k + width]
        out = np.zeros_like(grid)
        out[:, PAD:-PAD, PAD:-PAD] = np.floor(total * np.float32(1 / 16))
        return out.reshape(-1)

    def density(self) -> NDArray[np.int64]:
        """How many in 1024 coefficients are no longer zero, for each band."""
        bands = self.shape[0]
        significant = (self.lower.reshape(bands, -1) > 0).sum(axis=1)
        return np.asarray((significant << 10) // self.size_of_band, np.int64)


@dataclass(eq=False)
class Pyramid:
    """All groups of a picture, in the order of a plane."""

    height: int
    width: int
    grey: bool
    reached: float = 0.0  # planes that a scan left unread, the part of the last one included

    def __post_init__(self) -> None:
        steps = sizes(self.height, self.width)
        kinds = (0,) if self.grey else (0, 1)
        last: dict[int, Group] = {}
        self.groups: list[Group] = []
        for k in kinds:
            shape = (2 if k else 1, *steps[-1])
            last[k] = Group(k, -1, shape, np.ones(shape, bool), None)
            self.groups.append(last[k])
        for level in range(len(steps) - 2, -1, -1):
            h, w = steps[level]
            low = steps[level + 1]
            valid = np.zeros((3, *low), bool)
            valid[0, :, : w // 2] = True
            valid[1, : h // 2] = True
            valid[2, : h // 2, : w // 2] = True
            for k in kinds:
                every = np.concatenate([valid] * (2 if k else 1))
                last[k] = Group(k, level, (len(every), *low), every, last[k])
                self.groups.append(last[k])
        for y, c in zip(self.groups[::2], self.groups[1::2], strict=False):
            if not self.grey:
                y.other, c.other = c, y

    def take(self, planes: list[Subbands]) -> int:
        """Makes these coefficients (of Y, and of Cb and Cr unless it is grey) the truth. Returns the planes to scan."""
        largest = 0.0
        for group in self.groups:
            bands, height, width = group.shape
            padded = np.zeros((bands, height + 2 * PAD, width + 2 * PAD), np.float32)
            for component, plane in enumerate(planes[1:] if group.kind else planes[:1]):
                parts = (plane.low,) if group.detail < 0 else plane.details[group.detail]
                for k, part in enumerate(parts, component * group.orients):
                    padded[k, PAD : PAD + part.shape[0], PAD : PAD + part.shape[1]] = part
            group.truth, group.negative = np.abs(padded).reshape(-1), padded.reshape(-1) < 0
            largest = max(largest, float(group.truth.max()))
        return min(int(largest).bit_length(), PLANES)

    def give(self) -> list[Subbands]:
        """The coefficients as far as they are known: a point of each one's interval, nearer to its smaller end."""
        steps = sizes(self.height, self.width)
        bands_of: list[dict[int, tuple[NDArray[np.float32], ...]]] = [{} for _ in range(1 if self.grey else 3)]
        for group in self.groups:
            at = np.where(group.lower == group.width, _FIRST_GUESS, _LATER_GUESS)
            known = (group.sign * (group.lower + at * group.width)).astype(np.float32)
            bands, height, width = group.shape
            grid = known.reshape(bands, height + 2 * PAD, width + 2 * PAD)[:, PAD : PAD + height, PAD : PAD + width]
            for component in range(bands // group.orients):
                parts = tuple(grid[component * group.orients :][: group.orients])
                if group.detail >= 0:
                    high, wide = (side // 2 for side in steps[group.detail])
                    parts = (parts[0][:, :wide], parts[1][:high], parts[2][:high, :wide])
                bands_of[component + group.kind][group.detail] = parts
        details = range(len(steps) - 1)
        return [Subbands(f[-1][0], tuple((f[d][0], f[d][1], f[d][2]) for d in details)) for f in bands_of]
