"""The bytes of an image file -> its colours in sRGB, upright, and its opacity.

bytes ─ sniff, open ─ choose a frame ─ draft ─ load ─ 8 bits ─ shrink ─ turn upright ─ to sRGB ─> Decoded

Runs in the child process and loads Pillow only; numpy just for levels of more than 8 bits.
"""

from __future__ import annotations

import io
from typing import NamedTuple

from PIL import Image, ImageFile, JpegImagePlugin, UnidentifiedImageError

from gistchain.errors import ImageError
from gistchain.image import frames
from gistchain.image.background import WHITE, Colour, background
from gistchain.image.colour import to_srgb
from gistchain.image.drawing import drawn
from gistchain.image.film import FIRST_FRAME_NOTE, first_frame
from gistchain.image.kinds import FILMS, HEAD_BYTES, INSTALL_HEIF, READ, SVG, kind_of
from gistchain.image.large import FITS_WEBP, LARGEST, LARGEST_JPEG, MOST_SIDE, divisor, halved, shallow

MOST_SCANS = 100
"""Of a progressive JPEG; ten are usual, and each costs as much time as a whole picture."""

_GREY = frozenset({"1", "L", "LA", "La"})


class Decoded(NamedTuple):
    """colours: mode RGB. alpha: mode L, None where every pixel is opaque. background: what to lay them over then."""

    colours: Image.Image
    alpha: Image.Image | None
    background: Colour | None
    notes: tuple[str, ...]


def decode(data: bytes, title: str) -> Decoded:
    """The image that the bytes of a file hold. title: how errors call it. Raises ImageError."""
    kind = kind_of(data[:HEAD_BYTES])
    try:
        return _decoded(data, kind, title)
    except UnidentifiedImageError as error:
        raise _unreadable(kind, title) from error
    except frames.BROKEN as error:
        if kind == "WEBP" and "create decoder" in str(error):  # all that libwebp says, also where memory is short
            raise ImageError(
                f"{title} is broken, or needs more memory than decoding may take: a WebP of up to "
                f"{FITS_WEBP // 10**6} megapixels fits, make it smaller or fetch it again"
            ) from error
        raise ImageError(f"{title} is broken or cut short ({error}): save or fetch it again") from error


def _decoded(data: bytes, kind: str | None, title: str) -> Decoded:
    notes: list[str] = []
    if kind in SVG:
        data, drawn_notes = drawn(data, title)
        kind, notes = "PNG", list(drawn_notes)
    elif kind in FILMS:
        data = first_frame(data, kind, title)
        kind, notes = "PNG", [FIRST_FRAME_NOTE]
    if kind not in READ and kind != "HEIC":
        raise _unreadable(kind, title)
    image = _opened(data, kind, title)
    frame = frames.chosen(image, kind)
    if frame is not None:
        notes += [] if frame.note is None else [frame.note]
        image = _opened(data, kind, title)
        image.seek(frame.number)
        _check_size(image.size, kind, title)
    full = image.size
    _draft(image, kind)
    image.load()
    upright = _upright(halved(shallow(image)))
    notes += _shrunk(upright.size, full)
    alpha = _alpha(upright)
    colours, note = to_srgb(_without_alpha(upright, alpha), image.info.get("icc_profile"))
    if note:
        notes.append(note)
    return _laid(colours, alpha, notes)


def _opened(data: bytes, kind: str, title: str) -> ImageFile.ImageFile:
    """The image with its header read and its pixels not."""
    Image.MAX_IMAGE_PIXELS = None  # the limits are ours
    if kind == "JPEG":
        if data.count(b"\xff\xda") > MOST_SCANS and _scans(data) > MOST_SCANS:
            raise ImageError(f"{title} is a JPEG of more than {MOST_SCANS} scans, ten are usual: save it again")
        # Not by Image.open, which looks for further pictures behind the first and can't shrink then.
        image: ImageFile.ImageFile = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    else:
        if kind == "HEIC":
            _load_heif(title)
        image = Image.open(io.BytesIO(data), formats=["HEIF" if kind == "HEIC" else kind])
    _check_size(image.size, kind, title)
    return image


def _scans(data: bytes) -> int:
    """How often a scan starts (ITU-T T.81, B.2.3); the segments before the first one, such as EXIF, are skipped."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big")) if data[at + 1 : at + 2] != b"\xff" else 1
    return data.count(b"\xff\xda", at)


def _check_size(size: tuple[int, int], kind: str, title: str) -> None:
    width, height = size
    most = LARGEST_JPEG if kind == "JPEG" else LARGEST
    if max(width, height) > MOST_SIDE:
        raise ImageError(f"{title} is {width} x {height}: a side has at most {MOST_SIDE:,} pixels, cut it to pieces")
    if width * height > most:
        what = f"a JPEG of at most {most:,} pixels is" if kind == "JPEG" else f"at most {most:,} pixels are"
        raise ImageError(f"{title} is {width} x {height}, which has too many pixels: {what} decoded, make it smaller")


def _draft(image: ImageFile.ImageFile, kind: str) -> None:
    by = divisor(image.size)
    if kind == "JPEG" and by > 1:
        width, height = image.size
        image.draft(None, (max(1, width // by), max(1, height // by)))


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except frames.BROKEN:  # the EXIF, not the pixels
        turn = None
    return image if turn is None else image.transpose(turn)


# EXIF's Orientation (CIPA DC-008, 4.6.5): what has been done to the picture, and what undoes it. TIFFs come upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _shrunk(size: tuple[int, int], full: tuple[int, int]) -> list[str]:
    if sorted(size) == sorted(full):
        return []
    width, height = full if (size[0] < size[1]) == (full[0] < full[1]) else full[::-1]
    return [f"read at {size[0]} x {size[1]} pixels: the file's {width} x {height} are more than are worked with"]


def _alpha(image: Image.Image) -> Image.Image | None:
    if not image.has_transparency_data:
        return None
    alpha = (image if "A" in image.getbands() else image.convert("RGBA")).getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _without_alpha(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """The colours in a mode that profiles know; black where they are hidden."""
    if image.mode in ("CMYK", "LAB", "RGB", "L"):
        colours = image
    else:
        colours = image.convert("L" if image.mode in _GREY else "RGB")
    if alpha is not None:
        colours.paste(Image.new(colours.mode, colours.size), mask=alpha.point([255] + [0] * 255))
    return colours


def _laid(colours: Image.Image, alpha: Image.Image | None, notes: list[str]) -> Decoded:
    if alpha is None:
        return Decoded(colours, None, None, tuple(notes))
    if alpha.getextrema() == (0, 0):
        notes.append("fully transparent: laid over white")
        return Decoded(colours, alpha, WHITE, tuple(notes))
    chosen = background(colours, alpha)
    name = {(255, 255, 255): "white", (0, 0, 0): "black"}.get(chosen, "grey")
    why = "" if chosen == WHITE else ", as white would hide the drawing"
    notes.append(f"transparent: laid over {name}{why}")
    return Decoded(colours, alpha, chosen, tuple(notes))


def _load_heif(title: str) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(f"{title} is HEIC, which is read with the extra heif: {INSTALL_HEIF}") from error
    pillow_heif.register_heif_opener()


def _unreadable(kind: str | None, title: str) -> ImageError:
    if kind in READ or kind == "HEIC":
        return ImageError(f"{title} begins like a {kind} file but is broken: save or fetch it again")
    but = f" but {kind}" if kind is not None else ""
    return ImageError(f"{title} is not an image that is read here{but}: convert it to {', '.join(READ)}")
