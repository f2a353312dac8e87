"""A soft mask that a segmenter is unsure of -> the outline of the main subject, by its colours (GrabCut).

A segmenter of a few numbers is sure of a part of an object and doubts the rest. Rother, Kolmogorov and Blake (2004) go
on from there: what has the colours of that part and is joined to it belongs to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.types import Pixels

SURE = 0.5
"""A mask that is nowhere so high shows no subject."""
_SIDE, _ROUNDS = 160, 3
_SEED, _DOUBTFUL = 0.8, 0.1
"""Of the mask's highest value: from here on a pixel is taken for the subject's, and from here on it may be."""
_AROUND, _SMOOTH, _SPECK = 25, 5, 0.1
"""Pixels of _SIDE around what may be the subject that are looked at; holes and threads that are closed; parts smaller
than this share of the largest one are left out."""


def outline(pixels: Pixels, mask: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Shape (height, width) in 0..1, 1 where the subject is, its border a pixel of 160 soft; None where there is none.

    mask: of a segmenter, of the same height and width; what is not finite shows nothing.
    Raises ModelError for another shape.
    """
    import cv2

    if mask.shape != pixels.shape[:2] or not mask.size:
        raise ModelError(f"a mask of shape {mask.shape} is not that of a picture of shape {pixels.shape}")
    mask = np.nan_to_num(mask.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    small = cv2.resize(np.ascontiguousarray(pixels), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    seen = cv2.resize(mask, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    highest = float(seen.max())
    if highest < SURE:
        return None
    may_be = (seen >= _DOUBTFUL * highest).astype(np.uint8)
    label = np.full((_SIDE, _SIDE), cv2.GC_BGD, np.uint8)
    label[cv2.dilate(may_be, np.ones((_AROUND, _AROUND), np.uint8)) > 0] = cv2.GC_PR_BGD
    label[may_be > 0] = cv2.GC_PR_FGD
    label[seen >= _SEED * highest] = cv2.GC_FGD
    if (label == cv2.GC_BGD).any() or (label == cv2.GC_PR_BGD).any():  # GrabCut needs both sides
        cv2.setRNGSeed(0)  # the same picture always has the same outline
        cv2.grabCut(small, label, None, np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside = _whole(np.isin(label, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    if not inside.any():
        return None
    height, width = mask.shape
    large: NDArray[np.float32] = cv2.resize(inside.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return large


def filled(pixels: Pixels, inside: NDArray[np.float32]) -> Pixels:
    """The picture with what is around its subject grown over it, at 160 x 160 pixels: only its colours count.

    inside: as `outline` gives it. A picture that is all subject stays as it is.
    """
    import cv2

    small = cv2.resize(np.ascontiguousarray(pixels), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    hidden = (cv2.resize(inside, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) > _DOUBTFUL).astype(np.uint8)
    hidden = cv2.dilate(hidden, np.ones((3, 3), np.uint8))
    if hidden.all() or not hidden.any():
        return np.asarray(small, np.uint8)
    return np.asarray(cv2.inpaint(small, hidden, 3, cv2.INPAINT_TELEA), np.uint8)


def _whole(inside: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without holes, threads and specks."""
    import cv2

    closed = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, np.ones((_SMOOTH, _SMOOTH), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    parts, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(part) for part in parts]
    kept = [part for part, area in zip(parts, areas, strict=True) if area >= _SPECK * max(areas)]
    whole = np.zeros(opened.shape, np.uint8)
    cv2.drawContours(whole, kept, -1, 1, -1)
    return whole
