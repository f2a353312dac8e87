"""ROSIS: a gist -> n semantic isotopes -> the one whose own caption is nearest to the gist's (S0.1, S0.2, S0.13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gistchain.errors import RebuildError
from gistchain.types import Captioner, Choice, Gist, Isotope, Painter, Pixels, Rebuilt, TextEmbedder

PREVIEW_SIDE = 1024
"""Candidates have no longer side in pixels: a few bytes hold no detail that a larger picture would show."""
_COMPARED_SIDE = 256
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
    strength: float | None = None,
    full_size: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Rebuilt:
    """Relative Optimal Semantic Isotope Selection for any models (S0.3). The original image is never seen.

    distance: 1 - cosine of the two captions' vectors, in [0, 2]; of equals the one nearest to their mean wins. choice:
    'random' and 'worst' are the ablation; 'random' is the first seed, which is as random as any and repeatable.
    full_size: the chosen one is painted as large as the original, not only up to PREVIEW_SIDE. Where every seed gives
    the same picture, as a latent does, one is painted and read; a gist with the pixels of the whole picture gives it in
    full size. progress: is told what is done, and the share that is. Raises RebuildError for a gist without caption and
    latent, without seeds, for a strength below 1 without a latent, and beyond MAX_PIXELS in full size.
    """
    if not gist.caption and gist.latent is None and not gist.has_pixels:
        raise RebuildError(
            "this gist has no caption to rebuild from" + (" (it arrived damaged)" if gist.damaged else "")
        )
    if not seeds:
        raise RebuildError("no seeds were given: ROSIS needs at least one")
    if strength is not None and strength < 1 and gist.latent is None:
        raise RebuildError(
            f"strength {strength:g} starts from a latent, and this gist has none: leave the strength out"
        )
    width, height = gist.size
    if (full_size or gist.has_pixels) and width * height > MAX_PIXELS:
        raise RebuildError(f"this gist asks for {width} x {height} pixels: at most {MAX_PIXELS:,} are painted")
    preview = gist if gist.has_pixels else gist.resized(reduced(gist.size, PREVIEW_SIDE))
    if not painter.varies(preview, strength):
        seeds = seeds[:1]
    tell = progress or (lambda what, share: None)
    tell(f"painting isotopes: {len(seeds)}", 0.0)
    images = painter.paint(preview, seeds, strength)
    captions = []
    for number, image in enumerate(images, 1):
        tell(f"reading isotope {number} of {len(images)}", number / (len(images) + 1))
        captions.append(captioner.caption(image).text)
    distances = caption_distances(gist.caption, captions, embedder=embedder)
    isotopes = tuple(
        Isotope(image, seed, text, distance)
        for image, seed, text, distance in zip(images, seeds, captions, distances, strict=True)
    )
    if choice == "best":
        least = min(distances)
        chosen = nearest_to_mean([isotope for isotope in isotopes if isotope.distance == least])
    else:
        chosen = isotopes[0] if choice == "random" else max(isotopes, key=lambda isotope: isotope.distance)
    if full_size and preview.size != gist.size:
        chosen = replace(chosen, image=painter.paint(gist, [chosen.seed], strength)[0])
    return Rebuilt(chosen, isotopes, gist.size)


def middle_isotope(gist: Gist, *, painter: Painter, seeds: Sequence[int]) -> Pixels:
    """The isotope nearest to the mean of all, in full size: what most seeds agree on, read by no captioner.

    Raises RebuildError for a gist that gives no picture, and for one of more than MAX_PIXELS.
    """
    width, height = gist.size
    if width * height > MAX_PIXELS:
        raise RebuildError(f"this gist asks for {width} x {height} pixels: at most {MAX_PIXELS:,} are painted")
    preview = gist if gist.has_pixels else gist.resized(reduced(gist.size, _COMPARED_SIDE))
    if not painter.varies(preview):
        return painter.paint(gist, seeds[:1])[0]
    images = painter.paint(preview, seeds)
    isotopes = [Isotope(image, seed, "", 0.0) for image, seed in zip(images, seeds, strict=True)]
    return painter.paint(gist, [nearest_to_mean(isotopes).seed])[0]


def reduced(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The (width, height) in the same shape that has no side longer than `side`; never larger."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def nearest_to_mean(isotopes: Sequence[Isotope]) -> Isotope:
    """The one whose pixels are nearest to the mean of all, which makes it their medoid; of equals the first.

    What a caption leaves open differs from seed to seed; the mean of the seeds is the best guess of the original, and
    is itself no sharp picture.
    """
    if len(isotopes) < 3:  # two are equally far from their mean
        return isotopes[0]
    mean = sum(isotope.image.astype(np.float32) for isotope in isotopes) / np.float32(len(isotopes))
    return min(isotopes, key=lambda isotope: float(np.square(isotope.image - mean).sum(dtype=np.float64)))


def caption_distances(text: str, others: Sequence[str], *, embedder: TextEmbedder) -> list[float]:
    """Cosine distance, in [0, 2], of `text` to each of the others; an empty one, on either side, is at distance 1."""
    if all(not o or not text or o == text for o in others):  # nothing is left to be embedded
        return [0.0 if o == text and o else 1.0 for o in others]
    vectors = embedder.embed([text or " ", *(o or " " for o in others)])
    cosines = vectors[1:].astype(np.float64) @ vectors[0].astype(np.float64)
    return [
        1.0 if not o or not text else 0.0 if o == text else float(max(0.0, 1 - c))
        for o, c in zip(others, cosines, strict=True)
    ]
