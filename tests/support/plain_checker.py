"""A checker that takes a millisecond, for tests of what lies around it: real hashes and pixels, no networks.

Nearest by PDQ, laid over each other without a transform. Its verdicts are plain; those of the real one are tested
elsewhere.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from gistchain.rareness.fingerprint import SIZE
from gistchain.rareness.hashes import distance, hashes
from gistchain.rareness.store.thumbnail import thumbnail
from gistchain.types import Content, Hashes, Nearest, Picture, Pixels, Rareness, Region, Transform, WebSearch

_SIDE = 96
_IDENTITY = Transform((1, 0, 0, 0, 1, 0, 0, 0, 1), False, ())


class PlainChecker:
    """Compares with the pictures that it was given, in their order."""

    def __init__(self, *registered: Picture, web: tuple[WebSearch, ...] | None = None) -> None:
        self._registered = [(picture, hashes(picture.pixels)) for picture in registered]
        self._web = web

    def check(self, picture: Picture) -> Rareness:
        own = hashes(picture.pixels)
        nearest = self._nearest(picture, own)
        residual = 1.0 if nearest is None else nearest.residual
        verdict = "copy" if residual < 0.02 else "sibling" if residual < 0.2 else "original"
        return Rareness(
            verdict=verdict,  # type: ignore[arg-type]
            score=residual,
            interval=(max(0.0, residual - 0.1), min(1.0, residual + 0.1)),
            reason=f"{residual:.1%} of what the nearest registered image shows differs",
            nearest=nearest,
            subscores={"residual": residual, "pearson": 1.0 if nearest is None else (1 - nearest.pearson) / 2},
            hashes=own,
            fingerprint=fingerprint(picture.pixels),
            content=content(picture.pixels),
            web=self._web,
            compared_with=len(self._registered),
            fingerprint_version="plain",
        )

    def _nearest(self, picture: Picture, own: Hashes) -> Nearest | None:
        if not self._registered:
            return None
        number = min(range(len(self._registered)), key=lambda n: distance(self._registered[n][1].pdq, own.pdq))
        other = self._registered[number][0]
        registered, aligned = thumbnail(other.pixels), thumbnail(picture.pixels)
        if registered.shape != aligned.shape:
            size = (registered.shape[1], registered.shape[0])
            aligned = np.asarray(Image.fromarray(aligned).resize(size, Image.Resampling.BOX))
        differences = np.abs(registered.astype(np.float32) - aligned).mean(axis=2) / 255
        pearson = np.corrcoef(fingerprint(picture.pixels), fingerprint(other.pixels))[0, 1]
        return Nearest(
            other.name, number + 1, other.sha3_256, "plain", float(pearson), _IDENTITY, 1.0, float(differences.mean()),
            regions(differences), (), registered, aligned, differences,
        )  # fmt: skip


def fingerprint(image: Pixels) -> np.ndarray:
    grey = np.asarray(Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX))
    colours = np.bincount((image >> 5).astype(np.int64).reshape(-1, 3) @ (64, 8, 1), minlength=512) / image[..., 0].size
    rest = np.asarray(Image.fromarray(image).convert("L").resize((20, 16), Image.Resampling.BOX)).ravel() / 255
    return np.concatenate([grey.ravel() / 255, colours, rest]).astype(np.float32)[:SIZE]


def content(image: Pixels) -> Content:
    """Drawings: the share of the pixels that have one of the eight commonest colours."""
    counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)[1]
    drawn = float(np.sort(counts)[-8:].sum() / counts.sum())
    return Content(open_nsfw=0.0, drawings=drawn, hentai=0.0, neutral=1 - drawn, porn=0.0, sexy=0.0)


def regions(differences: np.ndarray) -> tuple[Region, ...]:
    """The box around what differs by more than a tenth."""
    down, across = np.nonzero(differences > 0.1)
    if not len(down):
        return ()
    height, width = differences.shape
    box = across.min() / width, down.min() / height, (across.max() + 1) / width, (down.max() + 1) / height
    share = differences[differences > 0.1].sum() / differences.sum()
    return (Region(*map(float, box), kind="changed", share=float(share)),)
