"""ROSIS: a gist -> n semantic isotopes -> the one whose own caption is nearest to the gist's (S0.1, S0.2, S0.13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gistchain.errors import RebuildError
from gistchain.types import Captioner, Choice, Gist, Isotope, Painter, Rebuilt, TextEmbedder

PREVIEW_SIDE = 1024
"""Candidates are painted no larger than this many pixels a side; only the chosen one is painted in full."""
MAX_PIXELS = 100_000_000
"""A gist may come from anyone: a larger picture is refused before any memory is taken for it."""


def select_isotope(
    gist: Gist,
    *,
    painter: Painter,
    captioner: Captioner,
    embedder: TextEmbedder,
    seeds: Sequence[int],
    choice: Choice = "best",
    strength: float = 1.0,
) -> Rebuilt:
    """Relative Optimal Semantic Isotope Selection for any models (S0.3). The original image is never seen.

    distance: 1 - cosine of the two captions' vectors, in [0, 2]; of equals the first seed wins. choice: 'random' and
    'worst' are the ablation; 'random' is the first seed, which is as random as any and repeatable.
    Raises RebuildError without a caption, without seeds, or for a gist of more than MAX_PIXELS.
    """
    if not gist.caption:
        raise RebuildError(
            "this gist has no caption to rebuild from" + (" (it arrived damaged)" if gist.damaged else "")
        )
    if not seeds:
        raise RebuildError("no seeds were given: ROSIS needs at least one")
    width, height = gist.size
    if width * height > MAX_PIXELS:
        raise RebuildError(f"this gist asks for {width} x {height} pixels: at most {MAX_PIXELS:,} are painted")
    preview = replace(gist, size=(min(width, PREVIEW_SIDE), min(height, PREVIEW_SIDE)))
    images = painter.paint(preview, seeds, strength)
    captions = [captioner.caption(image).text for image in images]
    distances = caption_distances(gist.caption, captions, embedder=embedder)
    isotopes = tuple(
        Isotope(image, seed, text, distance)
        for image, seed, text, distance in zip(images, seeds, captions, distances, strict=True)
    )
    by_distance = sorted(isotopes, key=lambda isotope: isotope.distance)  # stable: the first seed of equals
    chosen = {"best": by_distance[0], "random": isotopes[0], "worst": by_distance[-1]}[choice]
    if preview.size != gist.size:
        chosen = replace(chosen, image=painter.paint(gist, [chosen.seed], strength)[0])
    return Rebuilt(chosen, isotopes)


def caption_distances(text: str, others: Sequence[str], *, embedder: TextEmbedder) -> list[float]:
    """Cosine distance, in [0, 2], of `text` to each of the others; an unreadable (empty) one is at distance 1."""
    vectors = embedder.embed([text, *(o or " " for o in others)])
    cosines = vectors[1:].astype(np.float64) @ vectors[0].astype(np.float64)
    return [
        1.0 if not o else 0.0 if o == text else float(max(0.0, 1 - c)) for o, c in zip(others, cosines, strict=True)
    ]
