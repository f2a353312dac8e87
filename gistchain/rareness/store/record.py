"""One registered image -> the fields of its rows in the tables of the store, and their check."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from gistchain.errors import RarenessError
from gistchain.rareness.fingerprint import SIZE, check
from gistchain.rareness.hashes import BITS
from gistchain.types import Hashes


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One registered image. seed: it only fills the database and has no token. fingerprint: shape (10048,).
    thumbnail: WebP.

    pixels: hash of the decoded pixels, 32 bytes, b"" where it is not known. blank: it shows nothing, so that nothing is
    compared with it. background: of a transparent image, the colour that it was laid over.
    """

    sha3_256: bytes
    name: str
    collection: str
    caption: str
    seed: bool
    hashes: Hashes
    fingerprint: NDArray[np.float32]
    thumbnail: bytes
    pixels: bytes = b""
    blank: bool = False
    background: tuple[int, int, int] | None = None


def fields_of(entry: Entry) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """An entry's fields for the tables `images` and `looks`, without the row. Raises RarenessError."""
    check(entry.fingerprint)
    if len(entry.sha3_256) != 32:
        raise RarenessError(f"{entry.name!r}: a SHA3-256 has 32 bytes, this one {len(entry.sha3_256)}")
    hashes = [_bits(entry, name, bits) for name, bits in BITS.items()]
    neuralhash = None if entry.hashes.neuralhash is None else _bits(entry, "neuralhash", 96)
    words = (_blob(text) for text in (entry.name, entry.collection, entry.caption))
    background = None if entry.background is None else bytes(entry.background)
    image = (
        entry.sha3_256, *hashes, neuralhash, entry.hashes.pdq_quality, int(entry.seed), *words, entry.pixels,
        int(entry.blank), background,
    )  # fmt: skip
    look = (_packed(entry.fingerprint), entry.thumbnail)
    return image, (*look, crc(image + look))


def _packed(fingerprint: NDArray[np.float32]) -> bytes:
    # Bytes of the same significance lie together: those of the exponents compress, those of the mantissas don't.
    planes = np.ascontiguousarray(fingerprint.astype("<f4")).view(np.uint8).reshape(SIZE, 4).T
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(planes.tobytes())


def _bits(entry: Entry, name: str, bits: int) -> bytes:
    try:
        value = bytes.fromhex(getattr(entry.hashes, name))
    except ValueError:
        value = b""
    if len(value) * 8 != bits:
        raise RarenessError(f"{entry.name!r}: its {name} has to be {bits} bits in hex")
    return value


def _blob(text: str) -> bytes:
    # The name of a file need not be valid UTF-8: the surrogates that Python reads in place of such bytes are kept.
    return text.encode("utf-8", "surrogatepass")


def text(blob: bytes) -> str:
    return blob.decode("utf-8", "surrogatepass")


def colour(blob: bytes) -> tuple[int, int, int]:
    red, green, blue = blob
    return red, green, blue


def crc(fields: tuple[Any, ...]) -> int:
    crc = 0
    for field in fields:
        data = field if isinstance(field, bytes) else repr(field).encode()
        crc = zlib.crc32(len(data).to_bytes(8, "little") + data, crc)
    return crc
