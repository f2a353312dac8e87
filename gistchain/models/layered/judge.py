"""Layers and tokens that they were not learnt from -> the same layers, which know how far their evidence goes.

    fitted layers ──┬──> variation, noise, error: what labels leave open
    other tokens ───┘       └──> sharpness of each type ──> values that look alike are merged ──> trust of a reading

Tokens come in parts, each with layers that were fitted without it. What is measured on one part is measured with what
the other parts show, so that nothing is judged by itself. None of this is a held-out score: keep tokens back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gistchain.models.layered.merge import alike, mapped, merged
from gistchain.models.layered.model import Floats, Layers
from gistchain.models.layered.poses import posed
from gistchain.models.layered.read import VISIBLE, Reader, Reading, absence, log_odds, trusted

LEAST_NOISE = 3e-3
_DIRECTIONS = 20
_SHARPNESS = np.geomspace(0.003, 0.3, 14)
_RARELY = 0.02
_NEVER = 1e-300
_ASTRAY = 0.02  # share of the tokens of which a model explains nothing
_CHANCE = 2.0  # nats that the best of the sharpnesses may seem to tell by chance
_WORTH_READING = 0.02  # nats a token that a type's pixels must tell beyond what is common
_WRONG, _SURE = 0.10, 0.95
"""Share of unseen tokens that may be read wrongly with a confidence of a half or more, and how sure that has to be."""


@dataclass(frozen=True, eq=False)
class Part:
    """Layers with images (N, P, 3) and labels (N, T) of tokens that they were not learnt from.

    known (N, T): whether the tokens that they were learnt from have the value too; no reading could find it otherwise.
    """

    layers: Layers
    images: Floats
    labels: NDArray[np.int64]
    known: NDArray[np.bool_]


def judged(layers: Layers, parts: Sequence[Part], *, merging: bool = True) -> Layers:
    """The layers with what the parts show. merging: whether values that look alike become one.

    layers: those that are kept; the parts' own may have been learnt from fewer tokens.
    """
    parts = [part for part in parts if len(part.labels)]
    if sum(len(part.labels) for part in parts) < 4:
        return replace(layers, error=LEAST_NOISE)
    wrong = [_wrong(part) for part in parts]
    unseen = [
        replace(part, layers=_opened(part.layers, np.concatenate([w for j, w in enumerate(wrong) if j != k])))
        for k, part in enumerate(parts)
    ]
    layers = _opened(layers, np.concatenate(wrong))
    layers, unseen = _measured(layers, unseen)
    readings = [_read(part) for part in unseen]
    if merging:
        true = np.concatenate([part.labels for part in unseen])
        read = np.stack([reading.labels for found in readings for reading in found])
        groups = alike(layers, true, np.where(np.concatenate([p.known for p in unseen]), read, true))
        if any(groups):
            unseen = [
                replace(p, layers=merged(p.layers, groups), labels=mapped(p.layers, groups, p.labels)) for p in unseen
            ]
            layers, unseen = _measured(merged(layers, groups), unseen)
            readings = [_read(part) for part in unseen]
    return replace(layers, trust=_trust(unseen, readings))


def _wrong(part: Part) -> Floats:
    """(N, P, 3) by how much the painted pictures are off."""
    states = posed(part.layers, part.images, part.labels)
    return np.stack([np.clip(part.layers.picture(row), -1, 1) for row in states]) - part.images


def _opened(layers: Layers, wrong: Floats) -> Layers:
    """The layers with the variation, noise and error that pictures were off by."""
    _, lengths, axes = np.linalg.svd(wrong.reshape(len(wrong), -1), full_matrices=False)
    kept = min(_DIRECTIONS, len(wrong) // 3)
    return replace(
        layers,
        variation=(axes[:kept] * lengths[:kept, None] / np.sqrt(len(wrong))).astype(np.float32),
        noise=((wrong**2).mean((0, 2)) + LEAST_NOISE).astype(np.float32),
        error=float((wrong**2).mean()),
    )


def _measured(layers: Layers, unseen: Sequence[Part]) -> tuple[Layers, list[Part]]:
    """All layers with the sharpness of each type, and whether it vanishes."""
    labels = np.concatenate([part.labels for part in unseen])
    sharpness, vanishes = _sharpness(unseen), _vanishes(layers, labels)
    parts = [replace(p, layers=replace(p.layers, sharpness=sharpness, vanishes=vanishes)) for p in unseen]
    return replace(layers, sharpness=sharpness, vanishes=vanishes), parts


def _sharpness(unseen: Sequence[Part]) -> Floats:
    """For each type the sharpness under which its true values are likeliest, the values of other types being given.

    A token in fifty may be painted all wrong: it must not decide about the others. Values that the layers
    don't know tell nothing about how well the others are told apart.
    """
    chosen = []
    states = [posed(part.layers, part.images, part.labels) for part in unseen]
    for t in range(len(unseen[0].layers.poses)):
        gains = []
        for part, every in zip(unseen, states, strict=True):
            layers, known = part.layers, part.known[:, t]
            images, labels, rows = part.images[known], part.labels[known, t], every[known]
            if not len(labels):
                continue
            chances = layers.prior[layers.first[t] : layers.first[t + 1]].astype(np.float64)
            prior, by_state = np.log(layers.of_values(chances / chances.sum(), t)), np.log(chances)
            reader = Reader(layers)
            surprises = np.stack([reader.surprise(x, row, t) for x, row in zip(images, rows, strict=True)])
            logs = by_state - _SHARPNESS[:, None, None] * surprises
            logs = logs - np.logaddexp.reduce(logs, axis=2, keepdims=True)
            logs = np.log(layers.of_values(np.exp(logs), t) + _NEVER)
            logs = np.logaddexp(np.log1p(-_ASTRAY) + logs, np.log(_ASTRAY) + prior)
            gains.append(logs[:, np.arange(len(labels)), labels] - prior[labels])
        gain = np.concatenate(gains, 1) if gains else np.zeros((1, 1))
        enough = max(_WORTH_READING * gain.shape[1], _CHANCE)
        chosen.append(_SHARPNESS[gain.sum(1).argmax()] if gain.sum(1).max() > enough else 0.0)
    return np.array(chosen, np.float32)


def _vanishes(layers: Layers, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Types whose labels are nearly always visible: makers of such tokens don't label what can't be seen."""
    states = layers.states(labels)
    faint = [[absence(layers, row, t) < VISIBLE for row in states if row[t]] for t in range(labels.shape[1])]
    return np.array([len(f) > 0 and np.mean(f) < _RARELY for f in faint])


