"""Log-likelihood ratios -> the likeliest words of a polar code, the likeliest first (successive cancellation, a list).

    the code's tree ── steps(carrying) ──> a short program ── listed(...) ──> candidates and their metrics

The tree halves the code: F takes two log-likelihood ratios to that of the sum of their bits, G to that of the second
bit once the first half is known. L paths walk the program in step. A subtree whose bits are all frozen, one bit
repeated, all free or free but for their parity is decided as a whole (Sarkis et al. 2016; Hashemi, Condo & Gross 2017).

On the way a path costs log(1 + exp(-LLR)) for every bit (Balatsoukas-Stimming, Parizi & Burg 2015), where min-sum would
lose a fifth more blocks. At the end candidates are ordered by the |LLR| that they contradict, which is the order of
their likelihood: a list of all words is maximum likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled
from gistchain.link.codes.polar_paths import NEVER, split

Bits = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

F, G, COMBINE, FROZEN, REPEATED, FREE, PARITY, BIT = range(8)


def steps(carrying: Ints, mother: int, *, priors: bool) -> Ints:
    """The program i8[steps, 3] of a code: what to do, at which stage, and a side or a bit.

    carrying: positions of the information bits in the mother code, ascending. Half sizes are 2**stage. `side` says
    where the decided bits go: 0 left, 1 right. With priors each bit is decided by itself, or they could not be added.
    """
    is_information = np.zeros(mother, bool)
    is_information[carrying] = True
    number = np.cumsum(is_information) - 1
    program: list[tuple[int, int, int]] = []

    def visit(start: int, stage: int, side: int) -> None:
        size = 1 << stage
        part = is_information[start : start + size]
        held = int(part.sum())
        if held == 0:
            program.append((FROZEN, stage, side))
        elif held == 1 and part[-1]:
            program.append((REPEATED if stage else BIT, stage, side + 2 * int(number[start + size - 1])))
        elif held == size and not priors:
            program.append((FREE, stage, side))
        elif held == size - 1 and not part[0] and not priors:
            program.append((PARITY, stage, side))
        else:
            program.append((F, stage - 1, 0))
            visit(start, stage - 1, 0)
            program.append((G, stage - 1, 0))
            visit(start + size // 2, stage - 1, 1)
            program.append((COMBINE, stage - 1, side))

    visit(0, mother.bit_length() - 1, 0)
    return np.array(program, np.int64)


@dataclass(frozen=True)
class ListDecoder:
    """The decoder of one code. mother: its length, a power of two. carrying: where its k bits stand, ascending."""

    mother: int
    carrying: Ints
    _plain: Ints = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_plain", steps(self.carrying, self.mother, priors=False))

    @cached_property
    def _bitwise(self) -> Ints:
        return steps(self.carrying, self.mother, priors=True)

    def listed(self, llrs: Floats, list_size: int, priors: Floats | None = None) -> tuple[Bits, Floats]:
        """Candidates u1[frames, L, k] and metrics f8[frames, L], ascending; L = min(list_size, 2**k).

        llrs: f8[frames, mother], finite. priors: f8[frames, k], log P(0)/P(1) of each information bit before
        anything is received. A metric is the sum of |LLR| that a candidate contradicts, priors included: less is
        likelier.
        """
        frames, k = len(llrs), len(self.carrying)
        size = list_size if k >= list_size.bit_length() else min(list_size, 1 << k)
        given = np.zeros((frames, 0)) if priors is None else priors
        stages = self.mother.bit_length()
        found, metrics = np.empty((frames, size, k), np.uint8), np.empty((frames, size))
        _decode(
            self._plain if priors is None else self._bitwise, self.carrying,
            llrs, llrs.astype(np.float32), given,
            np.empty(size * (self.mother - 1) + self.mother, np.float32),
            np.empty(2 * size * (2 * self.mother - 1), np.uint8),
            np.empty((size, 3 * stages), np.int64), np.empty((size, self.mother), np.float32),
            np.empty((7, size)), np.empty(2 * size), np.empty((6, size), np.int64),
            found, metrics,
        )  # fmt: skip
        return found, metrics


@compiled(
    "i8[steps, 3], i8[k], f8[frames, n], f4[frames, n], f8[frames, p], "
    "out f4[a], out u1[b], out i8[L, c], out f4[L, n], out f8[7, L], out f8[d], out i8[6, L], "
    "out u1[frames, L, k], out f8[frames, L]"
)
def _decode(
    program: Ints, carrying: Ints, llrs: Floats, rounded: NDArray[np.float32], priors: Floats,
    alpha: NDArray[np.float32], beta: Bits, pointers: Ints, weights: NDArray[np.float32], paths: Floats,
    work: Floats, picks: Ints, found: Bits, metrics: Floats,
) -> None:  # fmt: skip
    """paths: metric, cost of either choice, three of a node, spare. picks: parent, choice, free places, order, ...

    alpha and beta hold for every stage one array per path. All paths write a stage at the same time, each into its own
    array, and read through `pointers`, so that a path that splits copies pointers only.
    """
    size, n = pointers.shape[0], rounded.shape[1]
    stages = pointers.shape[1] // 3
    for frame in range(rounded.shape[0]):
        root = size * (n - 1)
        for i in range(n):
            alpha[root + i] = rounded[frame, i]
        for i in range(pointers.shape[1]):
            pointers[0, i] = 0
        paths[0, 0] = 0.0
        count = 1
        for step in range(program.shape[0]):
            what, stage, side = program[step, 0], program[step, 1], program[step, 2]
            if what == F:
                _f(alpha, pointers, count, stage)
            elif what == G:
                _g(alpha, beta, pointers, count, stage, stages)
            elif what == COMBINE:
                _combine(beta, pointers, count, stage, stages, side)
            elif what == FROZEN:
                _frozen(alpha, beta, pointers, paths, count, stage, stages, side)
            elif what >= FREE and what != BIT:
                count = _free(
                    alpha, beta, pointers, weights, paths, work, picks, count, stage, stages, side, what == PARITY
                )
            else:
                prior = priors[frame, side >> 1] if priors.shape[1] else 0.0
                count = _repeated(alpha, beta, pointers, paths, work, picks, count, stage, stages, side & 1, prior)
        _gather(beta, pointers, carrying, llrs, priors, paths, picks, frame, count, stages, found, metrics)


def _f(alpha: NDArray[np.float32], pointers: Ints, count: int, stage: int) -> None:
    paths, half = pointers.shape[0], 1 << stage
    for p in range(count):
        source = paths * (2 * half - 1) + pointers[p, stage + 1] * 2 * half
        place = paths * (half - 1) + p * half
        for i in range(half):
            a, b = alpha[source + i], alpha[source + half + i]
            size_a, size_b = abs(a), abs(b)
            least = size_a if size_a < size_b else size_b
            least = -least if (a < 0) != (b < 0) else least
            alpha[place + i] = least + _soft(a + b) - _soft(a - b)
        pointers[p, stage] = p


def _soft(llr: np.float32) -> np.float32:
    """log(1 + exp(-|llr|)) to .02, with its value and slope at 0: a polynomial, as kernels take no logarithms."""
    part = np.float32(1) - abs(llr) * np.float32(0.1803369)
    part = part if part > 0 else np.float32(0)
    part = part * part
    return np.float32(0.6931472) * part * part


def _g(alpha: NDArray[np.float32], beta: Bits, pointers: Ints, count: int, stage: int, stages: int) -> None:
    paths, half = pointers.shape[0], 1 << stage
    for p in range(count):
        source = paths * (2 * half - 1) + pointers[p, stage + 1] * 2 * half
        place = paths * (half - 1) + p * half
        decided = 2 * paths * (half - 1) + pointers[p, stages + stage] * half
        for i in range(half):
            a, b = alpha[source + i], alpha[source + half + i]
            alpha[place + i] = b - a if beta[decided + i] else b + a
        pointers[p, stage] = p


def _combine(beta: Bits, pointers: Ints, count: int, stage: int, stages: int, side: int) -> None:
    paths, half = pointers.shape[0], 1 << stage
    for p in range(count):
        base = 2 * paths * (half - 1)
        left = base + pointers[p, stages + stage] * half
        right = base + (paths + pointers[p, 2 * stages + stage]) * half
        place = 2 * paths * (2 * half - 1) + (side * paths + p) * 2 * half
        for i in range(half):
            beta[place + i] = beta[left + i] ^ beta[right + i]
        for i in range(half):
            beta[place + half + i] = beta[right + i]
        pointers[p, (1 + side) * stages + stage + 1] = p


def _frozen(
    alpha: NDArray[np.float32], beta: Bits, pointers: Ints, paths: Floats,
    count: int, stage: int, stages: int, side: int,
) -> None:  # fmt: skip
    """Zeros; every negative LLR is contradicted."""
    size, length = pointers.shape[0], 1 << stage
    for p in range(count):
        source = size * (length - 1) + pointers[p, stage] * length
        place = 2 * size * (length - 1) + (side * size + p) * length
        contradicted = np.float64(0)
        for i in range(length):
            a = alpha[source + i]
            contradicted += _soft(a) - (a if a < 0 else np.float32(0))
        for i in range(length):
            beta[place + i] = 0
        paths[0, p] += contradicted
        pointers[p, (1 + side) * stages + stage] = p


def _repeated(
    alpha: NDArray[np.float32], beta: Bits, pointers: Ints, paths: Floats, work: Floats, picks: Ints,
    count: int, stage: int, stages: int, side: int, prior: float,
) -> int:  # fmt: skip
    """One bit, repeated over the whole subtree: both values are tried."""
    size, length = pointers.shape[0], 1 << stage
    for p in range(count):
        source = size * (length - 1) + pointers[p, stage] * length
        zero, one = np.float64(0), np.float64(0)
        for i in range(length):
            a = alpha[source + i]
            either = _soft(a)
            zero += either - (a if a < 0 else np.float32(0))
            one += either + (a if a > 0 else np.float32(0))
        paths[1, p] = paths[0, p] + zero + (-prior if prior < 0 else 0.0)
        paths[2, p] = paths[0, p] + one + (prior if prior > 0 else 0.0)
    count = split(pointers, paths, work, picks, count)
    for p in range(count):
        place = 2 * size * (length - 1) + (side * size + p) * length
        for i in range(length):
            beta[place + i] = picks[1, p]
        pointers[p, (1 + side) * stages + stage] = p
    return count


def _free(
    alpha: NDArray[np.float32], beta: Bits, pointers: Ints, weights: NDArray[np.float32], paths: Floats, work: Floats,
    picks: Ints, count: int, stage: int, stages: int, side: int, parity: bool,
) -> int:  # fmt: skip
    """Bits that are free, or free but for their parity: hard decisions, then the least reliable are flipped in turn.

    Of free bits a path that stays in the list flips at most L - 1. Where the parity counts, its least reliable bit
    flips along with every other one: paths[3] is what that costs now, picks[4] which bit it is.
    """
    size, length = pointers.shape[0], 1 << stage
    base = 2 * size * (length - 1) + side * size * length
    for p in range(count):
        source = size * (length - 1) + pointers[p, stage] * length
        odd = 0
        for i in range(length):
            a = alpha[source + i]
            beta[base + p * length + i] = 1 if a < 0 else 0
            weights[p, i] = abs(a)
            paths[0, p] += _soft(a)
        pointers[p, (1 + side) * stages + stage] = p
        paths[3, p] = 0.0
        if parity:
            for i in range(length):
                odd ^= beta[base + p * length + i]
            least = _least(weights, p, length)
            paths[3, p] = weights[p, least]
            picks[4, p] = least
            if odd:
                beta[base + p * length + least] ^= 1
                paths[0, p] += paths[3, p]
                paths[3, p] = -paths[3, p]
            weights[p, least] = NEVER
    turns = length - 1 if parity else length
    if turns > size:
        turns = size
    for _ in range(turns):
        worst, best = 0.0, NEVER
        for p in range(count):
            least = _least(weights, p, length)
            picks[3, p] = least
            paths[1, p] = paths[0, p]
            paths[2, p] = paths[0, p] + weights[p, least] + paths[3, p]
            worst = paths[1, p] if paths[1, p] > worst else worst
            best = paths[2, p] if paths[2, p] < best else best
            weights[p, least] = NEVER
        if count == size and best >= worst:
            break
        count = split(pointers, paths, work, picks, count)
        for p in range(count):
            parent = picks[0, p]
            if parent != p:
                picks[3, p], picks[4, p] = picks[3, parent], picks[4, parent]
                for i in range(length):
                    beta[base + p * length + i] = beta[base + parent * length + i]
                for i in range(length):
                    weights[p, i] = weights[parent, i]
                beta[base + p * length + picks[3, p]] ^= 1
                paths[3, p] = paths[3, parent]
                if parity:
                    beta[base + p * length + picks[4, p]] ^= 1
                    paths[3, p] = -paths[3, p]
                pointers[p, (1 + side) * stages + stage] = p
    return count


def _least(weights: NDArray[np.float32], p: int, length: int) -> int:
    found, least = 0, weights[p, 0]
    for i in range(1, length):
        if weights[p, i] < least:
            found, least = i, weights[p, i]
    return found


def _gather(
    beta: Bits, pointers: Ints, carrying: Ints, llrs: Floats, priors: Floats, paths: Floats, picks: Ints,
    frame: int, count: int, stages: int, found: Bits, metrics: Floats,
) -> None:  # fmt: skip
    """The information bits of every path and its metric in the LLRs as they were given; the likeliest first."""
    size, n = pointers.shape[0], llrs.shape[1]
    base = 2 * size * (n - 1)
    for p in range(count):
        place = base + pointers[p, 2 * stages - 1] * n
        total = 0.0
        for i in range(n):
            llr = llrs[frame, i]
            if (llr < 0) != (beta[place + i] != 0):
                total += abs(llr)
        half = 1
        while half < n:  # the transform is its own inverse
            for start in range(0, n, 2 * half):
                for i in range(start, start + half):
                    beta[place + i] ^= beta[place + half + i]
            half *= 2
        for i in range(priors.shape[1]):
            prior = priors[frame, i]
            if (prior < 0) != (beta[place + carrying[i]] != 0):
                total += abs(prior)
        paths[1, p] = total
    for p in range(count):  # insertion sort; equal ones keep their order
        j = p
        while j > 0 and paths[1, picks[3, j - 1]] > paths[1, p]:
            picks[3, j] = picks[3, j - 1]
            j -= 1
        picks[3, j] = p
    for rank in range(count):
        p = picks[3, rank]
        place = base + pointers[p, 2 * stages - 1] * n
        metrics[frame, rank] = paths[1, p]
        for i in range(carrying.shape[0]):
            found[frame, rank, i] = beta[place + carrying[i]]
