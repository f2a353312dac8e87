"""Pictures and how rare they are -> one HTML page that shows why: it fetches nothing and runs nothing.

The candidate beside its registered source, one laid over the other, where they differ, and what was done in words.
Any text on the page may come from a stranger and is escaped; addresses are links only if they are http(s).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain import text
from gistchain.internet.address import is_web_address
from gistchain.rareness.words import MEANINGS, called, verdict_words
from gistchain.types import Nearest, Picture, Pixels, Rareness, WebSearch

SIDE = 384
"""Longest side in pixels of a picture on the page."""
MAX_MATCHES = 20
"""Of each search that are listed."""
_KINDS = {"missing": "gone", "extra": "added", "changed": "changed"}
"""Kind of a region -> the word for it."""


def card(picture: Picture, rareness: Rareness) -> dict[str, Any]:
    """What the page shows of one image, small enough to keep."""
    content = asdict(rareness.content)
    nearest = rareness.nearest
    title = verdict_words(rareness.verdict, None if nearest is None else called(nearest.token, nearest.name))
    return {
        "name": picture.name,
        "size": picture.size,
        "notes": picture.notes,
        "sha3": picture.sha3_256.hex(),
        "image": _uri(_small(picture.pixels)),
        "pixelated": _pixelated(picture.pixels),
        "width": _width(picture.pixels),
        "verdict": rareness.verdict,
        "title": f"{title[0].upper()}{title[1:]}",
        "meaning": MEANINGS[rareness.verdict],
        "reason": rareness.reason,
        "score": rareness.score,
        "interval": rareness.interval,
        "compared_with": rareness.compared_with,
        "lacking": rareness.lacking,
        "doubt": rareness.doubt,
        "fingerprint_version": rareness.fingerprint_version,
        "nearest": None if nearest is None else _nearest(nearest),
        "subscores": [(_spoken(name), value) for name, value in rareness.subscores.items()],
        "hashes": [(name, value) for name, value in asdict(rareness.hashes).items() if name != "pdq_quality"],
        "pdq_quality": rareness.hashes.pdq_quality,
        "open_nsfw": content.pop("open_nsfw"),
        "classes": sorted(content.items(), key=lambda item: -item[1]),
        "web": None if rareness.web is None else [_search(search) for search in rareness.web],
    }


def page(cards: Sequence[dict[str, Any]]) -> str:
    """The page of these cards."""
    template = resources.files("gistchain.rareness").joinpath("explain.html.j2").read_text("utf-8")
    return text.page(template, cards=cards, utc=text.utc, kinds=_KINDS)


def _nearest(nearest: Nearest) -> dict[str, Any]:
    return {
        "name": nearest.name,
        "token": nearest.token,
        "collection": nearest.collection,
        "sha3": nearest.sha3_256.hex(),
        "words": (("mirrored",) if nearest.transform.mirrored else ())
        + tuple(word for word in nearest.transform.words if word != "mirrored"),
        "traits": nearest.traits,
        "pearson": nearest.pearson,
        "overlap": nearest.overlap,
        "residual": nearest.residual,
        "registered": _uri(nearest.registered),
        "aligned": _uri(nearest.aligned),
        "heat": _uri(_heat(nearest.registered, nearest.differences)),
        "pixelated": _pixelated(nearest.registered),
        "width": _width(nearest.registered),
        "regions": [
            {
                "left": 100 * region.left,
                "top": 100 * region.top,
                "width": 100 * (region.right - region.left),
                "height": 100 * (region.bottom - region.top),
                "kind": region.kind,
                "word": _KINDS[region.kind],
                "share": region.share,
            }
            for region in nearest.regions
        ],
    }


def _heat(image: Pixels, differences: NDArray[np.float32]) -> Pixels:
    """The image in pale grey; over it, from yellow to dark red, where and how much the two differ."""
    grey = 160 + 0.35 * image.mean(axis=2, keepdims=True)
    amount = np.clip(np.nan_to_num(differences), 0, 1)[..., None]
    stops = np.array([[255, 214, 70], [244, 109, 37], [150, 10, 40]], np.float64)
    place = np.clip(2 * amount, 0, 2)
    low = np.minimum(place.astype(int), 1)[..., 0]
    colour = stops[low] + (stops[low + 1] - stops[low]) * (place - low[..., None])
    # A tenth of full scale is compression noise: it stays nearly invisible.
    opacity = np.clip((amount - 0.04) / 0.18, 0, 1) * 0.92
    heat: Pixels = (grey * (1 - opacity) + colour * opacity).clip(0, 255).round().astype(np.uint8)
    return heat


def _search(search: WebSearch) -> dict[str, Any]:
    return {
        "provider": search.provider,
        "time": search.time,
        "pages": search.pages,
        "more": max(0, len(search.matches) - MAX_MATCHES),
        "matches": [
            {
                "title": match.title or match.page or match.url,
                "url": match.url,
                "link": next((url for url in (match.page, match.url) if url and is_web_address(url)), None),
                "similarity": match.similarity,
            }
            for match in search.matches[:MAX_MATCHES]
        ],
    }


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _small(image: Pixels) -> Pixels:
    from PIL import Image

    height, width, _ = image.shape
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return image if scale == 1 else np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def _pixelated(image: Pixels) -> bool:
    """Whether its pixels should stay visible when it is enlarged: pixel art is small."""
    height, width = image.shape[0], image.shape[1]
    return bool(max(height, width) <= 64)


def _width(image: Pixels) -> int:
    """Greatest width in CSS pixels: a very tall picture would fill the page."""
    return max(8, 400 * int(image.shape[1]) // int(image.shape[0]))


def _uri(image: Pixels) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", quality=88, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
