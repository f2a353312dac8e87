"""What an import has done -> JSON and words."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.collection.imports.filters import Finding
    from gistchain.collection.imports.own import Own
    from gistchain.collection.imports.record import Problem
    from gistchain.collection.imports.run import Done

_SHOWN = 5
_SHOWN_OTHERS = 20
_IDS, _LONGEST_ID = 3, 60


def done_json(done: Done, registered: dict[str, Any] | None = None) -> dict[str, Any]:
    """block: up to which the chain was read, null for other sources. problems: why tokens failed, and which first.

    excludes of a finding: NFT1000's filters would leave the collection out for it; here nothing is left out.
    registered: of `registered_json`, None where that was not asked for.
    """
    about = done.about
    return {
        "collection": about.name,
        "subject": about.subject,
        "folder": str(done.folder),
        "source": about.source,
        "chain": about.chain or None,
        "contract": about.contract or None,
        "standard": about.standard or None,
        "block": about.block if about.block >= 0 else None,
        "supply": about.supply,
        "fetched": done.fetched,
        "failed_now": done.failed,
        "tokens": dict(done.counts),
        "problems": [{"problem": one.problem, "tokens": one.tokens, "ids": list(one.ids)} for one in done.problems],
        "findings": [
            {"kind": f.kind, "tokens": f.tokens, "of": f.of, "reason": f.reason, "excludes": f.excludes}
            for f in done.findings
        ],
        "notes": list(done.notes),
        "seconds": round(done.seconds, 2),
        "registered": registered,
    }


def registered_json(own: Own, became: list[dict[str, Any]]) -> dict[str, Any]:
    """images: the folder of what was registered. became: what `register --json` prints of each picture."""
    return {
        "account": own.account,
        "images": str(own.images),
        "tokens": [one for one in became if "error" not in one],
        "left_out": [one for one in became if "error" in one],
        "others": [{"id": one.id, "owner": one.owner or None, "block": one.block} for one in own.others],
    }


def others_text(own: Own) -> str:
    """The tokens of others, the first of them by name."""
    count, more = len(own.others), len(own.others) - _SHOWN_OTHERS
    named = [
        f"  {one.id}: {f'owned by {one.owner}' if one.owner else 'nobody tells its owner'} at block {one.block:,}"
        for one in own.others[:_SHOWN_OTHERS]
    ]
    of = count + len(own.pictures)
    return lines(
        [
            f"{own.name}: {count:,} of {of:,} tokens are not known to be {own.account}'s, and were not registered",
            *named,
            *([f"  and {more:,} more: the manifest has every owner"] if more > 0 else []),
        ]
    )


def forms_text(done: Done, own: Own) -> str:
    """What was registered, and that its source is not to be registered too."""
    told = [f"{own.name}: what was registered are the standard forms in {own.images}"]
    if done.about.source == "folder":
        told.append(
            f"  don't register {shlex.quote(done.about.origin)} as well: its files are other ones, and every token "
            "would be there a second time"
        )
    return lines(told)


def done_text(done: Done) -> str:
    about = done.about
    where = f" of {about.contract} on {about.chain} at block {about.block:,}" if about.contract else ""
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(done.counts.items())) or "no tokens"
    speed = f", {done.fetched / done.seconds:.0f} a second" if done.fetched and done.seconds else ""
    more = len(done.problems) - _SHOWN
    problems = [f"  {one.tokens:,} failed ({_ids(one)}): {one.problem}" for one in done.problems[:_SHOWN]]
    again = ["  --retry failed tries exactly those again"] if done.counts.get("failed") else []
    return lines(
        [
            f"{about.name}  {about.subject}{where}: {counts}",
            f"  {done.fetched:,} fetched now in {done.seconds:.1f} s{speed} -> {done.folder}",
            *problems,
            *([f"  and {more} other problems: see the manifest"] if more > 0 else []),
            *again,
            *(f"  {_found(found)}" for found in done.findings),
        ]
    )


def _ids(one: Problem) -> str:
    """The first, which may be URIs; the manifest has all."""
    named = [token if len(token) <= _LONGEST_ID else f"{token[: _LONGEST_ID - 3]}..." for token in one.ids[:_IDS]]
    return ", ".join(named) + (" ..." if one.tokens > len(named) else "")


def _found(found: Finding) -> str:
    match found.kind:
        case "few":
            told = f"{found.reason} ({found.of:,})"
        case "foreign":
            told = f"{found.tokens:,} {found.reason}"
        case _:
            told = f"{found.tokens:,} of {found.of:,} tokens {found.reason}"
    left = ": NFT1000 would leave the collection out; here nothing is left out" if found.excludes else ""
    return f"{told}{left}"
