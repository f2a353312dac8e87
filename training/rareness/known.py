"""Changes that may be trained on. Each: (image, rng, foreground) -> (image, what was done)."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from gistchain.types import Pixels

Rng = np.random.Generator
Mask = NDArray[np.uint8]
Made = tuple[Pixels, str]
_FILTERS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)
_WORDS = (
    "SOLD OUT", "gm frens", "FOR SALE", "@owner.eth", "my new pfp", "1 of 1", "WHEN MOON", "LIMITED DROP",
    "good vibes only", "TOP 100", "not for sale", "HODL",
)  # fmt: skip


def any_colour(rng: Rng) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def any_words(rng: Rng) -> str:
    return _WORDS[int(rng.integers(len(_WORDS)))]


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def ground(image: Pixels, rng: Rng) -> tuple[int, int, int]:
    """What is put where a turned picture leaves nothing: mostly its own corner's colour, else white or black."""
    chance = rng.random()
    corner = np.median(image[[0, 0, -1, -1], [0, -1, 0, -1]], 0) if chance < 0.6 else np.full(3, 255 * (chance < 0.8))
    red, green, blue = (int(v) for v in corner)
    return red, green, blue


def mirror(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    return image[:, ::-1], "mirrored"


def turn(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    quarters = int(rng.integers(1, 4))
    flipped = rng.random() < 0.3
    return np.rot90(image[:, ::-1] if flipped else image, quarters), f"turned by {90 * quarters} degrees" + (
        ", mirrored" if flipped else ""
    )


def jpeg(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    quality = int(rng.integers(5, 41))
    return np.asarray(as_jpeg(Image.fromarray(image), quality)), f"JPEG of quality {quality}"


def downscale(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    side = int(rng.integers(48, 113))
    small = Image.fromarray(image)
    small.thumbnail((side, side), _FILTERS[int(rng.integers(1, 4))])
    return np.asarray(small), f"scaled down to {side} pixels"


def resize(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    share = float(rng.uniform(0.45, 0.85) if rng.random() < 0.6 else rng.uniform(1.2, 1.7))
    size = (max(8, round(image.shape[1] * share)), max(8, round(image.shape[0] * share)))
    return np.asarray(Image.fromarray(image).resize(size, _FILTERS[int(rng.integers(4))])), f"resized to {share:.2f}"


def noise(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    sigma = float(rng.uniform(12, 48))
    grain = rng.normal(0, sigma, image.shape if rng.random() < 0.6 else (*image.shape[:2], 1))
    return (image + grain).clip(0, 255).astype(np.uint8), f"noise of sigma {sigma:.0f}"


def salt(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    share = float(rng.uniform(0.02, 0.14))
    hit, made = rng.random(image.shape[:2]), image.copy()
    made[hit < share / 2] = 0
    made[hit > 1 - share / 2] = 255
    return made, f"salt and pepper on {share:.0%}"


def blur(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    radius = float(max(image.shape[:2]) * rng.uniform(0.006, 0.022))
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius))), f"blur of {radius:.1f} pixels"


def crop(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    share = float(rng.uniform(0.6, 0.9))
    return cropped(image, rng, share), f"cropped to {share:.0%} a side"


def cropped(image: Pixels, rng: Rng, share: float) -> Pixels:
    other = float(np.clip(share + rng.uniform(-0.08, 0.08), 0.6, 0.92))
    height, width = round(image.shape[0] * share), round(image.shape[1] * other)
    top, left = (
        int(rng.integers(0, whole - part + 1)) for whole, part in zip(image.shape[:2], (height, width), strict=True)
    )
    return image[top : top + height, left : left + width]


def border(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    wide = max(3, round(max(image.shape[:2]) * rng.uniform(0.04, 0.2)))
    framed = ImageOps.expand(Image.fromarray(image), wide, any_colour(rng))
    if rng.random() < 0.3:
        framed = ImageOps.expand(framed, max(2, wide // 3), any_colour(rng))
    return np.asarray(framed), f"frame of {wide} pixels"


def rotate15(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    return _rotated(image, rng, float(rng.uniform(3, 15)))


def rotate45(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    return _rotated(image, rng, float(rng.uniform(15, 45)))


def _rotated(image: Pixels, rng: Rng, degrees: float) -> Made:
    degrees *= 1 if rng.random() < 0.5 else -1
    expand, colour = bool(rng.random() < 0.4), ground(image, rng)
    made = Image.fromarray(image).rotate(degrees, Image.Resampling.BICUBIC, expand=expand, fillcolor=colour)
    return np.asarray(made), f"rotated by {degrees:.0f} degrees"


def stretch(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    factor, wide = float(rng.uniform(1.15, 1.6)), bool(rng.random() < 0.5)
    height, width = image.shape[:2]
    size = (round(width * factor), height) if wide else (width, round(height * factor))
    made = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(made), f"stretched {factor:.2f} times {'wide' if wide else 'tall'}"


def perspective(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32) * (width, height)
    most = float(rng.uniform(0.06, 0.17))
    target = (corners + inward * rng.uniform(0, most, (4, 2))).astype(np.float32)
    made = cv2.warpPerspective(
        image,
        cv2.getPerspectiveTransform(corners, target),
        (width, height),
        borderValue=ground(image, rng),
        flags=cv2.INTER_CUBIC,
    )
    return np.asarray(made, np.uint8), f"perspective, corners moved by up to {most:.0%}"


def hue(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    degrees, share = int(rng.integers(20, 341)), float(rng.uniform(0.5, 1.3))
    hsv = np.asarray(Image.fromarray(image).convert("HSV")).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + degrees * 256 / 360) % 256
    hsv[..., 1] = (hsv[..., 1] * share).clip(0, 255)
    made = Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB")
    return np.asarray(made), f"hue turned by {degrees} degrees, saturation x{share:.2f}"


def grey(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    made = np.asarray(Image.fromarray(image).convert("L"))
    return np.repeat(made[..., None], 3, -1), "grey"


def tone(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    brightness, contrast = float(rng.uniform(0.6, 1.35)), float(rng.uniform(0.55, 1.6))
    gamma = float(np.exp(rng.uniform(-0.6, 0.6)))
    made = ImageEnhance.Contrast(ImageEnhance.Brightness(Image.fromarray(image)).enhance(brightness)).enhance(contrast)
    curved = 255 * (np.asarray(made, np.float32) / 255) ** gamma
    return curved.round().astype(np.uint8), f"brightness x{brightness:.2f}, contrast x{contrast:.2f}, gamma {gamma:.2f}"


def pixelate(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    cells = int(rng.integers(24, 49))
    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((cells, max(8, round(cells * height / width))), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST)), f"pixelated to {cells} across"


def caption(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Words on a bar at the foot, or written across."""
    height, width = image.shape[:2]
    words, size = any_words(rng), max(9, round(width * float(rng.uniform(0.07, 0.15))))
    made, colour = Image.fromarray(image), any_colour(rng)
    font = ImageFont.load_default(size=size)
    if rng.random() < 0.4:
        bar = round(size * 1.6)
        over = rng.random() < 0.5
        sheet = Image.new("RGB", (width, height if over else height + bar), (0, 0, 0))
        sheet.paste(made, (0, 0))
        draw, top = ImageDraw.Draw(sheet), sheet.height - bar
        back = 255 * int(rng.integers(2))
        draw.rectangle((0, top, width, sheet.height), fill=(back, back, back))
        draw.text((width / 2, top + bar / 2), words, fill=(255 - back,) * 3, font=font, anchor="mm")
        return np.asarray(sheet), f"caption '{words}' on a bar"
    draw = ImageDraw.Draw(made)
    for line in range(int(rng.integers(1, 3))):
        at = (width * float(rng.uniform(0.02, 0.15)), height * float(rng.uniform(0.05, 0.35) + 0.45 * line))
        draw.text(at, words, fill=colour, font=font, stroke_width=int(rng.integers(0, 3)), stroke_fill=(0, 0, 0))
    return np.asarray(made), f"'{words}' written across"


def watermark(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    height, width = image.shape[:2]
    opacity, words = float(rng.uniform(0.25, 0.65)), any_words(rng)
    side = round(1.5 * max(height, width))
    layer = Image.new("L", (side, side))
    draw, size = ImageDraw.Draw(layer), max(9, round(width * float(rng.uniform(0.06, 0.12))))
    font, gap = ImageFont.load_default(size=size), size * float(rng.uniform(2.5, 4.5))
    for row in np.arange(0, side, gap):
        draw.text((float(rng.uniform(-size, size)), float(row)), f"{words}    " * 6, fill=255, font=font)
    layer = layer.rotate(float(rng.uniform(20, 40)), Image.Resampling.BICUBIC)
    left, top = (side - width) // 2, (side - height) // 2
    mask = np.asarray(layer.crop((left, top, left + width, top + height)), np.float32)[..., None] / 255 * opacity
    ink = 255.0 if rng.random() < 0.5 else 0.0
    return (image * (1 - mask) + ink * mask).round().astype(np.uint8), f"watermark '{words}' at {opacity:.0%}"


def repost(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """Mirror, crop, hue and JPEG together."""
    share = float(rng.uniform(0.68, 0.92))
    made, done = hue(cropped(image[:, ::-1], rng, share), rng)
    quality = int(rng.integers(20, 55))
    return np.asarray(
        as_jpeg(Image.fromarray(made), quality)
    ), f"mirrored, cropped to {share:.0%}, {done}, JPEG {quality}"


def thumbnail(image: Pixels, rng: Rng, _: Mask | None = None) -> Made:
    """A slight turn, other tones, scaled down, JPEG."""
    made, turned = _rotated(image, rng, float(rng.uniform(2, 9)))
    made, toned = tone(made, rng)
    small = Image.fromarray(made)
    side, quality = int(rng.integers(80, 161)), int(rng.integers(20, 60))
    small.thumbnail((side, side), Image.Resampling.BICUBIC)
    return np.asarray(as_jpeg(small, quality)), f"{turned}, {toned}, {side} pixels, JPEG {quality}"
