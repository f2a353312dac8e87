"""Draws examples/layers: the small layers of examples/rules.toml, 24 x 24 pixels each, CC0.

python examples/layers.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 24
INK = "#2b2233"
FOLDER = Path(__file__).parent / "layers"


def body(fill: str, shade: str, light: str, ears: str) -> Image.Image:
    """A head on shoulders, with ears: round, pointed, long or none."""
    image, draw = blank()
    if ears == "round":
        for x in (3, 16):
            draw.ellipse((x, 3, x + 5, 8), fill, INK)
            draw.rectangle((x + 2, 5, x + 3, 6), shade)
    elif ears == "pointed":
        for points in ([(4, 9), (4, 2), (9, 6)], [(19, 9), (19, 2), (14, 6)]):
            draw.polygon(points, fill, INK)
    elif ears == "long":
        for x in (6, 14):
            draw.rectangle((x, 0, x + 3, 8), fill, INK)
            draw.line((x + 1, 2, x + 1, 7), shade)
    draw.rounded_rectangle((5, 19, 18, 26), 3, fill, INK)
    draw.ellipse((3, 5, 20, 20), fill, INK)
    draw.arc((5, 7, 18, 19), 20, 110, shade, 2)
    draw.line((7, 8, 10, 7), light)
    draw.rectangle((9, 21, 14, 23), light)
    return image


def eyes(kind: str) -> Image.Image:
    image, draw = blank()
    for x in (7, 14):
        if kind == "Wide":
            draw.ellipse((x - 1, 9, x + 3, 13), "#ffffff", INK)
            draw.rectangle((x + 1, 11, x + 2, 12), INK)
        elif kind == "Sleepy":
            draw.line((x, 12, x + 2, 12), INK)
            draw.point((x, 13), INK)
        elif kind == "Sly":
            draw.rectangle((x, 11, x + 2, 12), "#f6d365", INK)
            draw.point((x + 1, 12), INK)
        elif kind == "Star":
            draw.line((x, 11, x + 2, 11), "#ffd166")
            draw.line((x + 1, 10, x + 1, 12), "#ffd166")
        else:
            draw.rectangle((x, 10, x + 1, 12), INK)
            draw.point((x, 10), "#ffffff")
    return image


def mouth(kind: str) -> Image.Image:
    image, draw = blank()
    if kind == "Smile":
        draw.arc((9, 13, 14, 17), 0, 180, INK)
    elif kind == "Open":
        draw.ellipse((10, 15, 13, 18), "#b23a48", INK)
    elif kind == "Fang":
        draw.line((9, 16, 14, 16), INK)
        draw.point((10, 17), "#ffffff")
    elif kind == "Whistle":
        draw.rectangle((11, 15, 12, 16), INK)
        draw.line((16, 13, 16, 15), INK)
        draw.point((15, 15), INK)
    else:
        draw.line((10, 16, 13, 16), INK)
    return image


def hat(kind: str) -> Image.Image:
    image, draw = blank()
    if kind == "Crown":
        draw.polygon([(6, 7), (6, 2), (9, 5), (12, 1), (15, 5), (18, 2), (18, 7)], "#ffd166", INK)
        draw.point((12, 4), "#ef476f")
    elif kind == "Beanie":
        draw.pieslice((5, 0, 18, 13), 180, 360, "#e76f51", INK)
        draw.rectangle((5, 6, 18, 8), "#f4a261", INK)
    elif kind == "Top hat":
        draw.rectangle((8, 0, 15, 6), "#3d405b", INK)
        draw.rectangle((5, 6, 18, 7), "#3d405b", INK)
        draw.line((9, 5, 14, 5), "#e07a5f")
    elif kind == "Flower":
        draw.ellipse((14, 2, 19, 7), "#ff8fab", INK)
        draw.rectangle((16, 4, 17, 5), "#ffd166")
    else:  # a helmet that hides eyes and mouth
        draw.ellipse((2, 3, 21, 21), "#adb5bd", INK)
        draw.rounded_rectangle((6, 9, 17, 14), 2, "#1d3557", INK)
        draw.line((8, 11, 11, 11), "#8ecae6")
    return image


def neck(kind: str) -> Image.Image:
    image, draw = blank()
    if kind == "Scarf":
        draw.rectangle((6, 19, 17, 21), "#d62828", INK)
        draw.rectangle((14, 21, 16, 23), "#d62828", INK)
    elif kind == "Bow tie":
        for points in ([(8, 19), (8, 23), (11, 21)], [(15, 19), (15, 23), (12, 21)]):
            draw.polygon(points, "#7209b7", INK)
    else:
        draw.arc((7, 16, 16, 22), 20, 160, "#ffd166")
        draw.point((12, 22), "#ef476f")
    return image


def blank(fill: str | None = None) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (SIDE, SIDE), fill or (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def main() -> None:
    backgrounds = {
        "Sky#30": "#a8dadc", "Sand#25": "#f1dca7", "Mint#20": "#b7e4c7", "Rose#15": "#ffc8dd", "Night#10": "#3a3d5c",
    }  # fmt: skip
    drawn = {
        "1-Background": {name: blank(colour)[0] for name, colour in backgrounds.items()},
        "2-Body": {
            "Bear#30": body("#a47148", "#7f5539", "#d4a373", "round"),
            "Cat#25": body("#f4a261", "#d97b3f", "#ffe1c4", "pointed"),
            "Hare#20": body("#dee2e6", "#adb5bd", "#ffffff", "long"),
            "Frog#15": body("#80b918", "#55a630", "#d4e09b", "none"),
            "Ghost#8": body("#f8f9fa", "#ced4da", "#ffffff", "none"),
            "Golden": body("#ffd166", "#e09f3e", "#fff3b0", "pointed"),
        },
        "3-Mouth": _each(mouth, "Smile#40", "Open#20", "Fang#10", "Whistle#10", "Plain#20"),
        "4-Eyes": _each(eyes, "Bright#40", "Wide#25", "Sleepy#15", "Sly#15", "Star#5"),
        "5-Neck": _each(neck, "Scarf#20", "Bow tie#15", "Pendant#10"),
        "6-Hat": _each(hat, "Beanie#20", "Top hat#10", "Flower#15", "Helmet#5", "Crown"),
    }
    for type_, images in drawn.items():
        folder = FOLDER / type_
        folder.mkdir(parents=True, exist_ok=True)
        for name, image in images.items():
            image.save(folder / f"{name}.png", optimize=True)


def _each(draw: Callable[[str], Image.Image], *names: str) -> dict[str, Image.Image]:
    return {name: draw(name.partition("#")[0]) for name in names}


if __name__ == "__main__":
    main()
