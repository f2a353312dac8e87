"""A token -> the same token with exactly one trait changed, where the change can be seen.

The ground's colour is left alone: a picture on another ground is a copy (transforms.py, 'background').
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.known import dicebear, nouns, robohash
from gistchain.types import Pixels
from training.rareness import sources
from training.rareness.records import Item, Query
from training.rareness.sources import SourcePicture

LEAST = 0.002
"""Of all pixels, how many must differ by more than 24 of 255."""
_TRIES = 8
_COLOURED = 0.25  # of the twins of avatars differ in a colour: those a hue shift hides
_SKIN = 1  # columns of a punk's labels before it: the type, with which every layer changes


def difference(one: Pixels, other: Pixels, *, by: int = 24) -> float:
    """Share of pixels that differ by more than `by` of 255 in some channel. 1 where the shapes differ."""
    if one.shape != other.shape:
        return 1.0
    return float((np.abs(one.astype(np.int16) - other).max(-1) > by).mean())


def twin(base: SourcePicture, rng: np.random.Generator, *, held_out: bool) -> tuple[SourcePicture, str] | None:
    """(twin, "trait type: old -> new"), or None if no change of a few tries can be seen.

    Not for punks: all that there are exist already (punk_twins).
    """
    for made in _variations(base, rng, held_out):
        changed = [t for t in {**base.traits, **made.traits} if base.traits.get(t) != made.traits.get(t)]
        if len(changed) == 1 and difference(base.image, made.image) > LEAST:
            old, new = (p.traits.get(changed[0], "none") for p in (base, made))
            return made, f"{changed[0]}: {old} -> {new}"
    return None


def _variations(base: SourcePicture, rng: np.random.Generator, held_out: bool) -> Iterator[SourcePicture]:
    key = base.id.partition("/")[2]
    if base.collection == "nouns":
        return _nouns([int(n) for n in key.split("-")], rng, held_out)
    return _robots(base.collection, key, rng) if base.collection in robohash.SETS else _avatars(base, key, rng)


def _nouns(seed: list[int], rng: np.random.Generator, held_out: bool) -> Iterator[SourcePicture]:
    for _ in range(_TRIES):
        layer = int(rng.integers(1, len(seed)))
        other = seed.copy()
        other[layer] = int(rng.integers(nouns.layers().counts[layer]))
        if held_out or not nouns.held_out(np.array([other]))[0]:
            yield sources.noun(other)


def _robots(name: str, key: str, rng: np.random.Generator) -> Iterator[SourcePicture]:
    row, values = sources.robohash_row(name, key), list(robohash.traits(name).values.values())
    for _ in range(_TRIES):
        part = int(rng.integers(len(row)))
        other = row.copy()
        other[part] = int(rng.integers(1, len(values[part]) + 1))
        yield sources.robot(name, f"{key}+{part}-{other[part]}", other)


def _avatars(base: SourcePicture, seed: str, rng: np.random.Generator) -> Iterator[SourcePicture]:
    style = base.collection
    own = dicebear._options(style, {"seed": seed})
    parts, colours = _options(style, own)
    for _ in range(_TRIES):
        pool = colours if not parts or (colours and rng.random() < _COLOURED) else parts
        if not pool:
            return
        option, value = pool[int(rng.integers(len(pool)))]
        given = {option: value}
        other = dicebear._options(style, {"seed": seed, **given})
        if all(own.get(o) == other.get(o) or _of(option, o) for o in {*own, *other}):
            made = sources.avatar(style, seed, given)
            name = f"{base.id}+{option}-{value[0] if isinstance(value, list) else value}"
            yield SourcePicture(name, style, base.type, made.image, made.foreground, made.caption, made.traits)


def _options(style: str, own: dict[str, object]) -> tuple[list[tuple[str, object]], list[tuple[str, object]]]:
    """(options that give another part or none, options that give another colour)."""
    table, definition = dicebear._table(style), dicebear._definition(style)
    parts: list[tuple[str, object]] = []
    for name in table.components:
        variants, chosen = definition["components"][name]["variants"], own.get(f"{name}Variant")
        if chosen in variants:
            parts += [(f"{name}Variant", v) for v in variants if v != chosen]
            if definition["components"][name].get("probability", 100) < 100:
                parts += [(f"{name}Probability", 0)] * max(1, len(variants) // 4)
    colours: list[tuple[str, object]] = [
        (f"{name}Color", [value])
        for name, named in table.colours.items()
        if name != "background" and own.get(f"{name}Color")
        for value in named
        if value != str(own[f"{name}Color"][0]).lower()  # type: ignore[index]
    ]
    return parts, colours


def _of(given: str, changed: str) -> bool:
    """Whether the option that changed belongs to the part or colour of the option that was given."""
    part = given.removesuffix("Variant").removesuffix("Probability").removesuffix("Color")
    return changed.startswith(part) and changed[len(part) :][:1].isupper()


def colours_apart(queries: Iterable[Query], items: Iterable[Item]) -> set[str]:
    """Ids of the tokens asked about that have the shapes of a registered token other than their source.

    Only colours tell these apart: grey, a hue shift or swapped channels may leave nothing to tell by.
    """
    shapes: dict[tuple[str, frozenset[tuple[str, str]]], list[str]] = {}
    for item in items:
        if item.traits:
            shapes.setdefault((item.collection, _shapes(item)), []).append(item.id)
    found = ((q.id, q.source if q.label == "copy" else None, (q.collection, _shapes(q))) for q in queries if q.traits)
    return {id_ for id_, source, key in found if any(i != source for i in shapes.get(key, ()))}


def _shapes(record: Item | Query) -> frozenset[tuple[str, str]]:
    colours = sources.colour_types(record.collection)
    return frozenset((t, v) for t, v in record.traits.items() if t not in colours)


def punk_twins(queries: NDArray[np.int64]) -> list[tuple[int, int, str]]:
    """(query, base, what differs) of punks whose labels differ in one trait; a base may be any of the 10,000."""
    from gistchain.collection.known import punks

    images, labels = sources.punk_table()
    types, found = punks.traits(), []
    names = list(types.values)
    for number in queries.tolist():
        unlike = labels != labels[number]
        for base in np.flatnonzero((unlike.sum(1) == 1) & ~unlike[:, :_SKIN].any(1)).tolist():
            if difference(images[number], images[base]) > LEAST:
                column = int(np.flatnonzero(unlike[base])[0])
                values = ("none", *types.values[names[column]])
                old, new = values[labels[base, column]], values[labels[number, column]]
                found.append((number, base, f"{names[column]}: {old} -> {new}"))
    return found
