"""What the commands found -> what they answer: the JSON of --json, and the same in words for a person."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gistchain.rareness.evidence import nearest_json, nearest_of
from gistchain.rareness.hashes import NO_NEURALHASH
from gistchain.rareness.words import called, verdict_words

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.image import Picture
    from gistchain.ledger.ticket import SignedRareness
    from gistchain.pipeline import Registered, Registry
    from gistchain.rareness.service.watch import Event
    from gistchain.rebuild.isotope import Rebuilt
    from gistchain.types import Isotope, Rareness, Token


def registered_json(done: Registered) -> dict[str, Any]:
    return {
        "token": done.token,
        "image": done.picture.name,
        "image_sha3_256": done.picture.sha3_256.hex(),
        "caption": done.gist.captions[0],
        "confidence": round(done.confidence, 4),
        "gist_bytes": done.receipt.size_bytes,
        "gas": done.receipt.cost,
        "tx": done.receipt.tx,
        "block": done.receipt.block,
        "rareness": ticket_json(done.signed, done.evidence),
    }


def registered_text(done: Registered) -> str:
    rated = ticket_json(done.signed, done.evidence)
    first = f"token {done.token}  {done.picture.name}  {done.receipt.size_bytes} bytes, {done.receipt.cost:,} gas"
    lines = [first, f"  {done.gist.captions[0]}"]
    if rated is not None:
        lines = [f"{first}  {rated_words(rated)}", lines[1], f"  {rareness_words(rated)}"]
    return "\n".join([*lines, *(f"  note: {note}" for note in done.picture.notes)])


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
        "nearest": nearest_of(found["nearest"]) if found and found["nearest"] else None,
        "compared_with": found.get("compared_with"),
        "evidence": None if ticket is None else ticket.evidence.hex(),
        "signed_by": None if signed is None else signed.signer,
    }


def rated_words(rated: dict[str, Any]) -> str:
    """The verdict in words. rated: as of `ticket_json`."""
    nearest = rated["nearest"]
    return verdict_words(rated["verdict"], None if nearest is None else called(nearest["token"], nearest["name"]))


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


def token_json(registry: Registry, token: int) -> dict[str, Any]:
    """What the chain holds of a token, but for its rareness."""
    record = registry.ledger.token(token)
    payload = registry.ledger.gist_of(token)
    gist = registry.gist(token)
    return {
        "token": record.id,
        "caption": gist.captions[0] if gist.captions else "",
        "width": gist.size[0],
        "height": gist.size[1],
        "layers": [name for name in ("latent", "subject", "residual") if getattr(gist, name) is not None],
        "gist_bytes": record.size_bytes,
        "gist": payload.hex(),
        "image_sha3_256": record.image_sha3_256.hex(),
        "owner": record.owner,
        "block": record.block,
        "time": utc(record.block_time),
    }


def listed_json(token: Token, caption: str) -> dict[str, Any]:
    return {
        "token": token.id,
        "caption": caption,
        "gist_bytes": token.size_bytes,
        "image_sha3_256": token.image_sha3_256.hex(),
        "owner": token.owner,
        "block": token.block,
        "time": utc(token.block_time),
    }


def rebuilt_json(token: int, file: Path, rebuilt: Rebuilt) -> dict[str, Any]:
    isotopes = [_isotope_json(isotope) for isotope in rebuilt.isotopes]
    return {"token": token, "file": str(file), **_isotope_json(rebuilt.chosen), "isotopes": isotopes}


def _isotope_json(isotope: Isotope) -> dict[str, Any]:
    return {"seed": isotope.seed, "caption": isotope.caption, "distance": isotope.distance}


def rebuilt_text(token: int, file: Path, rebuilt: Rebuilt) -> str:
    chosen, of = rebuilt.chosen, len(rebuilt.isotopes)
    first = f"token {token} -> {file}  seed {chosen.seed} of {of}, distance {chosen.distance:.4f}"
    return f"{first}\n  it reads as: {chosen.caption or '(nothing that the captioner knows)'}"


def checked_json(picture: Picture, found: Rareness) -> dict[str, Any]:
    nearest = found.nearest
    return {
        "image": picture.name,
        "image_sha3_256": picture.sha3_256.hex(),
        "verdict": found.verdict,
        "score": _rounded(found.score),
        "interval": [_rounded(bound) for bound in found.interval],
        "reason": found.reason,
        "nearest": None if nearest is None else nearest_json(nearest),
        "matrix": None if nearest is None else [_rounded(number, 6) for number in nearest.transform.matrix],
        "compared_with": found.compared_with,
        "subscores": {name: _rounded(value) for name, value in found.subscores.items()},
        "hashes": {name: getattr(found.hashes, name) for name in ("pdq", "phash", "ahash", "dhash", "neuralhash")},
        "pdq_quality": found.hashes.pdq_quality,
        "neuralhash_reason": None if found.hashes.neuralhash else NO_NEURALHASH,
        "web": None if found.web is None else [asdict(search) for search in found.web],
        "fingerprint_version": found.fingerprint_version,
        "notes": list(picture.notes),
    }


def checked_text(picture: Picture, found: Rareness) -> str:
    """Two lines: the verdict with its score, and why."""
    nearest = found.nearest
    words = verdict_words(found.verdict, None if nearest is None else called(nearest.token, nearest.name))
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


def _rounded(number: float, digits: int = 4) -> float:
    return round(float(number), digits)  # a number of numpy is none of JSON's


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


def utc(seconds: int) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):  # a foreign chain may claim any time
        return f"{seconds} s"
