"""A picture -> the bytes that turn what other layers give into exactly this picture.

    picture ─ less the base, modulo 256 ─> differences ─> the shortest of: nothing, WebP without loss, deflate ─> data

The base is what is painted from the layers before, or black, which no other machine can paint differently.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from gistchain.errors import ImageError, PacketError, RebuildError
from gistchain.gist.crc32c import crc32c
from gistchain.image import read_image
from gistchain.types import Pixels, Residual

NAME = "exact"
_OVER_BLACK, _OVER_PAINTED = 0, 1
_NOTHING, _WEBP, _DEFLATE = 0, 1, 2
_CHECK = 4  # bytes of the CRC-32C of the painted base
_MOST_A_SIDE_WEBP = 16_383
_WORTH = 0.8
"""A painted base is taken only where the residual is at most this share of the one over black: models may change."""


def encode(picture: Pixels, painted: Pixels | None = None) -> Residual:
    """The residual of the picture, over `painted` (of the same size, as the other layers give it) where that pays."""
    alone = _coded(_OVER_BLACK, b"", picture)
    if painted is None:
        return Residual(NAME, alone)
    if painted.shape != picture.shape:
        raise ValueError(f"a picture of the shape {picture.shape} can't be compared with one of {painted.shape}")
    over = _coded(_OVER_PAINTED, _check_of(painted), picture - painted)
    return Residual(NAME, over if len(over) <= _WORTH * len(alone) else alone)


def decode(residual: Residual, size: tuple[int, int], painted: Callable[[], Pixels]) -> Pixels:
    """The exact picture, of (width, height). painted: what the other layers give, asked for only where it is needed.

    Raises PacketError for data that is none of ours; RebuildError where this machine paints another base than the one
    that the residual was made over.
    """
    if residual.coder != NAME or not residual.data:
        raise PacketError(f"a residual of {residual.coder!r} and {len(residual.data)} bytes can't be read: upgrade")
    base, coder = residual.data[0] >> 4, residual.data[0] & 15
    if base == _OVER_BLACK:
        return _read(coder, residual.data[1:], size)
    if base != _OVER_PAINTED or len(residual.data) < 1 + _CHECK:
        raise PacketError("the residual is of a kind that this gistchain can't read: upgrade")
    differences = _read(coder, residual.data[1 + _CHECK :], size)
    below = painted()
    if below.shape != differences.shape or _check_of(below) != residual.data[1 : 1 + _CHECK]:
        raise RebuildError(
            "the exact pixels of this gist are written as differences from what other models than these here paint: "
            "rebuild it with the gistchain and the painter that it was made with, or leave the residual out"
        )
    return differences + below


def _coded(base: int, check: bytes, differences: Pixels) -> bytes:
    if not differences.any():
        return bytes([base << 4 | _NOTHING]) + check
    flat = zlib.compress(np.ascontiguousarray(differences.transpose(2, 0, 1)).tobytes(), 9)
    found = [bytes([base << 4 | _DEFLATE]) + check + flat]
    if max(differences.shape) <= _MOST_A_SIDE_WEBP:
        found.append(bytes([base << 4 | _WEBP]) + check + _webp(differences))
    return min(found, key=len)


def _webp(differences: Pixels) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(differences).save(file, "WEBP", lossless=True, quality=100, method=6)
    return file.getvalue()


def _read(coder: int, data: bytes, size: tuple[int, int]) -> Pixels:
    width, height = size
    if coder == _NOTHING and not data:
        return np.zeros((height, width, 3), np.uint8)
    if coder == _WEBP:
        try:
            picture = read_image(data, "the gist's residual")
        except ImageError as error:
            raise PacketError(str(error)) from error
        if picture.size != size or picture.alpha is not None:
            raise PacketError(f"the residual is not of {width} x {height} pixels, as the gist is: it is damaged")
        return picture.pixels
    if coder == _DEFLATE:
        return _inflated(data, width, height)
    raise PacketError("the residual is of a kind that this gistchain can't read: upgrade")


def _inflated(data: bytes, width: int, height: int) -> Pixels:
    reader: Any = zlib.decompressobj()
    try:
        plain = reader.decompress(data, 3 * width * height + 1)
    except zlib.error as error:
        raise PacketError(f"the residual is damaged: {error}") from error
    if len(plain) != 3 * width * height or not reader.eof or reader.unused_data:
        raise PacketError(f"the residual is damaged: it does not hold {width} x {height} pixels")
    planes = np.frombuffer(plain, np.uint8).reshape(3, height, width)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _check_of(pixels: Pixels) -> bytes:
    return crc32c(np.ascontiguousarray(pixels).tobytes()).to_bytes(_CHECK)
