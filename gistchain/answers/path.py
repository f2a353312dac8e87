"""What was registered, shown or rebuilt -> the JSON of --json, and the same in words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gistchain.answers.chain import finality_words, nft_words
from gistchain.answers.rareness import rareness_words, rated_words, ticket_json, web_words
from gistchain.digest import keccak
from gistchain.text import lines, utc

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.pipeline import Registered, Shown
    from gistchain.types import Attestation, Gist, Isotope, Rebuilt


@dataclass(frozen=True, slots=True, eq=False)
class Already:
    """An image that was given again: what the chain holds of it. evidence: as of `Registered`.

    unused_caption: whether a person gave words that are not those on the chain.
    """

    image: str
    shown: Shown
    evidence: bytes | None
    unused_caption: bool


_PICTURES = {"thumb8": "8x8 colours"}
"""What a latent is called, where it is less than a picture."""
_SHOWN_BYTES = 64
"""Of a gist, for a person."""


def registered_json(done: Registered | Already) -> dict[str, Any]:
    """already: whether the account had this token before, so that nothing was written; then nothing was spent."""
    if isinstance(done, Already):
        return _already_json(done)
    return {
        "token": done.token,
        "image": done.picture.name,
        "image_sha3_256": done.picture.sha3_256.hex(),
        "caption": done.gist.caption,
        "confidence": round(done.confidence, 4),
        "gist_bytes": done.receipt.size_bytes,
        "latent": latent_json(done.gist),
        "layers": done.gist.layers,
        "gas": done.receipt.gas,
        "tx": done.receipt.tx,
        "block": done.receipt.block,
        "block_hash": done.receipt.block_hash,
        "final": done.receipt.final,
        "owner": done.receipt.owner,
        "gist_keccak": done.receipt.gist_keccak.hex(),
        "rareness": ticket_json(done.signed, done.evidence),
        "others": list(done.others),
        "already": False,
    }


def _already_json(done: Already) -> dict[str, Any]:
    token, gist = done.shown.token, done.shown.gist
    return {
        "token": token.id,
        "image": done.image,
        "image_sha3_256": token.image_sha3_256.hex(),
        "caption": gist.caption,
        "confidence": None,
        "gist_bytes": len(done.shown.payload),
        "latent": latent_json(gist),
        "layers": gist.layers,
        "gas": None,
        "tx": None,
        "block": token.block,
        "block_hash": None,
        "final": None,
        "owner": token.owner,
        "gist_keccak": keccak(done.shown.payload).hex(),
        "rareness": ticket_json(done.shown.signed, done.evidence),
        "others": list(done.shown.others),
        "already": True,
    }


def registered_text(done: Registered | Already) -> str:
    if isinstance(done, Already):
        told = [f"already there: token {done.shown.token.id}  {done.image}", f"  {done.shown.gist.caption}"]
        told += ["  your caption was not used: what is registered stays"] if done.unused_caption else []
        return lines([*told, *same_file_lines(done.shown.others)])
    rated = ticket_json(done.signed, done.evidence)
    first = f"token {done.token}  {done.picture.name}  {done.receipt.size_bytes} bytes, {done.receipt.gas:,} gas"
    told = [first, f"  {done.gist.caption}", f"  {_gist_words(done)}"]
    if rated is not None:
        told = [f"{first}  {rated_words(rated)}", *told[1:], f"  {rareness_words(rated)}", *_web_lines(rated)]
    told += [] if done.receipt.final else [f"  block {done.receipt.block}: {finality_words(done.receipt)}"]
    return lines([*told, *same_file_lines(done.others), *(f"  note: {note}" for note in done.picture.notes)])


def same_file_lines(others: Sequence[int]) -> list[str]:
    """That other accounts have tokens for the very same file; nothing where none has."""
    if not others:
        return []
    which = f"token{'s' if len(others) > 1 else ''} {', '.join(map(str, others))}"
    return [f"  of the very same file others have {which}: anyone can register a file that is seen"]


def registered_words(done: Registered | Already) -> str:
    """What is the case, for a person whom the answer can't reach."""
    if isinstance(done, Already):
        return f"{done.image} was already there as token {done.shown.token.id}"
    return f"{done.picture.name} was registered as token {done.token}"


def _web_lines(rated: dict[str, Any]) -> list[str]:
    found = [(search["provider"], [match["url"] for match in search["matches"]]) for search in rated["web"] or ()]
    return [f"  {web_words(*search)}" for search in found]


def latent_json(gist: Gist) -> dict[str, Any] | None:
    return None if gist.latent is None else {"coder": gist.latent.coder, "bytes": len(gist.latent.data)}


def _gist_words(done: Registered) -> str:
    """What the bytes on the chain hold."""
    gist = done.gist
    parts = [] if gist.latent is None else [(_PICTURES.get(gist.latent.coder, "a picture"), len(gist.latent.data))]
    if gist.subject is not None:
        parts.append(("the main subject", len(gist.subject.data)))
    if gist.residual is not None:
        parts.append(("every pixel", len(gist.residual.data)))
    if gist.file is not None:
        parts.append(("the image file as it is", len(gist.file.data)))
    if not parts:
        return "a caption alone"
    rest = done.receipt.size_bytes - sum(size for _, size in parts)
    return f"a caption of {rest} bytes and " + ", ".join(f"{what} in {size:,} bytes" for what, size in parts)


