"""Four DiceBear avatar styles with named traits: seeds -> images and labels, drawn by the installed packages.

Styles and licences: voxel-bot and critters CC0 1.0 (DiceBear), big-smile CC BY 4.0 (Ashley Seo, "Custom Avatar"),
fun-emoji CC BY 4.0 (Davis Uche, "Fun Emoji Set"). Needs the `samples` extra: dicebear-core, dicebear-styles, resvg-py.
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from PIL import Image

from gistchain.collection.tokens import Tokens
from gistchain.errors import ModelError
from gistchain.traits import Traits
from gistchain.types import Pixels

# Colours are named by hand: the field's captions say "mint body", not "#6ee7b9".
_PASTELS = {
    "#7dd3fc": "sky blue",
    "#a5b4fc": "periwinkle",
    "#c4b5fd": "lavender",
    "#f0abfc": "orchid",
    "#fda4af": "pink",
    "#fca5a5": "salmon",
    "#fdba74": "orange",
    "#fcd34d": "yellow",
    "#bef264": "lime",
    "#6ee7b9": "mint",
    "#5eead4": "turquoise",
    "#e2e8f0": "white",
}
# Style -> subject, components in the order of the caption, colours. The dark screens of voxel-bot, four shades of
# black, are left out: no eye tells them apart.
_STYLES: dict[str, tuple[str, dict[str, str], dict[str, dict[str, str]]]] = {
    "voxel-bot": (
        "Voxel Bot",
        {"top": "top", "eyes": "eyes", "mouth": "mouth", "chest": "chest"},
        {
            "body": {
                "#e9ecef": "white",
                "#aeb8c2": "grey",
                "#74c0fc": "blue",
                "#63e6be": "mint",
                "#ffd43b": "yellow",
                "#ff9d9d": "pink",
                "#b6a6f5": "lavender",
                "#69db7c": "green",
            },
            "glow": {
                "#3bc9db": "cyan",
                "#69db7c": "green",
                "#ffd43b": "yellow",
                "#ff6b6b": "red",
                "#e599f7": "violet",
                "#74c0fc": "blue",
                "#fff3bf": "cream",
            },
            "accent": {
                "#343a40": "charcoal",
                "#495057": "grey",
                "#2f3b4c": "slate",
                "#5f6b7a": "steel",
                "#7a4a2d": "brown",
                "#243b53": "navy",
            },
            "background": {
                "#b6e3f4": "light blue",
                "#c0aede": "purple",
                "#d1d4f9": "lavender",
                "#ffd5dc": "pink",
                "#ffdfbf": "peach",
            },
        },
    ),
    "critters": (
        "Critters",
        {"body": "shape", "top": "top", "eyes": "eyes", "mouth": "mouth", "cheeks": "cheeks", "pattern": "pattern"},
        {
            "body": _PASTELS,
            "accent": _PASTELS,
            "background": {
                "#0369a1": "ocean",
                "#1d4ed8": "blue",
                "#4338ca": "indigo",
                "#6d28d9": "violet",
                "#a21caf": "purple",
                "#be185d": "magenta",
                "#be123c": "crimson",
                "#c2410c": "rust",
                "#b45309": "amber",
                "#047857": "green",
                "#0f766e": "teal",
                "#1e293b": "navy",
            },
        },
    ),
    "big-smile": (
        "Big Smile",
        {"hair": "hair", "eyes": "eyes", "mouth": "mouth", "accessories": "accessory"},
        {
            "hair": {
                "#220f00": "black",
                "#3a1a00": "dark brown",
                "#71472d": "brown",
                "#e2ba87": "sandy",
                "#605de4": "indigo",
                "#238d80": "teal",
                "#d56c0c": "orange",
                "#e9b729": "blonde",
            },
            "skin": {
                "#ffe4c0": "ivory",
                "#f5d7b1": "cream",
                "#efcc9f": "beige",
                "#e2ba87": "sand",
                "#c99c62": "tan",
                "#a47539": "caramel",
                "#8c5a2b": "brown",
                "#643d19": "dark brown",
            },
        },
    ),
    "fun-emoji": (
        "Fun Emoji",
        {"eyes": "eyes", "mouth": "mouth"},
        {
            "background": {
                "#059ff2": "blue",
                "#d9915b": "brown",
                "#f6d594": "sand",
                "#71cf62": "green",
                "#d84be5": "magenta",
                "#fcbc34": "yellow",
            }
        },
    ),
}
# A trait type may not be called the same twice in one collection.
_COLOUR_TYPES = {"body": "body", "hair": "hair color", "glow": "glow", "accent": "accent"}

STYLES = tuple(_STYLES)
_JUDGED_AT = 64


def traits(style: str) -> Traits:
    subject, components, colours = _STYLES[style]
    definition = _definition(style)
    values = {
        type_: tuple(_words(v) for v in definition["components"][name]["variants"])
        for name, type_ in components.items()
    }
    return Traits(style, subject, values | {_COLOUR_TYPES.get(c, c): tuple(n.values()) for c, n in colours.items()})


def held_out_seeds(count: int) -> list[str]:
    """The seeds that are never trained or tuned on: heldout-0 .. heldout-999."""
    return [f"heldout-{i}" for i in range(count)]


def tokens(style: str, seeds: Sequence[str], *, size: int = 64) -> Tokens:
    """Tokens drawn at size x size over white; a trait whose removal changes no pixel at 64 x 64 is not labelled.

    Raises ModelError where the `samples` extra is not installed.
    """
    drawn = [_token(style, seed, size) for seed in seeds]
    return Tokens(
        traits(style),
        tuple(f"{style}-{seed}" for seed in seeds),
        np.stack([image for image, _ in drawn]),
        np.array([row for _, row in drawn], np.int64),
    )


def _token(style: str, seed: str, size: int) -> tuple[Pixels, list[int]]:
    _, components, colours = _STYLES[style]
    definition = _definition(style)
    chosen = _options(style, {"seed": seed})
    small = _draw(style, chosen, _JUDGED_AT)
    row = []
    for name in components:
        variants = list(definition["components"][name]["variants"])
        value = chosen.get(f"{name}Variant")
        shown = bool(value) and (_draw(style, chosen, _JUDGED_AT, without=name) != small).any()
        row.append(variants.index(value) + 1 if shown else 0)
    for name, named in colours.items():
        value = (chosen.get(f"{name}Color") or [""])[0]
        other = next(c for c in reversed(named) if c != value)
        shown = value in named and (_draw(style, {**chosen, f"{name}Color": [other]}, _JUDGED_AT) != small).any()
        row.append(list(named).index(value) + 1 if shown else 0)
    return small if size == _JUDGED_AT else _draw(style, chosen, size), row


def _options(style: str, given: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = _dicebear().Avatar(_style(style), given).to_json()["options"]
    return options


def _draw(style: str, chosen: dict[str, Any], size: int, *, without: str = "") -> Pixels:
    fixed: dict[str, Any] = {"seed": "fixed"}
    for name in _definition(style)["components"]:
        variant = chosen.get(f"{name}Variant")
        fixed[f"{name}Probability"] = 100 if variant and name != without else 0
        if variant:
            fixed[f"{name}Variant"] = [variant]
    fixed |= {k: v for k, v in chosen.items() if k.endswith("Color") and v}
    return avatar(style, fixed, size)


def avatar(style: str, options: dict[str, Any], size: int) -> Pixels:
    """The avatar of any installed style, drawn at size x size over white. options: DiceBear's own, seed among them."""
    import resvg_py

    svg = _dicebear().Avatar(_style(style), options).to_string()
    image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))))
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


def _dicebear() -> Any:
    try:
        import dicebear
        import resvg_py  # noqa: F401
    except ImportError as error:
        raise ModelError(f"DiceBear avatars need {error.name}: pip install 'gistchain[samples]'") from error
    return dicebear


@functools.cache
def _definition(style: str) -> dict[str, Any]:
    try:
        text = resources.files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8")
    except ModuleNotFoundError as error:
        raise ModelError("DiceBear avatars need dicebear-styles: pip install 'gistchain[samples]'") from error
    definition: dict[str, Any] = json.loads(text)
    return definition


@functools.cache
def _style(style: str) -> Any:
    return _dicebear().Style(_definition(style))


def _words(variant: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", variant).lower()
