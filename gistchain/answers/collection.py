"""A collection that was learnt, or is known -> JSON and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gistchain.gist.traitcode import width
from gistchain.text import lines

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.collection.exchange import Imported
    from gistchain.collection.imports.record import About, State
    from gistchain.collection.trained import AlreadyThere, Trained
    from gistchain.models.known import KnownCollection
    from gistchain.pipeline import Published


_MEASURED = (
    "cpu_minutes", "resumed", "held_out", "exact_match", "ssim", "confident", "wrong_though_confident", "by_type",
    "guessed", "unreadable", "merged", "seldom", "notes",
)  # fmt: skip
"""What is only told of a collection that was learnt now."""


def trained_json(done: Trained) -> dict[str, Any]:
    judged = done.judged
    return {
        "collection": done.traits.collection,
        "subject": done.traits.subject,
        "model": str(done.model),
        "report": str(done.report),
        "new": True,
        "cpu_minutes": round(done.cpu_minutes, 2),
        "resumed": done.resumed,
        "held_out": judged.tokens,
        "exact_match": round(judged.exact, 4),
        "ssim": round(judged.ssim, 4),
        "confident": round(judged.confident, 4),
        "wrong_though_confident": round(judged.wrong_though_confident, 4),
        "by_type": {t: round(share, 4) for t, share in judged.by_type.items()},
        "guessed": {t: round(share, 4) for t, share in judged.guessed.items()},
        "unreadable": list(done.unreadable),
        "merged": {type_: {told: list(values) for told, values in g.items()} for type_, g in done.merged.items()},
        "seldom": {type_: list(values) for type_, values in done.seldom.items()},
        "notes": list(done.notes),
    }


def trained_text(done: Trained) -> str:
    judged = done.judged
    right = f"{judged.exact:.1%} have their whole caption right, SSIM {judged.ssim:.3f}"
    noted = [*done.notes, *(f"the pixels do not show: {t}" for t in done.unreadable)]
    return lines(
        [
            f"{done.traits.subject}: learnt in {done.cpu_minutes:.1f} CPU-minutes -> {done.model}",
            f"  of {judged.tokens} held-out tokens {right}",
            *(f"  note: {note}" for note in noted),
            f"  report with pictures: {done.report}",
        ]
    )


def there_json(done: AlreadyThere) -> dict[str, Any]:
    return {
        "collection": done.traits.collection,
        "subject": done.traits.subject,
        "model": str(done.model),
        "report": str(done.report),
        "new": False,
        **dict.fromkeys(_MEASURED),
    }


def there_text(done: AlreadyThere) -> str:
    return lines(
        [
            f"{done.traits.subject}: already there, learnt from the same folder -> {done.model}",
            "  --replace learns it again; what changes in the folder is learnt with it, too",
            f"  report with pictures: {done.report}",
        ]
    )


def exported_json(name: str, file: Path, size_bytes: int) -> dict[str, Any]:
    return {"collection": name, "file": str(file), "bytes": size_bytes}


def exported_text(name: str, file: Path, size_bytes: int) -> str:
    return f"{name} -> {file}  {size_bytes:,} bytes: `gistchain collection import` takes it on another machine"


def imported_json(done: Imported) -> dict[str, Any]:
    return {"collection": done.collection, "subject": done.subject, "new": done.new, "replaced": list(done.replaced)}


def imported_text(done: Imported) -> str:
    how = "now registered and rebuilt by their traits" if done.new else "was there already"
    gone = f"; {' and '.join(done.replaced)} of the same tokens removed" if done.replaced else ""
    return f"{done.collection}  {done.subject}: {how}{gone}"


def known_json(known: KnownCollection) -> dict[str, Any]:
    return {
        "kind": "known",
        "collection": known.collection,
        "subject": known.subject,
        "own": known.own,
        "data": known.data,
        "tokens": None,
        "state": None,
    }


def known_text(known: KnownCollection) -> str:
    return lines([f"{known.collection:<16} {known.subject:<20} {'your own' if known.own else known.data}"])


def shelved_json(one: tuple[About, dict[State, int]]) -> dict[str, Any]:
    """data: where it was imported from. tokens: state -> how many. state: of the import."""
    about, counts = one
    return {
        "kind": "imported",
        "collection": about.name,
        "subject": about.subject,
        "own": None,
        "data": about.origin,
        "tokens": dict(counts),
        "state": "unfinished" if counts.get("wanted") or counts.get("stale") or not counts else "finished",
    }


def shelved_text(one: tuple[About, dict[State, int]]) -> str:
    said = shelved_json(one)
    tokens = ", ".join(f"{count:,} {state}" for state, count in sorted(one[1].items())) or "no tokens"
    goes_on = "; unfinished, the same import goes on" if said["state"] == "unfinished" else ""
    return lines([f"{said['collection']:<16} {said['subject']:<20} imported: {tokens}{goes_on}"])


def published_json(done: Published) -> dict[str, Any]:
    """table: its name, 8 hex digits. token_bytes: of a token's number. gas, tx: 0 and null where it was there."""
    return {
        "collection": done.table.traits.collection,
        "table": done.table.name.hex(),
        "bytes": len(done.table.data),
        "token_bytes": width(done.table.traits),
        "gas": done.gas,
        "tx": done.tx,
    }


def published_text(done: Published) -> str:
    traits = done.table.traits
    cost = f"{done.gas:,} gas, transaction {done.tx}" if done.tx else "already there"
    return (
        f"{traits.collection}: trait table {done.table.name.hex()}, {len(done.table.data):,} bytes, a token "
        f"{width(traits)} bytes; {cost}"
    )
