"""How often a caption alone is taken to be enough, rightly and wrongly, and which of equal isotopes is the best.

    python -m benchmarks.caption_alone        # about 8 CPU-minutes; needs the samples extra

A caption is enough where the captioner is sure of it and what is painted from it leaves little of the picture
unexplained (gist/describe.py). On held-out tokens of the known collections it should be; on tokens of collections that
nothing was trained on it must not. These tokens were looked at when the two thresholds were chosen: not blind. Photos
and drawings are in benchmarks/first_use.py.

Isotopes: of those whose captions are equally near, the first seed beside the one nearest to their mean, by SSIM to the
original.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import held_out, report
from gistchain.collection.known import pfp30
from gistchain.demo.run import held_out as of_the_demo
from gistchain.gist.describe import BELIED, ENOUGH, MIN_CONFIDENCE
from gistchain.gist.packet import pack
from gistchain.rebuild.isotope import nearest_to_mean
from gistchain.score.fidelity import ssim
from gistchain.systems import Rosis, rosis
from gistchain.types import Gist, Picture, Pixels

EACH = 5
PAIRS = 60
DEMO = 48


def described(system: Rosis, name: str, image: Pixels) -> tuple[bool, int, str]:
    """(whether no picture was added, bytes of the gist, the caption)."""
    height, width, _ = image.shape
    gist = system.describe(Picture(image, bytes(32), (width, height), name)).gist
    return gist.latent is None, len(pack(gist)), gist.caption


def enough(system: Rosis) -> dict[str, Any]:
    """By group of pictures: how many, for how many the caption was enough, and of these how many are right."""
    found: dict[str, Any] = {}
    demo = [described(system, name, held_out.at_512(image)) for name, image in of_the_demo(DEMO)]
    found["demo"] = {"n": len(demo), "enough": sum(e for e, _, _ in demo), "bytes": sum(size for _, size, _ in demo)}
    known, unknown = [], []
    for collection in pfp30.TRAINING:
        if collection in held_out.COLLECTIONS:
            continue
        tokens = pfp30.held_out(collection, EACH, size=512)
        for k in range(EACH):
            alone, _, caption = described(system, f"{collection} {k}", tokens.image(k))
            known.append((alone, caption == tokens.caption(k)))
    for collection in (*pfp30.TEST, *pfp30.VALIDATION):
        tokens = pfp30.drawn(collection, [f"heldout-{k}" for k in range(EACH)], size=256)
        unknown += [described(system, f"{collection} {k}", tokens.image(k))[0] for k in range(EACH)]
    found["known collections"] = {
        "n": len(known),
        "enough": sum(alone for alone, _ in known),
        "enough_and_right": sum(alone and right for alone, right in known),
    }
    found["unknown collections"] = {"n": len(unknown), "enough": sum(unknown)}
    return found


def isotopes(system: Rosis, collection: str) -> dict[str, Any]:
    """SSIM of the first of the isotopes that read alike, and of the one nearest to their mean."""
    tokens = held_out.tokens(collection, PAIRS)
    first, nearest = [], []
    for k in range(PAIRS):
        image = tokens.image(k)
        painted = system.rebuild(Gist((tokens.caption(k),), (image.shape[1], image.shape[0]))).isotopes
        least = min(isotope.distance for isotope in painted)
        alike = [isotope for isotope in painted if isotope.distance == least]
        first.append(ssim(image, alike[0].image))
        nearest.append(ssim(image, nearest_to_mean(alike).image))
    return {
        "n": PAIRS,
        "first": report.with_interval(first),
        "nearest": report.with_interval(nearest),
        "difference": report.with_interval(np.array(nearest) - np.array(first)),
    }


def main() -> None:
    system = rosis()
    report.write(
        "caption_alone",
        data="held-out tokens (docs/data.md); robohash-4 and five other collections of which nothing was trained on",
        models=("captioner-default", "painter-punks", "painter-nouns"),
        thresholds={"min_confidence": MIN_CONFIDENCE, "enough": ENOUGH, "belied": BELIED},
        figures={
            "enough": enough(system),
            "isotopes": {collection: isotopes(system, collection) for collection in held_out.COLLECTIONS},
        },
    )


if __name__ == "__main__":
    main()
