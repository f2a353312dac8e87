"""Changes for training and tuning only, never for tests: they teach that a changed look is not another trait.

Each: (image, rng, foreground) -> (image, what was done).
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from gistchain.types import Pixels
from training.rareness.known import Made, Mask, Rng, any_colour, any_words, ground


def duotone(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Grey levels painted from one colour to another, sometimes by way of a third."""
    grey = np.asarray(Image.fromarray(image).convert("L"))
    dark, light = sorted((any_colour(rng) for _ in range(2)), key=sum)
    stops = [np.array(c, np.float32) * s + b for c, s, b in ((dark, 0.5, 0.0), (light, 0.5, 127.0))]
    if rng.random() < 0.4:
        stops.insert(1, np.array(any_colour(rng), np.float32))
    at = np.linspace(0, 255, len(stops))
    table = np.stack([np.interp(np.arange(256), at, [stop[c] for stop in stops]) for c in range(3)], -1)
    return table.round().astype(np.uint8)[grey], f"painted in {len(stops)} tones"


def sepia(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    share = float(rng.uniform(0.6, 1))
    brown = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
    made = image.astype(np.float32) @ (share * brown + (1 - share) * np.eye(3, dtype=np.float32)).T
    return made.clip(0, 255).astype(np.uint8), f"sepia at {share:.0%}"


def solarise(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    threshold = int(rng.integers(90, 190))
    return np.asarray(ImageOps.solarize(Image.fromarray(image), threshold)), f"solarised above {threshold}"


def emboss(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    share, soft = float(rng.uniform(0.6, 1)), float(rng.uniform(0, 1))
    relief = Image.fromarray(image).filter(ImageFilter.GaussianBlur(soft)).filter(ImageFilter.EMBOSS)
    made = share * np.asarray(relief, np.float32) + (1 - share) * image
    return made.round().astype(np.uint8), f"embossed at {share:.0%}"


def paint(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """The commonest colour of a neighbourhood, as oil-paint filters take it."""
    wide = max(3, 2 * round(max(image.shape[:2]) * float(rng.uniform(0.006, 0.014))) + 1)
    coarse = (image // 32) * 32 + 16 if rng.random() < 0.5 else image
    return np.asarray(Image.fromarray(coarse).filter(ImageFilter.ModeFilter(wide))), f"painted with strokes of {wide}"


def lens(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Bulged or pinched about the middle."""
    height, width = image.shape[:2]
    strength = float(rng.uniform(0.08, 0.3)) * (1 if rng.random() < 0.5 else -1)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = 2 * x / width - 1, 2 * y / height - 1
    factor = (1 + strength * (u * u + v * v)) / (1 + max(strength, 0.0))
    at = ((u * factor + 1) * width / 2).astype(np.float32), ((v * factor + 1) * height / 2).astype(np.float32)
    made = cv2.remap(image, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=ground(image, rng))
    return np.asarray(made, np.uint8), f"{'pinched' if strength > 0 else 'bulged'} by {abs(strength):.2f}"


def story(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """On a tall sheet, over its own blurred enlargement or a gradient, with words."""
    height, width = image.shape[:2]
    tall, wide = round(height * float(rng.uniform(1.2, 1.8))), round(width * float(rng.uniform(1.05, 1.3)))
    if rng.random() < 0.6:
        back = cv2.GaussianBlur(cv2.resize(image, (wide, tall)), (0, 0), max(height, width) * 0.06)
    else:
        first, second = (np.array(any_colour(rng), np.float32) for _ in range(2))
        mix = np.linspace(0, 1, tall, dtype=np.float32)[:, None, None]
        back = np.broadcast_to(first * (1 - mix) + second * mix, (tall, wide, 3)).astype(np.uint8)
    top, left = int((tall - height) * rng.uniform(0.2, 0.8)), (wide - width) // 2
    made = np.array(back)
    made[top : top + height, left : left + width] = image
    sheet, size = Image.fromarray(made), max(9, round(width * 0.09))
    if rng.random() < 0.6:
        place = (wide / 2, top / 2 if top > size else (tall + top + height) / 2)
        font = ImageFont.load_default(size=size)
        ImageDraw.Draw(sheet).text(place, any_words(rng), fill=any_colour(rng), font=font, anchor="mm", stroke_width=1)
    return np.asarray(sheet), f"in a story, {height / tall:.0%} of its height"


def blend(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Under a soft pattern of other colours."""
    height, width = image.shape[:2]
    cells = rng.integers(0, 256, (int(rng.integers(2, 6)), int(rng.integers(2, 6)), 3)).astype(np.uint8)
    pattern = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    share = float(rng.uniform(0.15, 0.45))
    return ((1 - share) * image + share * pattern).round().clip(0, 255).astype(np.uint8), f"blended, {share:.0%}"


def patch(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """One or two bars of a colour, or pixelated, over it."""
    height, width = image.shape[:2]
    made, coarse = image.copy(), bool(rng.random() < 0.4)
    for _ in range(int(rng.integers(1, 3))):
        down, across = round(height * float(rng.uniform(0.08, 0.28))), round(width * float(rng.uniform(0.12, 0.45)))
        top, left = int(rng.integers(0, height - down)), int(rng.integers(0, width - across))
        under = made[top : top + down, left : left + across]
        if coarse:
            cells = cv2.resize(under, (4, 3), interpolation=cv2.INTER_AREA)
            under[:] = cv2.resize(cells, (across, down), interpolation=cv2.INTER_NEAREST)
        else:
            under[:] = any_colour(rng)
    return made, "covered in places" + (" by coarse pixels" if coarse else "")
