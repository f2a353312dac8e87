"""Candidate, registered image -> the transforms that may lay one over the other, best first.

Hypotheses come from several places, since every edit defeats some of them: the whole frame with its turns, nested
borders, the box of the subject, a search for crops and for insets, one for rotations, SIFT points with RANSAC. Each is
judged by how well gradients agree in the overlap, the best are refined by ECC (Evangelidis & Psarakis, 2008).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels

SIDE = 144
"""Pixels of the longer side at which images are compared."""
_SEARCH = 48
MIN_OVERLAP = 0.2
"""Of the registered image: less of it says little, and any picture fits onto a blank corner."""
_REFINED = 4

Array = NDArray[np.float32]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """SIFT points: (n, 2) places in pixels, (n, 128) RootSIFT descriptors (Arandjelovic & Zisserman, 2012)."""

    places: Array
    descriptors: Array


class View:
    """An image fitted to SIDE: pixels (h, w, 3) in 0..255. What else is compared is made when it is asked for."""

    def __init__(self, pixels: Array) -> None:
        self.pixels = pixels

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @cached_property
    def gradients(self) -> Array:
        """Strength of the gradients, (h, w)."""
        return gradient_strength(self.pixels)

    @cached_property
    def smooth(self) -> Array:
        """The gradients, blurred."""
        return blurred(self.gradients, 1.5)

    @cached_property
    def half(self) -> Array:
        """`smooth` at half the size."""
        halved: Array = cv2.resize(self.smooth, self._half_size, interpolation=cv2.INTER_AREA)
        return halved

    @cached_property
    def half_pixels(self) -> Array:
        halved: Array = cv2.resize(self.pixels, self._half_size, interpolation=cv2.INTER_AREA)
        return halved

    @cached_property
    def small(self) -> Array:
        """The gradients within _SEARCH pixels, for searches."""
        width, height = self.size
        size = (max(8, width * _SEARCH // SIDE), max(8, height * _SEARCH // SIDE))
        return blurred(cv2.resize(self.gradients, size, interpolation=cv2.INTER_AREA), 0.7)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        return _inner_boxes(self.pixels)

    @cached_property
    def points(self) -> Points | None:
        return _points(self.pixels.astype(np.uint8))

    @property
    def _half_size(self) -> tuple[int, int]:
        return self.pixels.shape[1] // 2, self.pixels.shape[0] // 2


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """matrix: 3x3, from the registered view's pixels to those of the candidate's view (mirrored first if `mirrored`).

    agreement: correlation of gradients in the overlap, in -1..1. overlap: share of the registered image. how: which
    search proposed it.
    """

    matrix: Array
    mirrored: bool
    agreement: float
    overlap: float
    how: str


def blurred(image: Array, sigma: float) -> Array:
    if sigma <= 0:
        return image
    soft: Array = cv2.GaussianBlur(image, (0, 0), sigma)
    return soft


def gradient_strength(image: Array) -> Array:
    """The strongest gradient of any channel at every pixel of an (h, w, 3) image, (h, w)."""
    smooth = blurred(image, 1.0)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    return np.sqrt(strongest(across * across + down * down))


def strongest(image: Array) -> Array:
    """The largest of the three channels at every pixel; numpy's own reduction takes ten times as long."""
    red, green, blue = cv2.split(image)
    largest: Array = cv2.max(cv2.max(red, green), blue)
    return largest


def view(image: Pixels) -> View:
    """What is compared of an image of any size."""
    height, width, _ = image.shape
    scale = SIDE / max(height, width)
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return View(cv2.resize(np.ascontiguousarray(image), size, interpolation=how).astype(np.float32))


def mirrored(seen: View) -> View:
    """The same image, left and right exchanged."""
    return View(np.ascontiguousarray(seen.pixels[:, ::-1]))


def _points(fitted: Pixels) -> Points | None:
    grey = cv2.cvtColor(fitted, cv2.COLOR_RGB2GRAY)  # SIFT itself begins at twice the size
    # A new detector each time: one that is shared between threads would have to be locked.
    found, descriptors = cv2.SIFT_create(300, contrastThreshold=0.015).detectAndCompute(grey, None)
    if descriptors is None or len(found) < 4:
        return None
    rooted = np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-6))
    return Points(np.array([point.pt for point in found], np.float32), rooted.astype(np.float32))


