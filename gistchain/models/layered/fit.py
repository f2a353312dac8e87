"""Tokens of one collection -> its layers, by gradient descent on every pixel's claims, colours and tints. Numpy only.

Given the hues, each pixel is a problem of its own, so blocks of 16 x 16 pixels are fitted one after the other, all
tokens at once (Adam). Two rounds: the first with the trait types that show at a glance; then each hue takes a
Gauss-Newton step, and types whose values still differ significantly in what is left (F statistic) join in: faint
patterns that explain little of the variance, but all that the others leave. A hidden trait makes no claim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.models.layered.model import SIDE, Floats

_BLOCK = 16
_ITERATIONS = (50, 70)
_RATES = (0.2, 0.025, 0.05)  # of claims, colours, tints
_TINT_DECAY = 1e-3
_SIGNIFICANT = (8.0, 4.0)  # F statistic at which a type takes part, by round
_NO_CLAIM = -40.0
_COMMON = 2.0  # a rare value's colour is drawn towards the mean of all, as if seen this many times more


@dataclass(eq=False)
class Fitted:
    """Arrays as in Layers; active (T, P): which types take part at a pixel. round, block: the next to be fitted."""

    claims: Floats
    colours: Floats
    tints: Floats
    hues: Floats
    active: NDArray[np.bool_]
    slope: NDArray[np.float64]
    weight: NDArray[np.float64]
    round: int = 0
    block: int = 0

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **vars(self))
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Fitted:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        return cls(**{**arrays, "round": int(arrays["round"]), "block": int(arrays["block"])})


def fit(
    images: Floats,
    labels: NDArray[np.int64],
    sizes: list[int],
    *,
    progress: Callable[[float], None] = lambda share: None,
    checkpoint: Path | None = None,
) -> Fitted:
    """images (N, P, 3) in [-1, 1], labels (N, T) with 0 = not visible, sizes: values of each type.

    checkpoint: a file that is kept up to date while fitting, and that fitting continues from where it exists; it must
    not be one of other tokens.
    """
    x = np.ascontiguousarray(images.transpose(0, 2, 1))
    first = np.cumsum([0, *(s + 1 for s in sizes)])
    rows = labels + first[:-1]
    state = Fitted.load(checkpoint) if checkpoint is not None and checkpoint.exists() else _start(x, rows, first)
    blocks = _blocks()
    while state.round < len(_ITERATIONS):
        while state.block < len(blocks):
            _fit_block(state, x, rows, first, blocks[state.block])
            state.block += 1
            before = sum(_ITERATIONS[: state.round]) + _ITERATIONS[state.round] * state.block / len(blocks)
            progress(before / sum(_ITERATIONS))
            if checkpoint is not None:
                state.save(checkpoint)
        if state.round + 1 < len(_ITERATIONS):
            state.hues = (state.hues - state.slope / (state.weight[:, None] + 1e-3 * len(x))).astype(np.float32)
        state.slope[:], state.weight[:] = 0, 0
        state.round, state.block = state.round + 1, 0
    return state


def _start(x: Floats, rows: NDArray[np.int64], first: NDArray[np.int64]) -> Fitted:
    """Hues start as the mean colour of a value's tokens where its type explains most."""
    types, values, pixels = len(first) - 1, int(first[-1]), x.shape[2]
    hues = np.zeros((values, 3), np.float32)
    flat = x.reshape(len(x), -1)
    for t in range(types):
        own = slice(first[t], first[t + 1])
        means, counts, _, between = _by_value(flat, rows[:, t] - first[t], first[t + 1] - first[t])
        weights = between.reshape(3, pixels).sum(0) ** 2
        hues[own] = means.reshape(-1, 3, pixels) @ (weights / (weights.sum() + 1e-12))
        hues[own] -= counts @ hues[own] / len(x)
        hues[own][counts == 0] = 0
    return Fitted(
        np.full((values, pixels), _NO_CLAIM, np.float32),
        np.zeros((values, pixels, 3), np.float32),
        np.zeros((values, pixels, types), np.float32),
        hues,
        np.zeros((types, pixels), bool),
        np.zeros((values, 3)),
        np.zeros(values),
    )


def _by_value(
    flat: Floats, values: NDArray[np.int64], count: int
) -> tuple[Floats, NDArray[np.float64], Floats, Floats]:
    """(N, D) -> means of each value (V, D), tokens of each, F statistic (D,), variance between the values (D,)."""
    one_hot = np.zeros((len(flat), count), np.float32)
    one_hot[np.arange(len(flat)), values] = 1
    tokens = one_hot.sum(0)
    means = one_hot.T @ flat / np.maximum(tokens, 1)[:, None]
    mean = flat.mean(0)
    total = np.einsum("nd,nd->d", flat, flat) - len(flat) * mean**2
    between = (tokens[:, None] * (means - mean) ** 2).sum(0)
    groups = int((tokens > 0).sum())
    within = np.maximum((total - between) / max(len(flat) - groups, 1), 1e-7)
    return means, tokens.astype(np.float64), between / max(groups - 1, 1) / within, between / len(flat)


