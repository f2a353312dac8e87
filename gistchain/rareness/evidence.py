"""Rareness -> the evidence document behind it, and what the registration ticket says of it (S1.8, T1.2).

The document is canonical JSON: ASCII, sorted keys, no blanks, whole numbers only; every share is in ten-thousandths.

It holds the SHA3-256 of the quantised fingerprint, which binds its author to the numbers that it rests on. Another
machine, whose arithmetic may differ in the last bits, asks for the bytes behind that hash and compares them by
`fingerprint.agrees`. Searches of the internet are kept as they were seen, with time and provider, and never repeated.
The sentence that explains the verdict is left out: it says the same in words, and words may be improved. `lacking`
counts the registered images that the author's database knowingly does not hold, so that no copy of them was looked for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gistchain.errors import RarenessError
from gistchain.safejson import parsed
from gistchain.text import well_formed
from gistchain.types import Nearest, Rareness, RarenessTicket, Region, WebMatch, WebSearch

FORMAT = "gistchain rareness evidence 1"
CHECKER = 1
"""Version of what compares, 0..65535, in document and ticket: fingerprint, classifiers and rules together. It goes up
whenever the same images may get another verdict or score."""
MOST_MATCHES, MOST_LETTERS = 10, 2_048
"""Of each search of the internet: matches that are kept, and letters of an address or title, which strangers write."""
STEPS = 10_000
"""What a share of 1 is in the document and in a RarenessTicket."""


def document(picture_sha3: bytes, rareness: Rareness) -> bytes:
    """All that the verdict on the image file with this SHA3-256 rests on. Raises RarenessError for NaN or infinity."""
    from gistchain.rareness.fingerprint import quantised  # numpy, which `show` does without

    fields: dict[str, Any] = {
        "format": FORMAT,
        "unit": f"1/{STEPS}",
        "image_sha3_256": picture_sha3.hex(),
        "checker": CHECKER,
        "fingerprint_version": rareness.fingerprint_version,
        "fingerprint_sha3_256": hashlib.sha3_256(quantised(rareness.fingerprint).tobytes()).hexdigest(),
        "compared_with": rareness.compared_with,
        "lacking": rareness.lacking,
        "verdict": rareness.verdict,
        "score": _steps(rareness.score),
        "interval": [_steps(bound) for bound in rareness.interval],
        "subscores": {name: _steps(value) for name, value in rareness.subscores.items()},
        "hashes": asdict(rareness.hashes),
        "content": {name: _steps(value) for name, value in asdict(rareness.content).items()},
        "nearest": None if rareness.nearest is None else _nearest(rareness.nearest),
        "web": None if rareness.web is None else [_search(search) for search in rareness.web],
    }
    told = well_formed(fields)
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def ticket(rareness: Rareness, document: bytes, *, as_of: int) -> RarenessTicket:
    """What is written on the chain at registration; `document` is that of this rareness.

    as_of: the last block of the chain when it was compared.
    """
    return RarenessTicket(
        _steps(rareness.score) / STEPS,
        rareness.verdict,
        hashlib.sha3_256(document).digest(),
        CHECKER,
        as_of,
        rareness.compared_with,
    )


def of_batch(evidence: Mapping[bytes, bytes]) -> bytes:
    """The document behind the tickets of a batch: each image and its own evidence, 32 bytes each, by image."""
    return b"".join(image + evidence[image] for image in sorted(evidence))


def in_batch(document: bytes, image_sha3_256: bytes) -> bytes | None:
    """The evidence of one image in what `of_batch` gave; None where it is not in it."""
    rows = (document[at : at + 64] for at in range(0, len(document), 64))
    return next((row[32:] for row in rows if row[:32] == image_sha3_256), None)


def read(document: bytes) -> dict[str, Any]:
    """What a document says, under the same names, with every share as a float in 0..1. Raises RarenessError."""
    try:
        fields = parsed(document)
        return {
            **fields,
            "score": _share(fields["score"]),
            "interval": [_share(bound) for bound in fields["interval"]],
            "subscores": {name: _share(value) for name, value in fields["subscores"].items()},
            "content": {name: _share(value) for name, value in fields["content"].items()},
            "nearest": None if fields["nearest"] is None else _nearest_read(fields["nearest"]),
            "web": None if fields["web"] is None else [_search_read(search) for search in fields["web"]],
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RarenessError("this is no evidence document of gistchain: give the bytes that were written") from error


def nearest_json(nearest: Nearest) -> dict[str, Any]:
    """What the document says of the nearest image, with shares in 0..1: what `check --json` prints."""
    return _nearest_read(_nearest(nearest))


def _share(steps: int) -> float:
    return steps / STEPS


def _nearest_read(fields: dict[str, Any]) -> dict[str, Any]:
    regions = [
        {**region, "box": [_share(side) for side in region["box"]], "share": _share(region["share"])}
        for region in fields["regions"]
    ]
    shares = {name: _share(fields[name]) for name in ("pearson", "overlap", "residual")}
    return {**fields, **shares, "regions": regions}


def _search_read(fields: dict[str, Any]) -> dict[str, Any]:
    matches = [
        {**match, "similarity": None if match["similarity"] is None else _share(match["similarity"])}
        for match in fields["matches"]
    ]
    return {**fields, "matches": matches}


def _nearest(nearest: Nearest) -> dict[str, Any]:
    """Without the pictures: anyone who has the two images can lay them over each other again."""
    return {
        "token": nearest.token,
        "name": nearest.name,
        "collection": nearest.collection,
        "image_sha3_256": nearest.sha3_256.hex(),
        "pearson": _steps(nearest.pearson),
        "overlap": _steps(nearest.overlap),
        "residual": _steps(nearest.residual),
        "transform": list(nearest.transform.words),
        "mirrored": nearest.transform.mirrored,
        "traits": list(nearest.traits),
        "regions": _regions(nearest.regions),
    }


def _steps(value: float) -> int:
    if not math.isfinite(value):
        raise RarenessError(f"a score of {value} can't be evidence: check the image again")
    return round(float(value) * STEPS)


def _regions(regions: Sequence[Region]) -> list[dict[str, Any]]:
    sides = "left", "top", "right", "bottom"
    return [
        {"box": [_steps(getattr(region, side)) for side in sides], "kind": region.kind, "share": _steps(region.share)}
        for region in regions
    ]


def _search(search: WebSearch) -> dict[str, Any]:
    return {
        "provider": search.provider,
        "time": search.time,
        "pages": search.pages,
        "matches": [_match(match) for match in search.matches[:MOST_MATCHES]],
    }


def _match(match: WebMatch) -> dict[str, Any]:
    similarity = None if match.similarity is None else _steps(match.similarity)
    words = {name: getattr(match, name) for name in ("url", "page", "title")}
    return {n: None if word is None else word[:MOST_LETTERS] for n, word in words.items()} | {"similarity": similarity}