def _inner_boxes(pixels: Array) -> tuple[Box, ...]:
    """Boxes left when uniform rows and columns are peeled off, one nest after the other (at most three)."""
    smooth = blurred(pixels, 0.6)
    height, width, _ = smooth.shape
    left, top, right, bottom = 0, 0, width, height
    found: list[Box] = []
    for _ in range(3):
        before = (left, top, right, bottom)
        first, last = smooth[top, left:right].mean(axis=0), smooth[bottom - 1, left:right].mean(axis=0)
        west, east = smooth[top:bottom, left].mean(axis=0), smooth[top:bottom, right - 1].mean(axis=0)
        while bottom - top > 24 and _is_plain(smooth[top, left:right], first):
            top += 1
        while bottom - top > 24 and _is_plain(smooth[bottom - 1, left:right], last):
            bottom -= 1
        while right - left > 24 and _is_plain(smooth[top:bottom, left], west):
            left += 1
        while right - left > 24 and _is_plain(smooth[top:bottom, right - 1], east):
            right -= 1
        if (left, top, right, bottom) == before:
            break
        found.append((left, top, right, bottom))
        if min(right - left, bottom - top) > 30:  # the next nest begins behind the soft edge of this one
            left, top, right, bottom = left + 1, top + 1, right - 1, bottom - 1
    return tuple(found)


def _is_plain(line: Array, colour: Array) -> bool:
    return bool(np.abs(line - colour).max(axis=1).mean() < 9)


def box_to_box(source: Box, target: Box) -> Array:
    """The 3x3 matrix that lays one box over another, pixel edges on pixel edges."""
    across = (target[2] - target[0]) / (source[2] - source[0])
    down = (target[3] - target[1]) / (source[3] - source[1])
    shift = (target[0] - across * source[0] + (across - 1) / 2, target[1] - down * source[1] + (down - 1) / 2)
    return np.array([[across, 0, shift[0]], [0, down, shift[1]], [0, 0, 1]], dtype=np.float32)


def warped(image: Array, matrix: Array, size: tuple[int, int]) -> Array:
    """The candidate as seen in the registered image's frame, of (width, height); 0 outside."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen: Array = cv2.warpPerspective(image, np.asarray(matrix, np.float32), size, flags=flags)
    return seen


def covered(candidate: View, matrix: Array, size: tuple[int, int]) -> Array:
    """1 where the registered frame sees the candidate, 0 outside, (h, w)."""
    return warped(np.ones(candidate.gradients.shape, np.float32), matrix, size)


def align(
    candidate: View, flipped: View, registered: View, also: tuple[Alignment, ...] = (), *, search: bool = True
) -> list[Alignment]:
    """The most likely alignments, best first, at most six; `flipped` is `mirrored(candidate)`.

    also: alignments that were found with other images of the same collection: these share their frame. search: False
    refines these alone.
    """
    judged: list[Alignment] = []
    for turned, seen in enumerate((candidate, flipped) if search else ()):
        for how, matrix in _hypotheses(seen, registered):
            judged.append(_judged(seen, registered, matrix, bool(turned), how))
    for other in also:
        seen = flipped if other.mirrored else candidate
        judged.append(_judged(seen, registered, other.matrix, other.mirrored, other.how))
    chosen = _distinct(sorted(judged, key=lambda one: -one.agreement), registered.size, _REFINED // 2)
    refined = [_refined(flipped if one.mirrored else candidate, registered, one) for one in chosen]
    return _distinct(sorted([*refined, *chosen], key=lambda one: -one.agreement), registered.size, 3)


def both_ways(found: list[Alignment]) -> list[Alignment]:
    """The best alignment as it is and the best mirrored one."""
    firsts = (next((one for one in found if one.mirrored == turned), None) for turned in (False, True))
    return [one for one in firsts if one is not None]


def _judged(candidate: View, registered: View, matrix: Array, is_mirrored: bool, how: str) -> Alignment:
    agreement, overlap = agreement_of(candidate, registered, matrix)
    return Alignment(matrix, is_mirrored, agreement, overlap, how)


def agreement_of(candidate: View, registered: View, matrix: Array) -> tuple[float, float]:
    """Correlation of gradients where both are seen, at half the size; a small overlap must earn its place."""
    size = (registered.half.shape[1], registered.half.shape[0])
    to_half = np.diag([2.0, 2.0, 1.0]).astype(np.float32)
    seen = warped(candidate.smooth, matrix @ to_half, size)
    inside = warped(np.ones(candidate.smooth.shape, np.float32), matrix @ to_half, size)
    overlap = float(inside.mean())
    if overlap < MIN_OVERLAP:
        return -1.0, overlap
    return correlation(seen, registered.half, inside > 0.9) * min(1.0, 0.75 + 0.25 * overlap), overlap


def correlation(a: Array, b: Array, where: NDArray[np.bool_]) -> float:
    """Pearson's correlation of two images at the chosen pixels; 0 where one of them is blank there."""
    x, y = a[where], b[where]
    if x.size < 16:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    # A picture fits onto a blank area at any place: contrast below two grey levels is no evidence.
    blank = 2.0 * x.size**0.5
    return float(x @ y / ((np.linalg.norm(x) + blank * 0.05) * (np.linalg.norm(y) + blank * 0.05)))


