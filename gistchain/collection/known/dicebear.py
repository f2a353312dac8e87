"""DiceBear avatar styles with named traits: seeds -> images and labels, drawn by the installed packages.

    seed ──> DiceBear's own choice of components and colours ──> drawn ──> image
                 └──> drawn again without each of them ──> does a pixel change? ──> labels

Any installed style: its components and colours are its trait types; four styles have names by hand (dicebear_names.py).
Needs the `samples` extra: dicebear-core, dicebear-styles, resvg-py.
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gistchain.collection.known.dicebear_names import COLOUR_TYPES, NAMED_STYLES
from gistchain.collection.tokens import Tokens
from gistchain.colours import COLOURS, ciede2000, lab
from gistchain.errors import ModelError
from gistchain.traits import Traits
from gistchain.types import Pixels

STYLES = tuple(NAMED_STYLES)
_JUDGED_AT = 64
_VISIBLE = 16  # of 255: a trait whose removal changes no pixel by this much can't be seen


@dataclass(frozen=True)
class _Table:
    """What a style's captions say: component -> trait type, colour -> {hex: name}, and the traits of both."""

    components: dict[str, str]
    colours: dict[str, dict[str, str]]
    traits: Traits


def traits(style: str) -> Traits:
    return _table(style).traits


@functools.cache
def _table(style: str) -> _Table:
    definition = _definition(style)
    if style in NAMED_STYLES:
        subject, components, colours = NAMED_STYLES[style]
    else:
        subject = style.replace("-", " ").title()
        components = {name: _words(name) for name, made in definition["components"].items() if _varies(name, made)}
        colours = {
            name: _named(made["values"])
            for name, made in definition["colors"].items()
            if len(made.get("values", ())) > 1
        }
    values = {
        type_: tuple(map(_value, definition["components"][name]["variants"])) for name, type_ in components.items()
    }
    own = style in NAMED_STYLES
    for name, named in colours.items():
        values[COLOUR_TYPES.get(name, name) if own else f"{_words(name)} color"] = tuple(named.values())
    return _Table(components, colours, Traits(style, subject, values))


def _varies(name: str, made: dict[str, Any]) -> bool:
    variants = made.get("variants", {})
    return name != "animation" and (len(variants) > 1 or (len(variants) == 1 and made.get("probability", 100) < 100))


def _named(palette: Sequence[str]) -> dict[str, str]:
    """Everyday names, each used once, that together are nearest to the palette: two blues become blue and navy."""
    from scipy.optimize import linear_sum_assignment

    colours = sorted({c.lower() for c in palette})
    names = list(COLOURS)
    own = lab(np.array([list(bytes.fromhex(c[1:7])) for c in colours]))
    distance = ciede2000(own[:, None], lab(np.array([COLOURS[n] for n in names]))[None])
    return {colours[row]: names[column] for row, column in zip(*linear_sum_assignment(distance), strict=True)}


def credit(style: str) -> str:
    """Title, artist and licence, as the style's own file states them."""
    meta = _definition(style)["meta"]
    artist = meta.get("creator", {}).get("name", "DiceBear")
    return f"{style.replace('-', ' ').title()} by {artist} ({meta.get('license', {}).get('name', 'licence unknown')})"


def held_out_seeds(count: int, start: int = 0) -> list[str]:
    """The seeds that are never trained or tuned on: heldout-0 .. heldout-999."""
    return [f"heldout-{i}" for i in range(start, start + count)]


def tokens(style: str, seeds: Sequence[str], *, size: int = 64) -> Tokens:
    """Tokens drawn at size x size over white; a trait whose removal is not seen at 64 x 64 is not labelled.

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
    """A seed draws each option on its own, so that the same seed with one option changed differs in that one."""
    table, definition = _table(style), _definition(style)
    chosen = _options(style, {"seed": seed})
    small = avatar(style, {"seed": seed}, _JUDGED_AT)

    def shows(changed: dict[str, Any]) -> bool:
        other = avatar(style, {"seed": seed, **changed}, _JUDGED_AT)
        return bool(np.abs(other.astype(int) - small).max() >= _VISIBLE)

    row = []
    for name in table.components:
        variants = list(definition["components"][name]["variants"])
        value = chosen.get(f"{name}Variant")
        row.append(variants.index(value) + 1 if value and shows({f"{name}Probability": 0}) else 0)
    for name, named in table.colours.items():
        value = (chosen.get(f"{name}Color") or [""])[0].lower()
        shown = value in named and shows({f"{name}Color": [_unlike(value, tuple(named))]})
        row.append(list(named).index(value) + 1 if shown else 0)
    return small if size == _JUDGED_AT else avatar(style, {"seed": seed}, size), row


@functools.cache
def _unlike(colour: str, palette: tuple[str, ...]) -> str:
    """The colour of the palette that is farthest away: a visible change wherever there is any."""
    own = np.frombuffer(bytes.fromhex(colour[1:7]), np.uint8).astype(int)
    return max(palette, key=lambda c: int(np.abs(np.frombuffer(bytes.fromhex(c[1:7]), np.uint8) - own).sum()))


def _options(style: str, given: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = _dicebear().Avatar(_style(style), given).to_json()["options"]
    return options


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
def installed() -> tuple[str, ...]:
    """The names of the styles that the package has. Raises ModelError where it is not installed."""
    try:
        there = [Path(file.name) for file in resources.files("dicebear_styles").iterdir()]
    except ModuleNotFoundError as error:
        raise ModelError("DiceBear avatars need dicebear-styles: pip install 'gistchain[samples]'") from error
    return tuple(sorted(file.stem for file in there if file.suffix == ".json"))


@functools.cache
def _definition(style: str) -> dict[str, Any]:
    if style not in installed():  # a name may be a person's: it must not lead out of the package
        raise ModelError(f"{style[:60]!r} is no style of the installed dicebear-styles")
    text = resources.files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8")
    definition: dict[str, Any] = json.loads(text)
    return definition


@functools.cache
def _style(style: str) -> Any:
    return _dicebear().Style(_definition(style))


def _words(variant: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", variant).lower()


def _value(variant: str) -> str:
    return "plain" if variant == "default" else _words(variant)
