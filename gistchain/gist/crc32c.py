"""Bytes -> their CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720, appendix B.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41, bits reversed


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = [_entry(byte) for byte in range(256)]


def crc32c(data: bytes) -> int:
    """The CRC-32C of `data`, 0..2**32 - 1. crc32c(b"123456789") is 0xE3069283."""
    head = data[: len(data) % 4096] if len(data) >= 16384 else data
    crc = _update(0xFFFFFFFF, head)
    if len(head) < len(data):
        import numpy as np  # only for what is long: `show` does without

        crc = _update_by_lanes(crc, np.frombuffer(data, dtype=np.uint8, offset=len(head)))
    return crc ^ 0xFFFFFFFF


def _update(crc: int, data: bytes) -> int:
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def _update_by_lanes(crc: int, data: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> int:
    # A CRC is linear: equal pieces of the data are processed side by side, each from 0, then chained: the effect of
    # the zero bytes that would follow a piece is a fixed value for each of the 32 bits of its CRC.
    import numpy as np

    lanes, table = data.reshape(-1, 4096), np.array(_TABLE, dtype=np.uint32)
    parts = np.zeros(len(lanes), dtype=np.uint32)
    for column in np.ascontiguousarray(lanes.T):
        parts = parts >> np.uint32(8) ^ table[(parts ^ column) & np.uint32(0xFF)]
    zeros = bytes(4096)
    shifted = [_update(1 << bit, zeros) for bit in range(32)]
    for part in parts.tolist():
        moved = 0
        for bit in range(32):
            if crc >> bit & 1:
                moved ^= shifted[bit]
        crc = moved ^ part
    return crc
