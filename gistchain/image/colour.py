"""Pixels of any colour space -> sRGB, by the profile that the file carries (ICC.1:2022)."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from PIL import ImageCms

_MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK", "Lab ": "LAB"}
_MOST_PROFILE_BYTES = 8 * 1024 * 1024
# Little CMS: 0x2000 compensates the black point, 0x0100 computes each level by itself and not from a coarse table.
_FLAGS = {"L": 0x2100, "RGB": 0x2000, "CMYK": 0x2000, "LAB": 0x2000}
_ALIKE = 2  # levels: a profile that changes no colour by more is sRGB under another name

BROKEN = "its colour profile can't be used ({}): colours are taken as sRGB"


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """An image of mode L, RGB, CMYK or LAB in sRGB, as RGB, and a note where its profile could not be used.

    The profile is applied in its perceptual intent with black point compensation. Without one, L and RGB are taken as
    sRGB, LAB as D50, and CMYK by the naive formula.
    """
    note = None
    if profile:
        try:
            converted = _converted(image, profile)
        except _Unusable as error:
            note = BROKEN.format(error)
        else:
            if converted is not None:
                return converted, None
    if image.mode == "LAB":
        return _from_lab(image), note
    return (image if image.mode == "RGB" else image.convert("RGB")), note


class _Unusable(Exception):
    pass


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """None where the profile is sRGB."""
    from PIL import ImageCms

    if len(profile) > _MOST_PROFILE_BYTES:
        raise _Unusable(f"it has {len(profile):,} bytes")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space
        mode = _MODES.get(space)
        if mode is None or (mode, image.mode) not in _FITTING:
            raise _Unusable(f"it is for {space.strip() or 'unknown'} and the pixels are {image.mode}")
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.PERCEPTUAL,
            flags=ImageCms.Flags(_FLAGS[mode]),
        )
        if mode == "L":
            return _by_levels(image, transform)
        if mode == "RGB" and _changes_nothing(transform):
            return None
        if image.mode == mode == "RGB":
            return ImageCms.applyTransform(image, transform, inPlace=True) or image
        return ImageCms.applyTransform(image if image.mode == mode else image.convert(mode), transform)
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError) as error:
        raise _Unusable(str(error) or type(error).__name__) from error


# A grey picture may carry the profile of the RGB that it was made from.
_FITTING = {("L", "L"), ("RGB", "RGB"), ("RGB", "L"), ("CMYK", "CMYK"), ("LAB", "LAB")}


def _by_levels(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    """A table of 256 levels does for grey."""
    table = transform.apply(Image.frombytes("L", (256, 1), bytes(range(256))))
    return Image.merge("RGB", [image.point(channel.tobytes()) for channel in table.split()])


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    after = transform.apply(Image.frombytes("RGB", (9, 81), _PROBE)).tobytes()
    return all(abs(a - b) <= _ALIKE for a, b in zip(_PROBE, after, strict=True))


_LEVELS = (0, 32, 64, 96, 128, 160, 192, 224, 255)
_PROBE = bytes(level for colour in itertools.product(_LEVELS, repeat=3) for level in colour)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    return ImageCms.applyTransform(image, transform)  # type: ignore[return-value]
