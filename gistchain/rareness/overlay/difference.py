"""Two aligned images, made alike -> where and how they still differ.

A copy differs evenly, and most along edges; a sibling differs in one place by structure (another hat); an overlay adds
structure and takes little away. All maps are (h, w) in the registered image's frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gistchain.rareness.overlay.align import correlation
from gistchain.rareness.overlay.photometry import Fit, Mask, palette, palette_predicted
from gistchain.rareness.overlay.views import Array, gradient_strength, strongest
from gistchain.types import Region

_SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1.5, 1.5), (-1.5, 1.5), (1.5, -1.5), (-1.5, -1.5))
"""Pixels by which a place may have moved: alignment is never perfect."""
_WINDOW = 13


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """residual: grey levels that stay different. structure: local correlation of structure, 1 = the same. missing,
    extra: edges that only the registered image has, or only the candidate. features: what a classifier weighs, by name.
    """

    residual: Array
    structure: Array
    missing: Array
    extra: Array
    features: dict[str, float]


def boxed(image: Array, side: int) -> Array:
    mean: Array = cv2.boxFilter(image, -1, (side, side), normalize=True, borderType=cv2.BORDER_REFLECT)
    return mean


def inner(where: Mask, pixels: int) -> Mask:
    """Without the rim of so many pixels; the image's own border is no rim."""
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    eroded: Mask = cv2.erode(where.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE) > 0
    return eroded


def difference(fitted: Fit, where: Mask) -> Difference:
    """What is different between `fitted.predicted` and `fitted.seen` at the pixels `where` both are seen."""
    predicted, seen = fitted.predicted, fitted.seen
    contrast = float(seen[where].std()) + 4
    ours, theirs = gradient_strength(predicted), gradient_strength(seen)
    core = inner(where, 3)
    core = core if core.sum() > 200 else where
    features: dict[str, float] = {"contrast": contrast}
    floor = max(3.0, 1.5 * fitted.noise)

    residual = strongest(cv2.absdiff(seen, predicted))
    features |= _spread("residual", residual, core, contrast, boxed(ours, 9) + boxed(theirs, 9))
    by_palette = strongest(cv2.absdiff(seen, palette_predicted(palette(predicted), seen, where)))
    back = strongest(cv2.absdiff(predicted, palette_predicted(palette(seen), predicted, where)))
    features |= _peaks("palette", by_palette, core, contrast)
    features |= _peaks("back", back, core, float(predicted[where].std()) + 4)

    structure = _structure(ours, theirs, (floor / 2) ** 2)
    shading = _structure(luma(predicted), luma(seen), 2 * floor**2)
    edges = boxed(ours, 9) + boxed(theirs, 9)
    busy = core & (edges > max(2.0, 0.15 * float(np.quantile(edges[core], 0.95))))
    busy = busy if busy.sum() >= 100 else core
    for name, local in (("structure", structure), ("luma", shading)):
        values = local[busy]
        features[f"{name}_mean"] = float(values.mean())
        for percent in (1, 5, 25):
            features[f"{name}_q{percent}"] = float(np.quantile(values, percent / 100))
        features[f"{name}_worst"] = _largest_blob((local < 0.6) & busy) / max(1, int(busy.sum()))
    features["agreement"] = correlation(ours, theirs, where)

    missing, extra = _one_sided(ours, theirs, where)
    strength = float(np.quantile(boxed(theirs, 11)[where], 0.8)) + 1
    missed, added = boxed(missing, 11)[where], boxed(extra, 11)[where]
    features["missing"] = float(missing[where].sum() / (ours[where].sum() + 1))
    features["extra"] = float(extra[where].sum() / (theirs[where].sum() + 1))
    features["missing_peak"] = float(missed.max()) / strength
    features["extra_peak"] = float(added.max()) / strength
    features["changed_peak"] = float(np.minimum(missed, added).max()) / strength
    features |= _of_subject(fitted, structure, residual, busy, where, contrast)
    return Difference(residual, structure, missing, extra, features)


def luma(image: Array) -> Array:
    luma: Array = cv2.transform(image, np.array([[0.299, 0.587, 0.114]], np.float32))
    return luma


def _spread(name: str, residual: Array, where: Mask, contrast: float, edges: Array) -> dict[str, float]:
    """How much is left, and how unevenly: the peak beside what edges and the median explain."""
    local = boxed(residual, 7)
    values = local[where]
    median = float(np.median(values))
    near_edges = edges[where]
    strong = near_edges > np.quantile(near_edges, 0.6)
    slope = float(np.median(values[strong] / (near_edges[strong] + 3))) if strong.any() else 0.0
    expected = median + slope * edges + 3
    uneven = (local / expected)[where]
    sharp = boxed(residual, 3)[where]
    return {
        f"{name}_spike": float(sharp.max()) / (median + 2),
        f"{name}_spike_share": float(np.quantile(sharp, 0.998)) / (float(np.quantile(sharp, 0.75)) + 2),
        f"{name}_median": median / contrast,
        f"{name}_mean": float(values.mean()) / contrast,
        f"{name}_q90": float(np.quantile(values, 0.9)) / contrast,
        f"{name}_q99": float(np.quantile(values, 0.99)) / contrast,
        f"{name}_peak": float(values.max()) / contrast,
        f"{name}_levels": float(np.quantile(values, 0.99)) / 60,
        f"{name}_uneven": float(np.quantile(uneven, 0.99)),
        f"{name}_unevenest": float(uneven.max()),
        f"{name}_blob": _largest_blob((local > 0.25 * contrast) & where) / max(1, int(where.sum())),
    }


