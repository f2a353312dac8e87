"""Is what the photo captioner says true? On the photos and drawings that training/data/photos.py holds out.

    python -m benchmarks.photo_captioner

A label is right if it, or a word below it on the path that the captioner found, is among the words that we wrote down
for the photo (training/data/photos.json, 'words'), or, for stamps, in their caption or the name of their folder.
top_1: what naming the network's best class would give. reliability: confidences in bins, and how often the whole guess
(photo or drawing; the label, if there is one) was right in each. sketch: mean CIEDE2000 between photo and sketch at
24 x 24.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import held_out, report
from benchmarks.report import timed
from gistchain.collection.known import dicebear
from gistchain.colours import ciede2000, lab
from gistchain.models.packaged.networks import class_names, network
from gistchain.models.photo.captioner import PhotoCaptioner, PhotoReading, probabilities
from gistchain.models.photo.sketch import SketchPainter
from gistchain.models.zoo.weights import card
from gistchain.types import Caption, Gist, Pixels
from training.data import cutouts, photos
from training.data.photos import over
from training.photo.captioner import is_drawn, right, said_of

BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


def main() -> None:
    captioner = PhotoCaptioner()
    pictures = {p.name: photos.pixels(p, 768) for p in photos.held_out_photos()}
    words = {p.name: set(" ".join(p.words).split()) for p in photos.held_out_photos()}
    stamps = [d for d in photos.held_out_drawings() if d.source == "stamps" and not is_drawn(d.name)]
    cut = {d.name: over(photos.rgba(d, 400)) for d in stamps}
    said = {d.name: said_of(d.name, d.caption) for d in stamps}
    rows = {"photos": _rows(captioner, pictures, words), "stamps": _rows(captioner, cut, said)}
    both = [row for found in rows.values() for row in found]
    figures = {
        "numbers": card("photo-captioner")["numbers_sha256"][:16],
        **{name: _figures(found) for name, found in rows.items()},
        "reliability": [_bin(both, low, high) for low, high in itertools.pairwise(BINS)],
        "medium": _media(captioner, pictures),
        "sketch": _sketches(captioner, pictures),
        "captions": {row["name"]: f"{row['caption']} ({row['confidence']:.2f})" for row in rows["photos"]},
    }
    report.write(
        "photo_captioner",
        figures=figures,
        models=["efficientnet-lite0"],
        data="held-out photos of training/data/photos.json; held-out tuxpaint stamps that are not drawn, over white",
    )
    print(json.dumps(figures, indent=1))


def _rows(captioner: PhotoCaptioner, images: dict[str, Pixels], truth: dict[str, set[str]]) -> list[dict[str, Any]]:
    rows = []
    for name, image in images.items():
        said, seconds, _ = timed(lambda image=image: captioner.caption(image))  # type: ignore[misc]
        reading = captioner.read(image)
        rows.append({"name": name, "caption": said.text, "confidence": said.confidence, "seconds": seconds,
                     **_judged(image, said, reading, truth[name])})  # fmt: skip
    return rows


def _judged(image: Pixels, said: Caption, reading: PhotoReading, truth: set[str]) -> dict[str, Any]:
    named = " of " in said.text.split(",")[0]
    path = right([node for node, _ in reading.path], truth)
    best = class_names()[int(probabilities(image, network().run(image)).argmax())]
    drawn = said.text.split(",")[0].split(" of ")[0].endswith("drawing")
    ok = path[reading.label - 1] if named else None
    return {
        "named": named,
        "right": ok,
        "depth": reading.label if named else 0,
        "all_right": not drawn and ok is not False,  # every picture here is a photograph
        "top_1": bool({w for w in best.lower().split() if w in truth}),
    }


def _figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    named = [r for r in rows if r["named"]]
    return {
        "n": len(rows),
        "named": len(named) / len(rows),
        "right_of_named": float(np.mean([r["right"] for r in named])),
        "words_deep": float(np.mean([r["depth"] for r in named])),
        "top_1_right": float(np.mean([r["top_1"] for r in rows])),
        "all_right": float(np.mean([r["all_right"] for r in rows])),
        "mean_confidence": float(np.mean([r["confidence"] for r in rows])),
        "lowest_confidence": float(np.min([r["confidence"] for r in rows])),
        "characters": float(np.mean([len(r["caption"]) for r in rows])),
        "characters_max": max(len(r["caption"]) for r in rows),
        "ms": 1000 * float(np.median([r["seconds"] for r in rows])),
    }


def _bin(rows: list[dict[str, Any]], low: float, high: float) -> dict[str, Any]:
    inside = [r for r in rows if low <= r["confidence"] < high]
    return {
        "confidence": f"{low:.1f} to {min(high, 1.0):.1f}",
        "n": len(inside),
        "mean_confidence": float(np.mean([r["confidence"] for r in inside])) if inside else None,
        "right": float(np.mean([r["all_right"] for r in inside])) if inside else None,
    }


def _media(captioner: PhotoCaptioner, pictures: dict[str, Pixels]) -> dict[str, Any]:
    """Photo or drawing: how often right, and how often neither was said."""
    clipart = [d for d in photos.held_out_drawings() if d.source == "clipart" and d.path.stat().st_size < 500_000][:120]
    sets: dict[str, tuple[bool, list[Pixels]]] = {
        "photos": (True, list(pictures.values())),
        "photos at 200 pixels": (True, [_small(p, 200) for p in pictures.values()]),
        "openclipart over white": (False, [over(photos.rgba(d, 400)) for d in clipart]),
        "3D emoji over white": (
            False,
            [over(Image.fromarray(c.rgba)) for c in cutouts.cutouts_of_emoji(held_out=True)[:60]],
        ),
        "DiceBear, styles unseen": (
            False,
            [
                dicebear.avatar(s, {"seed": f"heldout-{k}"}, 256)
                for s in ("toon-head", "miniavs", "cameo", "micah")
                for k in range(10)
            ],
        ),
        "CryptoPunks at 336 pixels": (False, [_large(i, 14) for i in held_out.tokens("punks", 40).images]),
    }
    found = {}
    for name, (is_photo, images) in sets.items():
        chances = np.array([captioner.read(i).photo for i in images])
        sure = np.maximum(chances, 1 - chances) >= 0.8
        agrees = (chances >= 0.5) == is_photo
        found[name] = {"n": len(images), "right": float(agrees.mean()), "said": float(sure.mean()),
                       "right_of_said": float(agrees[sure].mean()) if sure.any() else None}  # fmt: skip
    return found


def _small(image: Pixels, longest: int) -> Pixels:
    picture = Image.fromarray(image)
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _large(image: Pixels, times: int) -> Pixels:
    return np.kron(image, np.ones((times, times, 1), np.uint8))


def _sketches(captioner: PhotoCaptioner, pictures: dict[str, Pixels]) -> dict[str, float]:
    painter = SketchPainter()
    seen = [_grid(p) for p in pictures.values()]
    drawn = [
        _grid(painter.paint(Gist((captioner.caption(p).text,), (240, 240)), [k])[0])
        for k, p in enumerate(pictures.values())
    ]
    grey = lab(np.full((24, 24, 3), 128))
    return {
        "own_caption": float(np.mean([ciede2000(a, b).mean() for a, b in zip(seen, drawn, strict=True)])),
        "caption_of_another": float(
            np.mean([ciede2000(a, b).mean() for a, b in zip(seen, drawn[1:] + drawn[:1], strict=True)])
        ),
        "plain_grey": float(np.mean([ciede2000(a, grey).mean() for a in seen])),
    }


def _grid(image: Pixels) -> np.ndarray[Any, np.dtype[np.float64]]:
    return lab(np.asarray(Image.fromarray(image).resize((24, 24), Image.Resampling.BOX)))


if __name__ == "__main__":
    main()
