"""Tokens -> Layers: fits them on most tokens, and measures on the rest what the fit can't know about itself.

Nine tenths of the tokens are fitted; the others show how far off pictures of unseen tokens are, and what the evidence
of a pixel is worth (judge.py). Where the part of a type moves by chance, its values get poses and all is fitted again
(poses.py). Of few tokens a tenth would tell too little: they are all fitted, and some of five folds are each judged by
a fit of the other four; poses need more of them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.models.layered.fit import Fitted, fit
from gistchain.models.layered.judge import LEAST_NOISE, Part, judged
from gistchain.models.layered.model import SIDE, Floats, Gate, Layers, small
from gistchain.models.layered.poses import found
from gistchain.traits import Traits

_MOST_TOKENS, _MOST_PAINTED = 3000, 1200
_MOST_JUDGED = 200
_FEW, _FOLDS, _ENOUGH_JUDGED = 300, 5, 60
_SOMETIMES, _TOGETHER = 0.02, 0.97
_GATE_AXES, _LEAST_GATE_ERROR = 48, 1e-3
_RIDGE = 3e-3
_FIRST_SHARPNESS = 0.03
SELDOM = 3
"""Tokens that a value needs to be known well: less, and its layers show what else those tokens have."""


def learn(
    images: Floats,
    labels: NDArray[np.int64],
    traits: Traits,
    *,
    progress: Callable[[float], None] = lambda share: None,
    checkpoint: Path | None = None,
    judging: bool = True,
) -> Layers:
    """The layers of tokens: images (N, P, 3) in [-1, 1], labels (N, T). The same tokens give the same layers.

    Of more than 3,000 tokens, those with the rarest traits and a sample of the others are used. checkpoint: as for
    `fit`, a file of these very tokens; poses_checkpoint is another. judging: False for layers that only paint, of at
    most 1,200 tokens; with it parts that move get poses (poses.py), and values that no pixel tells apart become one
    (merge.py).
    """
    chosen = _chosen(labels, _MOST_TOKENS if judging else _MOST_PAINTED)
    images, labels = images[chosen], labels[chosen]
    sizes = [len(values) for values in traits.values.values()]
    few = len(labels) < _FEW
    held = np.arange(len(labels)) % 10 == 9 if not few else np.zeros(len(labels), bool)
    folds = int(np.clip(np.ceil(_ENOUGH_JUDGED * _FOLDS / len(labels)), 2, _FOLDS)) if few and judging else 0
    again = judging and not few  # with poses, if anything moves
    whole = 0.5 if again else 1 / (1 + 0.8 * folds)  # the share of the work that the first fit is
    fitted = fit(
        images[~held], labels[~held], sizes, progress=lambda share: progress(whole * share), checkpoint=checkpoint
    )
    layers = _layers(fitted, images[~held], labels[~held], traits)
    if not judging:
        return layers
    if again:
        layers = _moving(layers, images[~held], labels[~held], checkpoint, lambda share: progress(0.5 + share / 2))
        judges = np.flatnonzero(held)[:_MOST_JUDGED]
        halves = [judges[k::2] for k in (0, 1)]
        return judged(layers, [_part(layers, images, labels, ~held, half) for half in halves])
    parts = []
    for fold in range(folds):
        out = np.arange(len(labels)) % _FOLDS == fold
        own = _layers(fit(images[~out], labels[~out], sizes), images[~out], labels[~out], traits)
        parts.append(_part(own, images, labels, ~out, np.flatnonzero(out)))
        progress(whole + (1 - whole) * (fold + 1) / folds)
    return judged(layers, parts)


def poses_checkpoint(checkpoint: Path) -> Path:
    """Where the fit with poses saves its progress, beside that of the fit without."""
    return checkpoint.with_name(f"{checkpoint.stem}.poses{checkpoint.suffix}")


def _moving(
    layers: Layers,
    images: Floats,
    labels: NDArray[np.int64],
    checkpoint: Path | None,
    progress: Callable[[float], None],
) -> Layers:
    """The layers fitted again with poses where parts move by chance, else as they are."""
    poses, states = found(layers, images, labels)
    if max(poses) == 1:
        return layers
    sizes = [len(values) * count for values, count in zip(layers.traits.values.values(), poses, strict=True)]
    beside = None if checkpoint is None else poses_checkpoint(checkpoint)
    fitted = fit(images, states, sizes, progress=progress, checkpoint=beside)
    return _layers(fitted, images, states, layers.traits, poses)


def _part(
    layers: Layers, images: Floats, labels: NDArray[np.int64], fitted: NDArray[np.bool_], others: NDArray[np.int64]
) -> Part:
    known = [np.isin(own[others], own[fitted]) for own in labels.T]
    return Part(layers, images[others], labels[others], np.stack(known, 1))


def _chosen(labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(labels) <= most:
        return np.arange(len(labels))
    shared = [np.where(c > 0, np.bincount(c)[c], len(labels)) for c in labels.T]
    rarity = np.min(shared, axis=0) * np.random.RandomState(0).uniform(0.5, 1, len(labels))
    return np.sort(np.argsort(rarity, kind="stable")[:most])


def _layers(
    fitted: Fitted, images: Floats, states: NDArray[np.int64], traits: Traits, poses: tuple[int, ...] = ()
) -> Layers:
    sizes = np.array([len(v) for v in traits.values.values()]) * (poses or 1)
    first = np.cumsum([0, *(sizes + 1)])
    rows, values = states + first[:-1], int(first[-1])
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
        prior=((tokens + 0.5) / len(states)).astype(np.float32),
        variation=np.zeros((0, SIDE * SIDE * 3), np.float32),
        noise=np.full(SIDE * SIDE, LEAST_NOISE, np.float32),
        guess=_guess(images, rows, values),
        sharpness=np.full(len(traits.types), _FIRST_SHARPNESS, np.float32),
        follows=_follows(states),
        vanishes=np.zeros(len(traits.types), bool),
        gate=_gate(images),
        error=0.0,
        own_poses=poses,
    )


def _follows(states: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each type an earlier one that is visible whenever it is, or -1: facial hair for facial hair color."""
    visible = states > 0
    follows = np.full(states.shape[1], -1)
    for t in range(1, states.shape[1]):
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