def _peaks(name: str, residual: Array, where: Mask, contrast: float) -> dict[str, float]:
    values = boxed(residual, 9)[where]
    return {
        f"{name}_mean": float(values.mean()) / contrast,
        f"{name}_q99": float(np.quantile(values, 0.99)) / contrast,
        f"{name}_peak": float(values.max()) / contrast,
    }


def _largest_blob(mask: Mask) -> int:
    count, _, sizes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return int(sizes[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0


def _structure(ours: Array, theirs: Array, floor: float) -> Array:
    """Local correlation in windows of 13 pixels, sign left out, the best of small shifts; 1 where both are blank."""
    mean_theirs = boxed(theirs, _WINDOW)
    variance_theirs = np.maximum(boxed(theirs * theirs, _WINDOW) - mean_theirs**2, 0) + floor
    best = np.zeros_like(ours)
    height, width = ours.shape
    for x, y in _SHIFTS:
        moved = ours
        if x or y:
            shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
            moved = cv2.warpAffine(ours, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        mean = boxed(moved, _WINDOW)
        variance = np.maximum(boxed(moved * moved, _WINDOW) - mean**2, 0) + floor
        together = boxed(moved * theirs, _WINDOW) - mean * mean_theirs
        np.maximum(best, (np.abs(together) + floor) / np.sqrt(variance * variance_theirs), out=best)
    return best


def _one_sided(ours: Array, theirs: Array, where: Mask) -> tuple[Array, Array]:
    """Edges that have no counterpart within three pixels on the other side, in the candidate's strength."""
    a, b = ours[where], theirs[where]
    scale = float(a @ b) / (float(a @ a) + 1)
    ours = ours * scale
    reach = np.ones((7, 7), np.uint8)
    slack = 0.5 * max(4.0, 0.25 * float(np.quantile(b, 0.95)))
    missing = np.maximum(ours - 1.2 * cv2.dilate(theirs, reach) - slack, 0)
    extra = np.maximum(theirs - 1.2 * cv2.dilate(ours, reach) - slack, 0)
    return missing, extra


def _of_subject(
    fitted: Fit, structure: Array, residual: Array, busy: Mask, where: Mask, contrast: float
) -> dict[str, float]:
    """The same inside the subject alone: a swapped background differs evenly outside of it."""
    predicted = fitted.predicted
    border = np.concatenate([predicted[0], predicted[-1], predicted[:, 0], predicted[:, -1]])
    subject = inner(where & (np.abs(predicted - np.median(border, axis=0)).max(axis=2) > 14), 1)
    outside = where & ~subject
    if subject.sum() < 200 or outside.sum() < 200:
        return {"subject_q99": np.nan, "subject_structure": np.nan, "outside_mean": np.nan}
    within = busy & subject
    return {
        "subject_q99": float(np.quantile(boxed(residual, 7)[subject], 0.99)) / contrast,
        "subject_structure": float(np.quantile(structure[within], 0.05)) if within.sum() > 50 else np.nan,
        "outside_mean": float(residual[outside].mean()) / contrast,
    }


def regions(found: Difference, where: Mask, most: int = 4) -> tuple[Region, ...]:
    """The places that hold most of the difference, worst first."""
    shown = heat(found) * where
    height, width = shown.shape
    total = float(shown.sum())
    if total <= 0 or float(shown.max()) < 0.25:
        return ()
    count, labels, sizes, _ = cv2.connectedComponentsWithStats((shown > 0.35).astype(np.uint8))
    found_regions: list[Region] = []
    for label in range(1, count):
        left, top, wide, high, area = (int(v) for v in sizes[label])
        if area < 12:
            continue
        own = labels == label
        missed, added = float(found.missing[own].sum()), float(found.extra[own].sum())
        kind = "missing" if missed > 3 * added else "extra" if added > 3 * missed else "changed"
        box = (left / width, top / height, (left + wide) / width, (top + high) / height)
        found_regions.append(Region(*box, kind, float(shown[own].sum()) / total))  # type: ignore[arg-type]
    return tuple(sorted(found_regions, key=lambda one: -one.share)[:most])


def heat(found: Difference) -> Array:
    """How different every place is, 0..1: colours and structure together, as a person is shown it."""
    contrast = found.features["contrast"]
    by_colour = np.clip(boxed(found.residual, 5) / (0.6 * contrast + 12), 0, 1)
    by_structure = np.clip((0.75 - found.structure) / 0.75, 0, 1)
    both: Array = np.maximum(by_colour, 0.7 * by_structure * (boxed(found.residual, 9) > 6))
    return both.astype(np.float32)
