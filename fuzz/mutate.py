"""A seed and a source of chance -> bytes that are nearly right, or right outside and hostile inside."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence

_NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\xff\xff", b"\x80\0\0\0")
_BYTES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
_LONGEST = 1 << 20


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few changes: bits, bytes, numbers, cuts, insertions, repetitions; at the start more often than further on."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6, 15))):
        if not changed:
            return rng.randbytes(20)
        _change(changed, rng)
    return bytes(changed[:_LONGEST])


def _change(data: bytearray, rng: random.Random) -> None:
    length = len(data)
    at = rng.randrange(min(length, rng.choice((40, 200, length))))
    kind = rng.random()
    if kind < 0.35:
        data[at] ^= 1 << rng.randrange(8)
    elif kind < 0.6:
        data[at] = rng.choice((*_BYTES, rng.randrange(256)))
    elif kind < 0.7:
        data[at : at + 4] = rng.choice(_NUMBERS)
    elif kind < 0.78:
        del data[at : at + rng.randrange(1, 9)]
    elif kind < 0.86:
        data[at:at] = rng.randbytes(rng.randrange(1, 9))
    elif kind < 0.95:
        start = rng.randrange(length)
        data[at:at] = data[start : start + rng.randrange(1, 60)] * rng.choice((1, 1, 1, 20, 300))
    else:
        del data[at + 1 :]


def one_of(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    return mutated(rng.choice(seeds), rng)


def with_png_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums that belong to them: its reader then looks further than at those."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        if at + 12 + length > len(data):
            break
        chunk = data[at + 4 : at + 8 + length]
        out += data[at : at + 4] + chunk + struct.pack(">I", zlib.crc32(chunk))
        at += 12 + length
    return bytes(out) + data[at:]


def words(rng: random.Random, longest: int = 200) -> str:
    """A text of a stranger: long, repeated, of any script, or with what a terminal or a page would obey."""
    pieces = (
        "a",
        "1",
        " ",
        "#",
        ",",
        "\n",
        "\x1b[31m",
        "\u202e",
        "\u0301",
        "\ud800",
        "<b>",
        "%00",
        "../",
        "é",
        "猫",
        "()",
    )
    return "".join(rng.choice(pieces) * rng.choice((1, 1, 2, 50)) for _ in range(rng.randrange(8)))[:longest]


def json_value(rng: random.Random, depth: int = 0) -> object:
    """A value that JSON can hold, of any kind."""
    kind = rng.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return words(rng)
    if kind < 6:
        return rng.choice((None, True, 0, -1, 2**63, 1e308, float("nan"), "", 3, 0.5))
    if kind < 8:
        return [json_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {words(rng, 12): json_value(rng, depth + 1) for _ in range(rng.randrange(4))}
