"""Imported collections -> a split, and the data set that is written of it, for one command.

    collections ── captions? pictures? ──> sample.py ──> families.py ──> assign.py ──> export/ ──> FOLDER
                         └─ none: left out, with the reason

The folder is there whole or not at all, and the same collections give the same bytes, in whatever order they are named.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.collection.captions import rows
from gistchain.collection.splits.assign import Placed, assigned
from gistchain.collection.splits.export import card, croissant
from gistchain.collection.splits.export.pairs import Missing, pairs, slugs
from gistchain.collection.splits.export.parquet import Parquet
from gistchain.collection.splits.export.tars import Tars
from gistchain.collection.splits.families import families
from gistchain.collection.splits.report import KIND, MARK, Split
from gistchain.collection.splits.sample import SIZE, Sample, sampled
from gistchain.collection.splits.sizes import NAMED, PARTS, Size
from gistchain.disk.draft import check_free, drafted_folder
from gistchain.disk.write import check_folder
from gistchain.errors import CollectionError, FileDamaged, SettingError

if TYPE_CHECKING:
    from gistchain.rareness.check import Checker

WEBDATASET, PARQUET = "webdataset", "parquet"
FORMATS = (WEBDATASET, PARQUET)
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class How:
    """How a split is made. each: most pairs of a collection, None for what its name says. formats: what is written.

    look: also look at pictures one by one. together, apart: pairs of names that a person tells.
    """

    name: str
    seed: int = 0
    each: int | None = None
    formats: tuple[str, ...] = FORMATS
    sample: int = SIZE
    look: bool = True
    together: tuple[tuple[str, str], ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    replace: bool = False

    @property
    def size(self) -> Size:
        size = NAMED.get(self.name, Size())
        return size if self.each is None else replace(size, each=self.each)


def split(
    folders: Sequence[Path],
    how: How,
    checker: Checker,
    *,
    output: Path | None = None,
    progress: Progress = lambda what, share: None,
) -> Split:
    """The split of these collections, each by its folder. output: the folder that is written, None for none.

    Raises SettingError: no name, names twice, or of no collection, or told to be together and apart; CollectionError:
    no collection that can be used; no pyarrow.
    Raises FileError, DiskFull for the output.
    """
    _check(folders, how)
    folders = sorted(folders, key=lambda folder: folder.name)  # so that the order in which they are named says nothing
    if output is not None:
        check_free(output, kind=KIND, replace=how.replace)
        check_folder(output)
    samples, left_out = _samples(folders, how, checker, progress)
    if not samples:
        reasons = "; ".join(left_out.values())
        raise CollectionError(f"none of the collections can be used: {reasons}")
    found = families(samples, checker if how.look else None, together=how.together, apart=how.apart, progress=progress)
    there = {sample.name: rows.count(sample.folder) for sample in samples}
    assignment = assigned(found.families, there, how.size, how.seed)
    uncaptioned = {one.name: one.tokens - there[one.name] for one in samples if one.tokens > there[one.name]}
    done = Split(
        how.name, how.seed, found, assignment, {one.name: one.about for one in samples}, left_out, uncaptioned, output
    )
    if output is not None:
        with drafted_folder(output, kind=KIND, replace=how.replace) as draft:
            _write(draft, {one.name: one.folder for one in samples}, done, how, progress)
    return done


def _check(folders: Sequence[Path], how: How) -> None:
    names = [folder.name for folder in folders]
    if not names:
        raise SettingError("no collection was named: give the names of imported ones, or --all")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise SettingError(f"{', '.join(map(repr, twice))} was given twice: name each collection once")
    for name in {name for pair in (*how.together, *how.apart) for name in pair}:
        if name not in names:
            raise SettingError(f"{name!r} is told to be apart or together, but is none of the collections: check it")
    for one, other in (*how.together, *how.apart):
        if one == other:
            raise SettingError(f"{one!r} is told to be apart from or together with itself: name two collections")
    for pair in set(map(frozenset, how.together)) & set(map(frozenset, how.apart)):
        both = " and ".join(map(repr, sorted(pair)))
        raise SettingError(f"{both} are told to be together and to be apart: keep one of the two")


def _samples(
    folders: Sequence[Path], how: How, checker: Checker, progress: Progress
) -> tuple[list[Sample], dict[str, str]]:
    """The samples, and why collections without one are left out."""
    samples, left_out = [], {}
    for number, folder in enumerate(folders):
        progress(f"look at {folder.name}", number / len(folders))
        try:
            if not rows.count(folder):
                raise CollectionError(f"{folder.name} has no captions: import it again, then caption it")
            samples.append(sampled(folder, checker, size=how.sample))
        except (CollectionError, FileDamaged) as error:
            left_out[folder.name] = str(error)
    return samples, left_out


def _write(draft: Path, folders: dict[str, Path], done: Split, how: How, progress: Progress) -> None:
    slug = slugs([one.collection for one in done.assignment.placed])
    for part in PARTS:
        with ExitStack() as stack:
            writers: list[Tars | Parquet] = []
            if WEBDATASET in how.formats:
                writers.append(stack.enter_context(Tars(draft / WEBDATASET / part)))
            if PARQUET in how.formats:
                writers.append(stack.enter_context(Parquet(draft / "data", part)))
            for placed in done.assignment.placed:
                if placed.part == part:
                    _write_collection(folders[placed.collection], placed, slug, done, writers, how.seed)
                    progress("write", done.written_share())
            for writer in writers:
                writer.close()
    (draft / "README.md").write_text(card.readme(done, how.formats), "utf-8")
    (draft / "croissant.json").write_text(croissant.text(done, how.formats), "utf-8")
    (draft / MARK).write_text(json.dumps(done.as_json(), indent=1, sort_keys=True) + "\n", "utf-8")


def _write_collection(
    folder: Path, placed: Placed, slug: dict[str, str], done: Split, writers: Sequence[Tars | Parquet], seed: int
) -> None:
    for one in pairs(folder, placed, slug[placed.collection], seed=seed):
        if isinstance(one, Missing):
            done.missed(placed, one)
        else:
            done.wrote(one)
            for writer in writers:
                writer.add(one)