def _blocks() -> list[NDArray[np.int64]]:
    grid = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    starts = range(0, SIDE, _BLOCK)
    return [grid[y : y + _BLOCK, x : x + _BLOCK].ravel() for y in starts for x in starts]


class _Block:
    """The values that take part in one block of pixels, and one evaluation of the model with its gradient."""

    def __init__(
        self, x: Floats, rows: NDArray[np.int64], first: NDArray[np.int64], hues: Floats, active: list[int]
    ) -> None:
        self.x, self.active = x, active
        members = {v: np.flatnonzero(rows[:, t] == v) for t in active for v in range(first[t], first[t + 1])}
        self.tokens = {v: tokens for v, tokens in members.items() if len(tokens)}
        self.values = list(self.tokens)
        numbered = list(enumerate(self.tokens.items()))
        self.of_type = {t: [(k, g) for k, (v, g) in numbered if first[t] <= v < first[t + 1]] for t in active}
        self.hues = np.ascontiguousarray(hues[rows].transpose(0, 2, 1))  # (N, 3, T)
        self.per_token = 1 / np.array([len(self.tokens[v]) for v in self.values], np.float32)
        # A type's hue on its own layers would only repeat what their colour says.
        self.tinted = np.ones((len(self.values), hues[rows].shape[1], 1), np.float32)
        for t in active:
            for k, _ in self.of_type[t]:
                self.tinted[k, t] = 0

    def layers(self, claims: Floats, colours: Floats, tints: Floats) -> tuple[list[Floats], list[Floats], Floats]:
        """Each type's weight (N, p) and colour (N, 3, p), and the picture (N, 3, p)."""
        n, _, p = self.x.shape
        weights, shades = [], []
        for t in self.active:
            weight, shade = np.empty((n, p), np.float32), np.empty((n, 3, p), np.float32)
            for k, tokens in self.of_type[t]:
                weight[tokens] = claims[k]
                tinted = self.hues[tokens].reshape(-1, self.hues.shape[2]) @ tints[k]
                shade[tokens] = tinted.reshape(len(tokens), 3, p) + colours[k]
            weights.append(weight)
            shades.append(shade)
        strongest = weights[0].copy()
        for weight in weights[1:]:
            np.maximum(strongest, weight, out=strongest)
        total = np.zeros((n, p), np.float32)
        for weight in weights:
            weight -= strongest
            np.exp(weight, out=weight)
            total += weight
        picture = np.zeros((n, 3, p), np.float32)
        for weight, shade in zip(weights, shades, strict=True):
            weight /= total
            picture += weight[:, None] * shade
        return weights, shades, picture

    def gradients(self, claims: Floats, colours: Floats, tints: Floats) -> tuple[Floats, Floats, Floats]:
        """Of half the squared error, each value's divided by its tokens: rare values learn as fast as common ones."""
        weights, shades, picture = self.layers(claims, colours, tints)
        wrong = picture - self.x
        slopes = np.zeros_like(claims), np.zeros_like(colours), np.zeros_like(tints)
        for t, weight, shade in zip(self.active, weights, shades, strict=True):
            weighted = wrong * weight[:, None]
            claim = (weighted * (shade - picture)).sum(1)
            for k, tokens in self.of_type[t]:
                mine = weighted[tokens]
                slopes[0][k] = claim[tokens].sum(0) * self.per_token[k]
                slopes[1][k] = mine.sum(0) * self.per_token[k]
                hues = self.hues[tokens].reshape(-1, self.hues.shape[2])
                slopes[2][k] = hues.T @ mine.reshape(-1, mine.shape[2]) * self.per_token[k]
        return slopes[0], slopes[1], slopes[2] * self.tinted + np.float32(_TINT_DECAY) * tints

    def hue_slopes(self, tints: Floats, weights: list[Floats], wrong: Floats) -> tuple[Floats, Floats]:
        """For each token and type (N, T, 3) and (N, T): slope of the error along its hue, and its curvature."""
        n, _, p = self.x.shape
        reach = np.zeros((n, self.hues.shape[2], p), np.float32)
        for t, weight in zip(self.active, weights, strict=True):
            for k, tokens in self.of_type[t]:
                reach[tokens] += weight[tokens][:, None] * tints[k][None]
        return np.einsum("ncp,ntp->ntc", wrong, reach), np.einsum("ntp,ntp->nt", reach, reach)


