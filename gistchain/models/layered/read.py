"""A picture -> the labels of its traits, by the layers themselves: which values would paint just these pixels?

Coordinate descent from a linear first guess: each type in turn takes the value whose picture is nearest, until nothing
changes. Where the picture is then further off than usual, a type is changed together with those that colour it.
Near means likely: differences are scaled, pixel by pixel, by the noise that fitting left, and do not count along the
main directions in which pictures with equal labels vary. `sharpness`, one number for each type, then turns evidence
into probabilities, and `trust` turns their product into a confidence, calibrated on unfitted tokens.

Within, types take states (a value in one of its poses); a Reading tells the values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gistchain.models.layered.model import SIDE, Floats, Layers, grid, small

_SWEEPS = 6
_ESCAPES = 3  # changes of several types at once, one after the other
_SEARCHED_AT = 16
_ALTERNATIVES, _LINKED = 4, 2  # values of a type that are tried, and types that then may change with it
_LEAST_LINK = 1e-3
_CLEARLY = 1.0  # nats by which such a change must be likelier
_ALONE = 4.0  # nats against a colour without its type, and against a type without its colour
_STILL_THE_COLLECTION = 3.0  # times the collection's own error, and at least the next number
_LEAST_ERROR = 0.02
_LEAST_MISFIT = 0.1
VISIBLE = 16 / 127.5
"""A trait whose absence changes no pixel by this much, on a scale of 2, can't be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """labels (T,); chances (T,) of each being right; error: mean squared, pixels in [-1, 1], of what they paint."""

    labels: NDArray[np.int64]
    chances: NDArray[np.float64]
    error: float


def log_odds(reading: Reading) -> float:
    """The log odds that all types are right, if their chances were independent."""
    chance = float(np.clip(np.prod(reading.chances), 1e-4, 1 - 1e-4))
    return float(np.log(chance / (1 - chance)))


def trusted(trust: tuple[float, float, float], odds: float, misfit: float) -> float:
    """The log odds that a whole reading is right, by its own odds and its error over the usual one."""
    bias, slope, doubt = trust
    return bias + slope * odds - doubt * float(np.log(max(misfit, _LEAST_MISFIT)))


def absence(layers: Layers, states: NDArray[np.int64], t: int, state: int = 0) -> float:
    """The largest change of a pixel, on a scale of 2, if type t had this state instead, by default "not visible"."""
    other = states.copy()
    other[t] = state
    return float(np.abs(layers.picture(other) - layers.picture(states)).max())


