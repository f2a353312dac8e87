"""A transparent drawing -> the colour to lay it over, so that it shows."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageOps, ImageStat

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
OTHERS: tuple[Colour, ...] = ((0, 0, 0), (128, 128, 128))

_SHOWS = 0.5  # white is kept where it shows at least this share of what another colour would show
_SIDE = 256
_FIRST_SIDE = 1024


def background(colours: Image.Image, alpha: Image.Image) -> Colour:
    """White, unless less than half as much contrast is left over it as over black or grey: then the better of them.

    Contrast is the sum of all differences between neighbours, in a view of at most 256 pixels a side, framed by the
    background. What is fully transparent doesn't count. In whole numbers, so that every machine says the same.
    """
    small, opacity = _view(colours), _view(alpha)
    contrast = {colour: _contrast(small, opacity, colour) for colour in (WHITE, *OTHERS)}
    best = max(OTHERS, key=contrast.__getitem__)
    return WHITE if contrast[WHITE] >= _SHOWS * contrast[best] else best


def _view(image: Image.Image) -> Image.Image:
    # Large ones are sampled first, which needs no memory.
    for side, how in ((_FIRST_SIDE, Image.Resampling.NEAREST), (_SIDE, Image.Resampling.BOX)):
        width, height = image.size
        if max(width, height) > side:
            share = side / max(width, height)
            image = image.resize((max(1, round(width * share)), max(1, round(height * share))), how)
    return image


def _contrast(colours: Image.Image, alpha: Image.Image, colour: Colour) -> int:
    laid = Image.composite(colours, Image.new("RGB", colours.size, colour), alpha)
    framed = ImageOps.expand(laid, border=1, fill=colour)
    return sum(int(total) for step in ((1, 0), (0, 1)) for total in ImageStat.Stat(differences(framed, *step)).sum)


def differences(image: Image.Image, across: int, down: int) -> Image.Image:
    """How much each pixel differs from the one `across` to the right and `down` below, in every channel."""
    width, height = image.size
    first = image.crop((0, 0, width - across, height - down))
    return ImageChops.difference(first, image.crop((across, down, width, height)))
