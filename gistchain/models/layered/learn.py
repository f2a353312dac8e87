"""Tokens -> Layers: fits them on most tokens, and measures on the rest what the fit can't know about itself.

Nine tenths of the tokens are fitted; the others show how far off pictures of unseen tokens are (noise, variation,
error) and what the evidence of a pixel is worth (sharpness). None of these is a held-out score: keep tokens back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.models.layered.fit import Fitted, fit
from gistchain.models.layered.model import SIDE, Floats, Gate, Layers, small
from gistchain.models.layered.read import VISIBLE, Reader, absence, log_odds
from gistchain.traits import Traits

_MOST_TOKENS = 3000
_MOST_JUDGED = 200
_DIRECTIONS = 20
_LEAST_NOISE = 3e-3
_SOMETIMES, _TOGETHER = 0.02, 0.97
_GATE_AXES, _LEAST_GATE_ERROR = 48, 1e-3
_RIDGE = 3e-3
_SHARPNESS = np.geomspace(0.003, 0.3, 14)
_FIRST_SHARPNESS = 0.03
_RARELY = 0.02
_CHANCE = 2.0  # nats that the best of the sharpnesses may seem to tell by chance
_WORTH_READING = 0.02  # nats a token that a type's pixels must tell beyond what is common


def learn(
    images: Floats,
    labels: NDArray[np.int64],
    traits: Traits,
    *,
    progress: Callable[[float], None] = lambda share: None,
    checkpoint: Path | None = None,
) -> Layers:
    """The layers of tokens: images (N, P, 3) in [-1, 1], labels (N, T). The same tokens give the same layers.

    Of more than 3,000 tokens, those with the rarest traits and a sample of the others are used. checkpoint: as for
    `fit`, a file of these very tokens.
    """
    chosen = _chosen(labels)
    images, labels = images[chosen], labels[chosen]
    judged = np.arange(len(images)) % 10 == 9
    sizes = [len(values) for values in traits.values.values()]
    fitted = fit(images[~judged], labels[~judged], sizes, progress=progress, checkpoint=checkpoint)
    layers = _layers(fitted, images[~judged], labels[~judged], traits)
    return _judged(layers, images[judged][:_MOST_JUDGED], labels[judged][:_MOST_JUDGED])


def _chosen(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(labels) <= _MOST_TOKENS:
        return np.arange(len(labels))
    shared = [np.where(c > 0, np.bincount(c)[c], len(labels)) for c in labels.T]
    rarity = np.min(shared, axis=0) * np.random.RandomState(0).uniform(0.5, 1, len(labels))
    return np.sort(np.argsort(rarity, kind="stable")[:_MOST_TOKENS])


def _layers(fitted: Fitted, images: Floats, labels: NDArray[np.int64], traits: Traits) -> Layers:
    first = np.cumsum([0, *(len(v) + 1 for v in traits.values.values())])
    rows, values = labels + first[:-1], int(first[-1])
    tokens = np.bincount(rows.ravel(), minlength=values)
    for a, b in pairwise(first):
        seen = np.flatnonzero(tokens[a:b]) + a
        unseen = np.flatnonzero(tokens[a:b] == 0) + a  # values of no token: they show no more than the faintest
        fitted.claims[unseen] = fitted.claims[seen].min(0)
        fitted.colours[unseen] = fitted.colours[seen].mean(0)
    return Layers(
        traits,
        fitted.claims - fitted.claims.max(0),
        fitted.colours,
        fitted.tints,
        fitted.hues,
        prior=((tokens + 0.5) / len(labels)).astype(np.float32),
        variation=np.zeros((0, SIDE * SIDE * 3), np.float32),
        noise=np.full(SIDE * SIDE, _LEAST_NOISE, np.float32),
        guess=_guess(images, rows, values),
        sharpness=np.full(len(traits.types), _FIRST_SHARPNESS, np.float32),
        follows=_follows(labels),
        vanishes=np.zeros(len(traits.types), bool),
        gate=_gate(images),
        error=0.0,
    )


def _follows(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each type an earlier one that is visible whenever it is, or -1: facial hair for facial hair color."""
    visible = labels > 0
    follows = np.full(labels.shape[1], -1)
    for t in range(1, labels.shape[1]):
        if not _SOMETIMES < visible[:, t].mean() < 1 - _SOMETIMES:
            continue
        together = (visible[:, :t] == visible[:, t : t + 1]).mean(0)
        if together.max() > _TOGETHER:
            follows[t] = int(together.argmax())
    return follows


def _gate(images: Floats) -> Gate:
    """The axes come from one half of the tokens, the error from the other."""
    thumbnails = small(images)[:, :-1]
    mean = thumbnails.mean(0)
    seen, unseen = thumbnails[::2] - mean, thumbnails[1::2] - mean
    axes = np.linalg.svd(seen, full_matrices=False)[2][:_GATE_AXES]
    off = unseen - (unseen @ axes.T) @ axes if len(unseen) else np.ones((1, 1), np.float32)
    return Gate(mean, axes.astype(np.float32), float((off * off).mean()) + _LEAST_GATE_ERROR)


