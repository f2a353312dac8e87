"""New punks from old: exact one-trait edits, learnt from pairs of training tokens that differ in one trait.

A pair tells which pixels change, from what to what. The edit is applied to another training token only where its
pixels are those the edit expects, and where the traits that may cover or be covered by the edited one are those of the
pair, so that each result is the punk that the artists' layers would have given.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.known import punks
from training.data.tokens import punks_training
from training.places import CACHE

POOL_PER_TOKEN = 12
# Trait type -> types that it may hide or be hidden by: an earring half under a hat can't be copied to a bare head.
_TOUCHING = {
    "head": ("eyes", "ear", "cheeks", "neck"),
    "eyes": ("head", "ear", "cheeks"),
    "beard": ("mouth", "cheeks", "held", "neck", "lips"),
    "mouth": ("beard", "held", "cheeks"),
    "lips": ("held", "mouth"),
    "held": ("beard", "mouth", "lips", "cheeks"),
    "nose": ("held", "cheeks"),
    "cheeks": ("head", "eyes", "beard", "nose", "held", "mouth"),
    "ear": ("head", "eyes"),
    "neck": ("head", "beard"),
}
_TYPES = punks.traits().types
_CONTEXT = {_TYPES.index(t): [_TYPES.index(o) for o in others] for t, others in _TOUCHING.items()}


@dataclass(frozen=True, eq=False)
class Edit:
    column: int
    before: int
    after: int
    pixels: NDArray[np.int64]
    old: NDArray[np.uint8]
    new: NDArray[np.uint8]


def pool(seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(images, labels) of edited punks, cached; rare traits as often as common ones, none equal to a held-out token."""
    path = CACHE / "punk-edits.npz"
    if not path.exists():
        tokens = punks_training()
        images, labels = _make(tokens.images, tokens.labels, np.random.default_rng(seed))
        held_out = {i.tobytes() for i in punks.tokens().images[punks.HELD_OUT.start :]}
        fresh = np.array([i.tobytes() not in held_out for i in images])
        images, labels = images[fresh], labels[fresh]
        np.savez_compressed(path, images=images, labels=labels)
    with np.load(path) as kept:
        return kept["images"], kept["labels"]


def _make(
    images: NDArray[np.uint8], labels: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    by_start = _edits(images, labels)
    made, rows, seen = [], [], {i.tobytes() for i in images}
    for source in np.repeat(np.arange(len(images)), POOL_PER_TOKEN):
        image, row, changed = images[source].reshape(-1, 3).copy(), labels[source].copy(), 0
        for _ in range(int(rng.integers(1, 4))):
            for _ in range(12):
                column = int(rng.integers(2, labels.shape[1]))
                targets = by_start.get(_start(row, column))
                if targets:
                    choices = targets[list(targets)[rng.integers(len(targets))]]
                    edit = choices[rng.integers(len(choices))]
                    if (image[edit.pixels] == edit.old).all():
                        image[edit.pixels], row[column], changed = edit.new, edit.after, changed + 1
                        break
        if changed and image.tobytes() not in seen:
            seen.add(image.tobytes())
            made.append(image.reshape(24, 24, 3))
            rows.append(row)
    return np.stack(made), np.stack(rows)


def _edits(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> dict[tuple[int, ...], dict[int, list[Edit]]]:
    """What an edit starts from -> value after -> the different edits that lead there."""
    found: dict[tuple[int, ...], dict[int, list[Edit]]] = defaultdict(lambda: defaultdict(list))
    known: set[bytes] = set()
    flat = images.reshape(len(images), -1, 3)
    for column in range(2, labels.shape[1]):
        groups: dict[bytes, list[int]] = defaultdict(list)
        for index, row in enumerate(np.delete(labels, column, axis=1)):
            groups[row.tobytes()].append(index)
        for group in groups.values():
            for a in group[:40]:
                for b in group[:40]:
                    if labels[a, column] == labels[b, column]:
                        continue
                    pixels = np.flatnonzero((flat[a] != flat[b]).any(1))
                    edit = Edit(
                        column, int(labels[a, column]), int(labels[b, column]), pixels, flat[a][pixels], flat[b][pixels]
                    )
                    key = (
                        bytes([column, edit.before, edit.after])
                        + pixels.tobytes()
                        + edit.old.tobytes()
                        + edit.new.tobytes()
                    )
                    if key not in known:
                        known.add(key)
                        found[_start(labels[a], column)][edit.after].append(edit)
    return found


def _start(row: NDArray[np.int64], column: int) -> tuple[int, ...]:
    return (int(row[0]), column, int(row[column]), *(int(row[c]) for c in _CONTEXT[column]))


if __name__ == "__main__":
    images, labels = pool()
    print(len(images), "edited punks;", "share with each trait type", (labels > 0).mean(0).round(3))
