"""A picture -> what people make of it before they register it again: named transforms in named families.

A family is a kind of change. `KNOWN` families are trained, tuned and tested on, `PRACTICE` ones only trained and tuned
on, `UNSEEN` ones only ever tested with.
Each draws its strength, from mild to heavy, from `rng`: the same seed gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels
from training.rareness import known, practice, unseen

# (image, rng, alpha of the subject or None) -> (image, what was done); None where the picture has nothing to do it to
Change = Callable[[Pixels, np.random.Generator, "NDArray[np.uint8] | None"], "tuple[Pixels, str] | None"]


@dataclass(frozen=True, slots=True)
class Edit:
    name: str
    family: str
    known: bool
    change: Change


_KNOWN: dict[str, tuple[Change, ...]] = {
    "mirror": (known.mirror, known.turn),
    "jpeg": (known.jpeg,),
    "scale": (known.downscale, known.resize),
    "noise": (known.noise, known.salt),
    "blur": (known.blur,),
    "crop": (known.crop,),
    "border": (known.border,),
    "rotate": (known.rotate15, known.rotate45),
    "stretch": (known.stretch,),
    "perspective": (known.perspective,),
    "hue": (known.hue,),
    "grey": (known.grey,),
    "tone": (known.tone,),
    "pixelate": (known.pixelate,),
    "text": (known.caption, known.watermark),
    "combination": (known.repost, known.thumbnail),
}
_PRACTICE: dict[str, tuple[Change, ...]] = {
    "duotone": (practice.duotone, practice.sepia),
    "solarise": (practice.solarise,),
    "emboss": (practice.emboss,),
    "paint": (practice.paint,),
    "lens": (practice.lens,),
    "story": (practice.story,),
    "blend": (practice.blend,),
    "patch": (practice.patch,),
}
_UNSEEN: dict[str, tuple[Change, ...]] = {
    "contour": (unseen.contour, unseen.edges),
    "invert": (unseen.invert,),
    "posterise": (unseen.posterise, unseen.few_colours),
    "background": (unseen.background,),
    "screenshot": (unseen.browser, unseen.phone),
    "channels": (unseen.channels,),
    "halftone": (unseen.halftone, unseen.dither),
    "warp": (unseen.swirl, unseen.wave),
    "occlusion": (unseen.sticker, unseen.glasses),
    "film": (unseen.film,),
}
KNOWN, PRACTICE, UNSEEN = tuple(_KNOWN), tuple(_PRACTICE), tuple(_UNSEEN)
_ALL = _KNOWN | _PRACTICE | _UNSEEN
FAMILIES = {family: tuple(change.__name__.replace("_", "-") for change in changes) for family, changes in _ALL.items()}
TRANSFORMS = {
    name: Edit(name, family, family not in _UNSEEN, change)
    for family, changes in _ALL.items()
    for name, change in zip(FAMILIES[family], changes, strict=True)
}


def transformed(
    name: str, image: Pixels, rng: np.random.Generator, *, foreground: NDArray[np.uint8] | None = None
) -> tuple[Pixels, str] | None:
    """(image, short description), or None where this picture can't be changed so: no flat ground to swap, say.

    image: RGB; foreground: alpha (h, w) of the subject, where it is known.
    """
    made = TRANSFORMS[name].change(image, rng, foreground)
    return made and (np.ascontiguousarray(made[0]), made[1])
