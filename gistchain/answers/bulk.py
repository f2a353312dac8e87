"""What became of the images of a batch -> the JSON of --json, in the keys of `register`, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gistchain.answers.path import latent_json
from gistchain.answers.rareness import rareness_words, rated_words, ticket_json
from gistchain.text import lines
from gistchain.types import SignedRareness

if TYPE_CHECKING:
    from gistchain.bulk.run import Done


def bulk_json(done: Done, owner: str, document: bytes | None) -> dict[str, Any]:
    """gas: this token's share. document: the evidence of this image."""
    return {
        "token": done.token,
        "image": str(done.path),
        "image_sha3_256": done.image.hex(),
        "caption": done.gist.caption,
        "confidence": round(done.confidence, 4),
        "gist_bytes": done.gist_bytes,
        "latent": latent_json(done.gist),
        "layers": done.gist.layers,
        "gas": None if done.already else done.gas,
        "tx": done.receipt.tx or None,
        "block": done.receipt.block,
        "rareness": _rated(done, owner, document),
        "others": [],
        "already": done.already,
    }


def bulk_text(done: Done, owner: str, document: bytes | None) -> str:
    if done.already:
        return lines([f"already there: token {done.token}  {done.path}", f"  {done.gist.caption}"])
    rated = _rated(done, owner, document)
    first = f"token {done.token}  {done.path}  {done.gist_bytes} bytes, {done.gas:,} gas"
    if rated is None:
        return lines([first, f"  {done.gist.caption}"])
    return lines([f"{first}  {rated_words(rated)}", f"  {done.gist.caption}", f"  {rareness_words(rated)}"])


def summary(done: Sequence[Done], left_out: int, before: int = 0, *, own_chain: bool) -> str:
    """What all of a run comes to.

    left_out: how many an error names. before: how many were there in other ways. own_chain: the home's, which forgets
    nothing.
    """
    new = [one for one in done if not one.already]
    batches = {one.receipt.number: one.receipt for one in new}
    told = f"{len(new):,} tokens in {len(batches):,} batch{'es' if len(batches) != 1 else ''}"
    if new:
        told += f", {sum(receipt.gas for receipt in batches.values()) // len(new):,} gas a token"
        if any(one.guarantee == "proof" for one in new) and not own_chain:
            told += "; their gists are in calldata, which nodes may forget: back up batches.sqlite of the home"
    there = len(done) - len(new) + before
    told += f"; {there:,} were there already" if there else ""
    return told + (f"; {left_out:,} were left out" if left_out else "")


def _rated(done: Done, owner: str, document: bytes | None) -> dict[str, Any] | None:
    signed = None if done.ticket is None else SignedRareness(done.ticket, owner, bool(done.receipt.tx))
    return ticket_json(signed, document)
