"""The start of a packet, its version and the size of the picture, and the numbers that packets are made of.

One byte for a picture of a usual size: two bits of version, six bits of the number of the size in SIZES.
"""

from __future__ import annotations

from gistchain.errors import PacketError

VERSION, BARE = 2, 3
"""In the two high bits. BARE: a caption without a check, for an item of a batch, which the chain's hashes protect."""
MAX_SIDE = 65535
WRITTEN_OUT = 0
"""The number of a size that is not in SIZES: width and height follow."""

_SQUARE = (
    16, 24, 32, 48, 64, 72, 96, 100, 128, 150, 192, 200, 240, 250, 256, 300, 320, 336, 350, 360, 384, 400, 420, 480,
    500, 512, 600, 631, 640, 720, 750, 768, 800, 900, 960, 1000, 1024, 1080, 1200, 1280, 1500, 1600, 2000, 2048, 3000,
)  # fmt: skip
_LONG = ((640, 480), (800, 600), (1024, 768), (1280, 720), (1920, 1080), (3840, 2160), (4000, 3000), (4032, 3024))
SIZES: tuple[tuple[int, int], ...] = (
    *((side, side) for side in _SQUARE), *_LONG, *((height, width) for width, height in _LONG)
)  # fmt: skip
"""(width, height) of usual pictures: number n of a packet is SIZES[n - 1]. 62 and 63 are not given yet."""


def written_size(size: tuple[int, int], version: int = VERSION) -> bytes:
    """Raises PacketError for sides that don't fit."""
    width, height = size
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise PacketError(f"image of {width} x {height} pixels: sides of 1 to {MAX_SIDE} fit a packet")
    if size in SIZES:
        return bytes([version << 6 | SIZES.index(size) + 1])
    # Height 0 says that the picture is square.
    sides = written_number(width) + written_number(0 if height == width else height)
    return bytes([version << 6 | WRITTEN_OUT]) + sides


def is_bare(payload: bytes) -> bool:
    """Whether a payload says that it is a packet without checks."""
    return payload[:1] >= bytes([BARE << 6])


def read_size(payload: bytes) -> tuple[tuple[int, int], int]:
    """(width, height), and how many bytes that took. Raises PacketError for bytes that are no packet of ours."""
    if not payload:
        raise PacketError("payload is empty")
    version, number = payload[0] >> 6, payload[0] & 63
    if version not in (VERSION, BARE):
        raise PacketError(
            "payload is no gist packet, or of a newer version than this gistchain understands: then upgrade"
        )
    if number > len(SIZES):
        raise PacketError(f"packet has a picture size with the number {number}, newer than this gistchain: upgrade")
    if number != WRITTEN_OUT:
        return SIZES[number - 1], 1
    width, at = read_number(payload, 1)
    height, at = read_number(payload, at)
    size = width, height or width
    if written_size(size, version) != payload[:at]:
        raise PacketError("packet size is not in its shortest form: it is damaged")
    return size, at


def written_number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow (LEB128)."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + written_number(rest) if rest else bytes([low])


def read_number(payload: bytes, at: int) -> tuple[int, int]:
    """The number at a position, and the position behind it. Raises PacketError where there is none."""
    value = 0
    for place in range(4):
        if at + place >= len(payload):
            raise PacketError("packet is cut inside a number")
        byte = payload[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if byte == 0 and place > 0:
                raise PacketError("packet holds a number that is not in its shortest form: it is damaged")
            return value, at + place + 1
    raise PacketError("packet holds a number of more than four bytes: it is damaged")
