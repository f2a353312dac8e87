"""Any image -> a short true caption: what it shows, if that is sure enough, and what colours are where.

    A photo of a castle, sky blue and white above, green below, grey in the middle
    A dark photo, dark green all over

The label is a word of labels.py, the most special one that is sure enough: each depth of the tree has a calibration
(training/photo/captioner.py) that turns a sum of the packaged network's probabilities into the chance of being right.
Where no word reaches `SURE` the caption names no thing. Colours and places are measured, not guessed. confidence: the
chance that whatever is guessed (photo or drawing; the label) is right; never below a half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.models.packaged.networks import Features, class_names, network
from gistchain.models.photo.labels import LabelNode, best_path
from gistchain.models.photo.layout import light_of, regions_of
from gistchain.models.photo.medium import photo_chance
from gistchain.models.zoo.weights import card
from gistchain.types import Caption, Pixels

SURE = 0.6
# Below this, the caption says 'picture', neither photo nor drawing.
_MEDIUM_SURE = 0.8
_MASSES = frozenset(
    {"food", "clothing", "cattle", "corn", "broccoli", "hay", "guacamole", "ice cream", "dough", "velvet fabric"}
)
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class PhotoReading:
    """What the captioner sees. photo: the chance that it is one; path: from general to special, each word with the
    chance that it is right; label: how many words of the path are sure enough, 0 for none."""

    photo: float
    path: tuple[tuple[LabelNode, float], ...]
    label: int


class ColourCaptioner:
    """Fulfils Captioner for any image by what is measured and not guessed: light, colours and where they are."""

    name = "colours"

    def caption(self, image: Pixels) -> Caption:
        return _worded("picture", "", image, 1.0)


class PhotoCaptioner:
    """Fulfils Captioner for any image."""

    name = "photo"

    def caption(self, image: Pixels) -> Caption:
        reading = self.read(image)
        medium, sure = _medium(reading.photo)
        of = ""
        if reading.label:
            node, right = reading.path[reading.label - 1]
            if sure * right >= 0.5:  # below, the caption would not be taken, and without the label it is
                of, sure = f" of {_with_article(node.word)}", sure * right
        return _worded(medium, of, image, sure)

    def read(self, image: Pixels) -> PhotoReading:
        features = network().run(image)
        photo = photo_chance(image, features.maps)
        fitted = card("photo-captioner")["label"]
        path: list[tuple[LabelNode, float]] = []
        at_most = 1.0  # a special word can't be more surely right than the general one above it
        for depth, node in enumerate(best_path(probabilities(image, features), class_names())):
            if node.path == ("object",):  # true of anything
                continue
            by_depth = fitted[branch(node, drawn=photo < 0.5)]
            at_most = min(at_most, _chance(node.probability, *by_depth[min(depth, len(by_depth) - 1)]))
            path.append((node, at_most))
        return PhotoReading(photo, tuple(path), sum(chance >= SURE for _, chance in path))


def branch(node: LabelNode, *, drawn: bool) -> str:
    """The name of the calibration for a word: the network knows things less well than animals, and drawings least."""
    return "drawing" if drawn else "object" if node.path[0] == "object" else "photo"


def probabilities(image: Pixels, features: Features) -> NDArray[np.float32]:
    """Shape (1000,): the mean of the probabilities of the whole image and of its central square."""
    height, width = image.shape[:2]
    side = min(height, width)
    if height == width:
        return features.probabilities
    top, left = (height - side) // 2, (width - side) // 2
    centre = network().run(image[top : top + side, left : left + side])
    return ((features.probabilities + centre.probabilities) / 2).astype(np.float32)


def _medium(photo: float) -> tuple[str, float]:
    if max(photo, 1 - photo) < _MEDIUM_SURE:
        return "picture", 1.0
    return ("photo", photo) if photo >= 0.5 else ("drawing", 1 - photo)


def _chance(probability: float, bias: float, slope: float) -> float:
    """Platt's calibration on the logit of a probability."""
    p = min(max(probability, 1e-4), 1 - 1e-4)
    return float(1 / (1 + np.exp(-(bias + slope * np.log(p / (1 - p))))))


def _worded(medium: str, of: str, image: Pixels, sure: float) -> Caption:
    """The caption of a photo, a drawing or a picture, with the colours of the image."""
    light = light_of(image)
    what = f"A {light} {medium}{of}" if light else f"A {medium}{of}"
    return Caption(_fitted(what, [str(region) for region in regions_of(image)]), sure)


def _with_article(word: str) -> str:
    if word in _MASSES or (word.endswith("s") and not word.endswith("ss")):
        return word
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"


def _fitted(what: str, phrases: list[str]) -> str:
    """The caption without the last phrases that would make it longer than _LONGEST, one phrase at least."""
    while len(phrases) > 1 and len(", ".join([what, *phrases])) > _LONGEST:
        phrases = phrases[:-1]
    return ", ".join([what, *phrases])
