"""What a rebuilt image is worth: ROSIS on held-out tokens, from the caption that the captioner gives the original.

    python -m benchmarks.painter --count 500

ssim: the project's, at 512 x 512. ssim_small: at four times the collection's own pixels, 7x7 uniform window, a harder
measure that flat areas help less. Distances are cosine distances of captions by the captioner that chose (first) and
by one that did not (second, T0.7); each beside its distance for a random and for the worst isotope (S0.13).
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from skimage.metrics import structural_similarity

from benchmarks import held_out, report
from gistchain import systems
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.rebuild.isotope import caption_distances
from gistchain.score.fidelity import psnr, ssim
from gistchain.types import Gist, Pixels
from training.weights import add_to_card

SEEDS = range(4)
CANVAS = {"punks": 24, "nouns": 32}


def one_collection(collection: str, count: int) -> dict[str, Any]:
    tokens, system, second = held_out.tokens(collection, count), systems.rosis(), TraitCaptioner("captioner-second")
    small = CANVAS.get(collection, 64)
    found: dict[str, list[float]] = {}

    def add(**values: float) -> None:
        for key, value in values.items():
            found.setdefault(key, []).append(float(value))

    for k in range(len(tokens)):
        original = held_out.at_512(tokens.image(k))
        text = system.captioner.caption(original).text
        if not text:
            add(unreadable=1)
            continue
        gist = Gist((text,), (512, 512))
        rebuilt = system.rebuild(gist, seeds=SEEDS)
        chosen, first = rebuilt.chosen, rebuilt.isotopes[0]
        worst = max(rebuilt.isotopes, key=lambda i: i.distance)
        seen = second.caption(original).text
        by_second = [
            caption_distances(seen, [second.caption(i.image).text], embedder=system.embedder)[0]
            for i in (chosen, first, worst)
        ]
        add(
            unreadable=0,
            distance=chosen.distance, distance_random=first.distance, distance_worst=worst.distance,
            second=by_second[0], second_random=by_second[1], second_worst=by_second[2],
            same_caption=chosen.caption == text, true_caption=chosen.caption == tokens.caption(k),
            ssim=ssim(original, chosen.image), ssim_random=ssim(original, first.image),
            ssim_worst=ssim(original, worst.image),
            psnr=min(psnr(original, chosen.image), 60.0), ssim_small=_small_ssim(original, chosen.image, small),
        )  # fmt: skip
    figures: dict[str, Any] = {key: float(np.mean(values)) for key, values in found.items()}
    return {
        "n": len(tokens),
        "isotopes": len(SEEDS),
        **figures,
        "distance_max": max(found["distance"]),
    }


def _small_ssim(a: Pixels, b: Pixels, side: int) -> float:
    at = (np.arange(side) * 512 + 256) // side

    def luma(x: Pixels) -> np.ndarray:
        return np.kron(x[np.ix_(at, at)] @ np.array([0.299, 0.587, 0.114]), np.ones((4, 4)))

    return float(structural_similarity(luma(a), luma(b), data_range=255.0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=500)
    count = parser.parse_args().count
    figures = {}
    for collection in held_out.COLLECTIONS:
        figures[collection] = one_collection(collection, count if collection in CANVAS else min(count, 100))
        add_to_card(
            f"painter-{collection}", {"held_out": {k: figures[collection][k] for k in ("n", "ssim", "distance")}}
        )
        print(collection, {k: round(v, 4) for k, v in figures[collection].items()}, flush=True)
    models = ["captioner-default", "captioner-second", *(f"painter-{c}" for c in held_out.COLLECTIONS)]
    report.write(
        "painter",
        figures=figures,
        models=models,
        data="held-out tokens at 512 px; 8 steps, guidance 1.5; see docs/data.md",
    )
