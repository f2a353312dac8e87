"""Collections that were made -> JSON and words."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.collection.making.make import Checked, Made
    from gistchain.collection.making.near import Near

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
        "dropped": None if checked is None else checked.dropped,
        "near": None if checked is None else [asdict(one) for one in checked.near],
    }


def made_text(done: Made) -> str:
    told = [f"{done.name}: {done.tokens:,} tokens, no two alike -> {done.folder}"]
    if done.off:
        told.append(f"  {_off(done)}")
    told += [f"  {note}" for note in done.notes]
    if done.checked is not None:
        told += _checked(done.checked, done.tokens)
    sheet = f"look at {shlex.quote(str(done.folder / 'sheet.html'))}"
    if done.checked is not None and done.checked.near:
        told.append(
            f"  don't register this plan: {sheet}, then give the rules another seed, draw the layers that the two "
            "share anew or add values, and make it in another folder"
        )
        return lines(told)
    steps, why = _steps(done)
    return lines([*told, f"  {sheet}; then", *(f"    {step}" for step in steps), *([f"  {why}"] if why else [])])


def _steps(done: Made) -> tuple[list[str], str]:
    """(the commands that make tokens of the plan, in this order; why)"""
    from gistchain.collection.folder import LEAST_TOKENS  # numpy comes with it, and not every command needs that

    register = f"gistchain register {shlex.quote(str(done.folder / 'images'))} --batch"
    if done.painter:  # captions know it already
        return [register], ""
    if done.tokens < LEAST_TOKENS:
        return [register], f"`gistchain collection train` learns collections of {LEAST_TOKENS} tokens or more"
    train = f"gistchain collection train {shlex.quote(str(done.folder))}"
    why = (
        "the first teaches captions its traits, in tens of bytes a token; untrained, they are general words with a "
        "small picture, and cost many times the gas"
    )
    return [train, register], why


def _off(done: Made) -> str:
    """Which values have other numbers of tokens than their weights say, and why."""
    why = "so that no two tokens look alike" + ", counts hold and rules are kept" * done.ruled
    if done.checked is not None and done.checked.replaced:
        why += ", and none is too near to a registered image"
    first = [
        f"{name} {abs(off):,} {'more' if off > 0 else 'fewer'}" for name, off in list(done.off.items())[:_MOST_NAMED]
    ]
    more = f" and {len(done.off) - _MOST_NAMED:,} more values" if len(done.off) > _MOST_NAMED else ""
    return f"{why}, some values have more or fewer tokens than their weights say: {', '.join(first)}{more}"


def _checked(checked: Checked, tokens: int) -> list[str]:
    if not checked.compared_with:
        return ["  nothing to compare with: no image is registered here"]
    told = [
        f"  compared with {checked.compared_with:,} registered images: {checked.laid:,} of {tokens:,} tokens look like "
        "one at a glance and were laid over it"
    ]
    if checked.replaced:
        told.append(
            f"  {checked.replaced:,} tokens got other traits, so that none is too near to a registered image; "
            f"{checked.dropped:,} pictures were laid over one and dropped on the way"
        )
    if checked.unlaid:
        told.append(
            f"  {checked.unlaid:,} more look like one and were not laid over it, which takes seconds each: this plan "
            "as a whole is like another collection"
        )
    if not checked.near:
        return [*told, "  no token that was laid over a registered image is too near to it"] if checked.laid else told
    told.append(
        f"  {len(checked.near):,} of {tokens:,} tokens are too near to a registered image, and no other picture was "
        "found for them:"
    )
    told += [f"    {_near(near)}" for near in checked.near[:_MOST_NAMED]]
    if len(checked.near) > _MOST_NAMED:
        told.append(f"    and {len(checked.near) - _MOST_NAMED:,} more: plan.json names all")
    told.append(
        "  rareness is 0 for a copy and 1 for what is like nothing registered; likeness is how far the fingerprints of "
        "the two pictures agree, 1 for the same picture"
    )
    return told


def _near(near: Near) -> str:
    whose = [f"token {near.token}"] if near.token is not None else []
    whose += [f"collection {near.collection}"] if near.collection else []
    of = f"{near.of} ({', '.join(whose)})" if whose else near.of
    verdict = "can't be told from a copy" if near.verdict == "unsure" else near.verdict
    return f"images/{near.id}.png: {verdict} of {of}; rareness {near.score:.2f}, likeness {near.correlation:.2f}"
