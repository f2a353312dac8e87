"""Samples of collections -> families: collections drawn from one another (T3.2).

    same contract ────────────────────────────────────────────┐
    one name holds the other ─────────────────────────────────┤
    fingerprints and PDQ of the samples: NEAR enough, SHARE ──┼──> pairs ──> families (joined in chains)
    alike, but not enough ── `check` on LOOKED_AT pictures ───┘

A missed pair leaks what is tested into the training; a wrong one only makes the split a little less even. So each of
the four joins alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.splits.sample import Sample
from gistchain.errors import ImageError
from gistchain.image import read_image

if TYPE_CHECKING:
    from gistchain.rareness.check import Checker
    from gistchain.rareness.store.store import Entry
    from gistchain.types import Picture

NEAR = 0.86
"""Pearson of two fingerprints from which on their pictures count as near."""
PDQ_BITS = 31
"""Most bits by which two PDQ hashes differ, in any of eight turns, where their pictures count as near: its authors'."""
SHARE = 0.25
"""Share of one sample that has a near picture in the other: from here on the collections are one family.

Chosen on 50 collections and what was made of five of them, 40 pictures of each: of 1,225 unrelated pairs none exceeds
0.18; the same tokens mirrored, recoloured or on another ground have 0.78 and more; other tokens of a mirrored
collection 0.5 and more, of a recoloured one 0.02 to 0.9, which can be too few.
"""
ALIKE = 0.7
"""Median of the best correlations from which on the pictures are looked at one by one: 23 of those unrelated pairs, and
collections that were cropped, framed or inverted."""
LOOKED_AT, COPIES = 5, 3
"""Pictures that are looked at, and how many have to be copies or like ones: of unrelated collections one in ten is."""
PAIRS = 200
"""Pairs of collections that are looked at in one run, the most alike first: each takes some seconds."""
_MULTIPLIED = 16  # collections at once: two such blocks take 77 MB
_KEPT = 32  # collections: some 4 MB each
_LEAST = 0.3  # correlation that pictures with near PDQ hashes have too
_MIN_QUALITY = 50  # of PDQ: below it, its authors say, a hash says little
_LEAST_NAME = 5  # letters: shorter names are a part of too many others
Progress = Callable[[str, float], None]
Why = Literal["contract", "name", "pictures", "copies", "told"]


