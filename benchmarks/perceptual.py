"""Does the perceptual distance order pictures as people do, and from how many images on does a set distance measure?

    python -m benchmarks.perceptual      # needs the photos: python -m training.data.photos

ladders: the share of neighbouring steps (more noise, more blur, stronger compression) that a measure puts in order.
traps: of two spoilt copies the first is hardly seen (shifted by a pixel, 8% brighter, JPEG 90) and the second plainly
worse (blurred, JPEG 8, blocks of 4 pixels); the share of pairs that a measure puts in order, beside SSIM and PSNR.
sets: distances between two halves of one collection, where the truth is 0, for growing numbers of images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from benchmarks import report
from benchmarks.held_out import jpeg
from gistchain.collection.known import pfp30
from gistchain.models.packaged.perceptual import PackagedFeatures, PackagedPerceptual
from gistchain.score.distribution import frechet_distance, kernel_distance
from gistchain.score.fidelity import psnr, ssim
from gistchain.types import Pixels
from training.data import photos

Measure = Callable[[Pixels, Pixels], float]
MEASURES: dict[str, Measure] = {
    "effnet-distance": PackagedPerceptual().distance,
    "1 - ssim": lambda a, b: 1 - ssim(a, b),
    "-psnr": lambda a, b: -psnr(a, b),
}
_NOISE = np.random.default_rng(7).normal(0, 1, (256, 256, 3))


def noisy(x: Pixels, sigma: float) -> Pixels:
    return (x + sigma * _NOISE).round().clip(0, 255).astype(np.uint8)


def blurred(x: Pixels, radius: float) -> Pixels:
    return np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(radius)))


def blocks(x: Pixels, side: int) -> Pixels:
    small = Image.fromarray(x).reduce(side)
    return np.asarray(small.resize((256, 256), Image.Resampling.NEAREST))


def brighter(x: Pixels, factor: float) -> Pixels:
    return (x * factor).round().clip(0, 255).astype(np.uint8)


def shifted(x: Pixels) -> Pixels:
    return np.concatenate([x[:, :1], x[:, :-1]], 1)


def orders(measure: Measure, pictures: list[Pixels]) -> dict[str, float]:
    ladders: dict[str, list[bool]] = {}
    traps = []
    for x in pictures:
        for name, steps in (
            ("noise", [noisy(x, s) for s in (3, 8, 20, 50)]),
            ("blur", [blurred(x, r) for r in (0.6, 1.2, 2.5, 5)]),
            ("jpeg", [jpeg(x, q) for q in (92, 60, 25, 6)]),
        ):
            found = [measure(x, s) for s in steps]
            ladders.setdefault(name, []).extend(a < b for a, b in pairwise(found))
        hardly = [measure(x, y) for y in (shifted(x), brighter(x, 1.08), jpeg(x, 90))]
        plainly = [measure(x, y) for y in (blurred(x, 2.5), jpeg(x, 8), blocks(x, 4))]
        traps += [a < b for a in hardly for b in plainly]
    return {name: float(np.mean(right)) for name, right in ladders.items()} | {"traps": float(np.mean(traps))}


def halves(collection: str, counts: list[int]) -> list[dict[str, Any]]:
    features = PackagedFeatures().features(list(pfp30.held_out(collection, 2 * max(counts)).images))
    rows = []
    for n in counts:
        a, b = features[:n], features[max(counts) : max(counts) + n]
        kernel = kernel_distance(a, b, rng=np.random.default_rng(0))
        rows.append({"n": n, "frechet": frechet_distance(a, b).value, "kernel": kernel.value, "range": kernel.interval})
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=400)
    count, rng = parser.parse_args().count, np.random.default_rng(0)
    pictures = [photos.crop(p, 256, rng=rng) for p in photos.held_out_photos()]
    figures: dict[str, Any] = {"n": len(pictures)}
    for name, measure in MEASURES.items():
        figures[name] = orders(measure, pictures)
        print(name, figures[name], flush=True)
    figures["sets"] = {c: halves(c, [25, 50, 100, 200, count]) for c in ("nouns", "punks")}
    report.write(
        "perceptual", figures=figures, models=["efficientnet-lite0"],
        data="held-out photos of training/data/photos.py, one crop of 256 px each; held-out Nouns and CryptoPunks",
    )  # fmt: skip
    print(figures["sets"])
