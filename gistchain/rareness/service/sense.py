"""Rareness -> the object that Sense writes for an image (S1.13): its keys, types and order.

docs/sense.schema.json says the same as a JSON Schema. Where Sense leaves open what a value means:

- is_likely_dupe: 1 for a copy and for a derivative, 0 for an original and a sibling. Where the evidence can't tell a
  copy from a sibling, 1 if the score is below 0.5. 0 for an image that shows nothing.
- overall_average_rareness_score: 0.5 for an image that shows nothing: there is nothing to compare.
- is_rare_on_internet: 1 only if the internet was searched and nothing was found. Without a search it is 0, because
  nothing was shown, with 0 matches, 0 pages and no URL: these four together mean "not searched".
- Matches and pages are summed over the providers that were asked; a URL that two of them found counts once.
- neuralhash_hash: null unless NeuralHash is switched on.
- image_fingerprint_of_candidate_image_file: a JSON list in a string, 10,048 numbers with 1 to 6 decimals, as in Sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain import __version__
from gistchain.internet.address import is_web_address
from gistchain.rareness.fingerprint import check
from gistchain.text import printable
from gistchain.types import Hashes, Rareness, WebSearch


def sense(picture_sha3: bytes, rareness: Rareness) -> dict[str, Any]:
    """Sense's object for the image file with this SHA3-256. Raises RarenessError for a fingerprint with NaN in it."""
    matches, pages, url = _on_internet(rareness.web or ())
    content = {name: float(value) for name, value in asdict(rareness.content).items()}
    return {
        "dupe_detection_system_version": version(rareness.fingerprint_version),
        "hash_of_candidate_image_file": picture_sha3.hex(),
        "is_likely_dupe": int(_is_likely_dupe(rareness)),
        "overall_average_rareness_score": float(rareness.score),
        "is_rare_on_internet": int(bool(rareness.web) and matches == 0),
        "matches_found_on_first_page": matches,
        "number_of_pages_of_results": pages,
        "url_of_first_match_in_page": url,
        "open_nsfw_score": content.pop("open_nsfw"),
        "alternative_nsfw_scores": content,
        "image_hashes": _hashes(rareness.hashes),
        "image_fingerprint_of_candidate_image_file": _listed(rareness.fingerprint),
    }


def refusal(picture_sha3: bytes, error: Exception) -> dict[str, Any]:
    """What is written in place of Sense's object for a file that is not an image, or a broken one."""
    return {
        "dupe_detection_system_version": version(),
        "hash_of_candidate_image_file": picture_sha3.hex(),
        "error": printable(str(error)) or "no reason was given",
        "kind": type(error).__name__,
    }


def version(fingerprint: str | None = None) -> str:
    """The version of gistchain, with that of the fingerprints if given. Scores of two versions can't be compared."""
    return __version__ if fingerprint is None else f"{__version__}+{fingerprint}"


def _is_likely_dupe(rareness: Rareness) -> bool:
    if rareness.verdict == "unsure":
        return rareness.score < 0.5
    return rareness.verdict in ("copy", "derivative")


def _on_internet(searches: Sequence[WebSearch]) -> tuple[int, int, str]:
    """(different matches, pages of results, address of the first match)."""
    urls = dict.fromkeys(match.url for search in searches for match in search.matches)
    # A provider repeats what a stranger's page says: no javascript: or similar is passed on to be clicked.
    first = next((url for url in urls if is_web_address(url)), "")
    return len(urls), sum(search.pages for search in searches), first


def _hashes(hashes: Hashes) -> dict[str, str | None]:
    return {
        "pdq_hash": hashes.pdq,
        "perceptual_hash": hashes.phash,
        "average_hash": hashes.ahash,
        "difference_hash": hashes.dhash,
        "neuralhash_hash": hashes.neuralhash,
    }


def _listed(fingerprint: NDArray[np.float32]) -> str:
    check(fingerprint)
    return "[" + ", ".join(map(_decimal, fingerprint.tolist())) + "]"


def _decimal(number: float) -> str:
    # At most six decimals, without zeros at the end and never with an exponent: 0.00687, 0.0, 0.00005.
    text = f"{number:.6f}".rstrip("0")
    text = text + "0" if text.endswith(".") else text
    return "0.0" if text == "-0.0" else text