def _distinct(ranked: list[Alignment], size: tuple[int, int], most: int) -> list[Alignment]:
    """The first that lie apart, at most `most` mirrored and as many not: all but symmetric subjects fit both ways."""
    width, height = size
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], np.float32)
    kept: list[tuple[Alignment, Array]] = []
    for one in ranked:
        place = one.matrix @ corners
        if one.agreement <= -1 or (np.abs(place[2]) < 1e-3).any():
            continue
        place = place[:2] / place[2]
        same_way = [at for o, at in kept if o.mirrored == one.mirrored]
        if len(same_way) < most and not any(np.abs(at - place).max() < 2 for at in same_way):
            kept.append((one, place))
    return [one for one, _ in kept]


def _refined(candidate: View, registered: View, one: Alignment) -> Alignment:
    """ECC on smoothed gradients: affine, then with perspective; kept only where the gradients agree better."""
    best = one
    for motion, iterations in ((cv2.MOTION_AFFINE, 25), (cv2.MOTION_HOMOGRAPHY, 15)):
        matrix = ecc(candidate.half, registered.half, best.matrix, motion, iterations, scale=0.5)
        if matrix is None:
            continue
        agreement, overlap = agreement_of(candidate, registered, matrix)
        if agreement > best.agreement:
            best = Alignment(matrix, one.mirrored, agreement, overlap, one.how)
    return best


def ecc(
    candidate: Array,
    registered: Array,
    matrix: Array,
    motion: int,
    iterations: int,
    scale: float = 1.0,
    where: NDArray[np.uint8] | None = None,
) -> Array | None:
    """`matrix` refined so that the two (h, w) images correlate best; None where they don't meet.

    scale: size of these images in views of SIDE; the matrix is between full views. where: non-zero at the candidate's
    pixels that count.
    """
    down, up = np.diag([scale, scale, 1.0]), np.diag([1 / scale, 1 / scale, 1.0])
    start = (down @ matrix @ up).astype(np.float32)
    start /= start[2, 2]
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, iterations, 1e-4)
    affine = motion == cv2.MOTION_AFFINE
    try:
        _, found = cv2.findTransformECC(
            registered, candidate, start[:2].copy() if affine else start, motion, criteria, where, 3
        )
    except cv2.error:  # nothing in common at this start
        return None
    whole = np.vstack([found, [0, 0, 1]]) if affine else found
    refined: Array = (up @ whole @ down).astype(np.float32)
    return refined if np.isfinite(refined).all() and is_sane(refined) else None


def is_sane(matrix: Array) -> bool:
    """No reflection, no collapse, no horizon through the picture."""
    area = float(np.linalg.det(matrix[:2, :2]))
    corners = matrix[2] @ np.array([[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE], [1, 1, 1, 1]], np.float32)
    return bool(0.03 < area < 20 and (corners > 0.3).all() and (corners < 3).all())