def _fit_block(
    state: Fitted, images: Floats, rows: NDArray[np.int64], first: NDArray[np.int64], pixels: NDArray[np.int64]
) -> None:
    x = np.ascontiguousarray(images[:, :, pixels])
    known = [t for t in range(len(first) - 1) if state.active[t, pixels[0]]]
    painted: Floats | None = None
    if known:
        block = _Block(x, rows, first, state.hues, known)
        painted = block.layers(*_taken(state, block.values, pixels))[2]
    new = _joining(x if painted is None else x - painted, rows, first, known, _SIGNIFICANT[state.round])
    for t, means in new.items():
        _begin(state, x, painted, rows[:, t], first[t], means, pixels)
    block = _Block(x, rows, first, state.hues, sorted([*known, *new]))
    parameters = _taken(state, block.values, pixels)
    _descend(block, parameters, _ITERATIONS[state.round])
    claims, colours, tints = parameters
    weights, _, picture = block.layers(claims, colours, tints)
    slope, curvature = block.hue_slopes(tints, weights, picture - x)
    np.add.at(state.slope, rows, slope)
    np.add.at(state.weight, rows, curvature)
    state.active[np.ix_(np.array(block.active), pixels)] = True
    state.claims[np.ix_(np.array(block.values), pixels)] = np.maximum(claims - claims.max(0), _NO_CLAIM)
    state.colours[np.ix_(np.array(block.values), pixels)] = colours.transpose(0, 2, 1)
    state.tints[np.ix_(np.array(block.values), pixels)] = tints.transpose(0, 2, 1)


def _taken(state: Fitted, values: list[int], pixels: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Claims (V, p), colours (V, 3, p), tints (V, T, p) of some values at some pixels."""
    at = np.ix_(np.array(values), pixels)
    colours, tints = state.colours[at].transpose(0, 2, 1), state.tints[at].transpose(0, 2, 1)
    return state.claims[at].copy(), np.ascontiguousarray(colours), np.ascontiguousarray(tints)


def _joining(
    left: Floats, rows: NDArray[np.int64], first: NDArray[np.int64], known: list[int], significant: float
) -> dict[int, Floats]:
    """Types that explain part of what is left, each with the mean of what is left for each of its values."""
    n, _, p = left.shape
    flat, joining, best, most = left.reshape(n, -1), {}, 0, -1.0
    for t in range(len(first) - 1):
        if t in known:
            continue
        means, _, ratio, between = _by_value(flat, rows[:, t] - first[t], first[t + 1] - first[t])
        clear = (ratio.reshape(3, p).max(0) > significant) & (between.reshape(3, p).sum(0) > 2e-6)
        if clear.sum() >= 2:
            joining[t] = means.reshape(-1, 3, p)
        if between.sum() > most:
            best, most, best_means = t, float(between.sum()), means.reshape(-1, 3, p)
    return joining if joining or known else {best: best_means}


def _begin(
    state: Fitted,
    x: Floats,
    painted: Floats | None,
    rows: NDArray[np.int64],
    start: int,
    means: Floats,
    pixels: NDArray[np.int64],
) -> None:
    """First claims and colours of a type that joins.

    In the first round the claim is the precision of a value's pixels: a layer that is on top leaves little variance.
    Later types begin as a veil of an eighth over what is painted, in the colour that would explain what is left.
    """
    n, _, p = x.shape
    mean, variance = x.mean(0), x.reshape(n, -1).var(0).reshape(3, p).sum(0)
    for value in np.unique(rows):
        tokens = np.flatnonzero(rows == value)
        trust = len(tokens) / (len(tokens) + _COMMON)
        if painted is None:
            own = x[tokens].reshape(len(tokens), -1).var(0).reshape(3, p).sum(0)
            claim = -0.75 * np.log(trust * own + (1 - trust) * variance + 2e-3)
            colour = trust * means[value - start] + (1 - trust) * mean
        else:
            claim = np.full(p, -2.0, np.float32)  # the strongest of the others is at 0
            colour = np.clip(painted[tokens].mean(0) + 8 * trust * means[value - start], -1.3, 1.3)
        state.claims[value, pixels] = claim
        state.colours[value, pixels] = colour.T


def _descend(block: _Block, parameters: tuple[Floats, Floats, Floats], iterations: int) -> None:
    """Adam, in place; the rate falls over the last 40%."""
    momentum, square = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    for step in range(1, iterations + 1):
        schedule = min(1.0, step / 5) * min(1.0, max(0.05, (1 - (step - 1) / iterations) / 0.4))
        for p, slope, m, s, rate in zip(
            parameters, block.gradients(*parameters), momentum, square, _RATES, strict=True
        ):
            m += 0.1 * (slope - m)
            s += 0.02 * (slope * slope - s)
            size = np.sqrt(s / (1 - 0.98**step)) + 1e-5
            p -= np.float32(rate * schedule / (1 - 0.9**step)) * m / size
