"""Changes that are only tested with, never trained or tuned on.

Each: (image, rng, foreground) -> (image, what was done), or None where the picture has nothing to do it to.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from gistchain.types import Pixels
from training.rareness.known import Made, Mask, Rng, any_colour, any_words, as_jpeg

_PERMUTATIONS = ((1, 2, 0), (2, 0, 1), (1, 0, 2), (2, 1, 0), (0, 2, 1))
_FLAT = 12  # of 255: how far a flat ground's pixels may lie from its corner's colour


def contour(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Pillow's CONTOUR, at a scale at which it draws lines."""
    return np.asarray(_softened(image, rng).filter(ImageFilter.CONTOUR)), "contour filter"


def edges(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    found = np.asarray(_softened(image, rng).filter(ImageFilter.FIND_EDGES), np.float32)
    gain = float(rng.uniform(1.0, 2.5))
    return (found * gain).clip(0, 255).astype(np.uint8), f"edges only, x{gain:.1f}"


def _softened(image: Pixels, rng: Rng) -> Image.Image:
    return Image.fromarray(image).filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2))))


def invert(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    return 255 - image, "inverted"


def posterise(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    bits = int(rng.integers(1, 3))
    return np.asarray(ImageOps.posterize(Image.fromarray(image), bits)), f"posterised to {bits} bits a channel"


def few_colours(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """As a poster or a tracing program does it: a palette of its own, smoothed areas."""
    colours, smooth = int(rng.integers(3, 7)), 2 * int(rng.integers(1, 4)) + 1
    flat = Image.fromarray(image).filter(ImageFilter.MedianFilter(smooth))
    made = flat.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return np.asarray(made), f"traced in {colours} colours"


def background(image: Pixels, rng: Rng, foreground: Mask | None = None) -> Made | None:
    alpha = _flat_ground(image) if foreground is None else foreground
    if alpha is None or not 0.08 < (alpha < 25).mean() < 0.95:
        return None
    old = np.median(image[alpha < 25], 0)
    new, what = _new_ground(image.shape[0], image.shape[1], rng)
    if np.abs(new - old).max(-1).mean() < 40:  # hardly another ground
        new = 255 - new
    share = 1 - alpha[..., None].astype(np.float32) / 255
    return (image + share * (new - old)).clip(0, 255).round().astype(np.uint8), f"background swapped for {what}"


def _flat_ground(image: Pixels) -> Mask | None:
    """Alpha 0 wherever the flat colour at the corners reaches; None where the corners disagree."""
    corners = image[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
    if np.abs(corners - np.median(corners, 0)).max(1).min() > _FLAT:
        return None
    height, width = image.shape[:2]
    reached = np.zeros((height + 2, width + 2), np.uint8)
    how = cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    for x, y in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        if np.abs(image[y, x].astype(int) - np.median(corners, 0)).max() <= _FLAT and not reached[y + 1, x + 1]:
            cv2.floodFill(image.copy(), reached, (x, y), (0, 0, 0), (_FLAT,) * 3, (_FLAT,) * 3, how)
    return np.asarray(255 - reached[1:-1, 1:-1], np.uint8)


def _new_ground(height: int, width: int, rng: Rng) -> tuple[NDArray[np.float32], str]:
    first, second = (np.array(any_colour(rng), np.float32) for _ in range(2))
    kind = ("a plain colour", "a gradient", "stripes", "checks")[int(rng.integers(4))]
    y, x = (g[..., None].astype(np.float32) for g in np.mgrid[:height, :width])
    wide = max(height, width) * float(rng.uniform(0.05, 0.15))
    mix = {
        "a plain colour": 0 * x,
        "a gradient": y / height,
        "stripes": (x + y) // wide % 2,
        "checks": (x // wide + y // wide) % 2,
    }[kind]
    return first * (1 - mix) + second * mix, kind


def browser(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """On a page of a market, in a browser's window, the whole scaled down."""
    dark = bool(rng.random() < 0.4)
    back, ink = ((24, 24, 28), (225, 225, 230)) if dark else ((255, 255, 255), (30, 30, 34))
    height, width = image.shape[:2]
    sheet = Image.new("RGB", (round(width * rng.uniform(1.25, 1.9)), round(height * rng.uniform(1.3, 1.6))), back)
    draw, line = ImageDraw.Draw(sheet), max(9, round(height * 0.055))
    font, bar = ImageFont.load_default(size=line), 2 * line
    draw.rectangle((0, 0, sheet.width, bar), fill=(52, 53, 60) if dark else (222, 225, 230))
    for k, colour in enumerate(((237, 106, 94), (245, 191, 79), (98, 197, 84))):
        draw.ellipse((6 + k * line, line * 0.7, 6 + k * line + line * 0.6, line * 1.3), fill=colour)
    box = (4.2 * line, 0.4 * line, sheet.width - line, 1.6 * line)
    draw.rounded_rectangle(box, line // 2, fill=back)
    draw.text((4.7 * line, 0.5 * line), f"market.example/item/{int(rng.integers(9999))}", fill=ink, font=font)
    left, top = int(rng.integers(line // 2, line * 2)), bar + line // 2
    sheet.paste(Image.fromarray(image), (left, top))
    for k in range(8):
        at, long = top + k * 2 * line, float(rng.uniform(0.3, 1)) * (sheet.width - width - left)
        draw.rectangle((left + width + line, at, left + width + max(line + 2, long), at + line // 2), fill=(140,) * 3)
    draw.text((left, top + height + line // 3), f"#{int(rng.integers(9999))}  Buy now", fill=ink, font=font)
    return _captured(sheet, rng, "browser page")


def phone(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """A post on a phone's screen: a name above, the picture, buttons and words below."""
    dark = bool(rng.random() < 0.5)
    back, ink = ((0, 0, 0), (231, 233, 234)) if dark else ((255, 255, 255), (15, 20, 25))
    height, width = image.shape[:2]
    edge, line = round(width * float(rng.uniform(0.02, 0.1))), max(9, round(width * 0.06))
    font, head, foot = ImageFont.load_default(size=line), 3 * line, int(line * rng.uniform(4, 8))
    sheet = Image.new("RGB", (width + 2 * edge, head + height + foot), back)
    draw = ImageDraw.Draw(sheet)
    draw.ellipse((edge, line * 0.5, edge + 2 * line, line * 2.5), fill=any_colour(rng))
    draw.text((edge + 2.5 * line, line), f"@user{int(rng.integers(9999))}", fill=ink, font=font)
    sheet.paste(Image.fromarray(image), (edge, head))
    for k in range(3):
        left = edge + k * 1.8 * line
        draw.ellipse((left, head + height + 0.4 * line, left + line, head + height + 1.4 * line), outline=ink, width=2)
    draw.text((edge, head + height + 2 * line), any_words(rng), fill=ink, font=font)
    return _captured(sheet, rng, "phone screen")


def _captured(sheet: Image.Image, rng: Rng, what: str) -> Made:
    side, quality = int(rng.integers(210, 381)), int(rng.integers(60, 93))
    sheet.thumbnail((side, side), Image.Resampling.BICUBIC)
    return np.asarray(as_jpeg(sheet, quality)), f"screenshot of a {what}, {side} pixels"


def channels(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    order = _PERMUTATIONS[int(rng.integers(len(_PERMUTATIONS)))]
    gains = np.exp(rng.uniform(-0.35, 0.35, 3)) if rng.random() < 0.5 else np.ones(3)
    made = 255 * (image[..., order].astype(np.float32) / 255) ** gains
    return made.round().astype(np.uint8), f"channels as {''.join('RGB'[k] for k in order)}"


def halftone(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Printed in dots, black or coloured, on a grid turned by 45 degrees half of the time."""
    height, width = image.shape[:2]
    cell = max(4.0, max(height, width) * float(rng.uniform(0.014, 0.026)))
    turned, coloured = rng.random() < 0.5, bool(rng.random() < 0.5)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = ((x + y) / 2**0.5, (x - y) / 2**0.5) if turned else (x, y)
    u, v = u % cell - cell / 2, v % cell - cell / 2
    soft = cv2.blur(image, (round(cell), round(cell))).astype(np.float32) / 255
    dark = 1 - soft if coloured else 1 - soft @ np.array([[0.299], [0.587], [0.114]], np.float32)
    # A dot of this radius covers as much of its cell as the picture is dark there.
    radius = cell * np.sqrt(dark / np.pi)
    ink = (radius - np.hypot(u, v)[..., None] + 0.5).clip(0, 1)
    made = np.broadcast_to(255 * (1 - ink), (height, width, 3))
    return made.round().astype(np.uint8), f"halftone of {cell:.0f} pixels, {'coloured' if coloured else 'black'}"


def dither(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    height, width = image.shape[:2]
    share, colours = float(rng.uniform(0.4, 0.8)), (2, 4, 8)[int(rng.integers(3))]
    small = Image.fromarray(image).resize((round(width * share), round(height * share)), Image.Resampling.BOX)
    if colours == 2:
        made = small.convert("1", dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")
    else:
        palette = small.quantize(colours, Image.Quantize.MEDIANCUT)
        made = small.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")
    return np.asarray(made.resize((width, height), Image.Resampling.NEAREST)), f"dithered in {colours} colours"


def swirl(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    height, width = image.shape[:2]
    strength = float(rng.uniform(0.35, 1.1)) * (1 if rng.random() < 0.5 else -1)
    reach = max(height, width) * float(rng.uniform(0.2, 0.4))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    dx, dy = x - width * rng.uniform(0.4, 0.6), y - height * rng.uniform(0.4, 0.6)
    angle = strength * np.exp(-np.hypot(dx, dy) / reach)
    cos, sin = np.cos(angle), np.sin(angle)
    return _remapped(
        image, x - dx + cos * dx - sin * dy, y - dy + sin * dx + cos * dy
    ), f"swirled by {strength:.1f} rad"


def wave(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    height, width = image.shape[:2]
    side = max(height, width)
    high, long = side * float(rng.uniform(0.012, 0.035)), side * float(rng.uniform(0.2, 0.5))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    a, b = rng.uniform(0, 2 * np.pi, 2)
    moved = _remapped(image, x + high * np.sin(2 * np.pi * y / long + a), y + high * np.sin(2 * np.pi * x / long + b))
    return moved, f"waves of {high:.0f} pixels"


def _remapped(image: Pixels, x: NDArray[np.float64], y: NDArray[np.float64]) -> Pixels:
    made = cv2.remap(image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
    return np.asarray(made, np.uint8)


def sticker(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """A round face or a star, up to a fifth of the picture."""
    height, width = image.shape[:2]
    share = float(rng.uniform(0.05, 0.2))
    radius = (share * height * width / np.pi) ** 0.5
    x = float(rng.uniform(radius * 0.7, max(radius * 0.7 + 1, width - radius * 0.7)))
    y = float(rng.uniform(radius * 0.7, max(radius * 0.7 + 1, height - radius * 0.7)))
    made = Image.fromarray(image)
    draw, colour, box = ImageDraw.Draw(made), any_colour(rng), (x - radius, y - radius, x + radius, y + radius)
    if rng.random() < 0.4:
        turns = np.arange(10) * np.pi / 5
        reach = radius * np.where(np.arange(10) % 2, 0.75, 1.25)
        points = [(x + r * np.sin(t), y - r * np.cos(t)) for r, t in zip(reach, turns, strict=True)]
        draw.polygon(points, fill=colour, outline=(255, 255, 255), width=3)
        return np.asarray(made), f"star over {share:.0%}"
    draw.ellipse(box, fill=colour, outline=(20, 20, 20), width=2)
    for side in (-1, 1):
        eye = x + side * 0.35 * radius
        draw.ellipse((eye - radius * 0.12, y - radius * 0.4, eye + radius * 0.12, y - radius * 0.1), fill=(20, 20, 20))
    inner = (x - radius * 0.55, y - radius * 0.4, x + radius * 0.55, y + radius * 0.6)
    draw.arc(inner, 20, 160, fill=(20, 20, 20), width=max(2, round(radius * 0.1)))
    return np.asarray(made), f"smiling sticker over {share:.0%}"


def glasses(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    height, width = image.shape[:2]
    wide, y = width * float(rng.uniform(0.3, 0.6)), height * float(rng.uniform(0.3, 0.55))
    x, lens = width * float(rng.uniform(0.42, 0.58)), wide * float(rng.uniform(0.3, 0.45))
    layer = Image.new("L", (width, height))
    draw, round_ = ImageDraw.Draw(layer), bool(rng.random() < 0.5)
    for side in (-1, 1):
        middle = x + side * (wide - lens) / 2
        box = (middle - lens / 2, y - lens * 0.4, middle + lens / 2, y + lens * 0.4)
        if round_:
            draw.ellipse(box, fill=255)
        else:
            draw.rectangle(box, fill=255)
    draw.rectangle((x - wide / 2, y - lens * 0.06, x + wide / 2, y + lens * 0.06), fill=255)
    mask = np.asarray(layer.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BICUBIC), np.float32)[..., None] / 255
    ink = np.array((15, 15, 20) if rng.random() < 0.5 else any_colour(rng), np.float32)
    return (image * (1 - mask) + ink * mask).round().astype(np.uint8), f"glasses over {mask.mean():.0%}"


def film(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Darker corners, faded blacks, a warm or a cold tint, a little grain."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    far = np.hypot((x / width - 0.5), (y / height - 0.5))[..., None] / 0.71
    corner, fade = float(rng.uniform(0.4, 0.9)), float(rng.uniform(5, 50))
    tint = np.array((1.1, 1.0, 0.78) if rng.random() < 0.6 else (0.85, 1.0, 1.12), np.float32)
    pale = image.astype(np.float32).mean(-1, keepdims=True)
    colour = pale + (image - pale) * float(rng.uniform(0.35, 0.9))
    made = (fade + colour * (1 - fade / 255)) * tint * (1 - corner * far**2)
    made = made + rng.normal(0, float(rng.uniform(2, 8)), (height, width, 1))
    return made.clip(0, 255).astype(np.uint8), f"film filter, corners darker by {corner:.0%}"
