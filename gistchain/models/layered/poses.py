"""Fitted layers and their tokens -> values whose part moves by chance, and the pose that it has in each token.

A mouth that a style moves about, or a pile that it tilts, is a blur in the mean of all tokens. Here every value of such
a type gets several rows of layers, its poses:

    painted ──> how much more or less of each pixel a token's part covers ──> clusters within each value
                                                                          └──> do they explain the error? ──> poses

A pose is a hidden variable: no caption tells it. Reading takes whichever fits best, painting one that a seed draws.
Where another trait settles the pose, as a body does where its eyes are, nothing moves by chance: no seed may draw it.
Only small and repeated motions are found so; a part that slides across the picture needs more poses than tokens show.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gistchain.models.layered.model import SIDE, Floats, Layers
from gistchain.models.layered.read import Reader

_MOST, _LEAST = 8, 3
_TOKENS = 15  # of a value, for each of its poses
_MOVES = 0.1  # share of the first error that a type's poses must explain
_SETTLED = 0.7  # share of what is open about a pose from which another trait settles it
_BLURRED = 1e-3  # mean squared error from which it is worth looking
_SOFT = 0.05  # squared difference of colours at which a pixel tells half of what it could
_AXES, _STARTS, _STEPS = 8, 4, 25
_SWEEPS = 3


def found(layers: Layers, images: Floats, labels: NDArray[np.int64]) -> tuple[tuple[int, ...], NDArray[np.int64]]:
    """Poses of each type's values, 1 where nothing moves, and (N, T) states of the tokens (Layers.states).

    layers: fitted to images (N, P, 3) and labels (N, T), without poses. Types are taken one after the other, that
    which explains most first; the next must explain what is left.
    """
    poses = [1] * labels.shape[1]
    clusters: dict[int, NDArray[np.int64]] = {}
    wrong = images - np.stack([layers.picture(row) for row in labels])
    least = _MOVES * float((wrong * wrong).sum())
    several = {t: count for t in range(labels.shape[1]) if (count := _several(labels[:, t])) >= _LEAST}
    while several and float((wrong * wrong).mean()) > _BLURRED:
        # All with as many poses: one with more could explain what moves before it, as a sky does the birds.
        count = min(several.values())
        left = {t: _clustered(layers, images, labels, wrong, t, count)[1] for t in several}
        t = min(left, key=lambda one: left[one])
        if float((wrong * wrong).sum()) - left[t] < least:
            break
        clustered, _, without = _clustered(layers, images, labels, wrong, t, several[t])
        count = several.pop(t)
        if settled(labels, clustered, t) < _SETTLED:
            clusters[t], poses[t], wrong = clustered, count, without
    states = labels.copy()
    for t, clustered in clusters.items():
        states[:, t] = np.where(labels[:, t] > 0, (labels[:, t] - 1) * poses[t] + 1 + clustered, 0)
    return tuple(poses), states


def posed(layers: Layers, images: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, T) the states of pictures whose labels are known: of each value the pose that fits best."""
    states = layers.states(labels)
    moving = [t for t, count in enumerate(layers.poses) if count > 1]
    if not moving:
        return states
    reader = Reader(replace(layers, sharpness=np.ones_like(layers.sharpness)))
    for state, picture in zip(states, images, strict=True):
        for _ in range(_SWEEPS):
            before = state.copy()
            for t in moving:
                if state[t]:
                    first = (state[t] - 1) // layers.poses[t] * layers.poses[t] + 1
                    state[t] = first + int(reader.surprise(picture, state, t)[first : first + layers.poses[t]].argmin())
            if (state == before).all():
                break
    return states


