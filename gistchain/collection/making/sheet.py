"""A plan -> one page to look at: the rarest tokens, some of all, and how often each value was wanted and made."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from gistchain import text
from gistchain.collection.making.art import Art, Row
from gistchain.collection.making.plan import Token
from gistchain.collection.making.problem import problem
from gistchain.collection.making.rarity import Rarity
from gistchain.collection.making.rules import NONE, Rules

if TYPE_CHECKING:
    from gistchain.collection.making.make import Checked

_SHOWN, _RAREST, _SIDE = 120, 12, 128


def page(
    rules: Rules,
    tokens: Sequence[Token],
    ranks: Sequence[Rarity],
    rows: Sequence[Row],
    source: Art,
    checked: Checked | None,
) -> str:
    """The HTML, with nothing to fetch."""
    template = resources.files("gistchain.collection.making").joinpath("sheet.html.j2").read_text("utf-8")
    step = -(-len(tokens) // _SHOWN)

    def shown(place: int) -> dict[str, Any]:
        token = tokens[place]
        told = ", ".join(f"{type_}: {value}" for type_, value in token.traits.items())
        return {"id": token.id, "rank": ranks[place].rank, "told": told, "image": _uri(source, rows[place])}

    rarest = sorted(range(len(tokens)), key=lambda place: (ranks[place].rank, place))[:_RAREST]
    return text.page(
        template,
        rules=rules,
        checked=checked,
        step=step,
        exact=sum(value.count is not None for type_ in rules.types for value in type_.values),
        rarest=[shown(place) for place in rarest],
        shown=[shown(place) for place in range(0, len(tokens), step)],
        counts=_counts(rules, tokens),
    )


def off(rules: Rules, tokens: Sequence[Token]) -> dict[str, int]:
    """By value ('Hat: Crown'), made less wanted, where a value with a weight is off by more than one token."""
    different = {}
    for type_ in _counts(rules, tokens):
        for value in type_["rows"]:
            if abs(value["made"] - value["wanted"]) > 1:
                different[f"{type_['name']}: {value['name']}"] = value["made"] - value["wanted"]
    return different


def _counts(rules: Rules, tokens: Sequence[Token]) -> list[dict[str, Any]]:
    wanted = problem(rules).wanted
    told: list[dict[str, Any]] = []
    for type_, numbers in zip(rules.types, wanted, strict=True):
        made = Counter(token.traits.get(type_.name, NONE) for token in tokens)
        most = max(made.values())
        values: list[dict[str, Any]] = [
            {
                "name": value.name, "wanted": int(number), "made": made[value.name], "exact": value.count is not None,
                "share": round(6 * made[value.name] / most, 2),
            }
            for value, number in zip(type_.values, numbers, strict=True)
        ]  # fmt: skip
        told.append({"name": type_.name, "rows": sorted(values, key=lambda one: -one["made"])})
    return told


def _uri(source: Art, row: Row) -> str:
    from PIL import Image

    image = Image.fromarray(source.picture(row))
    side = max(image.size)
    if side > _SIDE:
        image = image.resize([max(1, length * _SIDE // side) for length in image.size], Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
