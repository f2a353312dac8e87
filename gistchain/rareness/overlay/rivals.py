"""One comparison, other registered images -> how much better these explain some place of the candidate.

It tells a sibling, which took its hat from another token, from a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.overlay.difference import boxed, inner
from gistchain.rareness.overlay.photometry import Mask, recoloured
from gistchain.rareness.overlay.verify import Comparison, rendition
from gistchain.rareness.overlay.views import Array, View, blurred, gradient_strength, strongest

RIVAL_FEATURES = (
    "rival_levels", "rival_contrast", "rival_share", "rival_structure", "rival_wins", "rival_mean", "rival_gap",
    "rival_explains", "rival_explains_first", "mosaic_left", "mosaic_gain", "mosaic_peak", "blob_error", "blob_size",
)  # fmt: skip
"""In the order in which the classifiers expect them."""

_WINDOW = 5
"""Pixels at half the size."""
_BLOBS = 3
_LEAST_SEEN = 200
"""Pixels at full size: with fewer, nothing is said of rivals."""


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """The candidate as the claimed source explains it, at half the size: what is asked about is as large as a hat.

    where: pixels that both show. size: (width, height). sigma, colours, shade: what was done to the source. error:
    grey levels left at every pixel; local_error, local_edges: of colours and of gradients, over the window. noise:
    median of the error. blobs: the connected places with most of the error.
    """

    observed: Array
    where: Mask
    size: tuple[int, int]
    sigma: float
    colours: Array
    shade: Array | float
    drawn: bool
    contrast: float
    gradients: Array
    error: Array
    local_error: Array
    local_edges: Array
    noise: float
    blobs: list[Mask]


@dataclass(slots=True, eq=False)
class _Best:
    """The best that any of the other images does, so far.

    gain, structure: how much less of colours and gradients it leaves at every place than the claimed source. plain:
    what is left where no colours are changed, of the claimed source too. means: error of each image. explained: of
    each blob the share of its error.
    """

    gain: Array
    structure: Array
    plain: Array
    means: list[float]
    explained: NDArray[np.float64]


def rivals(comparison: Comparison, registered: View, others: Sequence[View]) -> dict[str, float]:
    """RIVAL_FEATURES: how much better others explain some place of the candidate than the claimed source does.

    A sibling that took its hat from another token agrees better with that token there. A copy agrees with its source
    everywhere, however blurred, and what was pasted over it agrees with nobody. Siblings share the source's frame, so
    its transform, blur and colours are applied to the others as they are.

    mosaic: what the best of all registered images leaves at every place if no colours are changed. A sibling is such a
    mosaic; a copy in other colours is not, though one map of colours makes it from its source.
    NaN where there is no other image of the same shape, or where too little is observed.
    """
    same_shape = [other for other in others if other.size == registered.size]
    where = inner(comparison.where, 2)
    if not same_shape or where.sum() < _LEAST_SEEN:
        return dict.fromkeys(RIVAL_FEATURES, np.nan)
    claim = _claim(comparison, registered, where)
    best = _Best(
        gain=np.zeros_like(claim.local_error),
        structure=np.zeros_like(claim.local_error),
        plain=boxed(_error(claim.observed, blurred(registered.half_pixels, claim.sigma)), _WINDOW),
        means=[],
        explained=np.zeros(len(claim.blobs)),
    )
    for other in same_shape:
        _compete(other, claim, best)
    features = {**_gains(claim, best), **_mosaic(claim, best), **_blob_features(claim, best)}
    return {name: features[name] for name in RIVAL_FEATURES}


def _claim(comparison: Comparison, registered: View, where: Mask) -> _Claim:
    fitted, contrast = comparison.fitted, comparison.features["contrast"]
    size = (registered.half_pixels.shape[1], registered.half_pixels.shape[0])
    observed, predicted = (
        cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (fitted.observed, fitted.predicted)
    )
    where = cv2.resize(where.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    error, gradients = _error(observed, predicted), gradient_strength(observed)
    local_error = boxed(error, _WINDOW)
    return _Claim(
        observed=observed,
        where=where,
        size=size,
        sigma=fitted.visible_blur / 2,
        colours=fitted.colours,
        shade=1.0 if fitted.shade is None else cv2.resize(fitted.shade, size)[:, :, None],
        drawn=comparison.drawn,
        contrast=contrast,
        gradients=gradients,
        error=error,
        local_error=local_error,
        local_edges=boxed(np.abs(gradient_strength(predicted) - gradients), _WINDOW),
        noise=float(np.median(error[where])),
        blobs=_blobs(local_error, where, contrast),
    )


def _compete(other: View, claim: _Claim, best: _Best) -> None:
    """Lets one image explain the candidate in place of the claimed source; `best` keeps where it does better."""
    source = other.half_pixels
    if claim.drawn:
        source = cv2.resize(rendition(other, True), claim.size, interpolation=cv2.INTER_AREA)
    soft = blurred(source, claim.sigma)
    np.minimum(best.plain, boxed(_error(claim.observed, soft), _WINDOW), out=best.plain)

    predicted = recoloured(soft, claim.colours) * claim.shade
    error = _error(claim.observed, predicted)
    best.means.append(float(error[claim.where].mean()))
    np.maximum(best.gain, claim.local_error - boxed(error, _WINDOW), out=best.gain)
    edges = boxed(np.abs(gradient_strength(predicted) - claim.gradients), _WINDOW)
    np.maximum(best.structure, claim.local_edges - edges, out=best.structure)
    for number, blob in enumerate(claim.blobs):
        own = max(float(claim.error[blob].mean()) - claim.noise, 1.0)
        share = 1 - max(float(error[blob].mean()) - claim.noise, 0.0) / own
        best.explained[number] = max(best.explained[number], share)


def _gains(claim: _Claim, best: _Best) -> dict[str, float]:
    where, contrast = claim.where, claim.contrast
    gain = best.gain[where]
    peak = float(gain.max())
    strength = float(np.quantile(boxed(claim.gradients, _WINDOW)[where], 0.8)) + 1
    return {
        "rival_levels": peak / 60,
        "rival_contrast": peak / contrast,
        "rival_share": peak / (float(claim.local_error[where].max()) + 4),
        "rival_structure": float(best.structure[where].max()) / strength,
        "rival_wins": float((gain > 0.15 * contrast).mean()),
        "rival_mean": float(gain.mean()) / contrast,
        "rival_gap": (min(best.means) - float(claim.error[where].mean())) / contrast,
    }


def _mosaic(claim: _Claim, best: _Best) -> dict[str, float]:
    where, contrast = claim.where, claim.contrast
    nearer = (claim.local_error - best.plain)[where]
    return {
        "mosaic_left": float(best.plain[where].mean()) / contrast,
        "mosaic_gain": float(nearer.mean()) / contrast,
        "mosaic_peak": float(nearer.max()) / contrast,
    }


def _blob_features(claim: _Claim, best: _Best) -> dict[str, float]:
    """How much of the worst places another image explains; the worst place comes first."""
    blobs, where = claim.blobs, claim.where
    if not blobs:
        return dict.fromkeys(("rival_explains", "rival_explains_first", "blob_error", "blob_size"), 0.0)
    errors = np.array([float(claim.error[blob].sum()) for blob in blobs])
    return {
        "rival_explains": float(best.explained @ errors / errors.sum()),
        "rival_explains_first": float(best.explained[0]),
        "blob_error": float(errors.sum() / (claim.error[where].sum() + 1)),
        "blob_size": float(blobs[0].sum() / where.sum()),
    }


def _error(observed: Array, predicted: Array) -> Array:
    """Grey levels that differ at every pixel, up to 80."""
    most: Array = np.minimum(strongest(cv2.absdiff(observed, predicted)), 80)
    return most


def _blobs(local_error: Array, where: Mask, contrast: float) -> list[Mask]:
    """The connected places with most of the error, at most three."""
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(
        ((local_error > 0.2 * contrast) & where).astype(np.uint8)
    )
    errors = [(float(local_error[labels == k].sum()), k) for k in range(1, count) if sizes[k, cv2.CC_STAT_AREA] >= 6]
    return [labels == k for _, k in sorted(errors, reverse=True)[:_BLOBS]]