def _hypotheses(candidate: View, registered: View) -> Iterator[tuple[str, Array]]:
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
    found = []
    for share in np.arange(0.56, 1.0, 0.04):
        width = int(whole.shape[1] * share)
        heights = {int(width * across * shape / down)} | (set() if keep_shape else {int(whole.shape[0] * share)})
        for height in heights:
            if 10 <= height <= whole.shape[0] and width >= 10:
                value, (x, y) = _best_place(whole, small, (width, height))
                part = (x * across, y * down, (x + width) * across, (y + height) * down)
                found.append((value * (0.8 + 0.2 * share), box_to_box(part, frame)))
    return [matrix for _, matrix in sorted(found, key=lambda one: -one[0])[:2]]


def _insets(candidate: View, registered: View) -> list[Array]:
    """The registered image as a part of the candidate (a frame, a screenshot), the two best places."""
    small, whole = registered.small, candidate.small
    across, down = candidate.size[0] / whole.shape[1], candidate.size[1] / whole.shape[0]
    frame: Box = (0, 0, *registered.size)
    found = []
    for share in np.arange(0.4, 1.0, 0.04):
        width = int(whole.shape[1] * share)
        height = int(width * across * registered.size[1] / registered.size[0] / down)
        if 10 <= height <= whole.shape[0] and width >= 10:
            value, (x, y) = _best_place(whole, small, (width, height))
            part = (x * across, y * down, (x + width) * across, (y + height) * down)
            found.append((value, box_to_box(frame, part)))
    return [matrix for _, matrix in sorted(found, key=lambda one: -one[0])[:2]]


def _best_place(whole: Array, template: Array, size: tuple[int, int]) -> tuple[float, tuple[int, int]]:
    fitted = cv2.resize(template, size, interpolation=cv2.INTER_AREA)
    _, value, _, place = cv2.minMaxLoc(cv2.matchTemplate(whole, fitted, cv2.TM_CCOEFF_NORMED))
    return float(value) if np.isfinite(value) else -1.0, (int(place[0]), int(place[1]))


def _rotations(candidate: View, registered: View) -> list[Array]:
    """Turned by up to 50 degrees in steps of 5, at three sizes; the two best."""
    whole = cv2.copyMakeBorder(candidate.small, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=0)
    small, cut = registered.small, int(_SEARCH * 0.14)
    centring = np.array([[1, 0, (_SEARCH - small.shape[1]) / 2], [0, 1, (_SEARCH - small.shape[0]) / 2], [0, 0, 1]])
    scale = _SEARCH / SIDE
    down, up = np.diag([scale, scale, 1.0]), np.diag([1 / scale, 1 / scale, 1.0])
    found = []
    for share in (1.0, 0.82, 0.7):
        for degrees in (d for d in range(-50, 51, 5) if d):
            turn = np.vstack([cv2.getRotationMatrix2D((_SEARCH / 2, _SEARCH / 2), degrees, share), [0, 0, 1]])
            matrix = turn @ centring
            template = cv2.warpAffine(small, matrix[:2], (_SEARCH, _SEARCH))[cut:-cut, cut:-cut]
            if template.shape[0] > whole.shape[0] or template.shape[1] > whole.shape[1]:
                continue
            _, value, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(whole, template, cv2.TM_CCOEFF_NORMED))
            shift = np.array([[1, 0, x - cut - 6], [0, 1, y - cut - 6], [0, 0, 1]])
            found.append((value, (up @ shift @ matrix @ down).astype(np.float32)))
    return [matrix for _, matrix in sorted(found, key=lambda one: -one[0])[:2]]


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
    here, there = candidate.points.places[mutual], registered.points.places[best[mutual]]
    cv2.setRNGSeed(1)
    affine, _ = cv2.estimateAffine2D(there, here, method=cv2.RANSAC, ransacReprojThreshold=3, maxIters=500)
    if affine is not None:
        matrix = np.vstack([affine, [0, 0, 1]]).astype(np.float32)
        if is_sane(matrix):
            yield "points", matrix
    if mutual.sum() >= 8:
        perspective, _ = cv2.findHomography(there, here, cv2.RANSAC, 3, maxIters=500)
        if perspective is not None and is_sane(perspective.astype(np.float32)):
            yield "points in perspective", perspective.astype(np.float32)
