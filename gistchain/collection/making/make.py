"""A file of rules -> a whole collection in a folder: pictures, metadata, ranks, prompts, a sheet, and the plan itself.

    plan ── pictures ── alike? replaced ── with --check: too near to others? replaced ── everything made of one record

Interrupted, the same command goes on; run again on what is finished, it mends what is missing, and ends where something
was changed. The same rules, layers and seed give the same bytes, whatever the number of processes and however often it
was interrupted.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gistchain.collection.making import metadata, reading, sheet
from gistchain.collection.making.art import Art, art
from gistchain.collection.making.guard import Guard, strangers
from gistchain.collection.making.near import Looked, Near, Nearness
from gistchain.collection.making.output import PLAN, Output
from gistchain.collection.making.pictures import Drawn, Pictures
from gistchain.collection.making.plan import Plan, Token
from gistchain.collection.making.prompts import prompts
from gistchain.collection.making.rarity import Rarity, rarities
from gistchain.collection.making.repair import Row
from gistchain.collection.making.rules import Rules
from gistchain.disk.write import put_whole
from gistchain.errors import FileDamaged

if TYPE_CHECKING:
    from gistchain.rareness.check import Checker

VERSION = 1
_ROUNDS = 5
_ALIKE, _NEAR = 2, 3
"""Stages of a plan's randomness."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What --check found. compared_with: registered images. laid: tokens of the plan that were laid over one; unlaid:
    as close as those, and not laid over, as there are too many. replaced: tokens that got other traits. dropped:
    pictures that were laid over one too, and are not in the plan any more. near: tokens that are still too near, as no
    other picture was found for them."""

    compared_with: int
    laid: int
    unlaid: int
    replaced: int
    dropped: int
    near: tuple[Near, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A collection that was made. off: by trait, how many tokens more or fewer a weighted value has than its weight
    says, where that is more than one. ruled: whether counts or rules of what goes together may have moved them.
    painter: the trained collection that painted it, '' where layers were drawn."""

    name: str
    folder: Path
    tokens: int
    checked: Checked | None
    off: dict[str, int]
    ruled: bool
    painter: str
    notes: tuple[str, ...]


def make(
    path: Path,
    folder: Path,
    *,
    shelf: Path,
    jobs: int | None = None,
    check: Callable[[], Checker] | None = None,
    progress: Progress = lambda what, share: None,
) -> Made:
    """Make the collection of the rules in `path` in `folder`.

    shelf: of trained collections. jobs: processes, by default one a core. check: opens what compares with registered
    images; it is called in every process. Raises CollectionError for rules that can't hold, naming them, ImageError
    for a layer that can't be read, FileError for a folder that holds anything else or a finished plan whose files were
    changed, FileDamaged for a plan.json that was altered, DiskFull.
    """
    rules = reading.read(path, shelf)
    output = Output(folder, rules.digest, rules.name)
    with output.opened():
        kept = _kept(rules, output)
        guard = Guard(output)
        guard.check()
        progress("reading layers", 0.0)
        source = art(rules, shelf)
        progress("reading layers", 1.0)
        pictures = Pictures(rules, shelf, output, guard, jobs=jobs or os.cpu_count() or 1)
        run = _Run(rules, source, pictures, output, guard, kept, progress)
        checked = None
        if check is not None:
            checked = run.checked(Nearness(check, rules.name, output, jobs=jobs or os.cpu_count() or 1))
        run.write(checked)
    return Made(
        rules.name, folder, rules.count, checked, sheet.off(rules, run.plan.tokens()), rules.ruled, rules.painter,
        (*rules.notes, *getattr(source, "notes", ()), *strangers(folder, set(rules.ids))),
    )  # fmt: skip


