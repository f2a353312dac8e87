"""Readings of tokens that were not learnt from -> values that no pixel tells apart -> layers that name them together.

    true and read labels ──> confusions ──> do their layers look alike? ──> groups ──> "blue or navy", one row of layers

Two colours of a palette may differ by less than an eye sees (16 of 255). A caption that picks one of them guesses; one
that says "blue or navy" is right. A value that looks as if its trait were absent is told by no caption at all. What was
merged stands in Layers.merged, so that painters still know the single names. Values with poses stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gistchain.models.layered.model import Floats, Layers
from gistchain.models.layered.read import VISIBLE, absence
from gistchain.traits import Traits

LONGEST = 60
"""Letters of a merged value's name."""
_OR = " or "
_ALIKE = 1.5 * VISIBLE  # the painted layers of single pixels stray by half of what counts as visible
_CONFUSED, _SHARE = 2, 0.03  # tokens that were taken for each other, and their least share of those with either value
_TRIED = 15  # tokens on which two values are compared

Group = tuple[int, ...]
"""Labels of one type that look alike; label 0 is "not visible"."""


def alike(layers: Layers, true: NDArray[np.int64], read: NDArray[np.int64]) -> list[list[Group]]:
    """For each type the groups of its labels that were confused and look alike. true, read: (N, T) labels."""
    groups: list[list[Group]] = []
    for t, values in enumerate(layers.traits.values.values()):
        counts = np.zeros((len(values) + 1, len(values) + 1), np.int64)
        if layers.sharpness[t] > 0 and layers.poses[t] == 1:
            np.add.at(counts, (true[:, t], read[:, t]), 1)
        found: list[set[int]] = []
        for a, b in _confused(counts):
            joined = {a, b}.union(*(g for g in found if g & {a, b}))
            if len(joined) <= len(values) and _look_alike(layers, true, t, sorted(joined)):
                found = [g for g in found if not g & joined] + [joined]
        groups.append([tuple(sorted(g)) for g in sorted(found, key=min)])
    return groups


def _confused(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs of labels that are often taken for each other, the worst first."""
    both = counts + counts.T
    pairs = []
    for a, b in zip(*np.triu_indices(len(counts), 1), strict=True):
        tokens = counts[b].sum() + (counts[a].sum() if a else counts[0, b])
        if both[a, b] >= _CONFUSED and both[a, b] >= _SHARE * tokens:
            pairs.append((int(both[a, b]), int(a), int(b)))
    return [(a, b) for _, a, b in sorted(pairs, key=lambda p: (-p[0], p[1:]))]


def _look_alike(layers: Layers, true: NDArray[np.int64], t: int, group: Sequence[int]) -> bool:
    """Whether in most tokens with a value of the group no pixel would change visibly if it had another of them."""
    rows = true[np.isin(true[:, t], group)]
    rows = layers.states(rows[rows[:, t] > 0][:_TRIED])
    changes = []
    for row in rows:
        changes.append([_change(layers, row, t, a, b) for k, a in enumerate(group) for b in group[k + 1 :]])
    return bool(changes) and float(np.median(changes, axis=0).max()) < _ALIKE


def _change(layers: Layers, row: NDArray[np.int64], t: int, a: int, b: int) -> float:
    one = row.copy()
    one[t] = a
    return absence(layers, one, t, b)


def merged(layers: Layers, groups: Sequence[Sequence[Group]]) -> Layers:
    """The layers with one value for each group: a mean of its values by how common they are."""
    kept, names = _kept(layers, groups), _names(layers.traits, groups)
    values = {type_: named for type_, (named, _) in names.items()}
    rows = [own for t, every in enumerate(kept) for group in every for own in _rows(layers, t, group)]
    shares = [(layers.prior[own] / layers.prior[own].sum()).astype(np.float32) for own in rows]

    def mean(array: Floats) -> Floats:
        return np.stack([np.tensordot(share, array[own], 1) for own, share in zip(rows, shares, strict=True)])

    return replace(
        layers,
        traits=replace(layers.traits, values=values),
        claims=mean(layers.claims),
        colours=mean(layers.colours),
        tints=mean(layers.tints),
        hues=mean(layers.hues),
        prior=np.array([layers.prior[own].sum() for own in rows], np.float32),
        guess=np.stack([layers.guess[:, own].sum(1) for own in rows], 1),
        merged={type_: told for type_, (_, told) in names.items() if told},
    )


def _rows(layers: Layers, t: int, group: Group) -> list[list[int]]:
    """The rows that become one each: those of the group together, or the poses of a value one by one."""
    first, poses = int(layers.first[t]), int(layers.poses[t])
    if poses == 1 or group == (0,):
        return [[first + label for label in group]]
    return [[first + 1 + (group[0] - 1) * poses + k] for k in range(poses)]


def mapped(layers: Layers, groups: Sequence[Sequence[Group]], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, T) labels of the unmerged `layers` -> those of `merged`."""
    columns = []
    for t, every in enumerate(_kept(layers, groups)):
        new = {label: k for k, group in enumerate(every) for label in group}
        columns.append(np.array([new[label] for label in range(len(new))], np.int64)[labels[:, t]])
    return np.stack(columns, 1)


def relabelled(labels: NDArray[np.int64], traits: Traits, layers: Layers) -> NDArray[np.int64]:
    """(N, T) labels of a collection's own `traits` -> those of its layers, by name."""
    columns = []
    for t, (type_, values) in enumerate(traits.values.items()):
        own = layers.traits.values[type_]
        stands = {name: told for told, group in layers.merged.get(type_, {}).items() for name in group}
        told = [stands.get(value, value) for value in values]
        columns.append(np.array([0, *(own.index(name) + 1 if name else 0 for name in told)], np.int64)[labels[:, t]])
    return np.stack(columns, 1)


def _kept(layers: Layers, groups: Sequence[Sequence[Group]]) -> list[list[Group]]:
    """For each type all labels, those of a group together, in the order of their first."""
    kept = []
    for values, own in zip(layers.traits.values.values(), groups, strict=True):
        grouped = {label for group in own for label in group}
        alone = [(label,) for label in range(len(values) + 1) if label not in grouped]
        kept.append(sorted([*own, *alone], key=min))
    return kept


def _names(
    traits: Traits, groups: Sequence[Sequence[Group]]
) -> dict[str, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]]:
    """For each type the names of its new values, and what the merged ones stand for."""
    names = {}
    for (type_, values), own in zip(traits.values.items(), groups, strict=True):
        joined = {group[0]: tuple(values[label - 1] for label in group if label) for group in own}
        later = {label for group in own for label in group[1:]}
        named: list[str] = []
        told: dict[str, tuple[str, ...]] = {}
        for label in range(len(values) + 1):
            if label in joined:
                told[_name(joined[label], named) if label else ""] = joined[label]
            if label and label not in later:
                named.append(_name(joined[label], named) if label in joined else values[label - 1])
        names[type_] = (tuple(named), told)
    return names


def _name(values: tuple[str, ...], taken: Sequence[str]) -> str:
    """ "blue or navy", of no more than LONGEST letters."""
    whole = _OR.join(values)
    told = len(values)
    while len(whole) > LONGEST and told > 1:
        told -= 1
        whole = f"{_OR.join(values[:told])} or {len(values) - told} more"
    return whole if len(whole) <= LONGEST and whole not in taken else values[0]
