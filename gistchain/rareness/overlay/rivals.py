"""One comparison, other registered images -> how much better these explain some place of the candidate.

What tells a sibling, which took its hat from another token, from a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from gistchain.rareness.overlay.difference import boxed, inner
from gistchain.rareness.overlay.photometry import Mask, recoloured
from gistchain.rareness.overlay.verify import Comparison, rendition
from gistchain.rareness.overlay.views import Array, View, blurred, gradient_strength, strongest

_RIVAL_WINDOW = 5
"""Pixels at half the size."""
_BLOBS = 3


def rivals(best: Comparison, registered: View, others: Sequence[View]) -> dict[str, float]:
    """How much better other registered images explain some place of the candidate than the claimed source does.

    A sibling that took its hat from another token agrees better with that token there; a copy agrees with its source
    everywhere, however blurred, and what was pasted over it agrees with nobody. Siblings share the source's frame, so
    its transform, blur and colours are used as they are.

    mosaic: what the best of all registered images leaves at every place if no colours are changed. A sibling is such a
    mosaic; a copy in other colours is not, though one map makes it of its source.
    """
    fitted, where = best.fitted, inner(best.where, 2)
    same_shape = [one for one in others if one.size == registered.size]
    if not same_shape or where.sum() < 200:
        return dict.fromkeys(RIVAL_FEATURES, np.nan)
    # At half the size: what is asked about is as large as a hat.
    size = (registered.half_pixels.shape[1], registered.half_pixels.shape[0])
    seen, predicted = (
        cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (fitted.seen, fitted.predicted)
    )
    shade = 1.0 if fitted.shade is None else cv2.resize(fitted.shade, size)[:, :, None]
    where = cv2.resize(where.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    sigma = max(fitted.blur, fitted.smoothing, 0.8 if fitted.noise > 2 else 0.0) / 2
    own_error = _error(seen, predicted)
    own, theirs = boxed(own_error, _RIVAL_WINDOW), gradient_strength(seen)
    own_structure = boxed(np.abs(gradient_strength(predicted) - theirs), _RIVAL_WINDOW)
    best_gain, best_structure = np.zeros_like(own), np.zeros_like(own)
    plain = boxed(_error(seen, blurred(registered.half_pixels, sigma)), _RIVAL_WINDOW)
    blobs = _blobs(own, where, best.features["contrast"])
    noise = float(np.median(own_error[where]))
    explained = np.zeros(len(blobs))
    means = []
    for other in same_shape:
        source = other.half_pixels
        if best.drawn:
            source = cv2.resize(rendition(other, True), size, interpolation=cv2.INTER_AREA)
        soft = blurred(source, sigma)
        np.minimum(plain, boxed(_error(seen, soft), _RIVAL_WINDOW), out=plain)
        made = recoloured(soft, fitted.colours) * shade
        error = _error(seen, made)
        means.append(float(error[where].mean()))
        np.maximum(best_gain, own - boxed(error, _RIVAL_WINDOW), out=best_gain)
        edges = boxed(np.abs(gradient_strength(made) - theirs), _RIVAL_WINDOW)
        np.maximum(best_structure, own_structure - edges, out=best_structure)
        for number, blob in enumerate(blobs):
            mine = max(float(own_error[blob].mean()) - noise, 1.0)
            explained[number] = max(explained[number], 1 - max(float(error[blob].mean()) - noise, 0.0) / mine)
    gain = best_gain[where]
    peak, contrast = float(gain.max()), best.features["contrast"]
    strength = float(np.quantile(boxed(theirs, _RIVAL_WINDOW)[where], 0.8)) + 1
    sizes = np.array([float(own_error[blob].sum()) for blob in blobs])
    nearer = (own - plain)[where]
    found = {
        "rival_levels": peak / 60,
        "rival_contrast": peak / contrast,
        "rival_share": peak / (float(own[where].max()) + 4),
        "rival_structure": float(best_structure[where].max()) / strength,
        "rival_wins": float((gain > 0.15 * contrast).mean()),
        "rival_mean": float(gain.mean()) / contrast,
        "mosaic_left": float(plain[where].mean()) / contrast,
        "mosaic_gain": float(nearer.mean()) / contrast,
        "mosaic_peak": float(nearer.max()) / contrast,
        "rival_gap": (min(means) - float(own_error[where].mean())) / contrast,
        "rival_explains": float(explained @ sizes / sizes.sum()) if len(blobs) else 0.0,
        "rival_explains_first": float(explained[0]) if len(blobs) else 0.0,
        "blob_error": float(sizes.sum() / (own_error[where].sum() + 1)) if len(blobs) else 0.0,
        "blob_size": float(blobs[0].sum() / where.sum()) if len(blobs) else 0.0,
    }
    return {name: found[name] for name in RIVAL_FEATURES}  # in the order in which the classifiers expect them


RIVAL_FEATURES = (
    "rival_levels", "rival_contrast", "rival_share", "rival_structure", "rival_wins", "rival_mean", "rival_gap",
    "rival_explains", "rival_explains_first", "mosaic_left", "mosaic_gain", "mosaic_peak", "blob_error", "blob_size",
)  # fmt: skip


def _error(seen: Array, made: Array) -> Array:
    """What differs at every pixel, up to 80 grey levels."""
    most: Array = np.minimum(strongest(cv2.absdiff(seen, made)), 80)
    return most


def _blobs(own: Array, where: Mask, contrast: float) -> list[Mask]:
    """The connected places with most of the error, at most three."""
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(((own > 0.2 * contrast) & where).astype(np.uint8))
    errors = [(float(own[labels == k].sum()), k) for k in range(1, count) if sizes[k, cv2.CC_STAT_AREA] >= 6]
    return [labels == k for _, k in sorted(errors, reverse=True)[:_BLOBS]]
