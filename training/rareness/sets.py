"""Registered pictures and queries of three parts: 'train' and 'tune' of some collections, 'test' of all.

    python -m training.rareness.sets train tune test      # about 15 CPU-minutes; --processes 2

Copies are transformed registered pictures. Everything else is not registered: twins (one trait away from a registered
token), siblings, originals, every second one transformed by the same mix, or a copy would be what looks transformed.
The collections of sources.UNSEEN and the families transforms.UNSEEN are in the part 'test' alone.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from gistchain.types import Pixels
from training.rareness import derivatives, sources, twins
from training.rareness.records import Item, Label, Part, Query, encoded, save
from training.rareness.shelf import PictureShelf
from training.rareness.sources import SourcePicture
from training.rareness.transforms import FAMILIES, KNOWN, PRACTICE, TRANSFORMS, UNSEEN, transformed

PARTS: tuple[Part, ...] = ("train", "tune", "test")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of a group. pairs: derivatives, and as many pictures rendered likewise of what isn't registered."""

    registered: int
    copies: int = 0
    twins: int = 0
    others: int = 0
    pairs: int = 0


_TOKENS = {"train": Counts(170, 60, 22, 32), "tune": Counts(260, 96, 36, 46), "test": Counts(130, 10, 5, 8)}
_UNSEEN, _PUNKS = Counts(230, 135, 60, 90), Counts(550, 162, 80, 130)
_OTHERS: dict[str, dict[Part, Counts]] = {
    "emoji": {
        "train": Counts(260, 120, 25, 95, 20),
        "tune": Counts(100, 60, 10, 40, 10),
        "test": Counts(140, 110, 20, 75, 30),
    },
    "drawing": {"train": Counts(280, 140, 0, 150), "tune": Counts(110, 70, 0, 70), "test": Counts(300, 80, 0, 80)},
    "photo": {"train": Counts(110, 150, 0, 100), "tune": Counts(24, 50, 0, 36), "test": Counts(40, 90, 0, 70)},
}
_PAIRS: dict[Part, Counts] = {
    "train": Counts(25, 0, 0, 0, 14),
    "tune": Counts(25, 0, 0, 0, 10),
    "test": Counts(30, 0, 0, 0, 20),
}
_TRIES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A picture before it is asked about. base: of a copy itself, of a twin or derivative the registered picture."""

    picture: SourcePicture
    label: Label
    base: SourcePicture | None = None
    changed: str = ""

    def visible(self, made: Pixels, base: Pixels | None) -> float:
        return twins.difference(made, base) if base is not None and self.label == "twin" else 1.0


class Group:
    """One collection, or one kind of picture, of a part: its shelf and its queries."""

    def __init__(self, part: Part, name: str, *, unseen: bool) -> None:
        self.part, self.name, self.unseen = part, name, unseen
        self.rng = np.random.default_rng(_seed(part, name))
        self.shelf, self.queries = PictureShelf(), dict[str, Query]()
        families = KNOWN + (UNSEEN if part == "test" else PRACTICE)
        # Where a group has fewer queries than there are families, the next group goes on with the others.
        self._families = [families[(k + _seed(name)) % len(families)] for k in range(len(families))]
        self._turn = {"copy": 0, "other": 0}

    def copies(self, pool: Sequence[SourcePicture], count: int) -> None:
        made = 0
        while made < count:
            name = self._next_transform("copy")
            for _ in range(_TRIES):  # a hue shift does nothing to a grey drawing, a photo has no ground to swap
                picture = pool[int(self.rng.integers(len(pool)))]
                if self._ask(Case(picture, "copy", picture), name):
                    made += 1
                    break

    def others(self, pictures: Sequence[SourcePicture], label: Label) -> None:
        """Every second one transformed."""
        for number, picture in enumerate(pictures):
            self.other(Case(picture, label), transform=number % 2 == 1)

    def other(self, case: Case, *, transform: bool) -> None:
        if not transform:
            image, base = case.picture.image, case.base.image if case.base else None
            self._keep(case, image, visible=case.visible(image, base))
            return
        for _ in range(_TRIES):
            if self._ask(case, self._next_transform("other")):
                return

    def _next_transform(self, of: str) -> str:
        turn = self._turn[of]
        self._turn[of] += 1
        family = self._families[turn % len(self._families)]
        names = FAMILIES[family]
        return names[(turn // len(self._families) + _seed(self.name, family)) % len(names)]

    def _ask(self, case: Case, name: str) -> bool:
        """Whether the transform could be done and seen."""
        seed = _seed(self.part, case.picture.id, name, case.label)

        def change(picture: SourcePicture) -> tuple[Pixels, str] | None:
            return transformed(name, picture.image, np.random.default_rng(seed), foreground=picture.foreground)

        made = change(case.picture)
        if made is None or not _changed(case.picture.image, made[0]) or _id(case, name) in self.queries:
            return False
        same = change(case.base) if case.base and case.label == "twin" else None
        self._keep(case, made[0], name, made[1], case.visible(made[0], same and same[0]))
        return True

    def _keep(self, case: Case, image: Pixels, name: str = "", done: str = "", visible: float = 1.0) -> None:
        family, picture = TRANSFORMS[name].family if name else "", case.picture
        self.queries[_id(case, name)] = Query(
            _id(case, name), case.label, case.base.id if case.base else None, name, family, done, picture.collection,
            picture.type, not self.unseen, not name or TRANSFORMS[name].known, case.changed, visible, picture.traits,
            encoded(image),
        )  # fmt: skip

    def items(self) -> list[Item]:
        return [Item(p.id, p.collection, p.type, p.caption, p.traits, encoded(p.image)) for p in self.shelf.pictures]


def _id(case: Case, name: str) -> str:
    return f"{case.picture.id}~{case.label}" + (f"-{name}" if name else "")


def _changed(image: Pixels, made: Pixels) -> bool:
    """Whether the change can be seen, and leaves something to see."""
    return min(made.shape[:2]) >= 16 and made.std() > 4 and twins.difference(image, made, by=6) > 0.005


def _seed(*names: str) -> int:
    return int.from_bytes(hashlib.sha256("/".join(names).encode()).digest()[:8], "big")


def tokens(part: Part, collection: str, counts: Counts) -> Group:
    group = Group(part, collection, unseen=collection in sources.UNSEEN)
    keys = iter(sources.keys(collection, part, 4 * counts.registered + 200))
    while len(group.shelf.pictures) < counts.registered:
        group.shelf.add(sources.token(collection, next(keys)))
    group.copies(group.shelf.pictures, counts.copies)
    bases, number = group.rng.permutation(len(group.shelf.pictures)).tolist(), 0
    while number < counts.twins and bases:
        base = group.shelf.pictures[bases.pop()]
        made = twins.twin(base, group.rng, held_out=part == "test")
        if made and not group.shelf.holds(made[0]):
            group.other(Case(made[0], "twin", base, made[1]), transform=number % 2 == 1)
            number += 1
    group.others(_fresh(group, (sources.token(collection, k) for k in keys), counts.others), "sibling")
    return group


def punks(part: Part, counts: Counts) -> Group:
    """Copies and negatives are of punks 9000-9999; what is registered beside them may be any punk."""
    group = Group(part, "punks", unseen=True)
    held = [int(k) for k in sources.keys("punks", part, 1000)]
    own, fresh = held[: 4 * counts.registered // 5], held[4 * counts.registered // 5 :]
    for number in own:
        group.shelf.add(sources.token("punks", str(number)))
    of_test, known = list(group.shelf.pictures), {p.id: p for p in group.shelf.pictures}
    number = 0
    used = set[int]()
    for query, base, changed in twins.punk_twins(np.array(fresh)):
        if number == counts.twins or query in used:
            continue
        if f"punks/{base}" not in known:
            if base in fresh or len(known) >= counts.registered:
                continue
            picture = sources.token("punks", str(base))
            if not group.shelf.add(picture):
                continue
            known[picture.id] = picture
        picture = sources.token("punks", str(query))
        if not group.shelf.holds(picture):
            group.other(Case(picture, "twin", known[f"punks/{base}"], changed), transform=number % 2 == 1)
            used.add(query)
            number += 1
    more = iter(np.random.default_rng(10).permutation(9000))
    while len(group.shelf.pictures) < counts.registered:
        group.shelf.add(sources.token("punks", str(next(more))))
    group.copies(of_test, counts.copies)
    unused = (sources.token("punks", str(k)) for k in fresh if k not in used)
    group.others(_fresh(group, unused, counts.others), "sibling")
    return group


def pictures(part: Part, kind: str, counts: Counts) -> Group:
    """Emoji, drawings or photos; a photo that isn't registered is asked about several times."""
    group = Group(part, kind, unseen=False)
    every = sources.each(part, kind)  # type: ignore[arg-type]
    while len(group.shelf.pictures) < counts.registered:
        group.shelf.add(next(every))
    group.copies(group.shelf.pictures, counts.copies)
    if kind == "emoji":
        _tones(group, counts.twins)
    label: Label = "sibling" if kind == "emoji" else "original"
    fresh = _fresh(group, every, counts.others + counts.pairs)
    for number in range(counts.others):
        group.other(Case(fresh[number % len(fresh)], label), transform=number % 2 == 1 or number >= len(fresh))
    if kind == "emoji":
        _renderings(group, fresh, counts.pairs)
    return group