class _Run:
    """One run: the plan with its pictures drawn, all of them different."""

    def __init__(
        self,
        rules: Rules,
        source: Art,
        pictures: Pictures,
        output: Output,
        guard: Guard,
        kept: list[Row] | None,
        progress: Progress,
    ) -> None:
        self._rules, self._source, self._pictures, self._output = rules, source, pictures, output
        self._guard, self._progress = guard, progress
        progress("planning", 0.0)
        self.plan = Plan(rules, source.look, kept)
        progress("planning", 1.0)
        self._settle()

    def _settle(self) -> None:
        """Draw all, and replace what has the pixels of another."""
        self.plan.stage(_ALIKE)
        self.plan.replace_alike(self._alike)

    def _alike(self, rows: list[Row]) -> list[int]:
        return self._pictures.alike(rows, lambda share: self._progress("drawing", share))

    def checked(self, nearness: Nearness) -> Checked:
        begun = self.plan.rows
        laid: set[str] = set()
        for stage in range(_ROUNDS):
            before, looked = self.plan.rows, self._looked(nearness)
            laid.update(one.sha3_256 for one in looked if one.laid)
            bad = [place for place, one in enumerate(looked) if one.near is not None]
            if not bad:
                break
            self.plan.stage(_NEAR + 2 * stage)
            self.plan.replace(bad)
            if self.plan.rows == before:
                break
            self._settle()
        looked = self._looked(nearness)
        replaced = sum(one != other for one, other in zip(begun, self.plan.rows, strict=True))
        near = tuple(one.near for one in looked if one.near is not None)
        unlaid = sum(one.close and not one.laid for one in looked)
        dropped = len(laid - {one.sha3_256 for one in looked})
        return Checked(nearness.compared_with, sum(one.laid for one in looked), unlaid, replaced, dropped, near)

    def _looked(self, nearness: Nearness) -> list[Looked]:
        drawn = self._pictures.draw(self.plan.rows, lambda share: self._progress("drawing", share))
        return nearness.look(drawn, self._progress)

    def write(self, checked: Checked | None) -> None:
        """Everything but the pictures, each from the same records; plan.json last."""
        rules, output = self._rules, self._output
        tokens = self.plan.tokens()
        drawn = self._pictures.draw(self.plan.rows, lambda share: self._progress("drawing", share))
        told = [metadata.of_token(rules, token) for token in tokens]
        ranks = rarities([_shown(rules, token) for token in tokens])
        page = sheet.page(rules, tokens, ranks, self.plan.rows, self._source, checked)
        files = {
            f"metadata/{token.id}.json": metadata.json_bytes(content)
            for token, content in zip(tokens, told, strict=True)
        }
        files |= {
            "metadata/_metadata.json": metadata.json_bytes(told),
            "contract.json": metadata.json_bytes(metadata.of_contract(rules)),
            "rarity.csv": _csv(tokens, ranks),
            "prompts.txt": "".join(line + "\n" for line in prompts(rules, tokens)).encode(),
            "sheet.html": page.encode(),
        }
        hashes = {name: hashlib.sha3_256(content).hexdigest() for name, content in files.items()}
        self._guard.begin(name for name, sha3_256 in hashes.items() if output.written(name) != sha3_256)
        for number, (name, content) in enumerate(files.items(), 1):
            put_whole(output.folder / name, content)
            self._progress("writing", number / len(files))
        output.finish(metadata.json_bytes(_plan(rules, tokens, self.plan.rows, drawn, checked, hashes)))


def _kept(rules: Rules, output: Output) -> list[Row] | None:
    """The rows of a plan that is finished. Raises FileDamaged for one of other tokens than the rules have."""
    if output.finished is None:
        return None
    tokens, rows = output.finished.get("tokens"), []
    for token in tokens if isinstance(tokens, list) else []:
        match token:
            case {"id": int(id_), "row": [*row]} if _fits(rules, row):
                rows.append((id_, tuple(row)))
    if [id_ for id_, _ in rows] != list(rules.ids):
        raise FileDamaged(
            f"{output.folder / PLAN} is damaged, it has not the tokens of these rules: remove the folder, or give "
            "another with -o"
        )
    return [row for _, row in rows]


def _fits(rules: Rules, row: Sequence[object]) -> bool:
    """Whether it is a number of a value for each trait type."""
    return len(row) == len(rules.types) and all(
        type(number) is int and 0 <= number < len(type_.values) for number, type_ in zip(row, rules.types, strict=True)
    )


def _shown(rules: Rules, token: Token) -> dict[str, str]:
    shown = {type_.name for type_ in rules.types if type_.shown}
    return {type_: value for type_, value in token.traits.items() if type_ in shown}


def _csv(tokens: Sequence[Token], ranks: Sequence[Rarity]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", "rank", "score", "unique", "traits"])
    for token, rarity in zip(tokens, ranks, strict=True):
        writer.writerow([token.id, rarity.rank, f"{rarity.score:.9f}", rarity.unique, rarity.traits])
    return file.getvalue().encode()


def _plan(
    rules: Rules,
    tokens: Sequence[Token],
    rows: Sequence[Row],
    drawn: Sequence[Drawn],
    checked: Checked | None,
    hashes: dict[str, str],
) -> dict[str, Any]:
    """hashes: SHA3-256 of the files that are no pictures."""
    return {
        "version": VERSION,
        "name": rules.name,
        "rules": rules.digest,
        "seed": rules.seed,
        "count": rules.count,
        "checked": None if checked is None else asdict(checked),
        "tokens": [
            {"id": token.id, "row": list(row), "pixels": one.pixels, "sha3_256": one.sha3_256}
            for token, row, one in zip(tokens, rows, drawn, strict=True)
        ],
        "files": hashes,
    }
