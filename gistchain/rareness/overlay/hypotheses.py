"""Candidate, registered image -> transforms that may lay one over the other.

They come from several searches, since every edit defeats some of them: the whole frame and its quarter turns, nested
borders, the box of the subject, crops, insets, rotations, SIFT points with RANSAC.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from gistchain.rareness.overlay.views import SEARCH, SIDE, Array, Box, View


def box_to_box(source: Box, target: Box) -> Array:
    """The 3x3 matrix that lays one box over another, pixel edges on pixel edges."""
    across = (target[2] - target[0]) / (source[2] - source[0])
    down = (target[3] - target[1]) / (source[3] - source[1])
    shift = (target[0] - across * source[0] + (across - 1) / 2, target[1] - down * source[1] + (down - 1) / 2)
    return np.array([[across, 0, shift[0]], [0, down, shift[1]], [0, 0, 1]], dtype=np.float32)


def is_sane(matrix: Array) -> bool:
    """No reflection, no collapse, no horizon through the picture."""
    area = float(np.linalg.det(matrix[:2, :2]))
    corners = matrix[2] @ np.array([[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE], [1, 1, 1, 1]], np.float32)
    return bool(0.03 < area < 20 and (corners > 0.3).all() and (corners < 3).all())


def hypotheses(candidate: View, registered: View) -> Iterator[tuple[str, Array]]:
    """(which search proposes it, 3x3 matrix from the registered view's pixels to the candidate's), about 25 of them."""
    whole: Box = (0, 0, *registered.size)
    yield "whole", box_to_box(whole, (0, 0, *candidate.size))
    for quarter in (1, 2, 3):
        yield "turned", _quarter_turns(quarter, candidate, registered)
    for box in candidate.boxes:
        yield "border", box_to_box(whole, box)
        for own in registered.boxes[:2]:
            yield "subject", box_to_box(own, box)
    for matrix in _crops(candidate, registered):
        yield "crop", matrix
    for matrix in _insets(candidate, registered):
        yield "inset", matrix
    for matrix in _rotations(candidate, registered):
        yield "rotation", matrix
    yield from _point_matches(candidate, registered)


def _quarter_turns(quarter: int, candidate: View, registered: View) -> Array:
    (width, height), (to_width, to_height) = registered.size, candidate.size
    unit = np.array([[1 / width, 0, -0.5], [0, 1 / height, -0.5], [0, 0, 1]])
    cos, sin = ((0, 1), (-1, 0), (0, -1))[quarter - 1]
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    back = np.array([[to_width, 0, to_width / 2], [0, to_height, to_height / 2], [0, 0, 1]])
    # from centres of pixels to edges and back
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    turned: Array = (np.linalg.inv(half) @ back @ turn @ unit @ half).astype(np.float32)
    return turned


def _crops(candidate: View, registered: View) -> list[Array]:
    """The candidate as a part of the registered image, the two best places."""
    small, whole = candidate.small, registered.small
    across, down = registered.size[0] / whole.shape[1], registered.size[1] / whole.shape[0]
    frame: Box = (0, 0, *candidate.size)
    shape = candidate.size[1] / candidate.size[0]
    keep_shape = abs(shape - registered.size[1] / registered.size[0]) <= 0.08
    places = []
    for share in np.arange(0.56, 1.0, 0.04):
        width = int(whole.shape[1] * share)
        heights = {int(width * across * shape / down)} | (set() if keep_shape else {int(whole.shape[0] * share)})
        for height in heights:
            if 10 <= height <= whole.shape[0] and width >= 10:
                value, (x, y) = _best_place(whole, small, (width, height))
                part = (x * across, y * down, (x + width) * across, (y + height) * down)
                places.append((value * (0.8 + 0.2 * share), box_to_box(part, frame)))
    return _two_best(places)


def _insets(candidate: View, registered: View) -> list[Array]:
    """The registered image as a part of the candidate (a frame, a screenshot), the two best places."""
    small, whole = registered.small, candidate.small
    across, down = candidate.size[0] / whole.shape[1], candidate.size[1] / whole.shape[0]
    frame: Box = (0, 0, *registered.size)
    places = []
    for share in np.arange(0.4, 1.0, 0.04):
        width = int(whole.shape[1] * share)
        height = int(width * across * registered.size[1] / registered.size[0] / down)
        if 10 <= height <= whole.shape[0] and width >= 10:
            value, (x, y) = _best_place(whole, small, (width, height))
            part = (x * across, y * down, (x + width) * across, (y + height) * down)
            places.append((value, box_to_box(frame, part)))
    return _two_best(places)


def _best_place(whole: Array, template: Array, size: tuple[int, int]) -> tuple[float, tuple[int, int]]:
    """(correlation, x and y) where the template, scaled to (width, height), fits best."""
    scaled = cv2.resize(template, size, interpolation=cv2.INTER_AREA)
    _, value, _, place = cv2.minMaxLoc(cv2.matchTemplate(whole, scaled, cv2.TM_CCOEFF_NORMED))
    return float(value) if np.isfinite(value) else -1.0, (int(place[0]), int(place[1]))


def _two_best(places: list[tuple[float, Array]]) -> list[Array]:
    return [matrix for _, matrix in sorted(places, key=lambda place: -place[0])[:2]]


def _rotations(candidate: View, registered: View) -> list[Array]:
    """Turned by up to 50 degrees in steps of 5, at three sizes; the two best."""
    whole = cv2.copyMakeBorder(candidate.small, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=0)
    small, cut = registered.small, int(SEARCH * 0.14)
    centring = np.array([[1, 0, (SEARCH - small.shape[1]) / 2], [0, 1, (SEARCH - small.shape[0]) / 2], [0, 0, 1]])
    scale = SEARCH / SIDE
    down, up = np.diag([scale, scale, 1.0]), np.diag([1 / scale, 1 / scale, 1.0])
    places = []
    for share in (1.0, 0.82, 0.7):
        for degrees in (d for d in range(-50, 51, 5) if d):
            turn = np.vstack([cv2.getRotationMatrix2D((SEARCH / 2, SEARCH / 2), degrees, share), [0, 0, 1]])
            matrix = turn @ centring
            template = cv2.warpAffine(small, matrix[:2], (SEARCH, SEARCH))[cut:-cut, cut:-cut]
            if template.shape[0] > whole.shape[0] or template.shape[1] > whole.shape[1]:
                continue
            _, value, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(whole, template, cv2.TM_CCOEFF_NORMED))
            shift = np.array([[1, 0, x - cut - 6], [0, 1, y - cut - 6], [0, 0, 1]])
            places.append((value, (up @ shift @ matrix @ down).astype(np.float32)))
    return _two_best(places)


def _point_matches(candidate: View, registered: View) -> Iterator[tuple[str, Array]]:
    """Affine and perspective transforms on which SIFT points agree (RANSAC)."""
    if candidate.points is None or registered.points is None:
        return
    likeness = candidate.points.descriptors @ registered.points.descriptors.T
    best = likeness.argmax(axis=1)
    mutual = likeness.argmax(axis=0)[best] == np.arange(len(best))
    if likeness.shape[1] > 1:
        second = np.partition(likeness, -2, axis=1)[:, -2]
        mutual &= (1 - likeness.max(axis=1)) < 0.92 * (1 - second)
    if mutual.sum() < 5:
        return
    in_candidate, in_registered = candidate.points.places[mutual], registered.points.places[best[mutual]]
    cv2.setRNGSeed(1)
    affine, _ = cv2.estimateAffine2D(
        in_registered, in_candidate, method=cv2.RANSAC, ransacReprojThreshold=3, maxIters=500
    )
    if affine is not None:
        matrix = np.vstack([affine, [0, 0, 1]]).astype(np.float32)
        if is_sane(matrix):
            yield "points", matrix
    if mutual.sum() >= 8:
        perspective, _ = cv2.findHomography(in_registered, in_candidate, cv2.RANSAC, 3, maxIters=500)
        if perspective is not None and is_sane(perspective.astype(np.float32)):
            yield "points in perspective", perspective.astype(np.float32)