def shown_json(shown: Shown, document: bytes | None) -> dict[str, Any]:
    """document: the evidence behind its ticket, None where it is not here."""
    here = None if shown.signed is None else document is not None
    attested = None if shown.attested is None else [_attested_json(said) for said in shown.attested]
    rareness = ticket_json(shown.signed, document)
    return {**_shown(shown), "rareness": rareness, "evidence_here": here, "attested": attested}


def shown_text(shown: Shown, document: bytes | None) -> str:
    """A line a field."""
    fields = _shown(shown)
    if len(shown.payload) > _SHOWN_BYTES:
        fields["gist"] = f"{shown.payload[:_SHOWN_BYTES].hex()}... (--json has all {len(shown.payload):,} bytes)"
    fields["layers"] = ", ".join(fields["layers"]) or "caption only"
    others = ", ".join(f"token {other}" for other in fields.pop("others"))
    fields["same_file"] = f"{others}, registered by others" if others else None
    rated = ticket_json(shown.signed, document)
    if rated is None:
        fields["rareness"] = "no ticket"
    else:
        fields["verdict"] = rated_words(rated)
        fields["rareness"] = rareness_words(rated).removeprefix("rareness ")
        where = "here: --evidence prints it" if document else "not in this home"
        if rated["web"] is not None:
            fields["internet"] = "; ".join(line.strip() for line in _web_lines(rated)) or "no provider answered"
        fields["evidence"] = f"{rated['evidence']} ({where})"
    told = [(name.replace("_", " "), value) for name, value in fields.items() if value is not None]
    return lines(f"{name:>15}  {value}" for name, value in [*told, *_attested_rows(shown.attested)])


def _attested_rows(attested: tuple[Attestation, ...] | None) -> list[tuple[str, str]]:
    """What others say, apart from the creator's own verdict."""
    if attested is None:
        return [("others say", "unknown: the node has not kept its logs")]
    return [("others say", f"{one.ticket.verdict}, rareness {one.ticket.score:.2f}, by {one.by}") for one in attested]


def _shown(shown: Shown) -> dict[str, Any]:
    """What the chain holds of a token, but for its rareness."""
    token, gist = shown.token, shown.gist
    return {
        "token": token.id,
        "caption": gist.caption,
        "width": gist.size[0],
        "height": gist.size[1],
        "layers": gist.layers,
        "gist_bytes": len(shown.payload),
        "gist": shown.payload.hex(),
        "image_sha3_256": token.image_sha3_256.hex(),
        "owner": token.owner,
        "block": token.block,
        "time": utc(token.block_time),
        "batch": token.batch or None,
        "nft": None if shown.link is None else nft_words(shown.link),
        "others": list(shown.others),
    }


def _attested_json(said: Attestation) -> dict[str, Any]:
    ticket = said.ticket
    return {
        "by": said.by,
        "verdict": ticket.verdict,
        "score": ticket.score,
        "checker": ticket.checker,
        "as_of": ticket.as_of,
        "compared_with": ticket.compared_with,
        "evidence": ticket.evidence.hex(),
    }


def rebuilt_json(token: int, file: Path, rebuilt: Rebuilt) -> dict[str, Any]:
    isotopes = [_isotope_json(isotope) for isotope in rebuilt.isotopes]
    height, width, _ = rebuilt.chosen.image.shape
    return {
        "token": token,
        "file": str(file),
        "width": width,
        "height": height,
        **_isotope_json(rebuilt.chosen),
        "isotopes": isotopes,
    }


def _isotope_json(isotope: Isotope) -> dict[str, Any]:
    return {"seed": isotope.seed, "caption": isotope.caption, "distance": isotope.distance}


def rebuilt_text(token: int, file: Path, rebuilt: Rebuilt) -> str:
    chosen, of = rebuilt.chosen, len(rebuilt.isotopes)
    from_which = "1 isotope, any other would be the same" if of == 1 else f"seed {chosen.seed} of {of}"
    first = f"token {token} -> {file}  {from_which}, distance {chosen.distance:.4f}"
    told = [first, f"  it reads as: {chosen.caption or '(nothing that the captioner knows)'}"]
    height, width, _ = chosen.image.shape
    if (width, height) != rebuilt.original_size:
        larger = "{} x {}".format(*rebuilt.original_size)
        told.append(f"  {width} x {height} pixels; the original as read has {larger}: --full-size makes it as large")
    return lines(told)


def picture_texts(token: int, caption: str, chain: str) -> dict[str, str]:
    """What the file of a rebuilt picture says of itself."""
    said = {"Title": f"token {token}", "Source": f"{chain}, token {token}", "Software": "gistchain"}
    return said | ({"Description": caption} if caption else {})
