"""Text to image: how often a caption finds its own picture among pictures and collections that no training has seen.

    python -m benchmarks.retrieval --count 200      # needs the photos: python -m training.data.photos

recall@k: the share of captions with a right picture among the first k. A picture is right for every caption that is
word for word its own (several tokens may share one), so chance is higher than 1 / N; it is stated, and so is ConSE
(no training) on the same data. phrases: a single phrase of a caption is asked for within its collection; the share of
the first ten that have it, beside the share of all that have it. Only phrases of 5% to 50% of the tokens are asked.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.report import timed, with_interval
from gistchain.collection.known import pfp30
from gistchain.collection.tokens import Tokens
from gistchain.colours import colours_in
from gistchain.models.packaged.joint import ConSE, JointDefault
from gistchain.types import JointEmbedder, Pixels
from training.data import photos
from training.weights import add_to_card

KS = (1, 5, 10)
Scores = NDArray[np.float32]


def scores(model: JointEmbedder, captions: Sequence[str], images: Sequence[Pixels]) -> Scores:
    """(captions, images)."""
    distinct = {c: k for k, c in enumerate(dict.fromkeys(captions))}
    texts = model.text.embed(list(distinct))
    found: Scores = texts[[distinct[c] for c in captions]] @ model.image.embed(images).T
    return found


def recalls(found: Scores, captions: Sequence[str]) -> dict[str, Any]:
    right = _right(captions)
    best = np.where(right, found, -np.inf).max(1, keepdims=True)
    rank = (np.where(right, -np.inf, found) >= best).sum(1)  # ties count against us
    return {f"recall@{k}": float((rank < k).mean()) for k in KS} | {"recall@1 95%": with_interval(rank < 1)[1:]}


def chance(captions: Sequence[str]) -> dict[str, float]:
    n, right = len(captions), _right(captions).sum(1)
    return {f"recall@{k}": float(np.mean([1 - math.comb(n - int(m), k) / math.comb(n, k) for m in right])) for k in KS}


def _right(captions: Sequence[str]) -> NDArray[np.bool_]:
    every = np.array(captions)
    right: NDArray[np.bool_] = every[:, None] == every[None]
    return right


def phrase_precision(model: JointEmbedder, tokens: Tokens, images: NDArray[np.float32]) -> dict[str, list[list[float]]]:
    """[precision@10, share of all tokens] of every phrase that 5% to 50% of the tokens have, by kind of phrase."""
    having: dict[str, list[int]] = {}
    for k in range(len(tokens)):
        for phrase in tokens.traits.phrases(tokens.labels[k].tolist()):
            having.setdefault(phrase, []).append(k)
    rows: dict[str, list[list[float]]] = {"colour": [], "other": []}
    for phrase, those in having.items():
        if 0.05 <= len(those) / len(tokens) <= 0.5:
            first = np.argsort(-(images @ model.text.embed([phrase])[0]), kind="stable")[:10]
            kind = "colour" if colours_in(phrase) else "other"
            rows[kind].append([float(np.isin(first, those).mean()), len(those) / len(tokens)])
    return rows


def photo_set() -> list[tuple[str, Pixels]]:
    """Held-out photos with our captions, and photographs cut out for children to stamp with, with theirs."""
    whole = [(p.caption, photos.pixels(p, 512)) for p in photos.held_out_photos()]
    stamps = [d for d in photos.held_out_drawings() if d.source == "stamps" and "cartoon" not in d.name]
    return whole + [(d.caption, photos.over(photos.rgba(d, 512))) for d in stamps]


def of_tokens(models: dict[str, JointEmbedder], count: int) -> dict[str, Any]:
    sets = {c: pfp30.held_out(c, count) for c in pfp30.TEST}
    captions = [t.caption(k) for t in sets.values() for k in range(len(t))]
    images = [t.image(k) for t in sets.values() for k in range(len(t))]
    figures: dict[str, Any] = {"n": len(images), "together": {"chance": chance(captions)}, "within": {}, "phrases": {}}
    for name, model in models.items():
        texts, vectors = model.text.embed(captions), model.image.embed(images)
        found = texts @ vectors.T
        figures["together"][name] = recalls(found, captions)
        precision: dict[str, list[list[float]]] = {"colour": [], "other": []}
        for k, (collection, tokens) in enumerate(sets.items()):
            part = slice(k * count, (k + 1) * count)
            within = figures["within"].setdefault(collection, {"n": count, "chance": chance(captions[part])})
            within[name] = recalls(found[part, part], captions[part])
            for kind, rows in phrase_precision(model, tokens, vectors[part]).items():
                precision[kind] += rows
        for kind, rows in precision.items():
            about = figures["phrases"].setdefault(kind, {"n": len(rows), "chance": float(np.mean(rows, 0)[1])})
            about[name] = float(np.mean(rows, 0)[0])
    return figures


def of_photos(models: dict[str, JointEmbedder]) -> dict[str, Any]:
    pairs = photo_set()
    captions, images = [c for c, _ in pairs], [i for _, i in pairs]
    figures: dict[str, Any] = {"n": len(pairs), "chance": chance(captions)}
    for name, model in models.items():
        figures[name] = recalls(scores(model, captions, images), captions)
    return figures


def cpu_ms(model: JointEmbedder) -> dict[str, float]:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (256, 256, 3), dtype=np.uint8) for _ in range(10)]
    texts = [f"a picture of {k} red birds" for k in range(10)]
    model.image.embed(images[:1])
    image_s, text_s = (timed(call)[2] for call in (lambda: model.image.embed(images), lambda: model.text.embed(texts)))
    return {"image": 1000 * image_s / len(images), "text": 1000 * text_s / len(texts)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    count = parser.parse_args().count
    models: dict[str, JointEmbedder] = {"joint-default": JointDefault(), "conse": ConSE()}
    figures = {"tokens": of_tokens(models, count), "photos": of_photos(models)}
    figures["cpu_ms"] = {name: cpu_ms(model) for name, model in models.items()}
    found = {"tokens": figures["tokens"]["together"], "photos": figures["photos"]}
    add_to_card("joint-default", {"held_out": {k: v["joint-default"]["recall@1"] for k, v in found.items()}})
    report.write(
        "retrieval", figures=figures, models=["joint-default", "efficientnet-lite0"],
        data=f"{count} held-out tokens (seeds heldout-*) of each of {', '.join(pfp30.TEST)}, not trained or tuned "
        "on; held-out photos and photographic stamps of training/data/photos.py; see docs/data.md",
    )  # fmt: skip
    for name in models:
        print(name, figures["tokens"]["together"][name], figures["photos"][name], sep="\n  ")
