"""Collections that were made -> JSON and words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.collection.making.make import Checked, Made

_MOST_NAMED = 8


def made_json(done: Made) -> dict[str, Any]:
    checked = done.checked
    return {
        "collection": done.name,
        "folder": str(done.folder),
        "tokens": done.tokens,
        "off": dict(done.off),
        "notes": list(done.notes),
        "compared_with": None if checked is None else checked.compared_with,
        "laid_over": None if checked is None else checked.laid,
        "not_laid_over": None if checked is None else checked.unlaid,
        "replaced": None if checked is None else checked.replaced,
        "near": None if checked is None else [asdict(one) for one in checked.near],
    }


def made_text(done: Made) -> str:
    told = [f"{done.name}: {done.tokens:,} tokens, no two alike -> {done.folder}"]
    if done.off:
        first = [f"{name} {off:+,}" for name, off in list(done.off.items())[:_MOST_NAMED]]
        more = f" and {len(done.off) - _MOST_NAMED:,} more" if len(done.off) > _MOST_NAMED else ""
        told.append(f"  the rules moved what weights wanted: {', '.join(first)}{more}")
    told += [f"  {note}" for note in done.notes]
    if done.checked is not None:
        told += _checked(done.checked)
    told.append(f"  look at {done.folder / 'sheet.html'}; then: gistchain register {done.folder / 'images'} --batch")
    return lines(told)


def _checked(checked: Checked) -> list[str]:
    told = [
        f"  compared with {checked.compared_with:,} registered images: {checked.laid:,} tokens were laid over one, "
        f"{checked.replaced:,} were replaced, {len(checked.near):,} are too near"
    ]
    if checked.unlaid:
        told.append(
            f"  {checked.unlaid:,} more are close to one and were not laid over: this plan as a whole is like another "
            "collection"
        )
    for near in checked.near[:_MOST_NAMED]:
        whose = f" of {near.collection}" if near.collection else ""
        told.append(f"  {near.id}: {near.verdict} of {near.of}{whose} (score {near.score:.2f}, {near.correlation:.2f})")
    if len(checked.near) > _MOST_NAMED:
        told.append(f"  and {len(checked.near) - _MOST_NAMED:,} more: plan.json names all")
    return told
