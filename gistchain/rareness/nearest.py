"""What was examined, its likeliest source -> Nearest: where the two differ, as it is shown and kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.examine import Examined, Looked
from gistchain.rareness.overlay.difference import boxed, heat, regions
from gistchain.rareness.store.store import Entry
from gistchain.rareness.store.thumbnail import thumbnail, unpack
from gistchain.rareness.words import transform_words
from gistchain.types import Nearest, Pixels, Transform

_UNCHANGED = Transform((1, 0, 0, 0, 1, 0, 0, 0, 1), False, ())
_SAME_LEVELS = 3.0
"""Grey levels by which thumbnails of the same picture may differ, averaged over 5 x 5 pixels."""


def laid_over(examined: Examined, best: Looked, token: int | None, traits: tuple[str, ...]) -> Nearest:
    """The likeliest source, and what was seen when the candidate was laid over it."""
    comparison, entry, gain = best.comparison, best.entry, examined.gain
    alignment, different, where = comparison.alignment, comparison.difference, comparison.where
    at = np.flatnonzero(gain.best.rows == best.row)
    words = transform_words(comparison, best.view, examined.candidate.view(alignment.mirrored))
    matrix = tuple(float(value) for value in (alignment.matrix / alignment.matrix[2, 2]).ravel())
    aligned = np.where(where[:, :, None], comparison.fitted.observed, 255)
    return Nearest(
        name=entry.name,
        token=token,
        sha3_256=entry.sha3_256,
        collection=entry.collection,
        pearson=float(gain.best.correlations[at[0]]) if len(at) else 0.0,
        transform=Transform(matrix, alignment.mirrored, words),
        overlap=comparison.features["overlap"],
        residual=float(np.clip(different.features["residual_mean"], 0, 1)),
        regions=regions(different, where),
        traits=traits,
        registered=best.view.pixels.astype(np.uint8),
        aligned=np.clip(aligned, 0, 255).astype(np.uint8),
        differences=heat(different) * where,
    )


def equal(image: Pixels, fingerprint: NDArray[np.float32], entry: Entry, token: int | None) -> Nearest:
    """The registered image that the image equals."""
    registered, small = unpack(entry.thumbnail), thumbnail(image)
    return Nearest(
        name=entry.name,
        token=token,
        sha3_256=entry.sha3_256,
        collection=entry.collection,
        pearson=float(np.corrcoef(fingerprint, entry.fingerprint)[0, 1]) if np.ptp(fingerprint) else 1.0,
        transform=_UNCHANGED,
        overlap=1.0,
        residual=0.0,
        regions=(),
        traits=(),
        registered=registered,
        aligned=small if small.shape == registered.shape else registered,
        differences=np.zeros(registered.shape[:2], np.float32),
    )


def is_equal(image: Pixels, registered: Pixels) -> bool:
    """Whether two thumbnails show the same pixels, but for what a lossy thumbnail changes."""
    if image.shape != registered.shape:
        return False
    error = np.abs(image.astype(np.float32) - registered.astype(np.float32)).max(axis=2)
    return bool(boxed(error, 5).max() <= _SAME_LEVELS)
