"""A hit of a search -> JSON, or lines for a person."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from gistchain import text
from gistchain.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.search.find import Hit
    from gistchain.search.items import Item
    from gistchain.search.query import Query
    from gistchain.search.trace import Traced


@dataclass(frozen=True, slots=True)
class Answer:
    """A hit with its place, from 1. traced: None where the chain was not asked."""

    place: int
    hit: Hit
    traced: Traced | None = None


def hit_json(answer: Answer) -> dict[str, Any]:
    """kind: 'token' or 'reference'. named: the share of what was asked that traits and titles name; cosine: of its
    picture with what was asked, null where the index has none of it. ranks: place in each ranking."""
    hit, item, traced = answer.hit, answer.hit.item, answer.traced
    return {
        "place": answer.place,
        **_place_json(item),
        "title": item.title or None,
        "caption": item.caption,
        "traits": [{"trait_type": t, "value": v} for t, v in item.traits],
        "owner": item.owner or None,
        "block": None if item.block < 0 else item.block,
        "verdict": item.verdict or None,
        "score": None if item.score < 0 else item.score,
        "ranks": hit.ranks,
        "fused": round(hit.score, 5),
        "named": round(hit.named, 3),
        "cosine": None if hit.cosine < -1 else round(hit.cosine, 4),
        "why": list(hit.why),
        "same": [_place_json(one) for one in hit.same],
        "picture": item.picture or None,
        "chain_says": None
        if traced is None
        else {
            "state": traced.state,
            "said": list(traced.said),
            "owner": traced.owner or None,
            "transaction": traced.tx or None,
            "signed": traced.signed,
        },
    }


def _place_json(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "chain": item.chain or None,
        "contract": item.contract or None,
        "collection": item.subject or None,
        "source": item.source,
        "token": item.token,
    }


def hit_text(answer: Answer) -> str:
    """Three lines or a few more."""
    hit, item, traced = answer.hit, answer.hit.item, answer.traced
    head = f"{answer.place}. {called(item)}"
    if item.title and item.title != called(item):
        head += f"  {item.title}"
    lines = [head, f"   {item.caption or '(no caption)'}"]
    lines += [f"   why: {'; '.join(hit.why)}"] if hit.why else []
    if hit.same:
        more = ", ".join(called(one) for one in hit.same[:3])
        lines.append(f"   the same picture: {more}{' ...' if len(hit.same) > 3 else ''}")
    where = [item.chain, item.contract, f"block {item.block}" if item.block >= 0 else ""]
    owned = f"owner {item.owner}" if item.owner else ""
    rare = f"{item.verdict} ({item.score:.2f})" if item.verdict else ""
    if told := "  ".join(filter(None, [*where, owned, rare])):
        lines.append(f"   {told}")
    if traced is not None:
        lines.append(f"   {_traced(traced)}")
    return "\n".join(printable(line) for line in lines)


def called(item: Item) -> str:
    """'token 12', 'cryptopunks 2066'."""
    return f"token {item.token}" if item.kind == "token" else f"{item.source} {item.token}"


def _traced(traced: Traced) -> str:
    said = "; ".join(traced.said)
    if traced.state == "same":
        signed = ", signed by its owner" if traced.signed else ""
        return f"the chain says the same{signed}{f', transaction {traced.tx}' if traced.tx else ''}"
    if traced.state == "differs":
        return f"the chain says otherwise: {said}"
    return f"not verified: {said}" if traced.state == "not asked" else f"gone: {said}"


def query_text(query: Query) -> str:
    """How words were read otherwise than they stand; '' where they were not."""
    told = [f"{word!r} read as {taken!r} ({why})" for word, taken, why in query.read_as]
    if query.unknown:
        told.append(f"no trait has: {', '.join(query.unknown)}")
    if query.unread:
        told.append(f"{query.unread} further words were not read")
    return printable("; ".join(told))


def page(asked: str, answers: Sequence[Answer], home: Path) -> str:
    """One HTML page of the hits with their pictures, which fetches nothing."""
    template = resources.files("gistchain.answers").joinpath("search.html.j2").read_text("utf-8")
    hits = [{"text": hit_text(one).split("\n"), "image": _uri(home, one.hit.item)} for one in answers]
    return text.page(template, asked=asked, hits=hits)


def _uri(home: Path, item: Item) -> str:
    """The picture at hand, as the home has it; '' for none."""
    from gistchain.disk.read import read_regular
    from gistchain.rareness.store.database import kept_thumbnail

    if item.picture:
        data, kind = read_regular(home / item.picture, at_most=8 << 20), "png"
    else:
        data, kind = kept_thumbnail(home, bytes.fromhex(item.media)) or b"", "webp"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}" if data else ""
