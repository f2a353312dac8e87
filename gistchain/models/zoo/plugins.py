"""Installed distributions -> rows for the table of models: entry points of the group `gistchain.models`.

All that a third party has to do is to name each model in its pyproject.toml:

    [project.entry-points."gistchain.models"]
    "image-embedder.colour-histogram" = "my_package:ColourHistogram"

The name is KIND.NAME, the value a class that fulfils the kind's Protocol in types/models.py; table.py says what its
constructor is given. Licence and description are those of the distribution. Nothing of a plugin is imported here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from gistchain.models.zoo.conformance import PROTOCOLS
from gistchain.models.zoo.table import ModelRow

GROUP = "gistchain.models"


def with_plugins(own: Iterable[ModelRow]) -> tuple[ModelRow, ...]:
    """The rows of `own`, then those of all plugins.

    Rows of plugins whose (kind, name) is not unique carry an error: gistchain's own names can't be taken, and of two
    plugins neither is used, so that installing one never changes silently what another name means.
    """
    rows = list(own)
    taken = {(row.kind, row.name) for row in rows}
    by_name: dict[tuple[str, str], list[ModelRow]] = defaultdict(list)
    for row in sorted({_key(point): _row(point) for point in entry_points(group=GROUP)}.values(), key=_order):
        by_name[row.kind, row.name].append(row)
    for (kind, name), same in by_name.items():
        names = [*(["gistchain"] if (kind, name) in taken else []), *(row.distribution for row in same)]
        clash = f"{' and '.join(names)} both bring a {kind} {name!r}: uninstall one of them" if len(names) > 1 else ""
        rows += [replace(row, error=clash or row.error) for row in same]
    return tuple(rows)


def _key(point: EntryPoint) -> tuple[str, str, str]:
    return point.name, point.value, _distribution(point)


def _order(row: ModelRow) -> tuple[str, str, str]:
    return row.kind, row.name, row.distribution


def _row(point: EntryPoint) -> ModelRow:
    kind, _, name = point.name.partition(".")
    licence = _metadata(point, "License-Expression") or _metadata(point, "License") or "not stated"
    error = ""
    if kind not in PROTOCOLS or not name:
        error = f"its entry point is named {point.name!r}: it must be KIND.NAME, with a kind of {', '.join(PROTOCOLS)}"
    return ModelRow(
        kind, name, point.value, _one_line(_metadata(point, "Summary")), _one_line(licence),
        distribution=_distribution(point), error=error,
    )  # fmt: skip


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "?"


def _metadata(point: EntryPoint, field: str) -> str:
    return str(point.dist.metadata[field]) if point.dist is not None and field in point.dist.metadata else ""


def _one_line(text: str) -> str:
    """The first line: a licence may be given as its whole text."""
    first = text.strip().split("\n")[0]
    return first if len(first) <= 80 else first[:79] + "…"
