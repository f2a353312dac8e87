"""How rare images were found to be -> the JSON of --json, and the same in words for a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gistchain.rareness.evidence import nearest_json, read
from gistchain.rareness.hashes import NO_NEURALHASH
from gistchain.rareness.words import called, verdict_words

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.rareness.service.watch import Event
    from gistchain.types import Picture, Rareness, SignedRareness


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """An image and how rare it was found to be; nothing was registered."""

    picture: Picture
    rareness: Rareness


def ticket_json(signed: SignedRareness | None, document: bytes | None) -> dict[str, Any] | None:
    """Ticket and evidence document, as far as they are there; None without either. Shares in 0..1."""
    if signed is None and document is None:
        return None
    kept = {} if document is None else read(document)
    ticket = None if signed is None else signed.ticket
    return {
        "verdict": kept["verdict"] if ticket is None else ticket.verdict,
        "score": kept["score"] if ticket is None else ticket.score,
        "interval": kept.get("interval"),
        "nearest": kept.get("nearest"),
        "compared_with": kept.get("compared_with"),
        "evidence": None if ticket is None else ticket.evidence.hex(),
        "signed_by": signed.signer if signed is not None and signed.verified else None,
        "verified": None if signed is None else signed.verified,
    }


def rated_words(rated: dict[str, Any]) -> str:
    """The verdict in words. rated: as of `ticket_json`."""
    nearest = rated["nearest"]
    return verdict_words(rated["verdict"], None if nearest is None else called(nearest["token"], nearest["name"]))


def rareness_words(rated: dict[str, Any]) -> str:
    """'rareness 0.03 (0.01 to 0.06), signed; found: mirrored'. Signed is what had its signature checked."""
    words = f"rareness {rated['score']:.2f}"
    if rated["interval"] is not None:
        words += " ({:.2f} to {:.2f})".format(*rated["interval"])
    words += {True: ", signed", False: ", not verified", None: ", not on the chain"}[rated["verified"]]
    nearest = rated["nearest"]
    if nearest is None or rated["verdict"] == "original":
        return words
    words += f"; found: {', '.join(nearest['transform'])}" if nearest["transform"] else ""
    return words + (f"; traits that differ: {', '.join(nearest['traits'])}" if nearest["traits"] else "")


def checked_json(checked: Checked) -> dict[str, Any]:
    picture, rareness = checked.picture, checked.rareness
    nearest = rareness.nearest
    return {
        "image": picture.name,
        "image_sha3_256": picture.sha3_256.hex(),
        "verdict": rareness.verdict,
        "score": _rounded(rareness.score),
        "interval": [_rounded(bound) for bound in rareness.interval],
        "reason": rareness.reason,
        "nearest": None if nearest is None else nearest_json(nearest),
        "matrix": None if nearest is None else [_rounded(number, 6) for number in nearest.transform.matrix],
        "compared_with": rareness.compared_with,
        "subscores": {name: _rounded(value) for name, value in rareness.subscores.items()},
        "hashes": {name: getattr(rareness.hashes, name) for name in ("pdq", "phash", "ahash", "dhash", "neuralhash")},
        "pdq_quality": rareness.hashes.pdq_quality,
        "neuralhash_reason": None if rareness.hashes.neuralhash else NO_NEURALHASH,
        "web": None if rareness.web is None else [asdict(search) for search in rareness.web],
        "fingerprint_version": rareness.fingerprint_version,
        "notes": list(picture.notes),
    }


def checked_text(checked: Checked) -> str:
    """Two lines: the verdict with its score, and why."""
    picture, rareness = checked.picture, checked.rareness
    nearest = rareness.nearest
    words = verdict_words(rareness.verdict, None if nearest is None else called(nearest.token, nearest.name))
    low, high = rareness.interval
    lines = [
        f"{picture.name}: {words}  rareness {rareness.score:.2f} ({low:.2f} to {high:.2f})",
        f"  {rareness.reason}",
    ]
    if nearest is not None and nearest.transform.words and rareness.verdict != "original":
        lines.append(f"  found: {', '.join(nearest.transform.words)}")
    if nearest is not None and nearest.traits and rareness.verdict != "original":
        lines.append(f"  traits that differ: {', '.join(nearest.traits)}")
    for search in rareness.web or ():
        first = f", first {search.matches[0].url}" if search.matches else ""
        lines.append(f"  on the internet ({search.provider}): {len(search.matches)} matches{first}")
    return "\n".join([*lines, *(f"  note: {note}" for note in picture.notes)])


def event_json(event: Event) -> dict[str, Any]:
    rareness = event.rareness
    return {
        "event": event.kind,
        "file": event.name,
        "result": None if event.path is None else str(event.path),
        "verdict": None if rareness is None else rareness.verdict,
        "score": None if rareness is None else _rounded(rareness.score),
        "text": event.text,
    }


def event_text(event: Event, result: Path) -> str:
    """One line on a file whose result is there."""
    rareness = event.rareness
    said = event.text or "known" if rareness is None else f"{rareness.verdict}, rareness {rareness.score:.2f}"
    return f"{event.name} -> {result.name}  {said}"


def _rounded(number: float, digits: int = 4) -> float:
    return round(float(number), digits)  # JSON knows no numpy number
