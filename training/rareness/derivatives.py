"""The same drawing rendered otherwise, and the same thing drawn by others.

Derivatives: Fluent emoji flat for 3D, DiceBear's neutral styles of the same seed (the face alone). Not derivatives:
the same emoji by Twemoji and OpenMoji, which other people drew.

    npm pack @lobehub/fluent-emoji-flat@1.1.0 @twemoji/svg@15.0.0 @iconify-json/openmoji@1.2.29

unpacked (the folder package) as emoji-flat, twemoji and openmoji in training/cache/.
"""

from __future__ import annotations

import functools
import json

from training.places import CACHE
from training.rareness import sources
from training.rareness.records import Part
from training.rareness.sources import SourcePicture

STYLES: dict[Part, tuple[str, ...]] = {
    "train": ("lorelei", "notionists", "bottts"),
    "tune": ("avataaars",),
    "test": ("adventurer", "big-ears", "croodles"),
}
"""Styles that have a neutral one beside them."""


def neutral(base: SourcePicture) -> SourcePicture:
    """The style's neutral form of the same seed."""
    seed = base.id.partition("/")[2]
    made = sources.avatar(f"{base.collection}-neutral", seed, {})
    return SourcePicture(
        f"{base.id}~neutral", base.collection, "pfp", made.image, made.foreground, made.caption, made.traits
    )


def flat(base: SourcePicture) -> SourcePicture | None:
    """A Fluent emoji's flat drawing; None where there is none."""
    path = CACHE / "emoji-flat" / "assets" / f"{_code(base)}.svg"
    return _emoji(base, "flat", path.read_text("utf-8")) if path.exists() else None


def by_others(base: SourcePicture) -> list[SourcePicture]:
    """The same emoji by Twemoji and by OpenMoji, as far as they have it."""
    code = _code(base).removesuffix("-fe0f")
    path = CACHE / "twemoji" / f"{code}.svg"
    found = [_emoji(base, "twemoji", path.read_text("utf-8"))] if path.exists() else []
    characters, icons = _openmoji()
    body = icons.get(characters.get(code, ""))
    if body:
        view = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72">'
        found.append(_emoji(base, "openmoji", f"{view}{body['body']}</svg>"))
    return found


def _code(base: SourcePicture) -> str:
    return base.id.partition("/")[2]


def _emoji(base: SourcePicture, maker: str, text: str) -> SourcePicture:
    return sources._over_white(sources.svg(text), f"{base.id}~{maker}", "emoji", "emoji", base.caption, {})


@functools.cache
def _openmoji() -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    folder = CACHE / "openmoji"
    characters = json.loads((folder / "chars.json").read_text("utf-8"))
    return characters, json.loads((folder / "icons.json").read_text("utf-8"))["icons"]