def settled(labels: NDArray[np.int64], clusters: NDArray[np.int64], t: int) -> float:
    """0..1: how much of what is open about a token's cluster within its value of type t another type's value tells,
    the one that tells most (mutual information over entropy)."""
    shown = labels[:, t] > 0
    own = labels[shown, t] * (int(clusters.max()) + 1) + clusters[shown]
    open_ = _entropy(own) - _entropy(labels[shown, t])
    told = [0.0]
    for u in range(labels.shape[1]):
        if u != t:
            other = labels[shown, u] * (int(own.max()) + 1)
            both = other + labels[shown, t]
            told.append(open_ - (_entropy(other + own) - _entropy(both)))
    return max(told) / open_ if open_ > 0 else 1.0


def _entropy(numbers: NDArray[np.int64]) -> float:
    shares = np.unique(numbers, return_counts=True)[1] / len(numbers)
    return float(-(shares * np.log(shares)).sum())


def _several(labels: NDArray[np.int64]) -> int:
    counts = np.bincount(labels)[1:]
    return min(_MOST, int(np.median(counts[counts > 0])) // _TOKENS) if (counts > 0).any() else 0


def _clustered(
    layers: Layers, images: Floats, labels: NDArray[np.int64], wrong: Floats, t: int, count: int
) -> tuple[NDArray[np.int64], float, Floats]:
    """(N,) the cluster of each token within its value of type t; what is wrong when it is known: squared, and each."""
    clusters, left = np.zeros(len(labels), np.int64), wrong.copy()
    for value in np.unique(labels[:, t][labels[:, t] > 0]):
        own = np.flatnonzero(labels[:, t] == value)
        most = min(count, len(own) // _TOKENS)
        if most < 2:
            continue
        across = np.stack([_across(layers, labels[k], t) for k in own])
        size = (across * across).sum(2)
        cover = (wrong[own] * across).sum(2) / (size + _SOFT)
        clusters[own] = _means(_small(cover * np.sqrt(size)), most)
        for k in range(most):
            members = clusters[own] == k
            # Each token is judged by the others of its cluster: their mean says nothing of the token alone.
            others = (cover[members].sum(0) - cover[members]) / max(members.sum() - 1, 1)
            left[own[members]] -= others[..., None] * across[members]
    return clusters, float((left * left).sum()), left


def _across(layers: Layers, row: NDArray[np.int64], t: int) -> Floats:
    """(P, 3) how the picture would change from the others' colours to type t's own."""
    rows = layers.rows(row)
    weights = layers.strengths[rows]
    colours = layers.colours[rows] + layers.tints[rows] @ layers.hues[rows]
    weights[t] = 0
    across: Floats = colours[t] - (weights[..., None] * colours).sum(0) / weights.sum(0)[:, None]
    return across


def _small(cover: Floats) -> Floats:
    """(N, P) -> (N, at most _AXES) main directions of means of 2 x 2 pixels."""
    side = SIDE // 2
    means = cover.reshape(len(cover), side, 2, side, 2).mean((2, 4)).reshape(len(cover), -1)
    axes, lengths, _ = np.linalg.svd(means - means.mean(0), full_matrices=False)
    small: Floats = axes[:, :_AXES] * lengths[:_AXES]
    return small


def _means(points: Floats, count: int) -> NDArray[np.int64]:
    """k-means: the best of a few starts, each with far points first (k-means++)."""
    rng, best, least = np.random.RandomState(0), np.zeros(len(points), np.int64), np.inf
    for _ in range(_STARTS):
        centres = points[[rng.randint(len(points))]]
        while len(centres) < count:
            far = ((points[:, None] - centres) ** 2).sum(2).min(1).astype(np.float64)
            chances = far / far.sum() if far.sum() > 0 else None
            centres = np.concatenate([centres, points[[rng.choice(len(points), p=chances)]]])
        for _ in range(_STEPS):
            nearest = ((points[:, None] - centres) ** 2).sum(2).argmin(1)
            means = [points[nearest == k].mean(0) if (nearest == k).any() else centres[k] for k in range(count)]
            centres = np.stack(means)
        off = float(((points - centres[nearest]) ** 2).sum())
        if off < least:
            best, least = nearest, off
    return best