@dataclass(frozen=True, slots=True)
class Joined:
    """Two collections of one family. of: of how many pictures `near` are near, or copies."""

    one: str
    other: str
    why: Why
    near: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Family:
    """name: of its first collection. members: in the order in which they were given."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Families:
    """joined: why. closest: of the pairs that pictures do not join the one that comes nearest. unseen: pairs that were
    alike enough to be looked at, and were not."""

    families: tuple[Family, ...]
    joined: tuple[Joined, ...]
    closest: Joined | None
    unseen: int

    def of(self, collection: str) -> Family:
        return next(family for family in self.families if collection in family.members)


def families(
    samples: Sequence[Sample],
    checker: Checker | None = None,
    *,
    together: Collection[tuple[str, str]] = (),
    apart: Collection[tuple[str, str]] = (),
    progress: Progress = lambda what, share: None,
) -> Families:
    """The families of these collections. checker: looks at pictures one by one; without it, that is left out.

    together, apart: pairs of names that a person tells; apart does not undo a chain over a third collection.
    """
    joined: list[Joined] = []
    closest: Joined | None = None
    alike: list[tuple[float, Sample, Sample]] = []
    told, kept_apart = set(map(frozenset, together)), set(map(frozenset, apart))
    nearness = _nearness(samples, progress)
    for one, other in combinations(samples, 2):
        names = frozenset((one.name, other.name))
        if names in kept_apart:
            continue
        near, of, median = nearness[one.name, other.name]
        why = _by_contract(one, other) or ("pictures" if near >= SHARE * of else None) or _by_name(one, other)
        if names in told or why is not None:
            joined.append(Joined(one.name, other.name, why or "told", near, of))
            continue
        if closest is None or near / of > closest.near / closest.of:
            closest = Joined(one.name, other.name, "pictures", near, of)
        if median >= ALIKE:
            alike.append((median, one, other))
    alike.sort(key=lambda pair: -pair[0])
    looked = 0
    if checker is not None:
        looked = _look(samples, alike[:PAIRS], joined, _Looking(checker), progress)
    groups = _grouped([sample.name for sample in samples], joined)
    unique = {id(group): group for group in groups.values()}
    made = tuple(Family(group[0], tuple(group)) for group in unique.values())
    return Families(made, tuple(joined), closest, len(alike) - looked)


def _look(
    samples: Sequence[Sample],
    alike: Sequence[tuple[float, Sample, Sample]],
    joined: list[Joined],
    looking: _Looking,
    progress: Progress,
) -> int:
    """Add to `joined` the pairs whose pictures are copies; how many pairs were looked at or are joined anyway."""
    names = [sample.name for sample in samples]
    groups = _grouped(names, joined)
    for number, (_, one, other) in enumerate(alike, 1):
        progress("look at pictures", number / len(alike))
        if groups[one.name] is not groups[other.name] and (found := looking.copies(one, other)) is not None:
            joined.append(found)
            groups = _grouped(names, joined)
    return len(alike)


def _nearness(samples: Sequence[Sample], progress: Progress) -> dict[tuple[str, str], tuple[int, int, float]]:
    """Names of two samples, in their order -> as `_near`. Many are multiplied at once: one by one, most of the time
    would go into reading them."""
    blocks = [samples[start : start + _MULTIPLIED] for start in range(0, len(samples), _MULTIPLIED)]
    found: dict[tuple[str, str], tuple[int, int, float]] = {}
    for number, block in enumerate(blocks):
        rows, row_ends = _stacked(block)
        for others in blocks[number:]:
            columns, column_ends = (rows, row_ends) if others is block else _stacked(others)
            products = rows @ columns.T
            for i, one in enumerate(block):
                first = i + 1 if others is block else 0
                for j, other in enumerate(others[first:], first):
                    part = products[row_ends[i] : row_ends[i + 1], column_ends[j] : column_ends[j + 1]]
                    found[one.name, other.name] = _near(one, other, part)
        progress("compare collections", (number + 1) / len(blocks))
    return found


def _stacked(samples: Sequence[Sample]) -> tuple[NDArray[np.float32], list[int]]:
    """All fingerprints of these samples, and where those of each begin and end."""
    ends = np.cumsum([0, *map(len, samples)]).tolist()
    return np.concatenate([sample.fingerprints for sample in samples]).astype(np.float32), ends


def _near(one: Sample, other: Sample, correlations: NDArray[np.float32]) -> tuple[int, int, float]:
    """(pictures of the sample that has more near ones in the other, of how many, median of its best correlations)."""
    near = correlations >= NEAR
    if correlations.max() >= _LEAST:
        near |= _pdq_near(one, other)
    sides = [
        (int(near.any(1).sum()), len(one), correlations.max(1)),
        (int(near.any(0).sum()), len(other), correlations.max(0)),
    ]
    count, of, best = max(sides, key=lambda side: (side[0] / side[1], float(np.median(side[2]))))
    return count, of, float(np.median(best))


def _pdq_near(one: Sample, other: Sample) -> NDArray[np.bool_]:
    bits = np.bitwise_count(one.pdq[:, :, None] ^ other.pdq[None, None, :, 0]).sum(-1, dtype=np.int64).min(1)
    trusted = (one.quality >= _MIN_QUALITY)[:, None] & (other.quality >= _MIN_QUALITY)[None]
    near: NDArray[np.bool_] = (bits <= PDQ_BITS) & trusted
    return near


def _by_contract(one: Sample, other: Sample) -> Why | None:
    mine, theirs = one.about, other.about
    same = mine.contract and (mine.chain, mine.contract.lower()) == (theirs.chain, theirs.contract.lower())
    return "contract" if same else None


def _by_name(one: Sample, other: Sample) -> Why | None:
    names = [{sample.name, sample.about.subject} - {""} for sample in (one, other)]
    return "name" if any(holds(a, b) or holds(b, a) for a in names[0] for b in names[1]) else None


def holds(name: str, other: str) -> bool:
    """Whether one name holds the other, as "CryptoPunksV2" and "0xAzuki" hold "CryptoPunks" and "Azuki"."""
    parts, others = _parts(name), _parts(other)
    whole = "".join(others)
    if len(whole) < _LEAST_NAME or whole == "".join(parts):
        return len(whole) >= _LEAST_NAME
    # "Made 1" is no part of "Made 10", as "Azuki" is of "0xAzuki".
    return set(others) <= set(parts) or (whole.isalpha() and whole in "".join(parts))


def _parts(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", name.casefold())


class _Looking:
    """Looks at the pictures of two collections one by one; what was prepared of the last _KEPT is kept."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._entries: dict[str, list[Entry]] = {}

    def copies(self, one: Sample, other: Sample) -> Joined | None:
        """Both as one family, where pictures of one that are most like the other's are copies of these."""
        from gistchain.rareness.store.store import Store
        from gistchain.rareness.words import TOLD

        correlations = one.fingerprints.astype(np.float32) @ other.fingerprints.astype(np.float32).T
        first = np.argsort(-correlations.max(1), kind="stable")[:LOOKED_AT].tolist()
        copies = seen = 0
        with TemporaryDirectory(prefix="gistchain-", ignore_cleanup_errors=True) as folder:
            store = Store(Path(folder), version=self._checker.fingerprint_version)
            beside = self._checker.beside(store, "file")
            beside.keep(self._of(other))
            for left, place in zip(range(len(first), 0, -1), first, strict=True):
                if copies >= COPIES or copies + left < COPIES:
                    break
                if (picture := _read(one, place)) is not None:
                    seen += 1
                    copies += beside.check(picture).verdict in TOLD
        return Joined(one.name, other.name, "copies", copies, seen) if copies >= COPIES else None

    def _of(self, sample: Sample) -> list[Entry]:
        if sample.name not in self._entries:
            if len(self._entries) == _KEPT:
                self._entries.pop(next(iter(self._entries)))
            pictures = [picture for place in range(len(sample)) if (picture := _read(sample, place)) is not None]
            self._entries[sample.name] = [
                self._checker.entry(picture, None, name=picture.name, collection="", caption="", seed=True)
                for picture in {picture.sha3_256: picture for picture in pictures}.values()
            ]
        return self._entries[sample.name]


def _read(sample: Sample, place: int) -> Picture | None:
    try:
        return read_image(sample.folder / sample.pictures[place], f"{sample.name} {sample.pictures[place]}")
    except ImageError:  # it could be read when the sample was taken
        return None


def _grouped(names: Sequence[str], joined: Sequence[Joined]) -> dict[str, list[str]]:
    """Name -> all names of its family, in the order of `names`; the same list for each of them."""
    groups = {name: [name] for name in names}
    for pair in joined:
        one, other = groups[pair.one], groups[pair.other]
        if one is not other:
            both = [name for name in names if name in {*one, *other}]
            groups.update((name, both) for name in both)
    return groups
