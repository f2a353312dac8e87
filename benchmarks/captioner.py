"""How often the default captioner's whole caption is right, on tokens that no training has seen.

python -m benchmarks.captioner --count 1000
"""

from __future__ import annotations

import argparse
import io
from typing import Any

import numpy as np

from benchmarks import held_out
from gistchain.models.captioner import TraitCaptioner


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
    import json
    from importlib import resources

    import resvg_py
    import skimage.data
    from dicebear import Avatar, Style
    from PIL import Image

    figures: dict[str, Any] = {}
    for name in ("toon-head", "planets", "miniavs", "cameo", "micah"):
        style = Style(json.loads(resources.files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8")))
        accepted = 0
        for i in range(100):
            svg = Avatar(style, {"seed": f"unknown-{i}"}).to_string()
            image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=256, height=256)))).convert(
                "RGBA"
            )
            back = Image.new("RGBA", image.size, (255, 255, 255, 255))
            pixels = np.asarray(Image.alpha_composite(back, image).convert("RGB"))
            accepted += model.traits_of(pixels)[0] is not None and model.traits_of(pixels)[2] >= 0.5
        figures[f"DiceBear {name}"] = {"n": 100, "refused": 1 - accepted / 100}
    photos = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket(), skimage.data.hubble_deep_field(), skimage.data.immunohistochemistry()]  # fmt: skip
    crops = [
        p[y : y + 200, x : x + 200]
        for p in photos
        for y in range(0, p.shape[0] - 199, 100)
        for x in range(0, p.shape[1] - 199, 100)
    ]
    accepted = sum(
        found is not None and c >= 0.5
        for found, _, c in map(model.traits_of, map(np.ascontiguousarray, [*photos, *crops]))
    )
    figures["photos and their crops (scikit-image)"] = {
        "n": len(photos) + len(crops),
        "refused": 1 - accepted / (len(photos) + len(crops)),
    }
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    model = TraitCaptioner()
    figures: dict[str, Any] = {}
    for collection in held_out.COLLECTIONS:
        n = count if collection in ("punks", "nouns") else min(count, 200)
        for condition in ("clean", "JPEG 75", "noise 20", "noise 20 then JPEG 75"):
            figures.setdefault(collection, {})[condition] = exact(model, collection, n, condition)
            print(collection, condition, figures[collection][condition], flush=True)
    figures["unknown"] = unknown(model)
    print(figures["unknown"])
    held_out.write(
        "captioner", figures, models=["captioner-default"], data="held-out tokens at 512 px; see docs/data.md"
    )