class Reader:
    """Reads the traits of pictures of one collection."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers

    def read(self, picture: Floats) -> Reading:
        """The labels of a picture (P, 3) in [-1, 1]."""
        layers, labels = self.layers, self._descended(picture, self.guessed(picture))
        for _ in range(_ESCAPES):
            if self._error(picture, labels) <= layers.error or not self._escaped(picture, labels):
                break
        chances = []
        values, visible = layers.labels(labels), self.visible(labels)
        for t in range(len(labels)):
            logs = self.log_chances(picture, labels, t)
            shares = np.exp(logs - logs.max())
            shares = layers.of_values(shares / shares.sum(), t)
            # A trait that can't be seen gets the label 0, which is then as right as the value itself.
            chances.append(shares[values[t]] + (shares[0] if values[t] and not visible[t] else 0))
        return Reading(visible, np.array(chances), self._error(picture, labels))

    def _descended(self, picture: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """The labels after each type in turn took its likeliest value, until nothing changes; in place."""
        for _ in range(_SWEEPS):
            before = labels.copy()
            for t in range(len(labels)):
                labels[t] = int(self.log_chances(picture, labels, t).argmax())
            if (labels == before).all() and not self._paired(picture, labels):
                break
        return labels

    def _error(self, picture: Floats, labels: NDArray[np.int64]) -> float:
        wrong = np.clip(self.layers.picture(labels), -1, 1) - picture
        return float((wrong * wrong).mean())

    def guessed(self, picture: Floats) -> NDArray[np.int64]:
        """The linear first guess of the states."""
        scores = (small(picture[None]) @ self.layers.guess)[0]
        return np.array([int(scores[a:b].argmax()) for a, b in pairwise(self.layers.first)])

    def misfit(self, picture: Floats, labels: NDArray[np.int64], sweeps: int) -> float:
        """The error of the labels after a few sweeps, over the largest error that a token is expected to have."""
        labels = labels.copy()
        for _ in range(sweeps):
            before = labels.copy()
            for t in range(len(labels)):
                labels[t] = int(self.log_chances(picture, labels, t).argmax())
            if (labels == before).all():
                break
        return self._error(picture, labels) / self.limit

    @property
    def limit(self) -> float:
        """The mean squared error from which a picture is more likely no token of the collection."""
        return max(_STILL_THE_COLLECTION * self.layers.error, _LEAST_ERROR)

    def visible(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """States -> labels without unreadable types, and without faint traits of types labelled only if visible."""
        visible = np.where(self.layers.sharpness > 0, self.layers.labels(labels), 0)
        for t in np.flatnonzero(visible * self.layers.vanishes):
            if absence(self.layers, labels, int(t)) < VISIBLE:
                visible[t] = 0
        return visible

    def _paired(self, picture: Floats, labels: NDArray[np.int64]) -> bool:
        """Changes a type and its colour together, where neither could change alone; True if that changed the labels."""
        changed = False
        for colour, t in enumerate(self.layers.follows):
            if t < 0 or (labels[t] and labels[colour]):
                continue
            scores = {}
            for value in range(int(self.layers.first[colour + 1] - self.layers.first[colour])):
                tried = labels.copy()
                tried[colour] = value
                logs = self.log_chances(picture, tried, int(t))
                own = np.log(self.layers.prior[self.layers.first[colour] + value])
                scores[value, int(logs.argmax())] = float(logs.max() + own)
            best = max(scores, key=lambda pair: scores[pair])
            changed |= best != (labels[colour], labels[t])
            labels[colour], labels[t] = best
        return changed

    def _escaped(self, picture: Floats, labels: NDArray[np.int64]) -> bool:
        """Takes the best change of a type and of those linked with it, if it is clearly likelier; in place."""
        coarse, few = self._coarse, picture[grid(_SEARCHED_AT)]
        best, most = labels, _CLEARLY
        for t in range(len(labels)):
            logs = coarse.log_chances(few, labels, t)
            logs[labels[t]] = -np.inf
            for value in np.argsort(-logs, kind="stable")[: min(_ALTERNATIVES, len(logs) - 1)]:
                tried = labels.copy()
                tried[t] = value
                for u in self._links[t]:
                    tried[u] = int(coarse.log_chances(few, tried, u).argmax())
                if (gain := coarse.gain(few, labels, tried)) > most:
                    best, most = tried, gain
        if best is labels:
            return False
        best = self._descended(picture, best)
        if self.gain(picture, labels, best) <= _CLEARLY:
            return False
        labels[:] = best
        return True

    def gain(self, picture: Floats, labels: NDArray[np.int64], others: NDArray[np.int64]) -> float:
        """Nats by which other states are likelier; the evidence counts as for the least sharp type that changes."""
        changed = np.flatnonzero(labels != others)
        sharp = self.layers.sharpness[changed]
        if not (sharp > 0).any():
            return 0.0
        priors = np.log(self.layers.prior[self.layers.rows(np.stack([labels, others]))])[:, changed].sum(1)
        off = [self._distances(picture, self.layers.picture(row)[None])[0] for row in (labels, others)]
        return float(priors[1] - priors[0] + sharp[sharp > 0].min() * (off[0] - off[1]))

    @cached_property
    def _coarse(self) -> Reader:
        """This reader at fewer pixels."""
        own, picks = self.layers, grid(_SEARCHED_AT)
        if len(own.noise) != SIDE * SIDE:
            return self
        variation = own.variation.reshape(len(own.variation), -1, 3)[:, picks].reshape(len(own.variation), -1)
        return Reader(
            replace(
                own,
                claims=own.claims[:, picks],
                colours=own.colours[:, picks],
                tints=own.tints[:, picks],
                noise=own.noise[picks],
                variation=variation,
            )
        )

    @cached_property
    def _links(self) -> list[list[int]]:
        """For each type the few that change its colours the most, or whose colours it changes."""
        own = self._coarse.layers
        types = list(pairwise(own.first))
        most = np.stack([own.strengths[a:b].max(0) for a, b in types])
        reach = np.array([np.ptp(own.hues[a:b], axis=0).max() for a, b in types])
        tints = np.stack([np.abs(own.tints[a:b]).max(0) for a, b in types])  # (T, P, T)
        links = ((most / most.sum(0))[..., None] * tints).mean(1) * reach
        links = links + links.T
        np.fill_diagonal(links, 0)
        for colour, t in enumerate(own.follows):
            if t >= 0:
                links[[colour, t], [t, colour]] += 1
        order = np.argsort(-links, axis=1, kind="stable")[:, :_LINKED]
        return [[int(u) for u in row if links[t, u] > _LEAST_LINK] for t, row in enumerate(order)]

    def confidence(self, reading: Reading) -> float:
        """The chance that the whole caption is right: that it is this collection at all, times that of every type."""
        right = 1 / (1 + np.exp(-trusted(self.layers.trust, log_odds(reading), reading.error / self.layers.error)))
        return float(right / (1 + (reading.error / self.limit) ** 4))

    def log_chances(self, picture: Floats, labels: NDArray[np.int64], t: int) -> Floats:
        """(states of type t,) up to a constant: prior and evidence of each, the other states as given."""
        own = slice(int(self.layers.first[t]), int(self.layers.first[t + 1]))
        evidence = self.surprise(picture, labels, t)
        logs: Floats = np.log(self.layers.prior[own]) - self.layers.sharpness[t] * evidence
        for colour, type_ in enumerate(self.layers.follows):
            if type_ >= 0 and t in (colour, type_):  # visible together or not at all
                other = labels[type_ if t == colour else colour]
                logs[1:] -= _ALONE * (other == 0)
                logs[0] -= _ALONE * (other != 0)
        return logs

    def surprise(self, picture: Floats, labels: NDArray[np.int64], t: int) -> Floats:
        """(states of type t,) half the squared Mahalanobis distance of the picture that each would give."""
        layers = self.layers
        own = slice(int(layers.first[t]), int(layers.first[t + 1]))
        rows = layers.rows(labels)
        others = np.delete(rows, t)
        hues = layers.hues[rows]
        hues[t] = 0
        # What the other types give without this one's hue, and how much its hue adds.
        weights, tints = layers.strengths[others], layers.tints[others]
        sums = np.einsum("tp,tpc->pc", weights, layers.colours[others] + tints @ hues)
        reach = np.einsum("tp,tp->p", weights, tints[..., t])
        claims = layers.strengths[own]
        painted = layers.colours[own] + layers.tints[own] @ hues
        painted *= claims[..., None]
        painted += sums
        painted += reach[None, :, None] * layers.hues[own][:, None]
        painted /= (weights.sum(0) + claims)[..., None]
        return self._distances(picture, painted)

    def _distances(self, picture: Floats, painted: Floats) -> Floats:
        """(V,) half the squared Mahalanobis distances of pictures (V, P, 3), which are overwritten."""
        np.clip(painted, -1, 1, out=painted)
        painted -= picture
        painted /= self._deviation
        wrong = painted.reshape(len(painted), -1)
        along = wrong @ self._directions.T
        distances: Floats = 0.5 * (np.einsum("vd,vd->v", wrong, wrong) - np.einsum("vk,vk->v", along, along))
        return distances

    @cached_property
    def _deviation(self) -> Floats:
        deviation: Floats = np.sqrt(self.layers.noise)[:, None]
        return deviation

    @cached_property
    def _directions(self) -> Floats:
        """(K, P * 3) such that |wrong|^2 - |directions @ wrong|^2 is Mahalanobis' under noise and variation."""
        scaled = self.layers.variation / np.repeat(self._deviation[:, 0], 3)
        _, lengths, axes = np.linalg.svd(scaled, full_matrices=False)
        directions: Floats = (axes * np.sqrt(lengths**2 / (1 + lengths**2))[:, None]).astype(np.float32)
        return directions
