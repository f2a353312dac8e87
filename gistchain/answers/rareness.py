"""How rare images were found to be -> the JSON of --json, and the same in words for a person."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.rareness.service.watch import Event
    from gistchain.types import Nearest, Picture, Rareness, SignedRareness


def ticket_json(signed: SignedRareness | None, document: bytes | None) -> dict[str, Any] | None:
    """Ticket and evidence document, as far as they are there; None without either. Shares in 0..1."""
    if signed is None and document is None:
        return None
    found = json.loads(document or b"{}")
    ticket = None if signed is None else signed.ticket
    return {
        "verdict": found["verdict"] if ticket is None else ticket.verdict,
        "score": found["score"] / 10_000 if ticket is None else ticket.score,
        "interval": [bound / 10_000 for bound in found["interval"]] if found else None,
        "nearest": _nearest(found["nearest"]) if found and found["nearest"] else None,
        "compared_with": found.get("registered"),
        "evidence": None if ticket is None else ticket.evidence.hex(),
        "signed_by": None if signed is None else signed.signer,
    }


def rated_words(rated: dict[str, Any]) -> str:
    """The verdict in words. rated: as of `ticket_json`."""
    nearest = rated["nearest"]
    return _verdict_words(rated["verdict"], None if nearest is None else _called(nearest["token"], nearest["name"]))


def rareness_words(rated: dict[str, Any]) -> str:
    """'rareness 0.03 (0.01 to 0.06), signed; found: mirrored'."""
    words = f"rareness {rated['score']:.2f}"
    if rated["interval"] is not None:
        words += " ({:.2f} to {:.2f})".format(*rated["interval"])
    words += ", signed" if rated["signed_by"] else ", not on the chain"
    nearest = rated["nearest"]
    if nearest is None or rated["verdict"] == "original":
        return words
    words += f"; found: {', '.join(nearest['transform'])}" if nearest["transform"] else ""
    return words + (f"; traits that differ: {', '.join(nearest['traits'])}" if nearest["traits"] else "")


def checked_json(picture: Picture, found: Rareness) -> dict[str, Any]:
    nearest = found.nearest
    return {
        "image": picture.name,
        "image_sha3_256": picture.sha3_256.hex(),
        "verdict": found.verdict,
        "score": _rounded(found.score),
        "interval": [_rounded(bound) for bound in found.interval],
        "reason": found.reason,
        "nearest": None if nearest is None else _nearest_json(nearest),
        "registered": found.registered,
        "subscores": {name: _rounded(value) for name, value in found.subscores.items()},
        "hashes": {name: getattr(found.hashes, name) for name in ("pdq", "phash", "ahash", "dhash", "neuralhash")},
        "pdq_quality": found.hashes.pdq_quality,
        "neuralhash_reason": None if found.hashes.neuralhash else "off: its weights have no free licence",
        "web": None if found.web is None else [asdict(search) for search in found.web],
        "fingerprint_version": found.fingerprint_version,
        "notes": list(picture.notes),
    }


def checked_text(picture: Picture, found: Rareness) -> str:
    """Two lines: the verdict with its score, and why."""
    nearest = found.nearest
    words = _verdict_words(found.verdict, None if nearest is None else _called(nearest.token, nearest.name))
    low, high = found.interval
    lines = [f"{picture.name}: {words}  rareness {found.score:.2f} ({low:.2f} to {high:.2f})", f"  {found.reason}"]
    if nearest is not None and nearest.transform.words and found.verdict != "original":
        lines.append(f"  found: {', '.join(nearest.transform.words)}")
    if nearest is not None and nearest.traits and found.verdict != "original":
        lines.append(f"  traits that differ: {', '.join(nearest.traits)}")
    for search in found.web or ():
        first = f", first {search.matches[0].url}" if search.matches else ""
        lines.append(f"  on the internet ({search.provider}): {len(search.matches)} matches{first}")
    return "\n".join([*lines, *(f"  note: {note}" for note in picture.notes)])


def event_json(event: Event) -> dict[str, Any]:
    found = event.rareness
    return {
        "event": event.kind,
        "file": event.name,
        "result": None if event.path is None else str(event.path),
        "verdict": None if found is None else found.verdict,
        "score": None if found is None else _rounded(found.score),
        "text": event.text,
    }


def event_text(event: Event, result: Path) -> str:
    """One line on a file whose result is there."""
    found = event.rareness
    said = event.text or "known" if found is None else f"{found.verdict}, rareness {found.score:.2f}"
    return f"{event.name} -> {result.name}  {said}"


def _nearest(found: dict[str, Any]) -> dict[str, Any]:
    kept = {name: found[name] for name in ("token", "name", "image_sha3_256", "transform", "traits")}
    return kept | {"pearson": found["pearson"] / 10_000}


def _called(token: int | None, name: str) -> str:
    return name if token is None else f"token {token} ({name})"


def _verdict_words(verdict: str, nearest: str | None) -> str:
    """'copy of token 1 (a.png)'."""
    of = f" of {nearest}" if nearest is not None and verdict != "original" else ""
    return f"copy or sibling{of}: cannot tell" if verdict == "unsure" else f"{verdict}{of}"


def _nearest_json(nearest: Nearest) -> dict[str, Any]:
    return {
        "token": nearest.token,
        "name": nearest.name,
        "collection": nearest.collection,
        "image_sha3_256": nearest.sha3_256.hex(),
        "pearson": _rounded(nearest.pearson),
        "overlap": _rounded(nearest.overlap),
        "residual": _rounded(nearest.residual),
        "transform": list(nearest.transform.words),
        "mirrored": nearest.transform.mirrored,
        "matrix": [_rounded(number, 6) for number in nearest.transform.matrix],
        "traits": list(nearest.traits),
        "regions": [
            {
                "box": [_rounded(side) for side in (r.left, r.top, r.right, r.bottom)],
                "kind": r.kind,
                "share": _rounded(r.share),
            }
            for r in nearest.regions
        ],
    }


def _rounded(number: float, digits: int = 4) -> float:
    return round(float(number), digits)  # JSON knows no numpy number
