"""Two aligned images, made alike -> where and how they still differ.

A copy differs evenly, and most along edges; a sibling differs in one place by structure (another hat); an overlay adds
structure and removes little. All maps are (h, w) in the registered image's frame.
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
"""Pixels by which a place may have moved: no alignment is perfect."""
_WINDOW = 13
_LEAST_CORE = 200
"""Pixels: where fewer are left without the rim, the rim is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """residual: grey levels that stay different. structure: local correlation of structure, 1 = the same. missing,
    extra: edges that only the registered image has, or only the candidate. features: what the classifiers weigh, by
    name.
    """

    residual: Array
    structure: Array
    missing: Array
    extra: Array
    features: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What every kind of difference is measured on.

    ours, theirs: gradients of `predicted` (the registered image) and of `observed` (the candidate). edges: of both,
    averaged. core: `where` without its rim. busy: the part of the core with edges. contrast: of the candidate, in grey
    levels.
    """

    fitted: Fit
    where: Mask
    core: Mask
    busy: Mask
    ours: Array
    theirs: Array
    edges: Array
    contrast: float

    @property
    def predicted(self) -> Array:
        return self.fitted.predicted

    @property
    def observed(self) -> Array:
        return self.fitted.observed


def boxed(image: Array, side: int) -> Array:
    """The mean over side x side pixels around every pixel."""
    mean: Array = cv2.boxFilter(image, -1, (side, side), normalize=True, borderType=cv2.BORDER_REFLECT)
    return mean


def inner(where: Mask, pixels: int) -> Mask:
    """`where` without a rim of so many pixels; the border of the image is no rim."""
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    eroded: Mask = cv2.erode(where.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE) > 0
    return eroded


def core_of(where: Mask) -> Mask:
    """`where` without a rim of three pixels, as long as enough is left."""
    core = inner(where, 3)
    return core if core.sum() > _LEAST_CORE else where


def difference(fitted: Fit, where: Mask) -> Difference:
    """What differs between `fitted.predicted` and `fitted.observed` at the pixels `where` both are observed.

    Four views of it, each with its features: what is left of the colours, what remains when each colour of one image
    may become any colour in the other (palette), local correlations, and edges that have no counterpart.
    """
    scene = _scene(fitted, where)
    residual = strongest(cv2.absdiff(scene.observed, scene.predicted))
    # Noise counts as no structure, nor do differences of brightness below it.
    floor = max(3.0, 1.5 * fitted.noise)
    structure = _structure(scene.ours, scene.theirs, (floor / 2) ** 2)
    shading = _structure(luma(scene.predicted), luma(scene.observed), 2 * floor**2)
    missing, extra = _one_sided(scene.ours, scene.theirs, where)
    features = {
        "contrast": scene.contrast,
        **_spread("residual", residual, scene),
        **_by_palette(scene),
        **_local("structure", structure, scene.busy),
        **_local("luma", shading, scene.busy),
        "agreement": correlation(scene.ours, scene.theirs, where),
        **_edges_without_counterpart(missing, extra, scene),
        **_of_subject(structure, residual, scene),
    }
    return Difference(residual, structure, missing, extra, features)


def _scene(fitted: Fit, where: Mask) -> _Scene:
    ours, theirs = gradient_strength(fitted.predicted), gradient_strength(fitted.observed)
    edges = boxed(ours, 9) + boxed(theirs, 9)
    core = core_of(where)
    busy = core & (edges > max(2.0, 0.15 * float(np.quantile(edges[core], 0.95))))
    busy = busy if busy.sum() >= 100 else core
    return _Scene(fitted, where, core, busy, ours, theirs, edges, float(fitted.observed[where].std()) + 4)


def luma(image: Array) -> Array:
    """Brightness of an (h, w, 3) image, (h, w)."""
    luma: Array = cv2.transform(image, np.array([[0.299, 0.587, 0.114]], np.float32))
    return luma


def _spread(name: str, residual: Array, scene: _Scene) -> dict[str, float]:
    """How much is left, and how unevenly: the peak beside what edges and the median explain."""
    where, contrast = scene.core, scene.contrast
    local = boxed(residual, 7)
    values = local[where]
    median = float(np.median(values))
    near_edges = scene.edges[where]
    strong = near_edges > np.quantile(near_edges, 0.6)
    slope = float(np.median(values[strong] / (near_edges[strong] + 3))) if strong.any() else 0.0
    expected = median + slope * scene.edges + 3
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


def _by_palette(scene: _Scene) -> dict[str, float]:
    """What is left where each main colour of one image takes the colour that the other has there, both ways."""
    predicted, observed = scene.predicted, scene.observed
    forth = strongest(cv2.absdiff(observed, palette_predicted(palette(predicted), observed, scene.where)))
    back = strongest(cv2.absdiff(predicted, palette_predicted(palette(observed), predicted, scene.where)))
    return {
        **_peaks("palette", forth, scene.core, scene.contrast),
        **_peaks("back", back, scene.core, float(predicted[scene.where].std()) + 4),
    }


def _peaks(name: str, residual: Array, where: Mask, contrast: float) -> dict[str, float]:
    values = boxed(residual, 9)[where]
    return {
        f"{name}_mean": float(values.mean()) / contrast,
        f"{name}_q99": float(np.quantile(values, 0.99)) / contrast,
        f"{name}_peak": float(values.max()) / contrast,
    }


def _largest_blob(mask: Mask) -> int:
    """Pixels of the largest connected place."""
    count, _, sizes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return int(sizes[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0


def _local(name: str, correlations: Array, busy: Mask) -> dict[str, float]:
    """How low the local correlations are where there are edges."""
    values = correlations[busy]
    features = {f"{name}_mean": float(values.mean())}
    for percent in (1, 5, 25):
        features[f"{name}_q{percent}"] = float(np.quantile(values, percent / 100))
    features[f"{name}_worst"] = _largest_blob((correlations < 0.6) & busy) / max(1, int(busy.sum()))
    return features


def _edges_without_counterpart(missing: Array, extra: Array, scene: _Scene) -> dict[str, float]:
    where = scene.where
    strength = float(np.quantile(boxed(scene.theirs, 11)[where], 0.8)) + 1
    missed, added = boxed(missing, 11)[where], boxed(extra, 11)[where]
    return {
        "missing": float(missing[where].sum() / (scene.ours[where].sum() + 1)),
        "extra": float(extra[where].sum() / (scene.theirs[where].sum() + 1)),
        "missing_peak": float(missed.max()) / strength,
        "extra_peak": float(added.max()) / strength,
        "changed_peak": float(np.minimum(missed, added).max()) / strength,
    }


def _structure(ours: Array, theirs: Array, floor: float) -> Array:
    """Local correlation in windows of 13 pixels, its absolute value, the best of small shifts; 1 where both are blank.

    floor: variance, in squared grey levels, below which there is no structure.
    """
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
    """(missing, extra): edges without a counterpart within three pixels in the other image; ours scaled to theirs."""
    a, b = ours[where], theirs[where]
    scale = float(a @ b) / (float(a @ a) + 1)
    ours = ours * scale
    reach = np.ones((7, 7), np.uint8)
    slack = 0.5 * max(4.0, 0.25 * float(np.quantile(b, 0.95)))
    missing = np.maximum(ours - 1.2 * cv2.dilate(theirs, reach) - slack, 0)
    extra = np.maximum(theirs - 1.2 * cv2.dilate(ours, reach) - slack, 0)
    return missing, extra


def _of_subject(structure: Array, residual: Array, scene: _Scene) -> dict[str, float]:
    """The same inside the subject alone: an exchanged background differs evenly, and only outside of it."""
    predicted = scene.predicted
    border = np.concatenate([predicted[0], predicted[-1], predicted[:, 0], predicted[:, -1]])
    subject = inner(scene.where & (np.abs(predicted - np.median(border, axis=0)).max(axis=2) > 14), 1)
    outside = scene.where & ~subject
    if subject.sum() < 200 or outside.sum() < 200:
        return {"subject_q99": np.nan, "subject_structure": np.nan, "outside_mean": np.nan}
    within = scene.busy & subject
    return {
        "subject_q99": float(np.quantile(boxed(residual, 7)[subject], 0.99)) / scene.contrast,
        "subject_structure": float(np.quantile(structure[within], 0.05)) if within.sum() > 50 else np.nan,
        "outside_mean": float(residual[outside].mean()) / scene.contrast,
    }


def regions(different: Difference, where: Mask, most: int = 4) -> tuple[Region, ...]:
    """The places that hold most of the difference, the worst first; sides in shares of width and height."""
    shown = heat(different) * where
    total = float(shown.sum())
    if total <= 0 or float(shown.max()) < 0.25:
        return ()
    count, labels, sizes, _ = cv2.connectedComponentsWithStats((shown > 0.35).astype(np.uint8))
    height, width = shown.shape
    places: list[Region] = []
    for label in range(1, count):
        left, top, wide, high, area = (int(v) for v in sizes[label])
        if area < 12:
            continue
        own = labels == label
        missed, added = float(different.missing[own].sum()), float(different.extra[own].sum())
        kind = "missing" if missed > 3 * added else "extra" if added > 3 * missed else "changed"
        box = (left / width, top / height, (left + wide) / width, (top + high) / height)
        places.append(Region(*box, kind, float(shown[own].sum()) / total))  # type: ignore[arg-type]
    return tuple(sorted(places, key=lambda region: -region.share)[:most])


def heat(different: Difference) -> Array:
    """How different every place is, 0..1: colours and structure together, as a person is shown it."""
    contrast = different.features["contrast"]
    by_colour = np.clip(boxed(different.residual, 5) / (0.6 * contrast + 12), 0, 1)
    by_structure = np.clip((0.75 - different.structure) / 0.75, 0, 1)
    both: Array = np.maximum(by_colour, 0.7 * by_structure * (boxed(different.residual, 9) > 6))
    return both.astype(np.float32)
