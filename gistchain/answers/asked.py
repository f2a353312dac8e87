"""The answer to a question -> JSON, or lines for a person: the plan first, then what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gistchain.answers.search import called
from gistchain.text import printable

if TYPE_CHECKING:
    from gistchain.search.answer import Said
    from gistchain.search.items import Item


def said_json(said: Said) -> dict[str, Any]:
    """plan: in words. found: items that meet it. owners, values: with the number of items of each."""
    return {
        "plan": str(said.plan),
        "what": said.plan.what,
        "found": said.found,
        "items": [_item_json(item) for item in said.items],
        "rarity_bits": [round(bits, 3) for bits in said.rarity],
        "values": [{"value": value, "items": count} for value, count in said.values],
        "owners": [{"owner": owner, "items": count} for owner, count in said.owners],
        "without_owner": said.unowned,
    }


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "source": item.source,
        "token": item.token,
        "collection": item.subject or None,
        "caption": item.caption,
        "owner": item.owner or None,
        "chain": item.chain or None,
        "contract": item.contract or None,
    }


def said_text(said: Said) -> str:
    lines = [f"plan: {said.plan}"]
    if said.plan.what == "count":
        lines.append(f"{said.found:,}")
    elif said.plan.what == "values":
        lines += [f"{value}: {count:,} of {said.found:,}" for value, count in said.values] or ["none"]
    elif said.plan.what == "owners":
        lines += [f"{owner}: {count:,}" for owner, count in said.owners]
        lines += [f"nobody tells: {said.unowned:,}"] if said.unowned or not said.owners else []
        lines += [f"  {called(item)}  {item.caption}" for item in said.items]
    else:
        lines.append(f"{said.found:,} found" if said.found else "none")
        for place, item in enumerate(said.items):
            bits = f"  {said.rarity[place]:.1f} bits" if said.rarity else ""
            lines.append(f"  {called(item)}{bits}  {item.caption}{f'  owner {item.owner}' if item.owner else ''}")
        if said.found > len(said.items) and said.plan.first is None:
            lines.append(f"  and {said.found - len(said.items):,} more: --all shows them")
    return "\n".join(printable(line) for line in lines)
