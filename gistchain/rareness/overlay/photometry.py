"""Registered image, candidate in its frame -> the registered image in the candidate's blur, colours and shading.

A copy may be greyed, inverted, tinted, blurred or noisy. What was done to every pixel alike is fitted here and undone,
so that only what was done to some places is left to look at.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.overlay.views import Array, blurred, strongest

BLURS = (0.0, 0.8, 1.5, 2.5, 4.0)
"""Standard deviations, in pixels of a view, that are tried on the registered image."""
_SMOOTHINGS = (1.2, 2.2, 3.5)
"""And on both images where that makes them agree much better: it removes noise, pixelation and JPEG blocks."""
_EVEN, _CLEAN = 0.95, 0.7
"""Where this share of the picture is right to this many grey levels, what is left is a difference, not noise."""
_NOISY = 2.0
"""Grey levels of noise from which both images are smoothed."""
_FAINTEST = 0.8
"""Sigma of that smoothing, at least."""
COLOURS = 10
"""Main colours of a palette."""
_SAMPLES = 3000
"""Pixels that a fit of twelve numbers looks at."""
_UNIT = np.float32(1 / 255)
_RIDGE, _CURVED_RIDGE = 1e-5, 1e-3
_WORTH = 0.06
"""Share of the pixels that a less simple map of colours has to explain beyond a simpler one."""
_KEPT = 0.4
"""Where this share of the subject has kept its colours, no map of colours is fitted."""
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The registered image as `predicted` and the candidate as `observed`, (h, w, 3), made alike in all but content.

    colours: a map of `colour_map`. blur: sigma applied to the registered image. smoothing: sigma applied to both.
    noise: median of the candidate's finest detail, in grey levels. shade: (h, w, 1), the slow change of brightness
    applied to `predicted`; None where there is none.
    """

    predicted: Array
    observed: Array
    colours: Array
    blur: float
    smoothing: float
    noise: float
    shade: Array | None

    @property
    def visible_blur(self) -> float:
        """Sigma of all blurs under which the two are compared."""
        return max(self.blur, self.smoothing, _denoising(self.noise))


