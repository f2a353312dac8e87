"""How well is the subject found? IoU on held-out cut-outs over held-out photos, where the true mask is known.

    python -m benchmarks.segmenter

Composites as in training (training/data/cutouts.py), of pictures that no training saw: tuxpaint stamps, openclipart and
3D emoji over squares of the held-out photos. A photo that shows an animal or a thing gives a corner only; one in five
composites, as in training, lies over a flat colour or a gradient. Buildings in the background count as mistakes where
they are marked. baseline: how far a pixel's colour is from the border's, times a prior for the centre, cut by Otsu's
threshold. whole: marks all.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import gaussian, threshold_otsu

from benchmarks import report
from benchmarks.report import timed
from gistchain.colours import lab
from gistchain.models.packaged.segment import DefaultSegmenter
from gistchain.types import Pixels
from training.data import cutouts, photos

EACH = 80


def main() -> None:
    rng = np.random.default_rng(2026)
    behind = cutouts.backgrounds(photos.held_out_photos(), 2, rng=rng)
    pieces = cutouts.cutouts(held_out=True)
    segmenter, sets = DefaultSegmenter(), {}
    for kind in ("photo", "drawing", "emoji"):
        some = [p for p in pieces if p.kind == kind]
        sets[kind] = _figures(segmenter, [cutouts.compose(some, behind, rng=rng) for _ in range(EACH)]) | {
            "cutouts": len(some)
        }
    names = ("iou_mean", "iou_baseline", "iou_whole")
    figures = {
        "n": EACH * len(sets),
        **{name: float(np.mean([found[name] for found in sets.values()])) for name in names},
        "sets": sets,
    }
    report.write(
        "segmenter",
        figures=figures,
        models=["segmenter-default", "efficientnet-lite0"],
        data="held-out cut-outs (tuxpaint stamps, openclipart, Fluent Emoji 3D) over held-out photos, 256 x 256",
    )
    print(json.dumps(figures, indent=1))


def _figures(segmenter: DefaultSegmenter, scenes: list[tuple[Pixels, NDArray[np.float32]]]) -> dict[str, Any]:
    found, simple, whole, seconds = [], [], [], []
    for image, alpha in scenes:
        mask, took_s, _ = timed(lambda image=image: segmenter.mask(image))  # type: ignore[misc]
        seconds.append(took_s)
        true = alpha > 0.5
        found.append(_iou(mask > 0.5, true))
        simple.append(_iou(baseline(image), true))
        whole.append(float(true.mean()))
    return {
        "n": len(scenes),
        "iou_mean": float(np.mean(found)),
        "iou_median": float(np.median(found)),
        "above_a_half": float(np.mean([f > 0.5 for f in found])),
        "iou_baseline": float(np.mean(simple)),
        "iou_whole": float(np.mean(whole)),
        "ms": 1000 * float(np.median(seconds)),
    }


def baseline(image: Pixels) -> NDArray[np.bool_]:
    seen = lab(image)
    frame = np.ones(seen.shape[:2], bool)
    frame[8:-8, 8:-8] = False
    border = seen[frame]
    centres = np.quantile(border, (0.2, 0.5, 0.8), axis=0)
    distance = np.sqrt(((seen[:, :, None] - centres) ** 2).sum(-1)).min(-1)
    y, x = (np.linspace(-1, 1, n) for n in image.shape[:2])
    likely = gaussian(distance, 4) * np.exp(-(y[:, None] ** 2 + x[None] ** 2))
    found: NDArray[np.bool_] = likely > threshold_otsu(likely)
    return found


def _iou(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    return float((found & true).sum() / max(int((found | true).sum()), 1))


if __name__ == "__main__":
    main()
