"""Where the pictures come from, and which part may use them: tokens of PFP-30 and more, emoji, drawings, photos.

Nothing that docs/data.md holds out is in the parts 'train' and 'tune'; the part 'test' is made of nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gistchain.collection.known import dicebear, nouns, pfp30, punks, robohash
from gistchain.traits import Traits
from gistchain.types import Pixels
from training.data import photos
from training.places import CACHE
from training.rareness.records import Kind, Part

SIDE = 256
_PUNK, _NOUN, _DRAWING, _PHOTO = 14 * 24, 10 * 32, 320, 512
UNSEEN = ("punks", *pfp30.TEST)
TUNING = ("micah", "personas", "pixelbot", "sprouts")
TRAINING = tuple(c for c in pfp30.TRAINING if c not in ("punks", *TUNING))
_TONES = {"light": "1f3fb", "medium-light": "1f3fc", "medium": "1f3fd", "medium-dark": "1f3fe", "dark": "1f3ff"}
_TOO_LARGE = 500_000  # bytes: some drawings have 170 megapixels


@dataclass(frozen=True, slots=True, eq=False)
class SourcePicture:
    """A picture before it is registered or changed. foreground: alpha (h, w) of the subject, where it is known."""

    id: str
    collection: str
    type: Kind
    image: Pixels
    foreground: NDArray[np.uint8] | None = None
    caption: str = ""
    traits: dict[str, str] = field(default_factory=dict)


def collections(part: Part) -> tuple[str, ...]:
    return {"train": TRAINING, "tune": TUNING, "test": pfp30.ALL}[part]


def keys(collection: str, part: Part, count: int) -> list[str]:
    """Names of tokens that this part may use: seeds, numbers of punks, numbers of a Noun's layers.

    Raises ValueError if the part may use no token of the collection.
    """
    if collection in pfp30.ALL and collection not in collections(part):
        raise ValueError(f"no token of {collection} may be in part {part}")
    if collection == "punks":
        return [str(n) for n in np.random.default_rng(9).permutation(punks.HELD_OUT)[:count]]
    if collection == "nouns":
        seeds = nouns.sample(count, rng=np.random.default_rng(41), held=part == "test")
        return ["-".join(map(str, s)) for s in seeds.tolist()]
    if part == "test":
        return dicebear.held_out_seeds(min(count, 1000))
    return [f"train-{i}" for i in range(count)]


def token(collection: str, key: str) -> SourcePicture:
    if collection == "punks":
        return _punk(int(key))
    if collection == "nouns":
        return noun([int(n) for n in key.split("-")])
    if collection in robohash.SETS:
        return robot(collection, key, robohash_row(collection, key))
    return avatar(collection, key, {})


def avatar(style: str, seed: str, given: dict[str, object]) -> SourcePicture:
    """A DiceBear token; `given` options stand in place of those that the seed draws."""
    import resvg_py

    drawn = dicebear._dicebear().Avatar(dicebear._style(style), {"seed": seed, **given})
    raw = bytes(resvg_py.svg_to_bytes(svg_string=drawn.to_string(), width=SIDE, height=SIDE))
    rgba = Image.open(io.BytesIO(raw)).convert("RGBA")
    table = dicebear._table(style)
    row = _row(style, drawn.to_json()["options"])
    return _over_white(rgba, f"{style}/{seed}", style, "pfp", table.traits.caption(row), _traits(table.traits, row))


def _row(style: str, options: dict[str, object]) -> list[int]:
    """A token's traits as the options say, without a look at which of them can be seen."""
    table, definition = dicebear._table(style), dicebear._definition(style)
    row = []
    for name in table.components:
        variants = list(definition["components"][name]["variants"])
        row.append(variants.index(v) + 1 if (v := options.get(f"{name}Variant")) in variants else 0)
    for name, named in table.colours.items():
        chosen = str((options.get(f"{name}Color") or [""])[0]).lower()  # type: ignore[index]
        row.append(list(named).index(chosen) + 1 if chosen in named else 0)
    return row


def colour_types(collection: str) -> frozenset[str]:
    """The trait types of a collection that are a colour, not a shape."""
    if collection in ("punks", "nouns"):
        return frozenset()
    if collection in robohash.SETS:
        return frozenset({"color"})
    table = dicebear._table(collection)
    return frozenset(table.traits.types[len(table.components) :])


def robohash_row(name: str, seed: str) -> list[int]:
    digest = hashlib.sha256(f"{name}/{seed}".encode()).digest()
    return [digest[2 * k] % len(v) + 1 for k, v in enumerate(robohash.traits(name).values.values())]


def robot(name: str, key: str, row: list[int]) -> SourcePicture:
    made = robohash.traits(name)
    image = robohash._draw(name, row, SIDE)
    return SourcePicture(f"{name}/{key}", name, "pfp", image, None, made.caption(row), _traits(made, row))


def noun(seed: list[int]) -> SourcePicture:
    made = nouns.tokens(np.array([seed]))
    image = _enlarged(made.images[0], _NOUN)
    row = made.labels[0].tolist()
    return SourcePicture(
        "nouns/" + "-".join(map(str, seed)), "nouns", "pfp", image, None, made.caption(0), _traits(made.traits, row)
    )