def _guess(images: Floats, rows: NDArray[np.int64], values: int) -> Floats:
    """Ridge regression from a thumbnail to one-hot labels."""
    inputs = small(images).astype(np.float64)
    wanted = np.zeros((len(rows), values))
    np.put_along_axis(wanted, rows, 1, axis=1)
    gram = inputs.T @ inputs + _RIDGE * len(inputs) * np.eye(inputs.shape[1])
    guess: Floats = np.linalg.solve(gram, inputs.T @ wanted).astype(np.float32)
    return guess


def _judged(layers: Layers, images: Floats, labels: NDArray[np.int64]) -> Layers:
    """What labels leave open is learnt from one half, what evidence is worth under it from the other; then swapped."""
    if len(images) < 4:
        return replace(layers, error=_LEAST_NOISE)
    halves = [np.arange(len(images)) % 2 == half for half in (0, 1)]
    opened = [_open(layers, images[half], labels[half]) for half in halves]
    others = [(opened[1 - k], images[half], labels[half]) for k, half in enumerate(halves)]
    sharpness, vanishes = _sharpness(others), _vanishes(layers, labels)
    trust = _trust([(replace(made, sharpness=sharpness, vanishes=vanishes), x, rows) for made, x, rows in others])
    return replace(_open(layers, images, labels), sharpness=sharpness, vanishes=vanishes, trust=trust)


def _open(layers: Layers, images: Floats, labels: NDArray[np.int64]) -> Layers:
    """The layers with the variation, noise and error that these tokens show beyond their labels."""
    wrong = np.stack([np.clip(layers.picture(row), -1, 1) for row in labels]) - images
    _, lengths, axes = np.linalg.svd(wrong.reshape(len(wrong), -1), full_matrices=False)
    kept = min(_DIRECTIONS, len(wrong) // 3)
    return replace(
        layers,
        variation=(axes[:kept] * lengths[:kept, None] / np.sqrt(len(wrong))).astype(np.float32),
        noise=((wrong**2).mean((0, 2)) + _LEAST_NOISE).astype(np.float32),
        error=float((wrong**2).mean()),
    )


Unseen = Sequence[tuple[Layers, Floats, NDArray[np.int64]]]
"""Layers, each with images and labels of tokens that they were not learnt from."""


def _sharpness(unseen: Unseen) -> Floats:
    """For each type the sharpness under which its true values are likeliest, the values of other types being given."""
    first, chosen = unseen[0][0].first, []
    for t in range(len(first) - 1):
        prior = np.log(unseen[0][0].prior[first[t] : first[t + 1]])
        prior = prior - np.logaddexp.reduce(prior)
        gains = []
        for layers, images, labels in unseen:
            reader = Reader(layers)
            surprises = np.stack([reader.surprise(x, row, t) for x, row in zip(images, labels, strict=True)])
            logs = prior - _SHARPNESS[:, None, None] * surprises
            logs = logs - np.logaddexp.reduce(logs, axis=2, keepdims=True)
            gains.append(logs[:, np.arange(len(labels)), labels[:, t]] - prior[labels[:, t]])
        gain = np.concatenate(gains, 1)
        enough = max(_WORTH_READING * gain.shape[1], _CHANCE)
        chosen.append(_SHARPNESS[gain.sum(1).argmax()] if gain.sum(1).max() > enough else 0.0)
    return np.array(chosen, np.float32)


def _vanishes(layers: Layers, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Types whose labels are nearly always visible: makers of such tokens don't label what can't be seen."""
    faint = [[absence(layers, row, t) < VISIBLE for row in labels if row[t]] for t in range(labels.shape[1])]
    return np.array([len(f) > 0 and np.mean(f) < _RARELY for f in faint])


def _trust(unseen: Unseen) -> tuple[float, float]:
    """Platt's bias and slope, with a prior that holds few tokens near (0, 1)."""
    readings, true = [], []
    for layers, images, labels in unseen:
        reader = Reader(layers)
        readings += [reader.read(x) for x in images]
        true += [np.where(layers.sharpness > 0, row, 0) for row in labels]
    odds = np.array([log_odds(reading) for reading in readings])
    right = np.array([(reading.labels == row).all() for reading, row in zip(readings, true, strict=True)])
    bias, slope = np.meshgrid(np.linspace(-8, 4, 49), np.linspace(0, 1.5, 31), indexing="ij")
    logits = bias[..., None] + slope[..., None] * odds
    likelihood = -np.logaddexp(0, np.where(right, -logits, logits)).sum(-1) - bias**2 / 18 - (slope - 1) ** 2
    best = np.unravel_index(likelihood.argmax(), bias.shape)
    return float(bias[best]), float(slope[best])
