"""Pictures -> which of them are copies of others: each is compared with those that came before it, nothing is kept.

    picture ── check against the database ──> fingerprint, hashes
                                                 └─ is any earlier picture near? ── compared as with registered ones
    pairs: a picture and the earlier one that it comes from ──> groups

Which of two was there first can't be seen in them: the order in which they are given decides. Most pictures of a folder
have nothing near and cost a few milliseconds more; those that have are compared as `check` compares them with what is
registered, with at most 64 others however many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from gistchain.rareness.check import Checker
from gistchain.rareness.store.store import Store
from gistchain.rareness.words import JOINING, TOLD
from gistchain.types import Picture, Rareness, Verdict

_OPEN: tuple[Verdict, ...] = ("original", "sibling", "unsure")
"""Verdicts that one on the other image may say more than."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """name: of a picture; of: of the earlier one that it is a copy of, or whatever `rareness` says."""

    name: str
    of: str
    rareness: Rareness


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that come from each other, in the order in which they were given. number: from 1."""

    number: int
    names: tuple[str, ...]


class Among:
    """The pictures that were given so far. Use it in a `with`: they lie in a temporary folder."""

    def __init__(self, checker: Checker) -> None:
        self._folder = TemporaryDirectory(prefix="gistchain-", ignore_cleanup_errors=True)
        store = Store(Path(self._folder.name), version=checker.fingerprint_version)
        self._beside = checker.beside(store, "earlier")
        self.pairs: list[Pair] = []

    def __enter__(self) -> Among:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    def add(self, picture: Picture, found: Rareness | None = None) -> Rareness | None:
        """How rare the picture is among the earlier ones; None where it is like none of them.

        found: what `check` said of it, which saves running the networks again.
        """
        found = found or self._beside.check(picture)
        rareness = self._beside.check(picture, found=found) if self._beside.is_near(picture, found) else None
        if rareness is not None and rareness.nearest is not None and rareness.verdict in TOLD:
            self.pairs.append(Pair(picture.name, rareness.nearest.name, rareness))
        self._beside.remember(picture, found, name=picture.name, collection="", caption="", seed=True)
        return rareness

    def groups(self) -> list[Group]:
        """The groups of two and more, in the order of their first pictures."""
        return grouped([(pair.of, pair.name) for pair in self.pairs if pair.rareness.verdict in JOINING])


@contextmanager
def beside(checker: Checker, others: Collection[Picture]) -> Iterator[Checker]:
    """A checker that knows these pictures and no others: two files are compared by it without a database."""
    with TemporaryDirectory(prefix="gistchain-", ignore_cleanup_errors=True) as folder:
        alone = checker.beside(Store(Path(folder), version=checker.fingerprint_version), "file")
        for other in others:
            alone.remember(other, None, name=other.name, collection="", caption="", seed=True)
        yield alone


def other_way(checker: Checker, picture: Picture, found: Rareness, other: Picture) -> Rareness | None:
    """How rare `other` is beside the picture, where that says more than `found`, how rare the picture is beside it.

    A picture holds all of a crop of it, and the crop little of the picture. None for what is found already, or not at
    all.
    """
    if found.verdict not in _OPEN:
        return None
    with beside(checker, [picture]) as alone:
        back = alone.check(other)
    return back if back.verdict in TOLD and back.verdict != found.verdict else None


def grouped(pairs: Sequence[tuple[str, str]]) -> list[Group]:
    """Names that are joined by pairs (earlier, later), each group in the order in which it grew."""
    groups: dict[str, list[str]] = {}
    for of, name in pairs:
        group = groups.setdefault(of, [of])
        groups[name] = group
        group.append(name)
    unique = {id(group): group for group in groups.values()}
    return [Group(number, tuple(names)) for number, names in enumerate(unique.values(), 1)]