def _tones(group: Group, count: int) -> None:
    """Emoji with another skin: twins."""
    number = 0
    for base in group.shelf.pictures:
        tones = sources.emoji_tones(base.id.partition("/")[2])
        if tones and number < count:
            tone = list(tones)[int(group.rng.integers(len(tones)))]
            picture = sources.emoji(tones[tone])
            if not group.shelf.holds(picture):
                group.other(Case(picture, "twin", base, f"skin: yellow -> {tone}"), transform=number % 2 == 1)
                number += 1


def _renderings(group: Group, fresh: Sequence[SourcePicture], count: int) -> None:
    """Flat ones of 3D emoji that are registered and of others that aren't, and what other makers drew."""
    flats = [(made, base) for base in group.shelf.pictures if (made := derivatives.flat(base))]
    for made, base in flats[:count]:
        group.other(Case(made, "derivative", base), transform=False)
    unregistered = [made for base in reversed(fresh) if (made := derivatives.flat(base))]
    group.others(unregistered[:count], "sibling")
    bases = group.shelf.pictures[:count]
    group.others([made for base in bases for made in derivatives.by_others(base)], "original")


def neutral_styles(part: Part, style: str, counts: Counts, own: Group | None = None) -> Group:
    """A style that has a neutral one beside it: some of its tokens' faces alone, registered or not."""
    group = own or Group(part, style, unseen=part == "test")
    keys = iter(sources.keys(style, part, 3 * counts.registered + 1000))
    while len(group.shelf.pictures) < counts.registered:
        group.shelf.add(sources.token(style, next(keys)))
    for base in group.shelf.pictures[: counts.pairs]:
        group.other(Case(derivatives.neutral(base), "derivative", base), transform=False)
    other = (sources.token(style, f"{'heldout' if part == 'test' else 'train'}-{800 + k}") for k in range(counts.pairs))
    group.others([derivatives.neutral(base) for base in other if not group.shelf.holds(base)], "sibling")
    return group


