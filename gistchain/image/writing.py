"""Pixels -> an image file of the kind that its name ends in, with what is known of the picture in its texts."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from gistchain.disk.write import check_place, check_writable, write_whole
from gistchain.errors import FileError, SettingError
from gistchain.text import printable

if TYPE_CHECKING:
    from gistchain.types import Pixels

WRITTEN: dict[str, str] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".avif": "AVIF"}
"""Suffix, in small letters -> what is written."""

TEXTS = {"Title": "dc:title", "Description": "dc:description", "Source": "dc:source", "Software": "xmp:CreatorTool"}
"""The texts that a file can carry: a PNG under the first name, the others as XMP under the second."""

_QUALITY: dict[str, dict[str, Any]] = {
    "PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}, "AVIF": {"quality": 90},
}  # fmt: skip
_MOST_A_SIDE = {"JPEG": 65_500, "WEBP": 16_383}


def check_output(path: Path) -> None:
    """Try, before minutes of work and not after them, whether an image can be written to `path`.

    Leaves nothing behind. Raises SettingError for a suffix of no kind in WRITTEN, FileError, DiskFull.
    """
    check_place(path)
    _kind(path)
    check_writable(path)


def write_image(pixels: Pixels, path: Path, texts: Mapping[str, str] | None = None) -> None:
    """Write the file whole or not at all, as the kind that its suffix says (WRITTEN).

    texts: any of TEXTS -> what it says. A PNG carries them in text chunks (tEXt, or iTXt beyond Latin-1), the other
    kinds as XMP. JPEG, WebP and AVIF lose a little. Raises SettingError for another suffix, FileError, DiskFull.
    """
    check_place(path)
    write_whole(path, _encoded(pixels, path, _kind(path), texts or {}))


def write_png(pixels: Pixels, path: Path) -> None:
    """Write the file whole or not at all, whatever its name ends in. Raises DiskFull, FileError."""
    check_place(path)
    write_whole(path, _encoded(pixels, path, "PNG", {}))


def png_bytes(pixels: Pixels, texts: Mapping[str, str] | None = None) -> bytes:
    """The content of the PNG file that `write_image` would write."""
    return _encoded(pixels, Path("a.png"), "PNG", texts or {})


def _kind(path: Path) -> str:
    kind = WRITTEN.get(path.suffix.lower())
    if kind is None:
        raise SettingError(f"can't write {path}: the name of an image ends in {', '.join(WRITTEN)}")
    return kind


def _encoded(pixels: Pixels, path: Path, kind: str, texts: Mapping[str, str]) -> bytes:
    from PIL import Image, PngImagePlugin

    most = _MOST_A_SIDE.get(kind)
    if most is not None and max(pixels.shape[:2]) > most:
        raise FileError(f"can't write {path}: a side of {kind} has at most {most:,} pixels, write .png")
    said = {key: printable(texts[key]) for key in TEXTS if key in texts}
    options = dict(_QUALITY[kind])
    if said and kind == "PNG":
        options["pnginfo"] = chunks = PngImagePlugin.PngInfo()
        for key, text in said.items():
            chunks.add_text(key, text)
    elif said:
        options["xmp"] = _xmp(said)
    file = io.BytesIO()
    try:
        Image.fromarray(pixels).save(file, kind, **options)
    except (KeyError, OSError, ValueError) as error:
        raise FileError(f"can't write {path}: this Pillow makes no {kind} of it ({error}); write .png") from error
    return file.getvalue()


def _xmp(texts: Mapping[str, str]) -> bytes:
    """An XMP packet (ISO 16684-1) with the texts as attributes of one description."""
    fields = "".join(f" {TEXTS[key]}={quoteattr(text)}" for key, text in texts.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' xmlns:xmp="http://ns.adobe.com/xap/1.0/"{fields}/></rdf:RDF></x:xmpmeta>'
    ).encode()