def samples(where: Mask, structure: Array) -> Indices:
    """Indices of the pixels that a fit of colours looks at: half of them anywhere, half where there is structure.

    structure: (h, w), of the registered image. Most of a picture can be a plain background, which may be exchanged.
    """
    chosen = np.flatnonzero(where)
    if len(chosen) <= _SAMPLES:
        return chosen
    strong = chosen[structure.reshape(-1)[chosen] > np.quantile(structure.reshape(-1)[chosen], 0.6)]
    parts = [part[:: max(1, 2 * len(part) // _SAMPLES)] for part in (chosen, strong)]
    return np.concatenate(parts)


def colour_map(source: Array, target: Array, chosen: Indices, iterations: int = 3, *, curved: bool = False) -> Array:
    """The map of colours under which `source` predicts `target` best at the chosen pixels.

    Shape (4, 3): affine; (10, 3) where `curved`: with the products of two channels, for gamma, hues and few colours.
    Iteratively reweighted least squares with Huber-like weights: what differs in one place (another hat) must not
    tint the rest. A small ridge towards no change decides what the pixels leave open (a grey image's hues).
    """
    terms = _terms(source.reshape(-1, 3)[chosen], curved)
    y = target.reshape(-1, 3)[chosen] * _UNIT - terms[:, :3]
    weights = np.ones(len(terms), np.float32)
    ridge = np.diag([_RIDGE] * 4 + [_CURVED_RIDGE] * 6)[: terms.shape[1], : terms.shape[1]] * max(1, len(terms))
    fitted = np.zeros((terms.shape[1], 3), np.float32)
    for _ in range(iterations):
        weighted = terms * weights[:, None]
        fitted = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ y).astype(np.float32)
        errors = np.abs(y - terms @ fitted).max(axis=1)
        weights = 1 / np.maximum(1, errors / (1.5 * (np.median(errors) + 2 * _UNIT)))
    fitted[:3] += np.eye(3, dtype=np.float32)
    return fitted


def _terms(colours: Array, curved: bool) -> Array:
    """(n, 3) colours in 0..255 -> (n, 4) or (n, 10): R, G, B, 1, then RR, GG, BB, RG, GB, BR, about the middle."""
    x = colours * _UNIT
    ones = np.ones((len(x), 1), np.float32)
    if not curved:
        return np.concatenate([x, ones], axis=1)
    middle = x - np.float32(0.5)
    return np.concatenate([x, ones, middle * middle, middle * np.roll(middle, -1, axis=1)], axis=1)


def recoloured(image: Array, colours: Array) -> Array:
    """The image under a map of `colour_map`."""
    if len(colours) == 4:
        affine = colours.T.copy()
        affine[:, 3] *= 255
        transformed: Array = cv2.transform(image, affine)
        return transformed
    curved: Array = (_terms(image.reshape(-1, 3), True) @ colours).reshape(image.shape) * np.float32(255)
    return curved


def mean_error(a: Array, b: Array) -> Array:
    """Mean absolute difference of the channels at every pixel."""
    mean: Array = cv2.transform(cv2.absdiff(a, b), np.full((1, 3), 1 / 3, np.float32))
    return mean


def fit(registered: Array, observed: Array, where: Mask, structure: Array) -> Fit:
    """The registered image made like the candidate, and the candidate smoothed as far as that helps both agree.

    registered, observed: (h, w, 3) in one frame. where: the pixels that both show. structure: (h, w) of the registered
    image, for `samples`.

        blur       sigma on the registered image, the best of BLURS
        colours    the simplest map that explains most; with it shade, fitted in turns
        smoothing  sigma on both, one of _SMOOTHINGS, where they then agree much better
        noise      measured on the candidate; where there is some, both are smoothed a little
    """
    chosen = samples(where, structure)
    blur = min(BLURS, key=lambda sigma: _error(blurred(registered, sigma), observed, where, chosen) + 0.05 * sigma)
    soft = blurred(registered, blur)
    colours, shade = _colours_and_shade(soft, observed, where, chosen)
    light = shade if shade is not None else np.ones((1, 1, 1), np.float32)
    predicted = recoloured(soft, colours) * light

    smoothing = _smoothing(registered, observed, where, predicted, blur, colours, light)
    filled = np.where(where[:, :, None], observed, predicted)  # black outside would bleed into the border
    noise = float(np.median(mean_error(filled, blurred(filled, 1.0))[where]))
    both = max(smoothing, _denoising(noise))
    if both:
        filled = blurred(filled, both)
        soft = blurred(registered, float(np.hypot(blur if blur > both else 0.0, both)))
        if not _is_identity(colours):
            colours = colour_map(soft, filled / light, chosen, 4, curved=len(colours) > 4)
        predicted = recoloured(soft, colours) * light
        filled = np.where(where[:, :, None], filled, predicted)
    return Fit(predicted, filled, colours, blur, smoothing, noise, shade)


def _colours_and_shade(soft: Array, observed: Array, where: Mask, chosen: Indices) -> tuple[Array, Array | None]:
    colours = _simplest_map(soft, observed, where, chosen)
    shade = _shading(recoloured(soft, colours), observed, chosen)
    if shade is not None:  # once more, now that each knows of the other
        colours = colour_map(soft, observed / shade, chosen, 4, curved=len(colours) > 4)
        shade = _shading(recoloured(soft, colours), observed, chosen)
    return colours, shade


def _smoothing(
    registered: Array, observed: Array, where: Mask, predicted: Array, blur: float, colours: Array, light: Array
) -> float:
    """Sigma that makes both agree much better; 0 where none does, or where nearly all is right without."""
    errors = mean_error(observed, predicted)[where]
    count = int(_EVEN * (len(errors) - 1))
    even = np.partition(errors, count)[: int(_EVEN * len(errors))]
    if even.mean() <= _CLEAN:
        return 0.0
    smoothing, least = 0.0, _relative(predicted, observed, where)
    for sigma in _SMOOTHINGS:
        soft = blurred(registered, max(sigma, blur))
        error = _relative(recoloured(soft, colours) * light, blurred(observed, sigma), where)
        # Much better, or a twin's difference would be smoothed away.
        if error < 0.62 * least - 0.004:
            least, smoothing = error, sigma
    return smoothing


def _denoising(noise: float) -> float:
    return _FAINTEST if noise > _NOISY else 0.0


def _simplest_map(soft: Array, observed: Array, where: Mask, chosen: Indices) -> Array:
    """No change of colours, an affine map or a curved one: the simplest that explains about as many pixels.

    A map fitted where a bar covers the only blue shirt would learn that blue becomes black. And where much of the
    subject has exactly kept its colours, the rest was not tinted: it is another trait.
    """
    simplest = np.eye(4, 3, dtype=np.float32)
    if _explained(soft, observed, _subject(soft, where)) > _KEPT:
        return simplest
    explained = _explained(soft, observed, where)
    for curved in (False, True):
        colours = colour_map(soft, observed, chosen, 4, curved=curved)
        share = _explained(recoloured(soft, colours), observed, where)
        if share > explained + _WORTH:
            simplest, explained = colours, share
    return simplest


def _subject(image: Array, where: Mask) -> Mask:
    """The pixels that differ in colour from the border; all of `where`, where those are very few."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    subject: Mask = where & (strongest(cv2.absdiff(image, np.full_like(image, np.median(border, axis=0)))) > 14)
    return subject if subject.sum() > 0.05 * where.sum() else where


def _is_identity(colours: Array) -> bool:
    return len(colours) == 4 and bool((colours == np.eye(4, 3)).all())


def _explained(predicted: Array, observed: Array, where: Mask) -> float:
    """Share of the pixels that are right; each counts less the larger its error beside the candidate's contrast."""
    errors = mean_error(predicted, observed)[where]
    tolerance = float(np.clip(0.2 * observed[where].std(), 3, 14))
    return float(np.exp(-((errors / tolerance) ** 2)).mean())


def _shading(predicted: Array, observed: Array, chosen: Indices) -> Array | None:
    """A slow change of brightness over the picture, such as a vignette, (h, w, 1); None where there is none.

    A quadratic polynomial of the place, six numbers: too stiff to make up for a hat.
    """
    height, width = predicted.shape[:2]
    y, x = chosen // width / height - 0.5, chosen % width / width - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    ours = predicted.reshape(-1, 3)[chosen].mean(axis=1).astype(np.float64) + 4
    theirs = observed.reshape(-1, 3)[chosen].mean(axis=1).astype(np.float64) + 4
    weights = np.ones(len(ours))
    for _ in range(4):
        design = terms * (ours * weights)[:, None]
        ridge = 1e-3 * np.eye(6) * (ours @ ours)
        fitted = np.linalg.solve(design.T @ (terms * ours[:, None]) + ridge, design.T @ (theirs - ours))
        errors = np.abs(theirs - ours * (1 + terms @ fitted))
        weights = 1 / np.maximum(1, errors / (1.5 * (np.median(errors) + 2)))
    if np.ptp(terms @ fitted) < 0.15 or np.median(errors) > 0.85 * np.median(np.abs(theirs - ours)):
        return None
    across, down = np.meshgrid(np.arange(width) / width - 0.5, np.arange(height) / height - 0.5)
    whole = np.stack([np.ones_like(across), across, down, across**2, down**2, across * down], axis=2) @ fitted
    shade: Array = np.clip(1 + whole, 0.2, 3)[:, :, None].astype(np.float32)
    return shade


def _error(source: Array, target: Array, where: Mask, chosen: Indices) -> float:
    predicted = recoloured(source, colour_map(source, target, chosen, 2))
    return float(np.minimum(mean_error(target, predicted)[where], 40).mean())


def _relative(predicted: Array, observed: Array, where: Mask) -> float:
    error = np.minimum(mean_error(observed, predicted)[where], 60).mean()
    return float(error / (observed[where].std() + 3))


def palette(image: Array) -> NDArray[np.int32]:
    """For each pixel, which of the image's COLOURS main colours is nearest (k-means with a fixed seed), (h, w)."""
    flat = image.reshape(-1, 3)
    cv2.setRNGSeed(1)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 6, 1.0)
    _, _, centres = cv2.kmeans(np.ascontiguousarray(flat[::9]), COLOURS, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    nearest = ((flat**2).sum(axis=1)[:, None] - 2 * flat @ centres.T + (centres**2).sum(axis=1)).argmin(axis=1)
    labels: NDArray[np.int32] = nearest.reshape(image.shape[:2]).astype(np.int32)
    return labels


def palette_predicted(labels: NDArray[np.int32], target: Array, where: Mask) -> Array:
    """Each colour of a palette replaced by the median colour that `target` has at its pixels."""
    predicted = np.zeros_like(target)
    for label in range(COLOURS):
        own = labels == label
        known = own & where
        if known.any():
            predicted[own] = np.median(target[known], axis=0) if known.sum() >= 12 else target[known].mean(axis=0)
    return predicted