def _read(part: Part) -> list[Reading]:
    reader = Reader(part.layers)
    return [reader.read(picture) for picture in part.images]


def _trust(unseen: Sequence[Part], readings: Sequence[Sequence[Reading]]) -> tuple[float, float, float]:
    """Platt's bias and slope, with a prior that holds few tokens near (0, 1), and the doubt that errors raise.

    The bias is then lowered until so few of the tokens are read wrongly with a confidence of a half that no more than
    _WRONG of all tokens will be, with a probability of _SURE.
    """
    odds, misfits, right = [], [], []
    for part, found in zip(unseen, readings, strict=True):
        true = np.where(part.layers.sharpness > 0, part.labels, 0)
        odds += [log_odds(reading) for reading in found]
        misfits += [reading.error / part.layers.error for reading in found]
        labels = np.stack([reading.labels for reading in found])
        right += ((labels == true) | ~part.known).all(1).tolist()
    grids = np.meshgrid(np.linspace(-8, 4, 49), np.linspace(0, 1.5, 31), np.linspace(0, 2, 9), indexing="ij")
    likelihood = -(grids[0] ** 2) / 18 - (grids[1] - 1) ** 2 - grids[2] ** 2
    for own, misfit, is_right in zip(odds, misfits, right, strict=True):
        logits = grids[0] + grids[1] * own + grids[2] * trusted((0.0, 0.0, 1.0), 0.0, misfit)
        likelihood -= np.logaddexp(0, -logits if is_right else logits)
    best = np.unravel_index(likelihood.argmax(), likelihood.shape)
    bias, slope, doubt = (float(grid[best]) for grid in grids)
    wrongly = sorted(
        (trusted((bias, slope, doubt), o, m) for o, m, ok in zip(odds, misfits, right, strict=True) if not ok),
        reverse=True,
    )
    allowed = _allowed(len(right))
    if len(wrongly) > allowed and wrongly[allowed] >= 0:
        bias -= wrongly[allowed] + 0.05
    return bias, slope, doubt


def _allowed(tokens: int) -> int:
    """The most of so many tokens that may be wrong where no more than _WRONG of all are, with a probability of _SURE:
    Clopper and Pearson's limit. 0 also where even none would not show it."""
    from scipy.special import betaincinv

    wrong = np.arange(tokens)
    limits = betaincinv(wrong + 1, tokens - wrong, _SURE)
    return max(0, int((limits <= _WRONG).sum()) - 1)
