"""How often the default captioner's whole caption is right, on tokens that no training has seen.

python -m benchmarks.captioner --count 1000
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks import held_out, report
from gistchain.collection.known import dicebear
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.types import Pixels


def exact(model: TraitCaptioner, collection: str, count: int, condition: str) -> dict[str, Any]:
    tokens = held_out.tokens(collection, count)
    rng = np.random.default_rng(7)
    right, traits_right, traits_seen, accepted, wrong_accepted = 0, 0, 0, 0, 0
    for k in range(len(tokens)):
        image = held_out.at_512(tokens.image(k))
        if "noise" in condition:
            image = held_out.noisy(image, 20, rng)
        if "JPEG" in condition:
            image = held_out.jpeg(image, 75)
        found, row, confidence = model.traits_of(image)
        truth = tokens.labels[k]
        same = found is not None and found.collection == collection
        hit = same and row == truth.tolist()
        right += hit
        accepted += confidence >= 0.5
        wrong_accepted += confidence >= 0.5 and not hit
        traits_seen += int((truth > 0).sum())
        traits_right += int(((truth > 0) & (np.array(row) == truth)).sum()) if same else 0
    return {
        "n": len(tokens),
        "exact_match": right / len(tokens),
        "visible_traits_right": traits_right / traits_seen,
        "confidence_at_least_half": accepted / len(tokens),
        "wrong_although_confident": wrong_accepted / len(tokens),
    }


def unknown(model: TraitCaptioner) -> dict[str, Any]:
    """Images of no trained collection: how many would be refused. None of them was used in training."""
    from skimage import data

    def refused(images: list[Pixels]) -> dict[str, Any]:
        found = [model.traits_of(np.ascontiguousarray(i)) for i in images]
        return {"n": len(images), "refused": float(np.mean([f is None or c < 0.5 for f, _, c in found]))}

    figures = {
        f"DiceBear {style}": refused([dicebear.avatar(style, {"seed": f"unknown-{i}"}, 256) for i in range(100)])
        for style in ("toon-head", "planets", "miniavs", "cameo", "micah")
    }
    photos = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.immunohistochemistry()]
    crops = [
        p[y : y + 200, x : x + 200]
        for p in photos
        for y in range(0, p.shape[0] - 199, 100)
        for x in range(0, p.shape[1] - 199, 100)
    ]
    figures["photos and their crops (scikit-image)"] = refused([*photos, *crops])
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    model = TraitCaptioner()
    figures: dict[str, Any] = {}
    for collection in held_out.COLLECTIONS:
        n = count if collection in ("punks", "nouns") else min(count, 100)
        for condition in ("clean", "JPEG 75", "noise 20", "noise 20 then JPEG 75"):
            figures.setdefault(collection, {})[condition] = exact(model, collection, n, condition)
            print(collection, condition, figures[collection][condition], flush=True)
    figures["unknown"] = unknown(model)
    print(figures["unknown"])
    report.write(
        "captioner", figures=figures, models=["captioner-default"], data="held-out tokens at 512 px; see docs/data.md"
    )