def _fresh(group: Group, pool: Iterator[SourcePicture], count: int) -> list[SourcePicture]:
    found: list[SourcePicture] = []
    while len(found) < count and (picture := next(pool, None)):
        if not group.shelf.holds(picture):
            found.append(picture)
    return found


def build(part: Part, name: str) -> tuple[list[Item], list[Query]]:
    """One group, by its collection or kind."""
    if name in _OTHERS:
        group = pictures(part, name, _OTHERS[name][part])
    elif name == "punks":
        group = punks(part, _PUNKS)
    elif name not in sources.collections(part):
        group = neutral_styles(part, name, _PAIRS[part])
    else:
        group = tokens(part, name, _UNSEEN if name in sources.UNSEEN else _TOKENS[part])
        if name in derivatives.STYLES[part]:
            group = neutral_styles(part, name, replace(_PAIRS[part], registered=0), group)
    return group.items(), list(group.queries.values())


def groups(part: Part) -> list[str]:
    return list(dict.fromkeys([*sources.collections(part), *_OTHERS, *derivatives.STYLES[part]]))


def draw(part: Part, processes: int) -> None:
    items, asked = list[Item](), list[Query]()
    with ProcessPoolExecutor(processes, initializer=functools.partial(os.nice, 10)) as pool:
        for name, (some, questions) in zip(
            groups(part), pool.map(functools.partial(build, part), groups(part)), strict=True
        ):
            items, asked = items + some, asked + questions
            print(part, name, len(some), Counter(q.label for q in questions), flush=True)
    save(part, items, asked)
    print(part, len(items), Counter(q.label for q in asked), sum(q.transformed for q in asked), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.rareness.sets")
    parser.add_argument("parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    for part in given.parts:
        draw(part, given.processes)


if __name__ == "__main__":
    main()
