"""How rare images were found to be -> the JSON of --json, and the same in words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gistchain.rareness.evidence import nearest_json, read
from gistchain.rareness.words import TOLD, called, verdict_words
from gistchain.text import lines

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.pipeline import Attested
    from gistchain.rareness.among import Among
    from gistchain.rareness.service.watch import Event
    from gistchain.types import Picture, Rareness, SignedRareness


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """An image and how rare it was found to be; nothing was registered.

    among: how rare it is among the images that were checked before it; None where it is like none, or nobody asked.
    other: name of the one file that it was compared with; other_way: how rare that is beside it, None where that says
    no more. tokens: of the home's chain, for this very file.
    """

    picture: Picture
    rareness: Rareness
    among: Rareness | None = None
    other: str | None = None
    other_way: Rareness | None = None
    tokens: tuple[int, ...] = ()


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
        # The ticket of a batch has the least of all its tokens.
        "compared_with": kept.get("compared_with", None if ticket is None else ticket.compared_with),
        "checker": kept.get("checker") if ticket is None else ticket.checker,
        "as_of": None if ticket is None else ticket.as_of,
        "lacking": kept.get("lacking"),
        "web": kept.get("web"),
        "evidence": None if ticket is None else ticket.evidence.hex(),
        "signed_by": signed.signer if signed is not None and signed.verified else None,
        "verified": None if signed is None else signed.verified,
    }


def attested_json(done: Attested) -> dict[str, Any]:
    """already: whether the account had said just this, so that nothing was sent."""
    kept, ticket = read(done.evidence), done.ticket
    return {
        "token": done.token,
        "image": done.picture.name,
        "verdict": ticket.verdict,
        "score": ticket.score,
        "interval": kept["interval"],
        "nearest": kept["nearest"],
        "compared_with": ticket.compared_with,
        "lacking": kept["lacking"],
        "checker": ticket.checker,
        "as_of": ticket.as_of,
        "evidence": ticket.evidence.hex(),
        "web": kept["web"],
        "tx": done.tx,
        "already": done.tx is None,
    }


def attested_text(done: Attested) -> str:
    rated = attested_json(done)
    told = f"token {done.token}: {rated_words(rated)}, rareness {done.ticket.score:.2f}"
    told += "" if done.ticket.compared_with else ", compared with nothing"
    where = "you had said so before" if done.tx is None else f"said in transaction {done.tx}"
    found = [(search["provider"], [match["url"] for match in search["matches"]]) for search in rated["web"] or ()]
    return lines([told, f"  {where}", *(f"  {web_words(*search)}" for search in found)])


def attested_words(done: Attested) -> str:
    """What is the case, for a person whom the answer can't reach."""
    return f"of token {done.token} you now say: {done.ticket.verdict}"


def rated_words(rated: dict[str, Any]) -> str:
    """The verdict in words. rated: as of `ticket_json`."""
    nearest = rated["nearest"]
    return verdict_words(rated["verdict"], None if nearest is None else called(nearest["token"], nearest["name"]))


def rareness_words(rated: dict[str, Any]) -> str:
    """'rareness 0.03 (0.01 to 0.06), signed; found: mirrored'. Signed is what had its signature checked."""
    if rated["verdict"] == "blank":
        return "rareness: it shows nothing that could be compared, so it has no ticket"
    words = f"rareness {rated['score']:.2f}"
    if rated["interval"] is not None:
        words += " ({:.2f} to {:.2f})".format(*rated["interval"])
    # The ticket of a batch has the least of all its tokens, so that the first of a chain says 0 of its siblings too.
    alone = rated["compared_with"] == 0 and rated["verdict"] == "original"
    words += ", compared with nothing" if alone else ""
    words += {True: ", signed", False: ", not verified", None: ", not on the chain"}[rated["verified"]]
    nearest = rated["nearest"]
    if nearest is None or rated["verdict"] == "original":
        return words
    words += f"; found: {', '.join(nearest['transform'])}" if nearest["transform"] else ""
    return words + (f"; traits that differ: {', '.join(nearest['traits'])}" if nearest["traits"] else "")


def checked_json(checked: Checked) -> dict[str, Any]:
    from gistchain.rareness.hashes import NO_NEURALHASH  # numpy, which `list` and `show` do without

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
        "lacking": None if rareness.doubt else rareness.lacking,
        "doubt": rareness.doubt,
        "subscores": {name: _rounded(value) for name, value in rareness.subscores.items()},
        "hashes": {name: getattr(rareness.hashes, name) for name in ("pdq", "phash", "ahash", "dhash", "neuralhash")},
        "pdq_quality": rareness.hashes.pdq_quality,
        "neuralhash_reason": None if rareness.hashes.neuralhash else NO_NEURALHASH,
        "web": None if rareness.web is None else [asdict(search) for search in rareness.web],
        "fingerprint_version": rareness.fingerprint_version,
        "tokens": list(checked.tokens),
        "notes": list(picture.notes),
        "among": None if checked.among is None else _among_json(checked.among),
        "other_way": None if checked.other_way is None else _among_json(checked.other_way),
    }