@functools.cache
def punk_table() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(images, labels) of all 10,000, kept in the cache: labelling them takes seconds."""
    path = CACHE / "punks.npz"
    if not path.exists():
        every = punks.tokens()
        return every.images, every.labels
    with np.load(path) as kept:
        return kept["images"], kept["labels"]


def _punk(number: int) -> SourcePicture:
    images, labels = punk_table()
    small, row = images[number], labels[number].tolist()
    alpha = _enlarged(255 * (small != punks.BACKGROUND).any(-1).astype(np.uint8), _PUNK)
    made = punks.traits()
    return SourcePicture(
        f"punks/{number}", "punks", "punk", _enlarged(small, _PUNK), alpha, made.caption(row), _traits(made, row)
    )


def _traits(made: Traits, row: list[int]) -> dict[str, str]:
    return {t: values[n - 1] for (t, values), n in zip(made.values.items(), row, strict=True) if n}


def emoji_codes(part: Part) -> list[str]:
    """Code points, as files are called, of emoji without flags and skin tones; a fifth of first code points each is
    the tuning and the test part."""
    return [code for code in emoji_names() if not code.startswith("1f1") and _emoji_part(code) == part]


@functools.cache
def emoji_names() -> dict[str, str]:
    table = json.loads((CACHE / "emoji" / "data-by-emoji.json").read_text("utf-8"))
    named = {"-".join(f"{ord(c):x}" for c in character): about["name"] for character, about in table.items()}
    return {code: name for code, name in named.items() if _emoji_path(code).exists()}


def _emoji_path(code: str) -> Path:
    return CACHE / "emoji" / "assets" / f"{code}.webp"


def _emoji_part(code: str) -> Part:
    # The first rule is that of training/data/cutouts.py.
    first = int(hashlib.sha256(code.split("-")[0].encode()).hexdigest(), 16)
    return "test" if first % 5 == 0 else "tune" if first // 5 % 5 == 0 else "train"


def emoji(code: str) -> SourcePicture:
    with Image.open(_emoji_path(code)) as image:
        rgba = image.convert("RGBA")
    name = emoji_names().get(code, emoji_names().get(code.split("-")[0], ""))
    return _over_white(rgba, f"emoji/{code}", "emoji", "emoji", name, {})


def emoji_tones(code: str) -> dict[str, str]:
    """The same emoji in other skin tones: tone -> code."""
    first, _, rest = code.partition("-")
    rest = "" if rest in ("", "fe0f") else f"-{rest}"
    return {tone: made for tone, point in _TONES.items() if _emoji_path(made := f"{first}-{point}{rest}").exists()}


def drawings(part: Part) -> list[photos.Drawing]:
    """Drawings that are one file of moderate size; variants of one name in one folder are in one part."""
    training = photos.training_drawings()
    if part == "test":
        # Some clip art lies in several folders, and what is held out goes by folder and name.
        named = {d.path.stem for d in training}
        found = [d for d in photos.held_out_drawings() if d.path.stem not in named]
    else:
        found = [d for d in training if (_fifth(_called(d), 1) == 0) == (part == "tune")]
    return [d for d in found if d.path.stat().st_size < _TOO_LARGE]


def _called(drawing: photos.Drawing) -> str:
    return re.sub(r"[^a-z]+", " ", f"{drawing.name.rpartition('/')[0]} {drawing.caption}".lower()).strip()


def drawing(made: photos.Drawing) -> SourcePicture:
    return _over_white(photos.rgba(made, _DRAWING), f"{made.name}", made.source, "drawing", made.caption, {})


def photographs(part: Part) -> list[photos.Photo]:
    """test: also the smaller photos of held-out motifs, which no table of captions has."""
    if part == "test":
        return [p for p in photos._photos() if photos._held(p.motif)]
    return [p for p in photos.training_photos() if (_fifth(p.motif, 2) == 0) == (part == "tune")]


def photograph(made: photos.Photo) -> SourcePicture:
    return SourcePicture(f"photos/{made.name}", "photos", "photo", photos.pixels(made, _PHOTO), None, made.title)


def _fifth(name: str, salt: int) -> int:
    return int(hashlib.sha256(f"{salt}/{name}".encode()).hexdigest(), 16) % 5


def _enlarged(small: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return small.repeat(side // len(small), 0).repeat(side // len(small), 1)


def _over_white(
    rgba: Image.Image, id_: str, collection: str, type_: Kind, caption: str, traits: dict[str, str]
) -> SourcePicture:
    alpha = np.asarray(rgba)[..., 3]
    return SourcePicture(
        id_, collection, type_, photos.over(rgba), alpha if alpha.min() < 25 else None, caption, traits
    )


def svg(text: str) -> Image.Image:
    import resvg_py

    raw = bytes(resvg_py.svg_to_bytes(svg_string=text, width=SIDE, height=SIDE))
    return Image.open(io.BytesIO(raw)).convert("RGBA")


def each(part: Part, kind: Kind) -> Iterator[SourcePicture]:
    """The emoji, drawings or photos of a part in an order that their names' hashes give."""
    if kind == "emoji":
        yield from map(emoji, sorted(emoji_codes(part), key=lambda c: hashlib.sha256(c.encode()).digest()))
    elif kind == "drawing":
        order = sorted(drawings(part), key=lambda d: hashlib.sha256(d.name.encode()).digest())
        yield from map(drawing, order)
    else:
        order_ = sorted(photographs(part), key=lambda p: hashlib.sha256(p.name.encode()).digest())
        yield from map(photograph, order_)
