"""The first bytes of a file -> what kind of file it is. What its name ends in says nothing."""

from __future__ import annotations

import re

HEAD_BYTES = 64
"""As many first bytes tell."""

READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
"""What is read, by the names that Pillow has for them. HEIC is read too where the extra `heif` is installed."""
SVG, FILMS = ("SVG", "XML or SVG"), ("MP4", "WEBM")
"""What is read where the extra `collections` is installed: drawings, and the first frame of films."""

MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "AVIF": "image/avif", "GIF": "image/gif"}
"""Kind -> media type, of files that any browser shows."""

INSTALL_HEIF = "pip install 'gistchain[heif]'"

_STARTS: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"RIFF....WEBP", "WEBP"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),  # the size of the header that follows
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "TIFF"),
    (rb"P[1-7Ffy][ \t\r\n]", "PPM"),
    (rb"8BPS", "PSD"),
    (rb"%PDF", "PDF"),
    (rb"%!PS", "EPS"),
    (rb"(\xef\xbb\xbf)?\s*(<svg|<\?xml.*<svg|<!DOCTYPE svg)", "SVG"),
    (rb"(\xef\xbb\xbf)?\s*(<\?xml|<!--)", "XML or SVG"),
    (rb"\x1a\x45\xdf\xa3", "WEBM"),
    (rb"gimp", "XCF"),
    (rb"\0\0\x01\0", "ICO"),
    (rb"DDS ", "DDS"),
    (rb"icns", "ICNS"),
    (rb"\0\0\0\x0cjP|\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"\0\0\0\x0cJXL |\xff\x0a", "JPEG XL"),
    (rb"\x76\x2f\x31\x01", "OpenEXR"),
)
_PATTERNS = tuple((re.compile(start, re.DOTALL), kind) for start, kind in _STARTS)
# The brands of ISO base media files, the container of both: https://nokiatech.github.io/heif/technical.html
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_MP4 = frozenset({b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"avc1", b"M4V ", b"qt  ", b"dash"})
_AVIF = frozenset({b"avif", b"avis"})


def kind_of(head: bytes) -> str | None:
    """The kind of image, READ or not, by the first HEAD_BYTES of a file; None for what is none that is known."""
    if head[4:8] == b"ftyp":
        return _brand(head)
    return next((kind for pattern, kind in _PATTERNS if pattern.match(head[:HEAD_BYTES])), None)


def _brand(head: bytes) -> str | None:
    end = min(int.from_bytes(head[:4], "big"), HEAD_BYTES, len(head))
    brands = [head[8:12], *(head[k : k + 4] for k in range(16, end - 3, 4))]
    for brand in brands:
        if brand in _AVIF:
            return "AVIF"
        if brand in _HEIC:
            return "HEIC"
    if brands[0] in (b"mif1", b"msf1"):
        return "HEIC"
    return "MP4" if any(brand in _MP4 or brand.startswith(b"mp4") for brand in brands) else None