def web_words(provider: str, urls: Sequence[str]) -> str:
    """What one search of the internet found."""
    first = f", first {urls[0]}" if urls else ""
    return f"on the internet ({provider}): {len(urls)} match{'' if len(urls) == 1 else 'es'}{first}"


def nothing_words(registered: int, home: Path) -> str:
    """That there is nothing to compare with, if so; '' otherwise. A wrong --home looks the same as a new one."""
    if registered:
        return ""
    if not home.exists():
        return f"compared with nothing: there is no folder {home}; is that the --home that you meant?"
    return f"compared with nothing: {home} has no registered image; 'gistchain rareness seed' gives it some"


def doubt_words(lacking: int) -> str:
    """What a verdict leaves out knowingly; '' for nothing."""
    if not lacking:
        return ""
    which = "of 1 token is" if lacking == 1 else f"of {lacking:,} tokens are"
    return f"the image {which} not in the database: copies that are not the same file look like originals"


def _among_json(rareness: Rareness) -> dict[str, Any]:
    nearest = rareness.nearest
    return {
        "verdict": rareness.verdict,
        "score": _rounded(rareness.score),
        "interval": [_rounded(bound) for bound in rareness.interval],
        "reason": rareness.reason,
        "nearest": None if nearest is None else nearest_json(nearest),
        "compared_with": rareness.compared_with,
    }


def groups_json(among: Among) -> dict[str, Any]:
    """What is printed last: the pairs in the order of the images, and the groups that copies and derivatives make."""
    return {
        "pairs": [
            {
                "image": pair.name,
                "of": pair.of,
                "verdict": pair.rareness.verdict,
                "score": _rounded(pair.rareness.score),
            }
            for pair in among.pairs
        ],
        "groups": [{"group": group.number, "images": list(group.names)} for group in among.groups()],
    }


def groups_text(among: Among) -> str:
    """A line for each image of each group; what can't be told comes last."""
    how = {pair.name: f"{verdict_words(pair.rareness.verdict, pair.of)}" for pair in among.pairs}
    told = []
    for group in among.groups():
        first, *others = group.names
        told.append(f"group {group.number}: {first}")
        told += [f"  {name}  {how[name]}" for name in others]
    told += [f"{pair.name}: {how[pair.name]}" for pair in among.pairs if pair.rareness.verdict == "unsure"]
    return lines(told) or "no image is a copy of another one of these"


def checked_text(checked: Checked) -> str:
    """Two lines: the verdict with its score, and why."""
    picture, rareness = checked.picture, checked.rareness
    nearest = rareness.nearest
    words = verdict_words(rareness.verdict, None if nearest is None else called(nearest.token, nearest.name))
    low, high = rareness.interval
    score = "" if rareness.verdict == "blank" else f"  rareness {rareness.score:.2f} ({low:.2f} to {high:.2f})"
    told = [f"{picture.name}: {words}{score}", f"  {rareness.reason}"]
    if nearest is not None and nearest.transform.words and rareness.verdict != "original":
        told.append(f"  found: {', '.join(nearest.transform.words)}")
    if nearest is not None and nearest.traits and rareness.verdict != "original":
        told.append(f"  traits that differ: {', '.join(nearest.traits)}")
    searches = [(search.provider, [match.url for match in search.matches]) for search in rareness.web or ()]
    told += [f"  {web_words(*search)}" for search in searches]
    if checked.tokens:
        told.append(f"  registered, this very file: {', '.join(f'token {token}' for token in checked.tokens)}")
    if checked.among is not None and checked.among.nearest is not None and checked.among.verdict in TOLD:
        words = verdict_words(checked.among.verdict, checked.among.nearest.name)
        told.append(f"  among these: {words}  rareness {checked.among.score:.2f}")
    if checked.other_way is not None:
        back = checked.other_way
        words = verdict_words(back.verdict, picture.name)
        told.append(f"  the other way: {checked.other} is: {words}  rareness {back.score:.2f}")
    return lines([*told, *(f"  note: {note}" for note in picture.notes)])


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
    if rareness is None:
        said = event.text or "known"
    elif rareness.verdict == "blank":
        said = verdict_words(rareness.verdict, None)
    else:
        said = f"{rareness.verdict}, rareness {rareness.score:.2f}"
    return lines([f"{event.name} -> {result.name}  {said}"])


def _rounded(number: float, digits: int = 4) -> float:
    return round(float(number), digits)  # JSON knows no numpy number
